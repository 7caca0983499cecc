"""The report: records in; one page, Markdown, CSV and figures out. Pure functions but for ``files.py``."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from seqbench.record.store import Store
from seqbench.schema import Record

FORMATS = ("html", "md", "csv", "latex", "pdf", "json")
DEFAULT = FORMATS[:3]


def write(
    store: Store,
    out: Path,
    study: str | None = None,
    *,
    reference: str | None = None,
    tuning: str = "",
    planned: Collection[str] = (),
    trials: Mapping[tuple[str, str], int] | None = None,
    formats: Collection[str] = DEFAULT,
    records: Sequence[Record] | None = None,
    notice: str = "",
) -> Path:
    """Write a report below ``out``; returns the path of the file to open, the page where there is one.

    The formats are ``html`` (index.html, figures/), ``md`` (report.md, figures/), ``csv`` (runs.csv,
    verdicts.csv, across.csv, dependency.csv, costs.csv), ``latex`` (report.tex), ``pdf`` (figures/, which report.tex
    includes where both are asked for) and ``json`` (report.json).

    Args:
        store: where the records are.
        out: folder; created where it is missing, what else lies in it is left alone.
        study: name that the title carries.
        reference: label of the architecture that the others are compared with.
        tuning: one sentence on how the learning rates were chosen.
        planned: run_ids of the study; where given, other runs of the store are left out and missing ones are named.
        trials: (task label, model label) -> runs that its learning rate was chosen from; unequal ones are told.
        formats: some of ``FORMATS``.
        records: of the store, for who has just read them.
        notice: one sentence that a reader must know first, such as that a sweep is at work; told before all others.

    Raises:
        UsageError: the store holds no record to report, or ``out`` cannot be written.
        OSError: the disk is full or broken, or refuses when some files are written.
    """
    from seqbench.report.files import MAIN, write_report  # late: the terminal's table must not wait for matplotlib

    made = write_report(store, Path(out), study=study, reference=reference, tuning=tuning, planned=planned,
                        trials=trials, formats=formats, records=records, notice=notice)  # fmt: skip
    return Path(out) / MAIN[next(iter(made))]
