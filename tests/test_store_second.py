"""A second process reads half of a large store: it saves time, and changes nothing of what is found."""

import json
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import simulated

from seqbench.record import index, second
from seqbench.record import store as store_module
from seqbench.record.record import dump
from seqbench.record.store import Store

COUNT = 40


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("many") / "runs"
    simulated.write_many(root, COUNT)
    time.sleep(index._SETTLED_NS / 1e9 + 0.1)
    return root


@pytest.fixture
def by_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(second, "WORTH_A_PROCESS", 2)
    monkeypatch.setattr(second, "cores", lambda: 2)


def judged_here(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the records that this process reads from their files from now on."""
    names, judge = [], store_module.judge
    monkeypatch.setattr(
        store_module, "judge", lambda folder, reader: (names.append(Path(folder).name), judge(folder, reader))[1]
    )
    return names


def texts(root: Path) -> list[str]:
    return [dump(record) for record in Store(root).records()]


@pytest.mark.usefixtures("by_two")
def test_half_is_read_by_another_process_and_all_is_the_same(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = [(folder / "record.json").read_text() for folder in sorted(root.iterdir())]
    here = judged_here(monkeypatch)
    assert texts(root) == expected
    assert len(here) == COUNT // 2


def test_small_store_or_one_core_starts_no_process(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(second, "_start", lambda *_: pytest.fail("a process was started"))
    assert len(texts(root)) == COUNT
    monkeypatch.setattr(second, "WORTH_A_PROCESS", 2)
    monkeypatch.setattr(second, "cores", lambda: 1)
    assert len(texts(root)) == COUNT


def die(start: Callable[..., Any]) -> Callable[..., Any]:
    def started(*arguments: Any) -> Any:
        process = start(*arguments)
        process.send_signal(signal.SIGKILL)
        return process

    return started


def refuse(_start: Callable[..., Any]) -> Callable[..., Any]:
    def started(*_arguments: Any) -> Any:
        raise OSError("no more processes")

    return started


def stammer(start: Callable[..., Any]) -> Callable[..., Any]:
    """One that ends well and says nothing of sense."""
    return lambda function, *rest: start("print or (lambda _: print('[[], [1]]'))", *rest)


@pytest.mark.usefixtures("by_two")
@pytest.mark.parametrize("spoil", [die, refuse, stammer])
def test_what_the_other_process_does_not_deliver_is_read_here(
    spoil: Callable[..., Any], root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = [(folder / "record.json").read_text() for folder in sorted(root.iterdir())]
    monkeypatch.setattr(second, "_start", spoil(second._start))
    here = judged_here(monkeypatch)
    assert texts(root) == expected
    assert len(here) == COUNT


@pytest.mark.usefixtures("by_two")
@pytest.mark.parametrize("at", [0, -1])
def test_damaged_record_is_named_in_either_half(at: int, root: Path, tmp_path: Path) -> None:
    store = Store(shutil.copytree(root, tmp_path / "runs"))
    folder = sorted(store.root.iterdir())[at]
    (folder / "arrays.npz").write_bytes(b"other arrays")
    assert len(store.records()) == COUNT - 1
    (problem,) = store.problems
    assert problem.startswith(folder.name)


@pytest.mark.usefixtures("by_two")
@pytest.mark.parametrize("at", [0, -1])
@pytest.mark.parametrize("gone", ["arrays.npz", "record.json"])
def test_change_is_seen_by_the_other_process(
    at: int, gone: str, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "WORTH_WRITING", 1)
    monkeypatch.setattr(index, "_SETTLED_NS", 0)
    store = Store(shutil.copytree(root, tmp_path / "runs"))
    assert len(store.records()) == COUNT
    (sorted(folder for folder in store.root.iterdir() if folder.is_dir())[at] / gone).unlink()
    monkeypatch.setattr(index, "_stamps", lambda *_: pytest.fail("stamps were taken here"))
    here = judged_here(monkeypatch)
    assert len(store.records()) == COUNT - 1
    assert len(here) == 1
    assert gone in store.problems[0] or "arrays.npz" in store.problems[0]


@pytest.mark.parametrize("odd", [10**30, "half a character \ud800"])
def test_record_that_the_index_cannot_hold_is_read_from_its_files(
    odd: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "WORTH_WRITING", 1)
    monkeypatch.setattr(index, "_SETTLED_NS", 0)
    store = Store(tmp_path)
    for seed in range(2):
        record, arrays = simulated.learning("copy_10", "gru", seed)
        store.publish(replace(record, summary={**record.summary, "odd": odd if seed else 1}), arrays)
    time.sleep(0.02)
    expected = texts(tmp_path)
    here = judged_here(monkeypatch)
    assert texts(tmp_path) == expected
    assert len(here) == 1
    assert sorted(json.loads(text)["summary"]["odd"] == odd for text in expected) == [False, True]
