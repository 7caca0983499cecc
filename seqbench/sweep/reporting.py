"""The report as a command writes it: of stores whose sweeps may still be at work, into a folder that may hold files."""

import os
from collections.abc import Collection, Mapping, Sequence, Set
from contextlib import suppress
from pathlib import Path

from seqbench.config.about import about_sweep
from seqbench.record.store import Store
from seqbench.record.stores import Stores
from seqbench.report import write
from seqbench.report.wording import NAMED, count, readable, some
from seqbench.schema import CONTINUED, Study, UsageError
from seqbench.sweep import problems
from seqbench.sweep.measuring import IN_A_SWEEP, measurements
from seqbench.sweep.state import StoreWatch, SweepState

PAGE = "index.html"
MARK = b"content=\"default-src 'none'; style-src 'sha256-"
"""In the head of every page of ours, and of hardly any other."""
OPTIONAL = {
    "html": ("figures/*.svg",),
    "md": ("figures/*.svg",),
    "csv": ("verdicts.csv", "across.csv", "dependency.csv", "costs.csv"),
    "pdf": ("figures/*.pdf",),
}
"""Name of a format -> files that it writes for some studies alone: those of an earlier report may stay beside it."""


def report(folders: Sequence[Path], out: Path, formats: Sequence[str], asked: bool) -> tuple[list[str], bool]:
    """Write the report of the stores.

    Args:
        folders: the stores.
        out: folder of the report.
        formats: names of formats.
        asked: whether the command named them: then the main file of each is told.

    Returns:
        What to print, line by line; and whether all in the stores are readable records.

    Raises:
        UsageError: there is nothing to report, or ``out`` holds a page that is no report.
    """
    if "html" in formats:
        _check_page(out / PAGE)
    found, before = Stores(folders), _optional(out, formats)
    records = found.records()
    from seqbench.report.files import MAIN, write_report  # late: 33 MB of figures are not needed while records are read

    about = about_sweep({record.study for record in records})
    made = write_report(found, out, formats=formats, records=records, notice=unfinished(folders), **about)
    named = [str(out / MAIN[name]) if made[name] else f"{name}: nothing to draw" for name in formats]
    empty = [f"store: {readable(folder)} holds no record" for folder in folders if _is_empty(folder)]
    told = problems.of(found)
    return [
        f"report: {', '.join(named if asked else named[:1])}",
        *_staying(before, _optional(out, formats)),
        *empty,
        *told,
    ], not told


def write_of_sweep(study: Study, planned: Set[str], at_work: bool = False) -> Path:
    """Write the report of a sweep: of its runs, and of what was measured of its cells.

    Args:
        study: whose report it is; its options name the store and the folder.
        planned: run_ids of its runs.
        at_work: say that it is, and how many of its runs are not finished.

    Returns:
        The file to open.
    """
    store = Store(study.options.store)
    records = store.records()
    there = {record.run_id for record in records}
    costs = {job.run_id for job in measurements(study.cells, IN_A_SWEEP, study.options.store)}
    notice = ""
    if at_work:
        left = len(planned - {record.run_id for record in records if record.status not in CONTINUED})
        runs = count(len(planned), "planned run")
        notice = f"When this was written, its sweep was at work: {left:,} of {runs} were not finished."
    about = {"study": study.name, "tuning": study.tuning, "reference": study.reference, "trials": study.trials}
    return write(store, Path(study.options.out), planned={*planned, *(costs & there)}, records=records, notice=notice,
                 **about)  # fmt: skip


def unfinished(folders: Sequence[Path]) -> str:
    """Where sweeps are at work in the stores, or were and have not ended: how many of their runs are not finished."""
    states = [state for folder in folders for state in StoreWatch(folder).look() if not state.gone]
    living = [state for state in states if state.living]
    stopped = [state for state in states if not state.living and state.finished < state.planned]
    told = [_counted(living, "at work in the store")] if living else []
    told += [_counted(stopped, "not at work any more")] if stopped else []
    commands = [state.announcement.command for state in stopped if state.announcement.command]
    told += [f"What trains these: {'; '.join(commands[:NAMED])}"] if commands else []  # no full stop: it is copied
    return " ".join(told)


def _counted(states: Sequence[SweepState], what: str) -> str:
    planned = sum(state.planned for state in states)
    left = planned - sum(state.finished for state in states)
    said = f"When this was written, {count(len(states), 'sweep')} {'was' if len(states) == 1 else 'were'} {what}"
    return f"{said}: {left:,} of {count(planned, 'planned run')} were not finished." if planned else f"{said}."


def _check_page(page: Path) -> None:
    """Refuse to write over a page that is no report."""
    with suppress(OSError):  # none is there, or the writing says why it cannot be
        begin = page.read_bytes()[:1000]
        if begin and MARK not in begin:
            raise UsageError(
                f"--out must not hold another page by the name of the report's; got {str(page)[:80]!r}, which is no "
                "report. Move it away, or choose another folder."
            )


def _optional(out: Path, formats: Collection[str]) -> dict[str, int]:
    """Name of each file in the folder that not every report has -> its inode, which changes when it is replaced."""
    if not os.path.isdir(out):
        return {}
    patterns = sorted({pattern for form in formats for pattern in OPTIONAL.get(form, ())})
    return {
        str(file.relative_to(out)): file.stat().st_ino for pattern in patterns for file in sorted(out.glob(pattern))
    }


def _staying(before: Mapping[str, int], after: Mapping[str, int]) -> list[str]:
    """What lies beside the report as if it were of it, and is not: nothing is removed, it may be somebody's."""
    names = [readable(name) for name, inode in after.items() if before.get(name) == inode]
    return [f"report: not of it, from before: {some(names)}"] if names else []


def _is_empty(folder: Path) -> bool:
    return next(folder.glob("*/record.json"), None) is None
