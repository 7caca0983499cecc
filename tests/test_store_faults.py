"""Processes that are killed, disks that refuse or are full, power that fails: no record is torn, none is lost."""

import errno
import fcntl
import os
import re
import shutil
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import publisher
import pytest

from seqbench.record import private
from seqbench.record.store import Store

EARLIER = (1, 2, 3)
NEW = 9


@pytest.fixture(scope="module")
def publishing() -> Iterator[publisher.Publisher]:
    program = publisher.Publisher()
    yield program
    program.end()


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a few records."""
    root = tmp_path_factory.mktemp("earlier") / "runs"
    for number in EARLIER:
        publisher.publish(root, number)
    return root


@pytest.fixture
def quick_disk() -> Iterator[Path]:
    with publisher.quick_folder() as folder:
        yield folder


@pytest.fixture(autouse=True)
def collect_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The owners here are known to be dead."""
    monkeypatch.setattr(private, "YOUNG_S", 0.0)


def leftovers(root: Path) -> list[str]:
    return sorted(path.name for path in root.iterdir() if path.name.startswith("."))


def check_whole_or_absent(root: Path, told: bool) -> bool:
    """Assert that nothing is torn or lost, whatever happened to ``NEW``; whether it is there."""
    found = publisher.numbers(root)
    assert [number for number in found if number != NEW] == list(EARLIER)
    assert Store(root).problems == []
    assert found.count(NEW) == 1 or not told, "publish returned, and the record is not there"
    Store(root).collect()
    assert leftovers(root) == []
    publisher.publish(root, NEW)
    assert publisher.numbers(root) == [*EARLIER, NEW]
    return NEW in found


# ------------------------------------------------------------------ every system call of publish


def traced(publishing: publisher.Publisher, root: Path, log: Path, *inject: str) -> int:
    """Exit status of a child that publishes ``NEW`` under strace."""
    child = publishing("hold", root, NEW)
    command = ["strace", "-o", str(log), "-e", "signal=none", "-p", str(child), *inject]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as strace:
        assert strace.stderr
        told = strace.stderr.readline()
        status = publishing("go")
        told += strace.stderr.read()
    if "attached" not in told:
        pytest.skip(f"NOT TESTED: strace cannot trace here, so no system call can be made to fail ({told.strip()})")
    return status


@pytest.fixture(scope="module")
def calls(publishing: publisher.Publisher, earlier: Path, tmp_path_factory: pytest.TempPathFactory) -> Counter[str]:
    """The system calls of one publish: name -> how often."""
    if not shutil.which("strace"):
        pytest.skip("NOT TESTED: there is no strace here, so no system call can be made to fail")
    folder = tmp_path_factory.mktemp("calls")
    root = Path(shutil.copytree(earlier, folder / "runs"))
    assert traced(publishing, root, folder / "log") == 0
    names = re.findall(r"^(\w+)\(", (folder / "log").read_text(), re.MULTILINE)
    return Counter(name for name in names if name not in ("read", "exit_group"))  # it waits in read for its start


MEMORY = {"brk", "mmap", "munmap", "mremap", "mprotect", "madvise", "futex", "getrandom", "rt_sigaction", "prctl"}
"""Calls that no disk makes fail."""
DECIDES = {"mkdir", "write", "fsync", "rename"}
"""Calls without which there is no record."""


@pytest.mark.parametrize("fault", ["SIGKILL", "ENOSPC", "EIO"])
def test_no_system_call_of_publish_tears_or_loses_a_record(
    publishing: publisher.Publisher, earlier: Path, calls: Counter[str], quick_disk: Path, fault: str
) -> None:
    trials = Counter()
    assert calls["fsync"] == 4  # two files, their folder, the store
    for name in sorted(set(calls) - (MEMORY if fault != "SIGKILL" else set())):
        for number in range(1, calls[name] + 1):
            root = Path(shutil.copytree(earlier, quick_disk / f"{name}{number}"))
            how = "signal=KILL" if fault == "SIGKILL" else f"error={fault}"
            status = traced(publishing, root, quick_disk / "log", "-e", f"inject={name}:{how}:when={number}")
            assert status in ((-9,) if fault == "SIGKILL" else (0, publisher.REFUSED)), (name, number)
            if fault != "SIGKILL" and name in DECIDES:
                assert status == publisher.REFUSED, (name, number)
            there = check_whole_or_absent(root, told=status == 0)
            assert there == (status == 0) or fault == "SIGKILL", (name, number)
            trials[there] += 1
            shutil.rmtree(root)
    assert trials[False] >= 10  # before the rename
    assert trials[True] >= 1  # after it


# ------------------------------------------------------------------ kills


@pytest.mark.parametrize("count", [150, pytest.param(10_000, marks=pytest.mark.soak)])
def test_kills_at_random_times_tear_and_lose_nothing(
    publishing: publisher.Publisher, quick_disk: Path, count: int
) -> None:
    root = quick_disk / "runs"
    told = publishing("kills", root, count, 7)
    found = publisher.numbers(root)
    assert Store(root).problems == []
    assert set(found) >= {0, *told}
    assert len(set(found)) == len(found)
    assert 0 < len(told) < count  # some were killed, some were not
    Store(root).collect()
    assert leftovers(root) in ([], [".index"])


@pytest.mark.parametrize(
    ("runs", "kills", "rounds"), [(200, 40, 1), pytest.param(200, 200, 20, marks=pytest.mark.soak)]
)
def test_eight_processes_that_are_killed_and_started_again_publish_each_run_once(
    publishing: publisher.Publisher, quick_disk: Path, runs: int, kills: int, rounds: int
) -> None:
    for number in range(rounds):
        root = quick_disk / str(number)
        assert publishing("crowd", root, 8, runs, kills, number) > kills // 4
        assert publisher.numbers(root) == list(range(8 * runs))
        Store(root).collect()
        assert Store(root).problems == []
        assert leftovers(root) in ([], [".index"])
        shutil.rmtree(root)


# ------------------------------------------------------------------ full disks


@pytest.mark.parametrize("sizes", [64])
def test_full_disk_damages_nothing_and_the_rest_follows_when_there_is_room(tmp_path: Path, sizes: int) -> None:
    inside = ["unshare", "-Urm"]
    probe = [*inside, "mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", str(tmp_path)]
    if not shutil.which("unshare") or subprocess.run(probe, capture_output=True).returncode != 0:
        pytest.skip("NOT TESTED: no disk can be made small here (unshare -Urm and mount are refused)")
    program = publisher.Publisher(*inside)
    trials = program("disks", tmp_path, sizes, 12)
    program.end()
    for trial in trials:
        assert trial["kept"] == trial["published"]
        assert (trial["problems"], trial["left"]) == ([], [])
        assert trial["after"] == list(range(12))
    assert len({len(trial["published"]) for trial in trials}) >= 10  # from none to all
    assert len(trials) == sizes


# ------------------------------------------------------------------ private folders


def held(folder: Path) -> int:
    handle = os.open(folder, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return handle


def test_folder_of_a_living_process_is_never_collected_and_that_of_a_dead_one_is(tmp_path: Path) -> None:
    for name in (".tmp-dead", ".tmp-alive"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "record.json").write_text("{")
        os.utime(tmp_path / name, (0, 0))
    handle = held(tmp_path / ".tmp-alive")
    assert Store(tmp_path).collect() == 1
    assert leftovers(tmp_path) == [".tmp-alive"]
    os.close(handle)
    assert Store(tmp_path).collect() == 1
    assert leftovers(tmp_path) == []


def test_folder_that_was_made_a_moment_ago_is_not_collected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    (tmp_path / ".tmp-young").mkdir()
    assert Store(tmp_path).collect() == 0
    assert leftovers(tmp_path) == [".tmp-young"]


@pytest.mark.parametrize("code", [errno.ENOTSUP, errno.ENOLCK])
def test_without_locks_only_folders_of_yesterday_are_collected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", refuse)
    publisher.publish(tmp_path, NEW)
    for name, hours in {".tmp-young": 23, ".tmp-old": 25}.items():
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (0, time.time() - 3600 * hours))
    assert Store(tmp_path).collect() == 1
    assert leftovers(tmp_path) == [".tmp-young"]
    assert publisher.numbers(tmp_path) == [NEW]


def test_publisher_whose_folder_is_collected_before_it_is_locked_takes_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, rivals = fcntl.flock, [True, True]

    def rival_first(handle: int, operation: int) -> None:
        if rivals:
            rivals.pop()
            (folder,) = tmp_path.glob(".tmp-*")
            folder.rmdir()
        lock(handle, operation)

    monkeypatch.setattr(fcntl, "flock", rival_first)
    publisher.publish(tmp_path, NEW)
    assert rivals == []
    assert publisher.numbers(tmp_path) == [NEW]


def test_links_and_files_that_look_like_private_folders_are_not_followed(tmp_path: Path) -> None:
    store, outside = tmp_path / "runs", tmp_path / "outside"
    store.mkdir()
    outside.mkdir()
    (outside / "precious").write_text("mine")
    (store / ".tmp-link").symlink_to(outside)
    os.mkfifo(store / ".tmp-pipe")
    assert Store(store).collect() == 0
    assert (outside / "precious").read_text() == "mine"


def test_collecting_while_others_publish_loses_nothing(tmp_path: Path) -> None:
    ended = threading.Event()

    def collect() -> None:
        while not ended.is_set():
            Store(tmp_path).collect()

    collectors = [threading.Thread(target=collect) for _ in range(2)]
    for thread in collectors:
        thread.start()
    for number in range(40):
        publisher.publish(tmp_path, number)
    ended.set()
    for thread in collectors:
        thread.join()
    assert publisher.numbers(tmp_path) == list(range(40))


# ------------------------------------------------------------------ names


def test_name_that_cannot_be_flushed_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publisher.publish(tmp_path, 1)
    sync, calls = os.fsync, []

    def fail_at_last(handle: int) -> None:
        calls.append(handle)
        if len(calls) == 4:
            raise OSError(errno.EIO, "Input/output error")
        sync(handle)

    monkeypatch.setattr(os, "fsync", fail_at_last)
    with pytest.raises(OSError, match="Input/output"):
        publisher.publish(tmp_path, NEW)
    assert publisher.numbers(tmp_path) == [1]
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("what", ["folder", "empty folder", "file", "link", "pipe"])
def test_whatever_bears_the_name_of_a_record_is_not_overwritten(tmp_path: Path, what: str) -> None:
    target = tmp_path / f"{NEW:016x}-{publisher.RECORD.env_id}"
    make = {
        "folder": lambda: ((target).mkdir(), (target / "notes").write_text("mine")),
        "empty folder": target.mkdir,
        "file": lambda: target.write_text("mine"),
        "link": lambda: target.symlink_to(tmp_path / "nowhere"),
        "pipe": lambda: os.mkfifo(target),
    }
    make[what]()
    before = os.lstat(target).st_ino
    assert publisher.publish(tmp_path, NEW).name == f"{target.name}-2"
    assert os.lstat(target).st_ino == before
    assert publisher.numbers(tmp_path) == [NEW]


def test_name_that_is_taken_at_the_last_moment_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os.path, "lexists", lambda path: False)  # as if the other process came right after we looked
    first = Store(tmp_path).publish(replace(publisher.RECORD, started_at="before"), publisher.ARRAYS)
    second = Store(tmp_path).publish(publisher.RECORD, publisher.ARRAYS)
    assert second.name == f"{first.name}-2"
    assert len(Store(tmp_path).records()) == 2


def test_same_record_with_damaged_arrays_is_published_again(tmp_path: Path) -> None:
    folder = publisher.publish(tmp_path, NEW)
    (folder / "arrays.npz").write_bytes(b"damaged")
    assert publisher.publish(tmp_path, NEW).name == f"{folder.name}-2"
    assert publisher.numbers(tmp_path) == [NEW]
