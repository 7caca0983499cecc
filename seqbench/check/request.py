"""What a command line asks the check for, with every wrong word refused before anything is started."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from seqbench.schema import UsageError

OPTIONS = (
    "--against",
    "--baseline",
    "--suite",
    "--base-python",
    "--pairs",
    "--format",
    "--out",
    "--accepted",
    "--history",
)
SWITCHES = ("--save", "--counts", "--learning", "--bitwise")
FORMATS = ("text", "md", "json")
LEAST_PAIRS, MOST_PAIRS = 8, 500
"""Fewer could call nothing fine: so few pairs have no bound that is wrong as seldom as the design says."""
SUITE, ACCEPTED = "bench", "bench/accepted.yaml"
USE = (
    "check takes --against REF, --baseline FILE or --learning STORE STORE, and --save, --counts, --bitwise, "
    "--suite DIR, --base-python FILE, --pairs N, --accepted FILE, --history FILE, --format text|md|json, --out FILE"
)


@dataclass(frozen=True, kw_only=True)
class Request:
    """What to compare and how to tell it.

    Attributes:
        against: a git ref, whose tree is the base; None without one.
        base_python: the interpreter of the base; None for this one.
        baseline: file, or folder of files, of stored counts.
        save: write the baseline instead of comparing with it.
        counts_only: no timing.
        pairs: of the first stage; None for as many as the design has.
        learning: compare what is learned. stores: the two of them that were named, or none.
        bitwise: compare losses bit for bit, on the CPU.
        suite: folder or file of pytest-benchmark benchmarks, below the current folder.
        accepted: file of regressions that a person has accepted; None where there is none.
        history: file of past sessions, to which this one is added; what --baseline compares times with.
        format, out: how, and into which file, the outcome is written; None prints it.
    """

    against: str | None = None
    base_python: Path | None = None
    baseline: Path | None = None
    save: bool = False
    counts_only: bool = False
    pairs: int | None = None
    learning: bool = False
    stores: tuple[Path, ...] = ()
    bitwise: bool = False
    suite: Path = Path(SUITE)
    accepted: Path | None = None
    history: Path | None = None
    format: Literal["text", "md", "json"] = "text"
    out: Path | None = None


def read(options: Mapping[str, list[str]], rest: Sequence[str]) -> Request:
    """The request in the words of a command line.

    Args:
        options: values of each of ``OPTIONS``.
        rest: the other words.

    Raises:
        UsageError: the first thing that is wrong.
    """
    switches = {word for word in rest if word in SWITCHES}
    others = [word for word in rest if word not in SWITCHES]
    if others and (others[0].startswith("-") or "--learning" not in switches):
        raise UsageError(f"{USE}; got {others[0][:80]!a}. Remove it.")
    last = {name: (values or [None])[-1] for name, values in options.items()}
    unused = next((name for name in ("--accepted", "--format", "--out") if last[name] is not None), None)
    if unused and "--save" in switches:
        raise UsageError(f"--save compares nothing, so it has no use for {unused}; got both. Remove one.")
    form = last["--format"] or "text"
    if form not in FORMATS:
        raise UsageError(f"--format must be one of {', '.join(FORMATS)}; got {form[:80]!a}.")
    request = Request(
        against=last["--against"],
        base_python=_python(last["--base-python"]),
        baseline=_path(last["--baseline"]),
        save="--save" in switches,
        counts_only="--counts" in switches,
        pairs=_pairs(last["--pairs"]),
        learning="--learning" in switches,
        stores=tuple(map(_store, others)),
        bitwise="--bitwise" in switches,
        suite=_suite(last["--suite"] or SUITE),
        accepted=_accepted(last["--accepted"]),
        history=_path(last["--history"]),
        format=cast(Literal["text", "md", "json"], form),
        out=_path(last["--out"]),
    )
    _check(request)
    return request


def _check(request: Request) -> None:
    for broken, told in _rules(request):
        if broken:
            raise UsageError(told)
    if not (request.learning or request.bitwise or request.suite.exists()):
        raise UsageError(
            f"--suite must be a folder of benchmarks; got {str(request.suite)[:80]!a}, which is not there. "
            "Run check at the top of a checkout, or name the folder."
        )


def _rules(request: Request) -> Iterator[tuple[bool, str]]:
    """What may not be asked for together: whether it was, and what is told then."""
    compares, stores = bool(request.against or request.base_python), len(request.stores)
    trains, of_times = request.learning or request.bitwise, bool(request.pairs or request.history)
    yield (
        bool(request.baseline) and (compares or trains),
        "--baseline must stand without --against, --base-python, --learning and --bitwise; got both. Choose one.",
    )
    yield request.save and not request.baseline, "--save must have the file to write: --baseline FILE; got none."
    yield (
        request.bitwise and not (request.learning or compares),
        "--bitwise must have what to compare with: --against REF; got none.",
    )
    yield (
        request.learning and stores not in (0, 2),
        f"--learning must name two stores, base and head, or none; got {stores}.",
    )
    yield (
        request.learning and bool(stores) == compares,
        f"--learning must name two stores, or --against REF; got {'both' if compares else 'neither'}.",
    )
    yield (
        not (compares or request.baseline or stores),
        "check must know what to compare with: --against REF or --baseline FILE; got neither.",
    )
    yield (
        of_times and (trains or request.counts_only or request.save),
        "--pairs and --history are of times; got them with what times nothing. Remove one.",
    )
    yield trains and request.counts_only, "--counts are no part of --learning and --bitwise; got both. Choose one."
    yield (
        _one_file(request.out, request.history),
        "--out and --history must be two files; got one, and the outcome would take the place of past sessions.",
    )
    yield bool(request.baseline and request.pairs), "--pairs need a base: --against REF; got --baseline. Remove one."


def _suite(word: str) -> Path:
    """Relative to the current folder, since both sides have one below theirs."""
    path = Path(os.path.relpath(word))
    if path.parts[:1] == ("..",):
        raise UsageError(f"--suite must lie below the current folder; got {word[:80]!a}. Go to the top of the project.")
    return path


def _one_file(one: Path | None, other: Path | None) -> bool:
    return one is not None and other is not None and os.path.realpath(one) == os.path.realpath(other)


def _path(word: str | None) -> Path | None:
    return None if word is None else Path(word)


def _store(word: str) -> Path:
    if not os.path.isdir(word):
        raise UsageError(f"--learning must name existing folders of records; got {word[:80]!a}.")
    return Path(word)


def _python(word: str | None) -> Path | None:
    if word is None:
        return None
    if not os.access(word, os.X_OK) or os.path.isdir(word):
        raise UsageError(f"--base-python must be a Python interpreter, e.g. other/bin/python; got {word[:80]!a}.")
    return Path(os.path.abspath(word))  # not resolved: a virtual environment is known by the link


def _pairs(word: str | None) -> int | None:
    if word is None:
        return None
    digits = word.isascii() and word.isdecimal() and len(word) < 4
    if not digits or not LEAST_PAIRS <= int(word) <= MOST_PAIRS or int(word) % 2:
        raise UsageError(f"--pairs must be an even number from {LEAST_PAIRS} to {MOST_PAIRS}; got {word[:80]!a}.")
    return int(word)


def _accepted(word: str | None) -> Path | None:
    if word is None:
        return Path(ACCEPTED) if os.path.isfile(ACCEPTED) else None
    if not os.path.isfile(word):
        raise UsageError(f"--accepted must be a file; got {word[:80]!a}, which is not there.")
    return Path(word)
