"""Samples of a suite: fresh processes of one or two sides that time its benchmarks, four at a time, in turns."""

import json
import os
import random
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from seqbench.check import origin
from seqbench.check.origin import Code
from seqbench.check.pairs import ORDERS, Sample
from seqbench.check.programs import Program, ProgramError, Side, run_in_turns
from seqbench.schema import UsageError

MOST_BENCHMARKS = 40
"""A dozen is what the design is made for; of more, fewer pairs of the second stage may go the other way, and samples
take minutes."""
SAMPLER = Path(__file__).with_name("sampler.py")
PADDING = 4096
"""Most bytes of a variable that moves the stack of each process: layout alone can change a time (Mytkowicz 2009)."""


class Bench:
    """Takes samples of two sides, "base" and "head", or of the head alone.

    Attributes:
        failed: name -> why it cannot be timed: it fails in the base, or is skipped in either.
        refused: why the base could not even name its benchmarks, or ended while it timed them.
        unread: side -> file or folder that is skipped whole there, so that nobody knows its benchmarks -> why.
    """

    def __init__(self, sides: dict[str, Side], folder: Path, draw: random.Random) -> None:
        self.sides, self.folder, self.draw = sides, folder, draw
        self.facts: dict[str, dict[str, Any]] = {}
        self.failed: dict[str, str] = {}
        self.refused: str | None = None
        self.unread: dict[str, dict[str, str]] = {}
        self.imported: dict[str, dict[str, Any]] = {}
        self.number = 0

    def collect(self, side: str) -> list[str]:
        """Names of the gated benchmarks of a side."""
        if side == "base" and not (self.sides[side].root / self.folder).exists():
            return []
        (found,) = self._ask([side], {"collect": True})
        if not isinstance(found, ProgramError) and not found["names"] and found["failed"]:
            found = ProgramError(_whys(found))  # all files are skipped
        if isinstance(found, ProgramError):
            self._refuse(side, found)
            return []
        self.unread[side] = found["failed"]  # what fails to be read at all is an error above
        return found["names"]

    def unnamed(self, name: str) -> str | None:
        """Why a side could not name a benchmark that the other one has; None where it just has no such benchmark."""
        whys = (
            f"is skipped in the {side}: {why}"
            for side, places in self.unread.items()
            for place, why in places.items()
            if name.startswith((f"{place}::", f"{place}/"))
        )
        return self.refused or next(whys, None)

    def named_in_head(self) -> list[str]:
        """Names of the gated benchmarks of the head.

        Raises:
            UsageError: it cannot name them, has none, or too many.
        """
        names = self.collect("head")
        if not names:
            raise UsageError(f"--suite must hold benchmarks of pytest-benchmark; got {str(self.folder)!r} without any.")
        if len(names) > MOST_BENCHMARKS:
            raise UsageError(
                f"--suite must have at most {MOST_BENCHMARKS} benchmarks that are compared; got {len(names)}. "
                "Mark a dozen with @pytest.mark.gated."
            )
        return names

    def code(self, side: str) -> Code:
        """Where the processes of a side imported their modules from, all those that have run so far."""
        return origin.code(self.imported.get(side, {"modules": {}, "installed": []}))

    def blocks(self, names: Sequence[str], number: int) -> list[Sample]:
        """Samples of so many blocks, or of as many as the base lives through."""
        cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [None]
        samples: list[Sample] = []
        for _ in range(number):
            samples += [] if self.refused else self._block(names, self.draw.choice(cores))
        return samples

    def _block(self, names: Sequence[str], core: int | None) -> Iterable[Sample]:
        """Four processes side by side, that time each benchmark in turn."""
        self.number += 1
        alone = ("head",) * 4
        order = (*self.draw.choice(ORDERS), *self.draw.choice(ORDERS)) if "base" in self.sides else alone
        asked = {"names": list(names), "seed": self.draw.randrange(2**32), "core": core}
        answers = list(self._ask(order, asked))
        if "base" in self.sides and all(isinstance(found, ProgramError) for found in answers):
            # A side that hangs keeps the turn, so the others hang too: nobody knows whose fault it is.
            raise UsageError(f"--suite must run on both sides; got of all four processes: {answers[0]}.")
        for position, (side, found) in enumerate(zip(order, answers, strict=True)):
            if isinstance(found, ProgramError):
                self._refuse(side, found)
                self.failed |= dict.fromkeys(names, str(self.refused))
                continue
            self._note(side, found, names)
            yield Sample(block=self.number, position=position, side=side, seconds=found["quartiles"])

    def _refuse(self, side: str, error: ProgramError) -> None:
        """Keep why nothing of the base's suite can be compared.

        Raises:
            UsageError: it is the head's.
        """
        if side == "head":
            raise UsageError(f"--suite must run in the {self.sides[side].name}; got: {error}.") from error
        self.refused = f"the base's suite cannot be run: {error}"

    def _note(self, side: str, found: dict[str, Any], names: Sequence[str]) -> None:
        """What failed, or is missing without having failed; in the head, unless skipped, it is the user's to mend."""
        missing = {name: "it was not timed" for name in names if name not in found["quartiles"]} | found["failed"]
        for name, why in missing.items():
            skipped = name in found["skipped"]
            if side == "head" and not skipped:
                raise UsageError(f"a benchmark must run in the working tree; got {name[:120]!a}: {why[:200]}.")
            self.failed[name] = f"{'is skipped' if skipped else 'fails'} in the {side}: {why}"

    def _ask(self, order: Sequence[str], asked: dict[str, Any]) -> Iterator[dict[str, Any] | ProgramError]:
        """What samplers find that run together, one of each side that is named, in this order."""
        with tempfile.TemporaryDirectory(prefix="seqbench-sample-") as scratch:
            outs = [Path(scratch) / f"{position}.json" for position in range(len(order))]
            programs = [self._program(side, asked, out) for side, out in zip(order, outs, strict=True)]
            ended: Sequence[str | ProgramError]
            try:
                ended = run_in_turns(programs)
            except ProgramError as error:  # one could not be started
                ended = [error] * len(order)
            for side, out, printed in zip(order, outs, ended, strict=True):
                found = printed if isinstance(printed, ProgramError) else _read(out)
                if not isinstance(found, ProgramError):
                    self.facts[side] = found["facts"]
                    told = self.imported.setdefault(side, {**found["imported"], "modules": {}})
                    told["modules"] |= found["imported"]["modules"]  # a sample of few benchmarks imports few
                yield found

    def _program(self, side: str, asked: dict[str, Any], out: Path) -> Program:
        places = {"suite": str(self.folder), "out": str(out), "installed": not self.sides[side].imports_root}
        words = json.dumps({**places, **asked})
        padding = {"SEQBENCH_PADDING": "x" * self.draw.randrange(PADDING)}
        return self.sides[side], (str(SAMPLER), words), padding


def _read(out: Path) -> dict[str, Any] | ProgramError:
    """What a sampler found, or why that is nothing."""
    if not out.exists():
        return ProgramError("the process was ended from within, before it had timed anything")
    found = json.loads(out.read_text())
    if found["code"] in (0, 1, 5):  # 1: a test failed, 5: none was left to run
        return found
    return ProgramError(_whys(found) or f"pytest ended with {found['code']}")


def _whys(found: dict[str, Any]) -> str:
    return ascii("; ".join(f"{name}: {why}" for name, why in found["failed"].items()))[1:-1][:300]
