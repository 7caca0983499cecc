"""The report: records in; one page, Markdown, CSV and figures out. Pure functions but for ``files.py``."""

from collections.abc import Collection
from pathlib import Path

from seqbench.record.store import Store


def write(
    store: Store,
    out: Path,
    study: str | None = None,
    *,
    reference: str | None = None,
    tuning: str = "",
    planned: Collection[str] = (),
) -> Path:
    """Write ``index.html``, ``report.md``, ``runs.csv`` and ``figures/*.svg`` below ``out``; returns the page's path.

    Args:
        store: where the records are.
        out: folder; created where it is missing, what else lies in it is left alone.
        study: name that the title carries.
        reference: label of the architecture that the others are compared with.
        tuning: one sentence on how the learning rates were chosen.
        planned: run_ids of the study; where given, other runs of the store are left out and missing ones are named.

    Raises:
        UsageError: the store holds no record to report, or ``out`` cannot be written.
    """
    from seqbench.report.files import write_report  # late: the terminal's table must not wait for matplotlib

    return write_report(store, Path(out), study, reference, tuning, planned)
