"""All that a report shows, worked out once: the page and the Markdown file only lay it out."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from seqbench.record.rounds import Sample
from seqbench.report import sample
from seqbench.report.across import Across, across_tasks
from seqbench.report.across_figure import performance_figure
from seqbench.report.across_table import across_table
from seqbench.report.banners import banners, unreadable
from seqbench.report.canvas import Panels, Print, Styles, styles
from seqbench.report.cost_figures import scaling_figure, speed_figure, streaming_figure
from seqbench.report.cost_sentences import cost_sentences, crossover_sentences
from seqbench.report.cost_tables import cost_tables
from seqbench.report.costs import Entry, entries
from seqbench.report.dependency import Dependency, dependencies, dependency_table
from seqbench.report.dependency_figure import dependency_figure
from seqbench.report.fairness import Fairness, Trials, fairness, fairness_table
from seqbench.report.figures import gradient_norms, gradient_profiles, learning_curves
from seqbench.report.flow import flow_maps, state_profiles
from seqbench.report.flow_table import FlowRow, flow_rows
from seqbench.report.glance import Glance, glance
from seqbench.report.group import Group
from seqbench.report.groups import grouped
from seqbench.report.headline import headline
from seqbench.report.inside import attention_maps, gate_curves, saliency_maps
from seqbench.report.item import Table
from seqbench.report.loaded import Loaded
from seqbench.report.matrix import Matrix, matrices
from seqbench.report.matrix_table import matrix_table
from seqbench.report.names import common_words, environment_names
from seqbench.report.pareto import pareto_figure
from seqbench.report.provenance import code, facts, rates_beside, training_commands
from seqbench.report.row import VerdictRow
from seqbench.report.sections import Section, rows_of, sections_of, title_of
from seqbench.report.sentences import sentences
from seqbench.report.solve_times import TaskTimes, solve_times
from seqbench.report.solve_times_figure import solve_times_figure
from seqbench.report.summaries import ArchitectureSummary, TaskSummary, architecture_summaries, task_summaries
from seqbench.report.wording import readable
from seqbench.schema import Record


@dataclass(frozen=True, kw_only=True)
class Content:
    """A report before it is laid out.

    Attributes:
        study, reference, tuning: as given to ``seqbench.report.write``.
        common: words that every name has, which none repeats.
        summary: the verdict, three sentences at most. glance: the same as a small table.
        banners: what must be known before any number.
        details: more sentences on who solves what and who loses to what.
        records: the attempts that count. missing: planned runs that left no record.
        environments: env_id -> short name; facts: rows of (name of the fact, value in each environment).
        sections: verdict rows. across: what can be said over several tasks. solving: when runs solve, as curves.
        dependencies: what was solved of the tasks that were trained at several lengths.
        costs, cost_tables: cost measurements, and what they say as tables.
        cost_said: in sentences: how they were taken, and where two architectures cross.
        beside: speeds seen while training: (task, label, median steps per second).
        matrices: wins, ties and losses of all pairs, one an environment. fairness: what each architecture was given.
        architectures, tasks: what is said of each of them alone.
        flow: gradient flow in numbers, a row a cell.
        look: how each architecture is drawn, in the order of all tables.
        figures: name -> SVG text. prints: name -> PDF. failures: runs that did not complete. problems: of the store.
        commands: (task, label, command).
    """

    study: str | None
    reference: str | None
    tuning: str
    common: str
    summary: Sequence[str]
    glance: Glance | None
    banners: Sequence[str]
    details: Sequence[str]
    records: Sequence[Record]
    missing: int
    environments: Mapping[str, str]
    facts: Sequence[tuple[str, Sequence[str]]]
    code: Sequence[str]
    sections: Sequence[Section]
    across: Sequence[Across]
    solving: Sequence[TaskTimes]
    dependencies: Sequence[Dependency]
    costs: Sequence[Entry]
    cost_tables: Sequence[Table]
    cost_said: tuple[Sequence[str], Sequence[str]]
    beside: Sequence[tuple[str, str, float]]
    matrices: Sequence[Matrix]
    fairness: Sequence[Fairness]
    architectures: Sequence[ArchitectureSummary]
    tasks: Sequence[TaskSummary]
    flow: Sequence[FlowRow]
    look: Styles
    failures: Sequence[Record]
    problems: Sequence[str]
    commands: Sequence[tuple[str, str, str]]
    figures: Mapping[str, str] = field(default_factory=dict)
    prints: Mapping[str, Print] = field(default_factory=dict)

    @property
    def against(self) -> str | None:
        """The reference where any section has it; None where nothing is compared with it."""
        return next((found for section in self.sections if (found := section.compared_with(self.reference))), None)

    @property
    def dependency(self) -> Table | None:
        """The longest solved dependencies, laid out; None where no task was trained at several lengths."""
        return dependency_table(self.dependencies, self.environments) if self.dependencies else None

    @property
    def tables(self) -> list[Table]:
        """The matrices, what is said across tasks, and the fairness table, laid out."""
        found = [matrix_table(matrix, self.environments) for matrix in self.matrices]
        found += [across_table(self.across, self.environments, self.matrices)] if self.across else []
        return [*found, fairness_table(self.fairness, self.environments)] if self.fairness else found


def collect(
    *,
    records: Sequence[Record],
    arrays: Loaded,
    problems: Sequence[str],
    study: str | None,
    reference: str | None,
    tuning: str,
    missing: int,
    trials: Trials | None = None,
    drawn: Collection[str] = ("svg",),
    rounds: Mapping[Sample, int] | None = None,
) -> Content:
    """Work out a report from records and their arrays, with its figures in the forms ``drawn``: svg, pdf, or none.

    ``rounds`` are those in which costs were measured, told from all attempts, where these records are but some.
    """
    names, common = environment_names(records), common_words(records)
    learning = grouped(records, "learning", reference, common)
    titles, shown = [title_of(group, names) for group in learning], sample.drawn(learning)
    costs, lasting = entries(records, reference, common, rounds), dependencies(records, reference, common)
    sections, trials = sections_of(learning, titles, reference), trials or {}
    every, compared = rows_of(sections), _compared(learning, sections, reference, trials)
    warned = banners(learning, every, records, names, trials, missing, reference, common)
    content = Content(
        study=study,
        reference=reference,
        tuning=tuning,
        common=common,
        missing=missing,
        **_said(every, compared["matrices"], costs, names, lasting),
        **_warned(problems, warned + sample.left_out(learning, shown, costs)),
        **_provenance(records, names, learning, titles),
        **_costs(costs, names),
        **compared,
        solving=solve_times(shown, sections),
        flow=flow_rows(shown, arrays, titles[: len(shown)]),
        look=styles([*shown, *grouped(records, "cost", reference, common)]),
    )
    return replace(content, **_drawn(_figures(content, shown, arrays), drawn)) if drawn else content


def _compared(
    learning: Sequence[Group], sections: Sequence[Section], reference: str | None, trials: Trials
) -> dict[str, Any]:
    """What is said of architectures side by side, and of each alone, and the sections that it follows from."""
    rows = [section.rows for section in sections]
    duels = matrices(learning, rows, reference)
    return {
        "sections": sections,
        "across": across_tasks(learning, rows, duels, reference),
        "matrices": duels,
        "glance": glance(sections, duels),
        "fairness": fairness(learning, trials),
        "architectures": architecture_summaries(rows_of(sections), duels),
        "tasks": task_summaries(learning, rows),
    }


def _said(
    rows: Sequence[VerdictRow],
    duels: Sequence[Matrix],
    costs: Sequence[Entry],
    names: Mapping[str, str],
    lasting: Sequence[Dependency],
) -> dict[str, Any]:
    """The sentences at the head and below it, and the dependencies that they tell of."""
    told = headline(rows, duels, costs, names, lasting), sentences(rows, names, lasting)
    return {"summary": _readable(told[0]), "details": _readable(told[1]), "dependencies": lasting}


def _warned(problems: Sequence[str], warned: Sequence[str]) -> dict[str, Any]:
    return {"problems": problems, "banners": _readable([*unreadable(problems), *warned])}


def _costs(costs: Sequence[Entry], names: Mapping[str, str]) -> dict[str, Any]:
    said = (cost_sentences(costs), crossover_sentences(costs))
    return {"costs": costs, "cost_tables": cost_tables(costs, names), "cost_said": said}


def _provenance(
    records: Sequence[Record], names: Mapping[str, str], learning: Sequence[Group], titles: Sequence[str]
) -> dict[str, Any]:
    return {
        "records": records,
        "environments": names,
        "facts": facts(records, names),
        "code": code(records),
        "failures": [record for record in records if record.status != "completed"],
        "beside": rates_beside(learning, titles),
        "commands": training_commands(learning, titles),
    }


def _readable(said: Sequence[str]) -> list[str]:
    return [readable(sentence) for sentence in said]


def _drawn(figures: Mapping[str, Panels], forms: Collection[str]) -> dict[str, Any]:
    return {
        "figures": {name: figure.svg() for name, figure in figures.items() if "svg" in forms},
        "prints": {name: figure.pdf() for name, figure in figures.items() if "pdf" in forms},
    }


def _figures(content: Content, shown: list[Group], arrays: Loaded) -> dict[str, Panels]:
    """Of what is shown of the learning runs, and of all that was worked out."""
    names, costs = content.environments, sample.drawn_costs(content.costs)
    look = sample.among(content.look, shown, costs)
    titles, rows = [title_of(group, names) for group in shown], [s.rows for s in content.sections[: len(shown)]]
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
    drawn = {name: draw(shown, arrays, titles, look) if shown else None for name, draw in of_learning.items()}
    drawn["solving"] = solve_times_figure(content.solving, look)
    drawn["across-tasks"] = performance_figure(content.across, look, names)
    drawn["pareto"] = pareto_figure(shown, rows, costs, titles, look)
    drawn["dependency"] = dependency_figure(content.dependencies, look, names)
    drawn["speed"] = speed_figure(costs, look, names)
    drawn["scaling"] = scaling_figure(costs, look, names)
    drawn["streaming"] = streaming_figure(costs, arrays, look, names)
    return {name: figure for name, figure in drawn.items() if figure is not None}
