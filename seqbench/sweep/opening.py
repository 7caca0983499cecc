"""The beginning of a sweep: what will be trained, and how long it will take."""

from collections.abc import Sequence

from seqbench.report.wording import count
from seqbench.schema import Study
from seqbench.sweep import reasons
from seqbench.sweep.plan import PlannedRun


def work(study: Study, plan: Sequence[PlannedRun], missing: Sequence[PlannedRun], lanes: int) -> str:
    """How many runs there are, are done and will be trained, and on what."""
    name = study.name or (study.cells[0].command if len(study.cells) == 1 else "sweep")
    device = ", ".join(dict.fromkeys(cell.device for cell in study.cells))
    runs, cells = count(len(plan), "run"), count(len(study.cells), "cell")
    done = len(plan) - len(missing)
    how = f"on {count(lanes, 'lane')} ({device}){continued(missing)}"
    return f"{name}: {runs} of {cells}, {done} done, {len(missing)} to train {how}."


def continued(missing: Sequence[PlannedRun]) -> str:
    """How many of the runs go on from where they were stopped, as the end of a sentence; "" where none does."""
    number = sum(planned.reason.endswith(reasons.CONTINUES) for planned in missing)
    return f"; {number} of these from a checkpoint" if number else ""


def time_it_takes(told: str, study: Study, runs: int, measurements: int) -> str:
    """The sentence on the time that a sweep is expected to take, from the words for it."""
    span = "for these lengths" if study.bisection else "in all"
    what = f"{count(runs, 'run')}, {count(measurements, 'cost measurement')}"
    how = "Ctrl-C stops it, the same command resumes it"
    return f"Expected time: {told} {span}, if nothing else runs ({what}); {how}."
