import errno
import hashlib
import json
import os
import re
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import simulated

from seqbench.record import store as store_module
from seqbench.record.record import dump
from seqbench.record.store import Store
from seqbench.schema import Record, UsageError


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "runs")


def publish(store: Store, seed: int = 0, **changes: Any) -> Path:
    return store.publish(*simulated.learning("copy_10", "gru", seed, **changes))


def test_record_and_arrays_come_back_equal(store: Store) -> None:
    record, arrays = simulated.learning("adding_100", "rnn", 3)
    folder = store.publish(record, arrays)
    (back,) = store.records()
    assert (back.summary, back.config, back.baselines) == (record.summary, record.config, record.baselines)
    loaded = store.arrays(back)
    assert set(loaded) == set(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(loaded[name], array)
        assert loaded[name].dtype == array.dtype
    assert folder.name == f"{record.run_id}-{record.env_id}"
    assert sorted(path.name for path in folder.iterdir()) == ["arrays.npz", "record.json"]


def test_store_holds_nothing_but_the_record_after_publishing(store: Store) -> None:
    folder = publish(store)
    assert list(store.root.iterdir()) == [folder]


def test_same_arrays_give_the_same_bytes(store: Store, tmp_path: Path) -> None:
    first, second = publish(store), publish(Store(tmp_path / "other"))
    assert (first / "arrays.npz").read_bytes() == (second / "arrays.npz").read_bytes()
    assert (first / "record.json").read_bytes() == (second / "record.json").read_bytes()


def test_another_attempt_lies_beside_the_first_and_overwrites_nothing(store: Store) -> None:
    first = publish(store, status="timeout")
    before = (first / "record.json").read_bytes()
    second = publish(store)
    assert second.name == first.name + "-2"
    assert (first / "record.json").read_bytes() == before
    assert [(r.attempt, r.status) for r in store.records()] == [(1, "timeout"), (2, "completed")]


def test_the_very_same_record_is_kept_once(store: Store) -> None:
    assert publish(store) == publish(store)
    assert len(store.records()) == 1


def test_records_published_at_the_same_moment_are_all_kept(store: Store) -> None:
    gate = threading.Barrier(8)

    def work(number: int) -> None:
        gate.wait()
        publish(store, started_at=f"moment {number}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(record.attempt for record in store.records()) == list(range(1, 9))
    assert len({record.started_at for record in store.records()}) == 8
    assert store.problems == []


def test_find_gives_the_attempts_of_one_run_by_environment(store: Store) -> None:
    publish(store, status="oom")
    publish(store)
    publish(store, env_id="f" * 12)
    publish(store, seed=1)
    record = simulated.base("copy_10", "gru", 0)
    assert [r.attempt for r in store.find(record.run_id, record.env_id)] == [1, 2]
    assert len(store.find(record.run_id)) == 3
    assert store.find("0" * 16) == []


def test_records_of_one_kind_can_be_asked_for(store: Store) -> None:
    publish(store)
    store.publish(*simulated.cost_record("copy_10", "gru"))
    assert [r.kind for r in store.records("cost")] == ["cost"]
    assert len(store.records()) == 2


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def newer(path: Path) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema_version": 99}))


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("record.json", truncate, "is not complete JSON"),
        ("record.json", flip, r"checksum|JSON|text|record"),
        ("record.json", newer, "newer seqbench"),
        ("record.json", Path.unlink, "has no record.json"),
        ("record.json", lambda path: path.write_bytes(b"\xff\xfe"), "not text"),
        ("record.json", lambda path: path.write_text("[]"), "is a JSON list"),
        ("arrays.npz", truncate, "arrays.npz beside it is damaged"),
        ("arrays.npz", flip, "arrays.npz beside it is damaged"),
        ("arrays.npz", Path.unlink, "has no arrays.npz"),
    ],
)
def test_damage_is_named_and_hides_no_other_record(store: Store, name: str, damage: Any, message: str) -> None:
    damaged, whole = publish(store), publish(store, seed=1)
    damage(damaged / name)
    assert [store.path(record) for record in store.records()] == [whole]
    (problem,) = store.problems
    assert problem.startswith(damaged.name)
    assert re.search(message, problem)


def test_damaged_run_can_be_published_again(store: Store) -> None:
    truncate(publish(store) / "record.json")
    assert publish(store).name.endswith("-2")
    assert [record.attempt for record in store.records()] == [2]


def test_folder_renamed_by_hand_is_named(store: Store) -> None:
    folder = publish(store)
    folder.rename(store.root / ("0" * 16 + folder.name[16:]))
    assert store.records() == []
    assert "another name" in store.problems[0]


def test_foreign_things_are_named_and_hidden_ones_left_alone(store: Store) -> None:
    publish(store)
    (store.root / "notes.txt").write_text("mine")
    (store.root / ".keep").write_text("")
    assert len(store.records()) == 1
    assert store.problems == ["notes.txt: is not a record; move it out of the store"]


def test_folder_of_a_process_at_work_is_ignored_and_an_old_one_named(store: Store) -> None:
    publish(store)
    left = store.root / ".tmp-abc"
    left.mkdir()
    assert len(store.records()) == 1
    assert store.problems == []
    os.utime(left, (time.time() - 1e6, time.time() - 1e6))
    store.records()
    assert "killed" in store.problems[0]


def test_store_that_is_not_there_is_empty(store: Store) -> None:
    assert (store.records(), store.find("0" * 16), store.problems) == ([], [], [])
    assert not store.root.exists()


def test_full_disk_says_how_much_is_needed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(store_module.os, "write", refuse)
    with pytest.raises(OSError, match=r"No space left on device; [\d,]+ bytes are needed"):
        publish(store)
    assert list(store.root.iterdir()) == []


def test_crash_before_the_rename_leaves_no_record(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store_module.os, "rename", refuse)
    with pytest.raises(OSError, match="No space"):
        publish(store)
    assert list(store.root.iterdir()) == []


def test_files_are_flushed_before_the_record_gets_its_name(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []
    sync, rename = os.fsync, os.rename
    monkeypatch.setattr(store_module.os, "fsync", lambda handle: (events.append("fsync"), sync(handle))[1])
    monkeypatch.setattr(store_module.os, "rename", lambda a, b: (events.append("rename"), rename(a, b))[1])
    store.root.mkdir()
    publish(store)
    assert events == ["fsync", "fsync", "fsync", "rename", "fsync"]  # two files, their folder; then the store


def mismatched(record: Record, arrays: dict[str, np.ndarray]) -> list[tuple[dict[str, Any], str]]:
    first = next(iter(arrays))
    rest = {name: array for name, array in arrays.items() if name != first}
    return [
        (rest, "differ in"),
        (rest | {first: np.zeros((2, 2, 2))}, "must have the axes"),
        (rest | {first: np.array([None] * 3)}, "must hold numbers or text"),
    ]


@pytest.mark.parametrize("case", range(3))
def test_arrays_that_the_record_does_not_describe_are_refused(store: Store, case: int) -> None:
    record, arrays = simulated.learning("copy_10", "gru", 0)
    bad, message = mismatched(record, arrays)[case]
    with pytest.raises(ValueError, match=message):
        store.publish(record, bad)
    assert not store.root.exists()


def test_arrays_that_need_pickle_are_never_loaded(store: Store) -> None:
    folder = publish(store)
    np.savez(folder / "arrays.npz", evil=np.array([{}], dtype=object), allow_pickle=True)
    digest = hashlib.sha256((folder / "arrays.npz").read_bytes()).hexdigest()
    record = replace(simulated.base("copy_10", "gru", 0), files={"arrays.npz": digest})
    (folder / "record.json").write_text(dump(record))
    (back,) = store.records()
    with pytest.raises(ValueError, match="allow_pickle"):
        store.arrays(back)


def test_check_writable_leaves_the_disk_as_it_was(tmp_path: Path) -> None:
    Store(tmp_path / "a" / "b").check_writable()
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "there").mkdir()
    Store(tmp_path / "there").check_writable()
    assert list((tmp_path / "there").iterdir()) == []


def test_store_that_cannot_be_written_is_a_usage_error(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    for root in (file, file / "below", Path("/proc/seqbench"), tmp_path / ("x" * 300), tmp_path / "new" / ("x" * 300)):
        with pytest.raises(UsageError, match=r"store must be a folder that can be written; got .*store=FOLDER"):
            Store(root).check_writable()
    assert list(tmp_path.iterdir()) == [file]
    assert file.read_text() == "x"
