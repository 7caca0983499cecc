"""What two stores say about each other, before it is laid out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from seqbench.schema import Better
from seqbench.statistics.seeds import Estimate

Verdict = Literal["better", "worse", "undecided", "unreachable"]
SpeedVerdict = Literal["faster", "slower", "not told apart", "undecided"]


@dataclass(frozen=True, kw_only=True)
class Side:
    """The runs of one cell in one store and one environment.

    Attributes:
        name: of the store, with the environment's id where the store has several.
        score: mean over the runs that left one. solved: runs that solved, None where the task has no such notion.
    """

    name: str
    env_id: str
    runs: int
    score: float | None
    solved: int | None


@dataclass(frozen=True, kw_only=True)
class ComparedRow:
    """One cell in two stores; the verdict is on ``b``.

    Attributes:
        difference, low, high: by how much the scores of ``b`` lie above those of ``a``, all up to the threshold for
            solved: Hodges and Lehmann's estimate in the score's own unit, with its 95 % interval where there is one; an
            infinity where runs left no score.
        p: Holm-adjusted over the architectures of the task. paired: whether runs of the same seed were compared.
        why: why no verdict is within reach.
        seeds_needed: seeds on both sides with which one would be; of an undecided row about how many would decide, if
            further seeds do as these did. None where the two do not differ, or there is a verdict.
        identical: whether both hold the very same scores, and steps to solve.
        alike: why the scores of both count as equal, so that there is nothing to take an interval from; a verdict may
            then come of who is solved.
    """

    task: str
    architecture: str
    metric: str | None
    better: Better
    a: Side
    b: Side
    verdict: Verdict
    difference: float
    low: float | None
    high: float | None
    p: float
    paired: bool
    identical: bool
    why: str | None = None
    seeds_needed: int | None = None
    alike: str | None = None


@dataclass(frozen=True, kw_only=True)
class SpeedRow:
    """One training step measured in two stores: the time of ``b`` over that of ``a``.

    Attributes:
        verdict: "faster" and "slower" take an interval beyond what sessions differ by; "undecided" is without one.
        ratio: with its interval, at ``level``: of all rows together it is ``statistics.rounds.LEVEL``.
    """

    task: str
    architecture: str
    length: int | None
    a: str
    b: str
    rounds: tuple[int, int]
    verdict: SpeedVerdict
    ratio: Estimate
    level: float


@dataclass(frozen=True, kw_only=True)
class StoreComparison:
    """Everything that two stores say about each other.

    Attributes:
        a, b: names. environments: name of a side -> its environment in words.
        only: cells without a counterpart: (name of the store, task, architecture).
        holds: name of a store -> what it holds, in words.
        shared: whether some runs are in several rows, as a store holds their configuration several times.
        lacking: which rows, of several, can have no verdict and let all of them have none together, and why.
        overall: p that ``b`` is as ``a`` on all rows at once, with the verdict; None where runs are ``shared``, where
            some rows are ``lacking``, and of fewer than two rows.
        stopped: name of a store -> which of its runs have no result yet, in a sentence; left out where all have one.
    """

    a: str
    b: str
    environments: Mapping[str, str]
    rows: tuple[ComparedRow, ...]
    speeds: tuple[SpeedRow, ...]
    only: tuple[tuple[str, str, str], ...]
    holds: Mapping[str, str]
    shared: bool
    lacking: str | None
    overall: tuple[Verdict, float] | None
    stopped: Mapping[str, str] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Whether the stores share nothing that can be compared."""
        return not self.rows and not self.speeds


def either(a: str, b: str) -> str:
    """The label of one thing in two stores: one where they agree, else both.

    >>> either("gru", "gru"), either("adding_100", "adding_problem length=100")
    ('gru', 'adding_100 (b: adding_problem length=100)')
    """
    return a if a == b else f"{a} (b: {b})"


def store_names(folders: Sequence[str | Path]) -> list[str]:
    """Short names of folders: their last parts, as many as it takes to tell them apart.

    >>> store_names(["cpu/runs", "gpu/runs"]), store_names(["a", "b"]), store_names(["a", "a"])
    (['cpu/runs', 'gpu/runs'], ['a', 'b'], ['a (1)', 'a (2)'])
    """
    parts = [Path(folder).parts or (".",) for folder in folders]
    for depth in range(1, max(map(len, parts)) + 1):
        found = ["/".join(part[-depth:]) for part in parts]
        if len(set(found)) == len(found):
            return found
    return [f"{name} ({number})" for number, name in enumerate(map(str, folders), 1)]
