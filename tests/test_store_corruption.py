"""Every damage to a record is noticed, hides no other record, and can be set aside; what is not ours is let be."""

import json
import os
import random
import socket
import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import simulated
from publisher import Publisher, flipped

from seqbench.record.fields import Reader, indented
from seqbench.record.record import dump, load
from seqbench.record.store import Store
from seqbench.schema import SCHEMA_VERSION, Record

FIXTURES = Path(__file__).parent / "fixtures"
SMALLEST = Record(
    kind="learning",
    run_id="0" * 16,
    cell_id="1" * 16,
    env_id="2" * 12,
    labels={"task": "a", "model": "b"},
    seed=0,
    study=None,
    command="",
    config={"eps": 1e-8},
    sources={},
    environment={},
    git=None,
    status="failed",
    reason="\u00e9",
    started_at="",
    duration_s=0.5,
    summary={"x": 3.0},
)
"""As small as a record can be, with each way to write a number and a text that JSON has."""


def changes(content: bytes) -> Iterator[bytes]:
    """A byte more or less, anywhere."""
    for at in range(len(content)):
        yield content[:at] + content[at + 1 :]
        yield content[:at] + (b"0" if content[at - 1 : at].isdigit() else b" ") + content[at:]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "runs")


@pytest.mark.parametrize("name", ["record.json", "arrays.npz"])
def test_every_truncation_and_every_flipped_bit_of_the_smallest_record_is_noticed(store: Store, name: str) -> None:
    folder = store.publish(SMALLEST, {})
    program = Publisher()
    told = program("damage", folder, name)
    program.end()
    assert told == {"trials": 9 * (folder / name).stat().st_size, "unnoticed": []}


def test_every_byte_too_much_or_too_little_is_noticed_although_the_content_is_the_same() -> None:
    text, reader, same = dump(SMALLEST), Reader(), 0
    assert reader.record(text) == load(text)
    for changed in changes(text.encode()):
        if changed == text.encode():
            continue  # one of two spaces is gone, or doubled: the same bytes cannot come of it
        same += _content(changed) == json.loads(text)
        with pytest.raises(ValueError, match=r"\w"):
            reader.record(changed.decode())
    assert same >= 200  # white space and zeros that JSON does not mind


def _content(text: bytes) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None


@pytest.mark.parametrize(
    ("written", "instead"), [("1e-08", "1E-08"), ("3.0", "3.00"), ("00e9", "00E9"), ("1e-08", "10e-9")]
)
def test_number_or_text_written_in_another_way_is_noticed(written: str, instead: str) -> None:
    text = dump(SMALLEST)
    assert written in text
    with pytest.raises(ValueError, match="other characters"):
        Reader().record(text.replace(written, instead))


@pytest.mark.parametrize("name", ["record.json", "arrays.npz"])
def test_sampled_damage_to_a_large_record_is_noticed_and_hides_no_other_record(store: Store, name: str) -> None:
    whole = [store.publish(*simulated.learning("adding_100", "gru", seed)) for seed in (0, 1)]
    path = store.publish(*simulated.learning("copy_30", "lstm", 0)) / name
    content, dice = path.read_bytes(), random.Random(5)
    damaged = [content[: dice.randrange(len(content))] for _ in range(40)]
    damaged += [flipped(content, dice.randrange(8 * len(content))) for _ in range(100)]
    for bytes_ in damaged:
        path.write_bytes(bytes_)
        assert sorted(map(store.path, store.records())) == sorted(whole)
        (problem,) = store.problems
        assert problem.startswith(path.parent.name)


# ------------------------------------------------------------------ the quick reader


@pytest.mark.parametrize("task", simulated.TASKS)
def test_records_read_field_by_field_are_those_that_load_gives(task: str) -> None:
    reader = Reader()
    texts = [dump(simulated.learning(task, model, seed)[0]) for model in simulated.MODELS for seed in (0, 1)]
    texts += [dump(simulated.cost_record(task, model)[0]) for model in simulated.MODELS]
    for text in texts:
        quick = reader._fast(text)
        assert quick == load(text)
        assert isinstance(quick, Record)
        assert dump(quick) == text


def test_equal_fields_of_two_records_are_one_object() -> None:
    reader = Reader()
    first, second = (reader.record(dump(simulated.learning("copy_10", "gru", seed)[0])) for seed in (0, 1))
    assert first.config is second.config
    assert first.metrics is second.metrics
    assert first.summary is not second.summary


@pytest.mark.parametrize("change", [{"summary": {"score": "high"}}, {"config": {"model": {"version": 1}}}])
def test_quick_reader_accepts_nothing_that_load_refuses(change: dict[str, object]) -> None:
    text = dump(replace(SMALLEST, **change))  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="is not a record"):
        load(text)
    with pytest.raises(ValueError, match="is not a record"):
        Reader().record(text)


@pytest.mark.parametrize(
    "value", [{}, [], {"a": []}, [{}, [1, "x"]], '\u2028"', 1e22, -0.0, True, None, {"b": 1, "a": 2}]
)
def test_indented_json_is_that_of_the_library(value: object) -> None:
    assert indented({"x": value}) == json.dumps({"x": value}, indent=1, sort_keys=True)


# ------------------------------------------------------------------ foreign things


def fifo(path: Path) -> None:
    os.mkfifo(path)


def bound_socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the path of a socket is short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path.name)
    os.chdir(here)


def device(path: Path) -> None:
    try:
        os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5))  # an endless file of zeros
    except PermissionError:
        pytest.skip("NOT TESTED: this user may not make devices")


def link_outside(path: Path) -> None:
    outside = path.parent.parent.parent / "outside"
    outside.mkdir(exist_ok=True)
    store = Store(outside)
    whole = store.publish(SMALLEST, {})
    path.symlink_to(whole / path.name if path.suffix else whole)


def link_to_itself(path: Path) -> None:
    path.symlink_to(path.name)


ODD = [Path.mkdir, fifo, bound_socket, device, link_outside, link_to_itself]


@pytest.mark.timeout(20)
@pytest.mark.parametrize("make", ODD)
@pytest.mark.parametrize("name", ["record.json", "arrays.npz"])
def test_odd_thing_in_place_of_a_file_is_named_and_never_followed(
    store: Store, name: str, make: Callable[[Path], None]
) -> None:
    store.publish(replace(SMALLEST, run_id="5" * 16), {})
    path = store.publish(SMALLEST, {}) / name
    path.unlink()
    make(path)
    assert [record.run_id for record in store.records()] == ["5" * 16]
    (problem,) = store.problems
    assert path.parent.name in problem
    assert len(store.set_aside()) == 1
    assert os.lstat(store.root / ".damaged" / path.parent.name / name)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("make", ODD[1:])
@pytest.mark.parametrize("name", [f"{'0' * 16}-{'2' * 12}", "notes"])
def test_odd_thing_in_place_of_a_folder_is_named_and_left_where_it_is(
    store: Store, name: str, make: Callable[[Path], None]
) -> None:
    store.publish(replace(SMALLEST, run_id="5" * 16), {})
    make(store.root / name)
    assert [record.run_id for record in store.records()] == ["5" * 16]
    assert store.problems == [f"{name}: is not a record; move it out of the store"]
    assert store.find("0" * 16) == []
    assert store.set_aside() == []
    assert os.path.lexists(store.root / name)


@pytest.mark.parametrize("name", ["\x1b[31m", "\u202e", "a\nb", b"\xff\xfe"])
def test_name_that_a_terminal_would_obey_is_shown_harmlessly(store: Store, name: str | bytes) -> None:
    store.publish(SMALLEST, {})
    (store.root / os.fsdecode(name)).write_text("")
    (problem,) = store.problems
    assert problem.isprintable()
    problem.encode()


def test_arrays_are_not_read_through_a_link(store: Store, tmp_path: Path) -> None:
    record, arrays = simulated.learning("copy_10", "gru", 0)
    folder = store.publish(record, arrays)
    (back,) = store.records()
    (folder / "arrays.npz").rename(tmp_path / "elsewhere.npz")
    (folder / "arrays.npz").symlink_to(tmp_path / "elsewhere.npz")
    with pytest.raises(ValueError, match="not a plain file"):
        store.arrays(back)


# ------------------------------------------------------------------ set aside


def snapshot(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_damaged_records_are_set_aside_whole_and_said_so(store: Store) -> None:
    store.publish(replace(SMALLEST, run_id="5" * 16), {})
    folder = store.publish(SMALLEST, {})
    for number in (1, 2):
        (folder / "record.json").write_text(f"damage {number}")
        (told,) = store.set_aside()
        place = store.root / ".damaged" / (folder.name + ("" if number == 1 else ".2"))
        assert told.startswith(f"{folder.name}: record.json is not complete JSON")
        assert told.endswith(f"it was set aside as {place}")
        assert (place / "record.json").read_text() == f"damage {number}"
        assert sorted(path.name for path in place.iterdir()) == ["arrays.npz", "record.json"]
        assert store.problems == []
        assert store.publish(SMALLEST, {}) == folder  # the place is free again
    assert len(store.records()) == 2
    assert store.set_aside() == []


def newer(folder: Path) -> None:
    document = json.loads((folder / "record.json").read_text())
    (folder / "record.json").write_text(json.dumps(document | {"schema_version": SCHEMA_VERSION + 1}))
    (folder / "arrays.npz").rename(folder / "arrays.of_the_future")


def renamed(folder: Path) -> None:
    folder.rename(folder.parent / ("7" * 16 + folder.name[16:]))


@pytest.mark.parametrize("change", [newer, renamed, lambda folder: (folder.parent / "notes.txt").write_text("mine")])
def test_what_is_not_damaged_is_named_and_stays_where_it_is(store: Store, change: Callable[[Path], None]) -> None:
    change(store.publish(SMALLEST, {}))
    before = snapshot(store.root)
    (problem,) = store.problems
    assert store.set_aside() == []
    assert store.problems == [problem]
    assert snapshot(store.root) == before


def test_damaged_record_is_not_moved_out_of_the_store_through_a_link(store: Store, tmp_path: Path) -> None:
    (store.publish(SMALLEST, {}) / "record.json").write_text("{")
    (tmp_path / "outside").mkdir()
    (store.root / ".damaged").symlink_to(tmp_path / "outside")
    assert store.set_aside() == []
    assert len(store.problems) == 1
    assert list((tmp_path / "outside").iterdir()) == []


# ------------------------------------------------------------------ records of every released format


@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION + 1))
def test_records_of_every_released_format_are_read_for_ever(version: int) -> None:
    root = FIXTURES / f"store_v{version}"
    before, store = snapshot(root), Store(root)
    found = [_essence(record) | {"arrays": _sums(store, record)} for record in store.records()]
    # Right to change only when a fixture is added: what was recorded once means the same for ever.
    assert found == json.loads((FIXTURES / f"store_v{version}.json").read_text())
    assert store.problems == []
    assert snapshot(root) == before


def _essence(record: Record) -> dict[str, Any]:
    names = ("kind", "run_id", "cell_id", "env_id", "attempt", "labels", "seed", "status", "reason", "summary", "task")
    return {name: getattr(record, name) for name in names} | {"format": record.schema_version}


def _sums(store: Store, record: Record) -> dict[str, Any]:
    arrays = {name: array.astype(float) for name, array in store.arrays(record).items()}
    return {name: [list(array.shape), round(float(np.nansum(array)), 6)] for name, array in sorted(arrays.items())}
