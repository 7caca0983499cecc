"""A sweep's plan as somebody follows it: what became of its runs so far, and how long the rest will take."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from seqbench.report.solving import is_unconfirmed
from seqbench.report.wording import score_text
from seqbench.schema import CONTINUED, FINISHED, Record
from seqbench.sweep.entry import Announcement, Planned


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a run: the name and status of its record, one sentence, its seconds (0 where none tells)."""

    run_id: str
    name: str
    status: str
    told: str
    duration_s: float


@dataclass(frozen=True, kw_only=True)
class AtWork:
    """A run that was begun and is not finished.

    Attributes:
        name: of its cell, which begins with that of the task.
        alive: whether a process holds it; where its machine is another one, whether it was heard of lately.
        heard_s: seconds since its last word, where no lock proves that it lives; else None.
        step, score, elapsed_s: of its last word, 0 and None before the first one.
    """

    run_id: str
    name: str
    seed: int
    budget: int
    alive: bool
    heard_s: float | None
    step: int = 0
    score: float | None = None
    metric: str = ""
    elapsed_s: float = 0.0
    expected_s: float = 0.0
    task: str = ""


class Followed:
    """A sweep's plan, and what became of it so far."""

    def __init__(self, key: str, announced: Announcement, stamp: tuple[int, int], before: "Followed | None") -> None:
        self.key, self.announced, self.stamp, self.gone = key, announced, stamp, False
        self.runs = {run.run_id: run for run in announced.runs}
        self._before = Counter(str(run.before) for run in announced.runs if run.before is not None)
        self.outcomes: dict[str, Outcome] = {}
        self._told: set[str] = before._told if before else set()

    def wants(self, run_id: str, env_id: str, name: str) -> bool:
        """Whether the record of that name says something new about the plan."""
        run = self.runs.get(run_id)
        return run is not None and run.before is None and name not in run.known and self._counts(env_id)

    def add(self, found: Outcome) -> None:
        """Take the outcome, where the run has none that counts more: a result, or a later attempt."""
        known = self.outcomes.get(found.run_id)
        if known is None or _rank(found) > _rank(known):
            self.outcomes[found.run_id] = found

    def is_unfinished(self, run_id: str, env_id: str) -> bool:
        """Whether the private files of such a run are of a planned run that has no result yet."""
        run, outcome = self.runs.get(run_id), self.outcomes.get(run_id)
        if run is None or run.before is not None or not self._counts(env_id):
            return False
        return outcome is None or outcome.status in CONTINUED

    def _counts(self, env_id: str) -> bool:
        return self.announced.env_id in (None, env_id)

    def news(self) -> list[tuple[Planned, Outcome]]:
        """The outcomes that were not told of yet."""
        new = [found for found in self.outcomes.values() if found.name not in self._told]
        self._told |= {found.name for found in new}
        if len(new) < 2:
            return [(self.runs[found.run_id], found) for found in new]
        fresh = {found.run_id: found for found in new}
        return [(run, fresh[run_id]) for run_id, run in self.runs.items() if run_id in fresh]

    def statuses(self) -> Counter[str]:
        """How many runs have ended with which status."""
        return self._before + Counter(found.status for found in self.outcomes.values())

    def left_s(self, at_work: Iterable[AtWork]) -> float | None:
        """Seconds until all runs are done, at the pace of those that are; None where nothing was estimated.

        The first runs alone would say too much: the estimates of the others count as a tenth of them, done on time.
        A run at work that has taken longer than it should is part of the pace already. No run can be split: what is
        left takes at least as long as the longest of them.
        """
        at_work = list(at_work)
        timed = [(self.runs[o.run_id].expected_s, o.duration_s) for o in self.outcomes.values() if o.duration_s]
        timed += [(run.expected_s, run.elapsed_s) for run in at_work if run.elapsed_s > run.expected_s > 0]
        on_time = sum(run.expected_s for run in self.runs.values()) / 10
        expected = on_time + sum(expected for expected, _ in timed)
        pace = (on_time + sum(seconds for _, seconds in timed)) / expected if expected else 1.0
        begun = {run.run_id: max(0.0, run.expected_s * pace - run.elapsed_s) for run in at_work}
        missing = [run for run in self.runs.values() if run.before is None and run.run_id not in self.outcomes]
        left = [begun.get(run.run_id, run.expected_s * pace) for run in missing]
        if not any(run.expected_s for run in missing):
            return None
        return max(sum(left) / max(self.announced.lanes, sum(run.alive for run in at_work), 1), *left)


def _rank(outcome: Outcome) -> tuple[bool, int]:
    attempt = outcome.name.split("-")[2:]
    return outcome.status in FINISHED, int(attempt[0]) if attempt else 1


def told_of(record: Record) -> str:
    """One sentence on what became of a run."""
    summary = record.summary
    if not summary:
        return f"{record.status}: {record.reason}"
    score = "no score" if summary["score"] is None else f"{record.task['score']} {score_text(summary['score'])}"
    if record.status != "completed":
        return f"{record.status} ({record.reason}), {score}"
    if summary["solved"]:
        return f"{score}, solved after {summary['steps_to_solve']} steps"
    if is_unconfirmed(record):
        return f"{score}, not solved: met on validation after {summary['steps']} steps, not on the test set"
    return score if summary["solved"] is None else f"{score}, not solved in {summary['steps']} steps"
