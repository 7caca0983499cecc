"""One row of the verdict table: what every way of printing it starts from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from seqbench.report.names import full_name, less
from seqbench.schema import Better
from seqbench.statistics.seeds import Interval
from seqbench.statistics.summary import CellSummary
from seqbench.statistics.verdict import Comparison


@dataclass(frozen=True, kw_only=True)
class VerdictRow:
    """One row.

    Attributes:
        kind: "model", or "baseline" for a trivial method.
        common: words of the variant that all names of the report share, and that ``shown`` leaves out.
        env_id, task, name, variant: what the row is about; ``name`` is an architecture's label or a baseline's name.
        family, length: the kind of task (its Python file) and the time steps of a sequence, where the records say.
        metric, better: the headline score and its direction.
        threshold: of the headline score, where training ends and a run may count as solved; None without one.
        score: mean over the runs that left one; a baseline's value.
        scores: of every run, by seed; None where a run left none.
        summary: interval, solve rate and steps to solve; None for a baseline.
        skill, skill_interval: normalised skill, its mean over the runs and Student's interval where one is given.
        skills: of every run, by seed.
        steps: to solve, of every run, by seed; None where it did not solve.
        budget: optimiser steps of one run. left_open: whether it ended too soon to tell if the runs solve.
        unconfirmed: runs that ended as they met the threshold on validation, and do not on the test set.
        not_completed: status -> number of runs.
        comparison: against the reference; None for the reference itself, for baselines, and where none is declared.
        is_reference: whether it is the row that others of its task are compared with.
        also: other name -> runs that go by it; they are of the same configuration, and of the row.
        remarks: what a reader must not overlook, in words.
    """

    kind: Literal["model", "baseline"]
    env_id: str
    task: str
    name: str
    variant: str = ""
    common: str = ""
    family: str = ""
    length: int | None = None
    metric: str | None = None
    better: Better = "neither"
    threshold: float | None = None
    score: float | None = None
    scores: tuple[float | None, ...] = ()
    summary: CellSummary | None = None
    skill: float | None = None
    skill_interval: Interval | None = None
    skills: tuple[float | None, ...] = ()
    steps: tuple[float | None, ...] = ()
    parameters: int | None = None
    learning_rate: float | None = None
    budget: int | None = None
    left_open: bool = False
    unconfirmed: int = 0
    not_completed: Mapping[str, int] = field(default_factory=dict)
    comparison: Comparison | None = None
    is_reference: bool = False
    remarks: tuple[str, ...] = ()
    also: Mapping[str, int] = field(default_factory=dict)
    command: str = ""
    cell_id: str = ""
    seeds: tuple[int | None, ...] = ()

    @property
    def shown(self) -> str:
        """The variant as tables print it."""
        return less(self.variant, self.common)

    @property
    def label(self) -> str:
        """Name and variant as one text."""
        return full_name(self.name, self.shown)
