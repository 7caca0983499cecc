"""The verdict rows of each task in each environment, under a title that says what was asked."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from seqbench.report.group import Group
from seqbench.report.row import VerdictRow
from seqbench.report.tables import group_rows
from seqbench.report.wording import some
from seqbench.schedule import NUM_CONSECUTIVE

_CONFIRMED = f" at {NUM_CONSECUTIVE} validation evaluations in a row, where training ends, and on the test set"
"""What solving takes beside the threshold; a test score below it alone is not enough."""


@dataclass(frozen=True, kw_only=True)
class Section:
    """The verdict rows of one task in one environment, under a title."""

    title: str
    subtitle: str
    rows: Sequence[VerdictRow]

    def compared_with(self, reference: str | None) -> str | None:
        """The reference where it is among the rows; None where it is not, and nothing is compared with it."""
        return reference if any(row.kind == "model" and row.name == reference for row in self.rows) else None


def sections_of(learning: Sequence[Group], titles: Sequence[str], reference: str | None) -> list[Section]:
    """One a task and environment; ``titles`` are theirs."""
    both = zip(learning, titles, strict=True)
    return [_section(group, title, group_rows(group, reference)) for group, title in both]


def rows_of(sections: Sequence[Section]) -> list[VerdictRow]:
    """The rows of all sections."""
    return [row for section in sections for row in section.rows]


def title_of(place: Group | VerdictRow, names: Mapping[str, str]) -> str:
    """A task, with its environment where there are several."""
    return f"{place.task} [{names[place.env_id]}]" if len(names) > 1 else place.task


def _section(group: Group, title: str, rows: Sequence[VerdictRow]) -> Section:
    return Section(title=title, subtitle=_subtitle(group, {row.budget for row in rows if row.budget}), rows=rows)


def _subtitle(group: Group, budgets: Collection[int]) -> str:
    """Metric, direction, what solved means, length and budget of a task in one line."""
    facts, parts = group.facts, []
    parts += [f"the same task as {some(group.also)}"] if group.also else []
    if group.metric:
        direction = {"higher": ", higher is better", "lower": ", lower is better"}.get(group.better, "")
        parts.append(f"score: {group.metric.replace('_', ' ')} on the test set{direction}")
    if solved := facts.get("solved"):
        sign = "≥" if group.metrics.get(solved["metric"], {}).get("better") == "higher" else "<"
        parts.append(f"solved: {solved['metric'].replace('_', ' ')} {sign} {solved['threshold']:g}{_CONFIRMED}")
    parts += ["no notion of solved"] if facts and not facts.get("solved") else []
    selections = [s for cell in group.cells if (s := cell.first("summary", "selection"))]
    parts += [f"tested: {' / '.join(dict.fromkeys(selections))}"] if selections else []
    parts += [f"{facts['length']:,} time steps"] if facts.get("length") else []
    span = f"{min(budgets):,}" + (f" to {max(budgets):,}" if len(budgets) > 1 else "") if budgets else ""
    parts += [f"budget {span} training steps"] if span else []
    parts += [f"all architectures: {common}"] if (common := group.cells[0].common) else []
    return " · ".join(parts)
