"""From a store to the files of a report. The only file here that touches the disk."""

import os
import tempfile
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np

from seqbench.record.record import current
from seqbench.record.store import Store
from seqbench.report.content import Content, collect
from seqbench.report.cost_csv import costs_csv
from seqbench.report.embed import standalone
from seqbench.report.groups import grouped
from seqbench.report.markdown import markdown
from seqbench.report.page import page
from seqbench.report.runs_table import runs_lines
from seqbench.report.sample import drawn
from seqbench.schema import Record, UsageError

_KINDS = {"learning", "cost"}


def write_report(
    store: Store, out: Path, study: str | None, reference: str | None, tuning: str, planned: Collection[str]
) -> Path:
    """See ``seqbench.report.write``."""
    content = collect_report(store, study, reference, tuning, planned)
    texts = {f"figures/{name}.svg": standalone(svg) for name, svg in content.figures.items()}
    texts |= {"report.md": markdown(content), "index.html": page(content)}
    texts |= {"costs.csv": costs_csv(content.costs)} if content.costs else {}
    try:
        _replace(out / "runs.csv", runs_lines(content.records))
        for name, text in texts.items():
            _replace(out / name, [text])
    except OSError as error:
        raise UsageError(
            f"the report's folder must be one that can be written; got {str(out)!r} ({error.strerror}). "
            "Choose another one with --out FOLDER."
        ) from error
    return out / "index.html"


def collect_report(
    store: Store, study: str | None, reference: str | None, tuning: str, planned: Collection[str]
) -> Content:
    """Everything the report shows, read from the store.

    Raises:
        UsageError: there is nothing to report.
    """
    records = [record for record in store.records() if not planned or record.run_id in planned]
    problems = list(store.problems)
    if not records:
        damaged = f" Not readable: {'; '.join(problems[:3])}." if problems else ""
        raise UsageError(
            f"a report needs at least one record; the store {str(store.root)!r} holds none of this study.{damaged} "
            "Train something first, e.g. python -m seqbench task=adding_problem model=lstm, or point to another store."
        )
    counting = current(records)
    arrays = _load(store, counting, problems)
    missing = len(set(planned) - {record.run_id for record in records})
    return collect(records=counting, arrays=arrays, problems=problems, study=study, reference=reference,
                   tuning=tuning, missing=missing)  # fmt: skip


def _load(
    store: Store, records: list[Record], problems: list[str]
) -> Mapping[tuple[str, str], Mapping[str, np.ndarray]]:
    """Arrays that figures need; one that cannot be read is named and hides no other."""
    found = {}
    learning = [record for group in drawn(grouped(records)) for cell in group.cells for record in cell.records]
    streamed = [record for record in records if record.kind == "cost" and "stream_s" in record.arrays]
    for record in (*learning, *streamed):
        if record.arrays:
            try:
                found[record.run_id, record.env_id] = store.arrays(record)
            except ValueError as error:
                problems.append(str(error))
    return found


def _replace(path: Path, parts: Iterable[str]) -> None:
    """Put a whole file in place of what was there: a reader sees the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=".tmp-", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace", newline="") as file:
            file.writelines(parts)
        Path(temporary).chmod(0o644)
        os.replace(temporary, path)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
