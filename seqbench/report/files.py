"""From a store to the files of a report. The only file here that touches the disk."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from seqbench.record.files import DISK
from seqbench.record.record import current
from seqbench.record.rounds import Sample, counting, taken
from seqbench.record.store import Store
from seqbench.record.texts import replace_file
from seqbench.report.across_csv import across_csv
from seqbench.report.content import Content, collect
from seqbench.report.cost_csv import costs_csv
from seqbench.report.dependency_csv import dependency_csv
from seqbench.report.document import report_json
from seqbench.report.embed import standalone
from seqbench.report.fairness import Trials
from seqbench.report.groups import grouped
from seqbench.report.latex import latex
from seqbench.report.markdown import markdown
from seqbench.report.names import full_name
from seqbench.report.page import page
from seqbench.report.runs_table import runs_lines
from seqbench.report.sample import drawn as drawn_of
from seqbench.report.verdicts_csv import verdicts_csv
from seqbench.schema import Record, UsageError

Text = str | bytes | Iterable[str]
"""Of a file: whole, or piece by piece where the whole of a large study would not fit beside its records."""


def write_report(
    store: Store,
    out: Path,
    *,
    formats: Collection[str],
    study: str | None = None,
    reference: str | None = None,
    tuning: str = "",
    planned: Collection[str] = (),
    trials: Trials | None = None,
    records: Sequence[Record] | None = None,
    notice: str = "",
) -> dict[str, list[Path]]:
    """See ``seqbench.report.write``; returns the files of each format, none where there was nothing to draw."""
    drawn = [form for form, shown_by in _DRAWN.items() if shown_by & {*formats}]
    content = collect_report(store, study, reference, tuning, planned, trials or {}, drawn, records, notice)
    made = {form: FORMATS[form](content) for form in FORMATS if form in formats}
    files = {name: text for texts in made.values() for name, text in texts.items()}
    ordered = sorted(files.items(), key=lambda file: file[0] == MAIN["html"])  # last: it leads to the rest
    for written, (name, text) in enumerate(ordered):
        try:
            replace_file(out / name, [text] if isinstance(text, str | bytes) else text)
        except OSError as error:
            raise _refused(error, out, written) from error
    return {form: [out / name for name in texts] for form, texts in made.items()}


def _refused(error: OSError, out: Path, written: int) -> Exception:
    """A folder that takes nothing is a wrong choice; a disk that fills up, or that refuses midway, is none."""
    if written or error.errno in DISK:
        return OSError(error.errno, error.strerror, str(out))
    return UsageError(
        f"the report's folder must be one that can be written; got {str(out)[:80]!r} ({error.strerror}). "
        "Choose another one with --out FOLDER."
    )


def _figures(content: Content) -> dict[str, str]:
    return {f"figures/{name}.svg": standalone(svg) for name, svg in content.figures.items()}


def _prints(content: Content) -> dict[str, bytes]:
    return {f"figures/{name}.pdf": printed.document for name, printed in content.prints.items()}


def _tables(content: Content) -> dict[str, Text]:
    rows = [row for section in content.sections for row in section.rows]
    found: dict[str, Text] = {"runs.csv": runs_lines(content.records)}
    found |= {"verdicts.csv": verdicts_csv(rows)} if rows else {}
    names = {row.label: full_name(row.name, row.variant) for row in rows}  # in full: tables of reports may be joined
    found |= {"across.csv": across_csv(content.across, names, content.matrices)} if content.across else {}
    found |= {"dependency.csv": dependency_csv(content.dependencies)} if content.dependencies else {}
    return found | ({"costs.csv": costs_csv(content.costs)} if content.costs else {})


FORMATS: Mapping[str, Callable[[Content], Mapping[str, Text]]] = {
    "html": lambda content: {**_figures(content), "index.html": page(content)},
    "md": lambda content: {**_figures(content), "report.md": markdown(content)},
    "csv": _tables,
    "latex": lambda content: {"report.tex": latex(content)},
    "pdf": _prints,
    "json": lambda content: {"report.json": report_json(content)},
}
"""Name of a format -> its files, below the report's folder, with their texts."""
_ADVICE = "Train something first, e.g. python -m seqbench task=adding_problem model=lstm, or point to another store."
_DRAWN = {"svg": {"html", "md"}, "pdf": {"pdf"}}
"""Form of the figures -> the formats that show it."""
MAIN = dict(zip(FORMATS, ("index.html", "report.md", "runs.csv", "report.tex", "figures", "report.json"), strict=True))
"""The file of each format that one opens first, or the folder where none is the first."""


def collect_report(
    store: Store,
    study: str | None,
    reference: str | None,
    tuning: str,
    planned: Collection[str],
    trials: Trials,
    drawn: Collection[str] = ("svg",),
    records: Sequence[Record] | None = None,
    notice: str = "",
) -> Content:
    """Everything the report shows, read from the store; ``notice`` comes before the other banners.

    Raises:
        UsageError: there is nothing to report.
    """
    read = store.records() if records is None else records
    records = [record for record in read if not planned or record.run_id in planned]
    problems = list(store.problems)
    if not records:
        damaged = f"Not readable: {'; '.join(problems[:3])}." if problems else ""  # each with its own remedy
        advice = " ".join(filter(None, (damaged, notice))) or _ADVICE
        rule = f"a report needs at least one record; the store {str(store.root)!r} holds none of this study."
        raise UsageError(f"{rule} {advice}")
    rounds = taken(record for record in read if record.kind == "cost")
    counted = _counted(records, rounds)
    arrays = _load(store, counted, problems)
    missing = len(set(planned) - {record.run_id for record in records})
    found = collect(records=counted, arrays=arrays, problems=problems, study=study, reference=reference,
                   tuning=tuning, missing=missing, trials=trials, drawn=drawn, rounds=rounds)  # fmt: skip
    return replace(found, banners=[notice, *found.banners]) if notice else found


def _counted(records: Sequence[Record], rounds: Mapping[Sample, int]) -> list[Record]:
    """Of each run and measurement the attempt that counts; of measurements it depends on what they stand beside."""
    costs = counting((record for record in records if record.kind == "cost"), rounds)
    chosen = {(record.run_id, record.env_id): record for record in costs}
    return [chosen.get((record.run_id, record.env_id), record) for record in current(records)]


def _load(
    store: Store, records: list[Record], problems: list[str]
) -> Mapping[tuple[str, str], Mapping[str, np.ndarray]]:
    """Arrays that figures need; one that cannot be read is named and hides no other."""
    found = {}
    learning = [record for group in drawn_of(grouped(records)) for cell in group.cells for record in cell.records]
    streamed = [record for record in records if record.kind == "cost" and "stream_s" in record.arrays]
    for record in (*learning, *streamed):
        if record.arrays:
            try:
                found[record.run_id, record.env_id] = store.arrays(record)
            except ValueError as error:
                problems.append(str(error))
    return found
