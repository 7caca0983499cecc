"""What may stand side by side, one task in one environment, and in it the cells: records of one configuration."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from seqbench.metrics import METRICS, is_exact, skill
from seqbench.report.names import Label, full_name, label_of, less
from seqbench.schema import Better, Record, finite
from seqbench.statistics.seeds import UNLIMITED


@dataclass(frozen=True, kw_only=True)
class Cell:
    """The records of one cell in one environment, by seed.

    Attributes:
        common: words of the variant that all names of the report share, and that ``shown`` leaves out.
        also: other name -> records that go by it, where the same configuration was run under several labels.
    """

    model: str
    variant: str
    records: tuple[Record, ...]
    common: str = ""
    also: Mapping[str, int] = field(default_factory=dict)

    @property
    def shown(self) -> str:
        """The variant as tables and legends print it."""
        return less(self.variant, self.common)

    @property
    def name(self) -> str:
        """What tables and legends print."""
        return full_name(self.model, self.shown)

    @property
    def labels(self) -> Counter[Label]:
        """What the records are called; one configuration may have several labels."""
        return Counter(label_of(record, self.common) for record in self.records)

    def first(self, field: str, key: str) -> Any:
        """The first value of ``record.<field>[key]`` that is there; a run that failed early may lack it."""
        return next((v for record in self.records if (v := getattr(record, field).get(key)) is not None), None)


@dataclass(frozen=True, kw_only=True)
class Group:
    """All cells of one task (the same configuration of it) in one environment.

    Attributes:
        task: what it was asked for as. also: what others call the very same task, here or in another group.
        facts: ``Record.task`` of a run that got far enough to leave it, empty where none did.
        baselines: by name, as the records carry them.
    """

    env_id: str
    task: str
    cells: tuple[Cell, ...]
    facts: Mapping[str, Any]
    baselines: tuple[Mapping[str, Any], ...]
    metrics: Mapping[str, Mapping[str, str]]
    also: tuple[str, ...] = ()

    @property
    def metric(self) -> str | None:
        """Name of the headline score."""
        return self.facts.get("score")

    @property
    def family(self) -> str:
        """The kind of task: the name of its Python file, which tasks of all lengths share; "" where none is known."""
        config = self.cells[0].records[0].config.get("task")
        target = config.get("target") if isinstance(config, Mapping) else None
        return str(target).partition(":")[0].rpartition(".")[2] if target else ""

    @property
    def length(self) -> int | None:
        """Time steps of a sequence."""
        return self.facts.get("length")

    @property
    def better(self) -> Better:
        """Direction of the headline score."""
        return cast(Better, self.metrics.get(self.metric or "", {}).get("better", "neither"))

    @property
    def limits(self) -> tuple[float, float]:
        """The lowest and the highest headline score that there can be, where the metric is one of ours."""
        known = METRICS.get(self.metric or "")
        return known.limits if known else UNLIMITED

    @property
    def threshold(self) -> float | None:
        """Value of the headline score at which the task counts as solved; None where another metric decides."""
        solved = self.facts.get("solved")
        return solved["threshold"] if solved and solved["metric"] == self.metric else None

    def baseline_score(self, baseline: Mapping[str, Any]) -> float | None:
        """A baseline's value of the headline score."""
        return baseline["values"].get(self.metric)

    def baseline_skill(self, baseline: Mapping[str, Any]) -> float | None:
        """A baseline's normalised skill."""
        value, floor = baseline["values"].get(self.facts.get("skill_metric", "")), self.facts.get("floor", 0.0)
        if value is None or self._zero is None or self.exact:
            return None
        return finite(skill(value, self._zero, floor))

    @property
    def exact(self) -> str | None:
        """The trivial method that skill is measured from where it is as good as perfect, so that there is none."""
        losses = [v for b in self.baselines if (v := b["values"].get(self.facts.get("skill_metric", ""))) is not None]
        floor = self.facts.get("floor", 0.0)
        if self._zero is None or not is_exact(self._zero, floor, max(losses)):
            return None
        return next(b["name"] for b in self.baselines if b.get("skill"))

    @property
    def _zero(self) -> float | None:
        """The loss from which skill is measured."""
        name = self.facts.get("skill_metric", "")
        return next((b["values"].get(name) for b in self.baselines if b.get("skill")), None)
