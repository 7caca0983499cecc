"""Power that fails while a record is published: every state that a disk may then be in, by a model of disks.

What the model allows is what POSIX allows: of a file that was not flushed any beginning may survive, also nothing or
only its length; of the names made in a folder that was not flushed any may survive; a rename happens or does not. A
real file system allows less.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import publisher
import pytest

from seqbench.record.store import Store

Event = tuple[Any, ...]
Tree = dict[str, bytes | None]
"""Path -> content of a file, None for a folder."""


@contextmanager
def recorded(events: list[Event]) -> Iterator[None]:
    """Note what the process asks of the disk."""
    paths: dict[int, str] = {}

    def note(name: str, told: Callable[..., Event | None]) -> Callable[..., Any]:
        original = getattr(os, name)

        def call(*arguments: Any, **named: Any) -> Any:
            result = original(*arguments, **named)
            if event := told(result, *arguments):
                events.append(event)
            return result

        return call

    def opened(handle: int, path: Any, flags: int, *_: Any) -> Event | None:
        paths[handle] = os.fspath(path)
        return ("create", paths[handle]) if flags & os.O_CREAT else None

    calls = {
        "open": opened,
        "mkdir": lambda _, path, *__: ("mkdir", os.fspath(path)),
        "write": lambda count, handle, content: ("write", paths[handle], bytes(content[:count])),
        "fsync": lambda _, handle: ("fsync", paths[handle]),
        "rename": lambda _, old, new: ("rename", os.fspath(old), os.fspath(new)),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, told in calls.items():
            patch.setattr(os, name, note(name, told))
        yield


@dataclass(eq=False)
class File:
    written: bytes = b""
    flushed: bytes = b""

    def states(self) -> list[bytes]:
        rest = self.written[len(self.flushed) :]
        beginnings = {rest[:end] for end in (0, 1, len(rest) // 2, len(rest))}
        return [self.flushed + end for end in beginnings | {bytes(len(rest))}]  # the length may survive alone


@dataclass(eq=False)
class Folder:
    now: dict[str, "File | Folder"] = field(default_factory=dict)
    flushed: dict[str, "File | Folder"] = field(default_factory=dict)
    pending: list[tuple[str | None, str, "File | Folder"]] = field(default_factory=list)
    """Old name (None: it is new), name, what bears it."""

    def states(self) -> list[dict[str, "File | Folder"]]:
        found = []
        for survives in product((False, True), repeat=len(self.pending)):
            names = dict(self.flushed)
            for (old, new, node), happened in zip(self.pending, survives, strict=True):
                if happened:
                    names.pop(old or "", None)
                    names[new] = node
            found.append(names)
        return found


class Disk:
    """A model of the disk below ``base``, where all that was there at first is safe."""

    def __init__(self, base: Path) -> None:
        self.base, self.top = base, Folder()

    def do(self, event: Event) -> None:
        kind, path = event[0], event[1]
        if kind in ("fsync", "write"):
            return self.change(self.find(path), *event[2:])
        folder, name = self.find(str(Path(path).parent)), Path(path).name
        if kind == "rename":
            node, new = folder.now.pop(name), Path(event[2]).name
            folder.now[new] = node
            folder.pending.append((name, new, node))
        else:
            node = File() if kind == "create" else Folder()
            folder.now[name] = node
            folder.pending.append((None, name, node))
        return None

    def change(self, node: File | Folder, content: bytes | None = None) -> None:
        if isinstance(node, Folder):
            node.flushed, node.pending = dict(node.now), []
        elif content is None:
            node.flushed = node.written
        else:
            node.written += content

    def find(self, path: str) -> Any:
        node: Any = self.top
        for part in Path(path).relative_to(self.base).parts:
            node = node.now[part]
        return node

    def trees(self) -> list[Tree]:
        """What may be found after the power failed now."""
        return [dict(tree) for tree in {tuple(sorted(tree.items())) for tree in _trees(self.top, "")}]


def _trees(node: File | Folder, path: str) -> list[Tree]:
    if isinstance(node, File):
        return [{path: content} for content in node.states()]
    found = []
    for names in node.states():
        parts = [_trees(child, f"{path}/{name}") for name, child in names.items()]
        for chosen in product(*parts):
            tree: Tree = {path: None} if path else {}
            for part in chosen:
                tree |= part
            found.append(tree)
    return found


def build(tree: Tree, base: Path) -> None:
    for path, content in sorted(tree.items(), key=lambda item: item[0]):
        if content is None:
            (base / path[1:]).mkdir(parents=True)
        else:
            (base / path[1:]).write_bytes(content)


def publishing(base: Path) -> list[Event]:
    """Two records are published into a new store: what the disk is asked, and when each ``publish`` returned."""
    events: list[Event] = []
    with recorded(events):
        for number in (1, 2):
            publisher.publish(base / "runs", number)
            events.append(("returned", number))
    return events


def violations(events: list[Event], base: Path, scratch: Path) -> tuple[list[str], int]:
    """What goes wrong in which state, and how many states there are."""
    disk, told, wrong, seen = Disk(base), set(), [], set()
    for event in events:
        if event[0] == "returned":
            told.add(event[1])
        else:
            disk.do(event)
        for tree in disk.trees():
            key = (frozenset(told), tuple(sorted(tree.items())))
            if key in seen:
                continue
            seen.add(key)
            folder = scratch / str(len(seen))
            folder.mkdir()
            build(tree, folder)
            wrong += [f"after {event[:2]}: {found}" for found in _faults(folder / "runs", told)]
    return wrong, len(seen)


def _faults(root: Path, told: set[int]) -> list[str]:
    store = Store(root)
    found = [int(record.run_id, 16) for record in store.records()]
    lost = [f"run {number} was published and is lost" for number in told - set(found)]
    return [*store.problems, *lost, *(f"run {n} is twice" for n in set(found) if found.count(n) > 1)]


def test_no_state_after_a_power_cut_shows_a_torn_record_or_lacks_a_published_one(tmp_path: Path) -> None:
    base, scratch = tmp_path / "base", tmp_path / "states"
    base.mkdir()
    scratch.mkdir()
    wrong, states = violations(publishing(base), base, scratch)
    assert wrong == []
    assert states >= 30


@pytest.mark.parametrize("flush", range(9))
def test_without_any_one_flush_some_state_is_wrong(tmp_path: Path, flush: int) -> None:
    base, scratch = tmp_path / "base", tmp_path / "states"
    base.mkdir()
    scratch.mkdir()
    events = publishing(base)
    flushes = [event for event in events if event[0] == "fsync"]
    assert len(flushes) == 9  # the new store's name; of each record two files, their folder and its name
    without = [event for event in events if event is not flushes[flush]]
    wrong, _ = violations(without, base, scratch)
    assert wrong
