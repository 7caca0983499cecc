"""All that a report shows, worked out once: the page and the Markdown file only lay it out."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from seqbench.record.environment import KEYS
from seqbench.report.aggregate import Aggregate, across_tasks
from seqbench.report.canvas import Styles, styles
from seqbench.report.cost_figures import scaling_figure, speed_figure, streaming_figure
from seqbench.report.cost_sentences import cost_sentences, crossover_sentences
from seqbench.report.cost_tables import cost_tables
from seqbench.report.costs import Entry, entries
from seqbench.report.figures import gradient_norms, gradient_profiles, learning_curves
from seqbench.report.flow import flow_maps, state_profiles
from seqbench.report.flow_table import FlowRow, flow_rows
from seqbench.report.groups import Group, environment_names, grouped
from seqbench.report.inside import attention_maps, gate_curves, saliency_maps
from seqbench.report.item import Table
from seqbench.report.loaded import Loaded
from seqbench.report.pareto import pareto_figure
from seqbench.report.row import VerdictRow
from seqbench.report.sample import drawn as drawn_of
from seqbench.report.sample import left_out
from seqbench.report.sentences import sentences
from seqbench.report.tables import group_rows
from seqbench.report.wording import count, readable
from seqbench.schema import Record


@dataclass(frozen=True, kw_only=True)
class Section:
    """The verdict rows of one task in one environment, under a title."""

    title: str
    subtitle: str
    rows: Sequence[VerdictRow]


@dataclass(frozen=True, kw_only=True)
class Content:
    """A report before it is laid out.

    Attributes:
        study, reference, tuning: as given to ``seqbench.report.write``.
        records: the attempts that count. missing: planned runs that left no record.
        environments: env_id -> short name; facts: rows of (name of the fact, value in each environment).
        sections: verdict rows. aggregates: interquartile means over tasks.
        costs, cost_tables: cost measurements, and what they say as tables.
        cost_said: in sentences: how they were taken, and where two architectures cross.
        beside: speeds seen while training: (task, label, median steps per second).
        flow: gradient flow in numbers, a row a cell.
        look: how each architecture is drawn, in the order of all tables.
        figures: name -> SVG text. failures: runs that did not complete. problems: of the store.
        commands: (task, label, command).
    """

    study: str | None
    reference: str | None
    tuning: str
    summary: Sequence[str]
    records: Sequence[Record]
    missing: int
    environments: Mapping[str, str]
    facts: Sequence[tuple[str, Sequence[str]]]
    code: Sequence[str]
    sections: Sequence[Section]
    aggregates: Sequence[Aggregate]
    costs: Sequence[Entry]
    cost_tables: Sequence[Table]
    cost_said: tuple[Sequence[str], Sequence[str]]
    beside: Sequence[tuple[str, str, float]]
    flow: Sequence[FlowRow]
    look: Styles
    figures: Mapping[str, str]
    failures: Sequence[Record]
    problems: Sequence[str]
    commands: Sequence[tuple[str, str, str]]


def collect(
    *,
    records: Sequence[Record],
    arrays: Loaded,
    problems: Sequence[str],
    study: str | None,
    reference: str | None,
    tuning: str,
    missing: int,
) -> Content:
    """Work out a report from records and their arrays."""
    names = environment_names(records)
    learning, costs = grouped(records, "learning"), entries(records)
    drawn = drawn_of(learning)
    look = styles([*drawn, *grouped(records, "cost")])
    titles = [_title(group, names) for group in learning]
    sections = _sections(learning, titles, reference)
    return Content(
        study=study,
        reference=reference,
        tuning=tuning,
        summary=_summary(sections, records, names) + _missing(missing) + left_out(learning, drawn),
        records=records,
        missing=missing,
        environments=names,
        facts=_facts(records, names),
        code=_code(records),
        sections=sections,
        aggregates=across_tasks(learning),
        costs=costs,
        cost_tables=cost_tables(costs, names),
        cost_said=(cost_sentences(costs), crossover_sentences(costs)),
        beside=[found for group in learning for found in _beside(group, names)],
        flow=flow_rows(drawn, arrays, titles[: len(drawn)]),
        look=look,
        figures=_figures(drawn, sections, costs, arrays, names, look),
        failures=[record for record in records if record.status != "completed"],
        problems=problems,
        commands=_commands(learning, names),
    )


def _sections(groups: Sequence[Group], titles: Sequence[str], reference: str | None) -> list[Section]:
    return [
        Section(title=title, subtitle=_subtitle(group), rows=group_rows(group, reference))
        for group, title in zip(groups, titles, strict=True)
    ]


def _summary(sections: Sequence[Section], records: Sequence[Record], names: Mapping[str, str]) -> list[str]:
    rows = [row for section in sections for row in section.rows]
    return [readable(said) for said in sentences(rows, records, names)]


def _missing(missing: int) -> list[str]:
    said = f"{count(missing, 'planned run')} left no record yet; the same command again trains what is missing."
    return [said] if missing else []


def _figures(
    learning: list[Group],
    sections: Sequence[Section],
    costs: Sequence[Entry],
    arrays: Loaded,
    names: Mapping[str, str],
    look: Styles,
) -> dict[str, str]:
    titles = [_title(group, names) for group in learning]
    of_learning = {
        "learning": learning_curves,
        "profile": gradient_profiles,
        "flow": flow_maps,
        "states": state_profiles,
        "norm": gradient_norms,
        "saliency": saliency_maps,
        "attention": attention_maps,
        "gates": gate_curves,
    }
    drawn = {name: draw(learning, arrays, titles, look) if learning else None for name, draw in of_learning.items()}
    drawn["pareto"] = pareto_figure(learning, [s.rows for s in sections[: len(learning)]], costs, titles, look)
    drawn["speed"] = speed_figure(costs, look, names)
    drawn["scaling"] = scaling_figure(costs, look, names)
    drawn["streaming"] = streaming_figure(costs, arrays, look, names)
    return {name: svg for name, svg in drawn.items() if svg is not None}


def _title(group: Group, names: Mapping[str, str]) -> str:
    return f"{group.task} [{names[group.env_id]}]" if len(names) > 1 else group.task


def _subtitle(group: Group) -> str:
    """Metric, direction, what solved means, length and budget of a task in one line."""
    facts, parts = group.facts, []
    if group.metric:
        direction = {"higher": ", higher is better", "lower": ", lower is better"}.get(group.better, "")
        parts.append(f"score: {group.metric.replace('_', ' ')} on the test set{direction}")
    if solved := facts.get("solved"):
        sign = "≥" if group.metrics.get(solved["metric"], {}).get("better") == "higher" else "<"
        parts.append(f"solved: {solved['metric'].replace('_', ' ')} {sign} {solved['threshold']:g}")
    parts += ["no notion of solved"] if facts and not facts.get("solved") else []
    selections = [s for cell in group.cells if (s := cell.first("summary", "selection"))]
    parts += [f"tested: {' / '.join(dict.fromkeys(selections))}"] if selections else []
    parts += [f"{facts['length']:,} time steps"] if facts.get("length") else []
    parts += [f"budget {facts['budget']:,} training steps"] if facts.get("budget") else []
    return " · ".join(parts)


def _beside(group: Group, names: Mapping[str, str]) -> list[tuple[str, str, float]]:
    found = []
    for cell in group.cells:
        rates = [r for record in cell.records if (r := record.summary.get("training_steps_per_s")) is not None]
        if rates:
            found.append((_title(group, names), cell.name, median(rates)))
    return found


def _facts(records: Sequence[Record], names: Mapping[str, str]) -> list[tuple[str, list[str]]]:
    """Name of each fact, and its values in each environment; several values where records of one disagree."""
    present = [key for key in KEYS if any(key in record.environment for record in records)]
    rows = [("records", [str(sum(record.env_id == env_id for record in records)) for env_id in names])]
    rows += [("env_id", list(names))]
    for key in present:
        values = []
        for env_id in names:
            seen = [record.environment.get(key) for record in records if record.env_id == env_id]
            values.append(" / ".join(dict.fromkeys(_fact(key, value) for value in seen)))
        rows.append((key.replace("_bytes", ""), values))
    return rows


def _fact(key: str, value: Any) -> str:
    if value is None:
        return "none"
    return f"{value / 2**30:.1f} GiB" if key == "memory_bytes" else str(value)


def _code(records: Sequence[Record]) -> list[str]:
    """Git states of the records, the most frequent first."""
    states = Counter(_state(record.git) for record in records)
    return [f"{text}: {count(number, 'record')}" for text, number in states.most_common()]


def _state(git: Mapping[str, Any] | None) -> str:
    if not git:
        return "outside a git checkout"
    return f"commit {git.get('commit')}{'' if git.get('clean') else ' with uncommitted changes'}"


def _commands(groups: Sequence[Group], names: Mapping[str, str]) -> list[tuple[str, str, str]]:
    return [(_title(group, names), cell.name, _command(cell.records)) for group in groups for cell in group.cells]


def _command(records: Sequence[Record]) -> str:
    """What trains all these runs of one cell again: a record's own command is that of its seed alone."""
    rest = re.sub(r" '?seeds=\[[0-9]*\]'?", "", records[0].command)  # no shell's grammar: it may hold anything
    return f"{rest} seeds=[{','.join(str(record.seed) for record in records)}]"
