"""What is concluded from pairs of times: pure functions on arrays, whose error rates ``tests`` measure.

A pair is two fresh processes, one of the base and one of the head, that take turns; its value is the logarithm of
head / base. Two stages. In the first a benchmark becomes a suspect where it is slower at a level that lets at most
``suspect_error`` of all checks have any suspect when nothing changed. Suspects are measured again, in fresh pairs,
and regressed is what is slower there too, at a level that lets at most ``confirm_error`` of such checks say so. The
product of both bounds the share of checks that are red by mistake, whatever the noise: which of two equal sides comes
out slower is a coin, since the order of every pair is drawn (sign test). Whatever is not regressed must show that it
is not slower, or it is inconclusive. What cannot in the first stage, as two bursts of a neighbour hide it, is
measured again too; it is no suspect, so it cannot regress.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from seqbench.check.finding import Verdict
from seqbench.report.wording import count
from seqbench.schema import UsageError
from seqbench.statistics.paired import median_bounds, sign_p
from seqbench.statistics.seeds import Interval

Pairs = Mapping[str, np.ndarray]
"""Name of a benchmark -> (pairs,), logarithms of head / base, in the order they were taken."""


@dataclass(frozen=True, kw_only=True)
class Design:
    """How many pairs are taken, and what is concluded from them.

    With twelve benchmarks the levels are just those at which one pair of ten, and three of fourteen, may go the other
    way: a spike on the side of the base hides no slowdown.

    Attributes:
        pairs: of every benchmark in the first stage, an even number.
        confirm_pairs: in the second, of every suspect and of what the first could not call fine.
        suspect_error: share of checks that may have a suspect when nothing changed.
        confirm_error: share of those that may then confirm one.
        least_effect: a change below it is never a regression, however sure.
        margin: what must be ruled out before a benchmark is fine.
        bound_error: chance that one bound of an interval is wrong.
        most_noise: spread of pairs of equal processes beyond which a session calls nothing fine.
    """

    pairs: int = 10
    confirm_pairs: int = 14
    suspect_error: float = 0.13
    confirm_error: float = 0.03
    least_effect: float = 0.02
    margin: float = 0.10
    bound_error: float = 0.011
    most_noise: float = 0.07

    @property
    def false_alarms(self) -> float:
        """Upper bound of the share of checks that are red when nothing changed."""
        return self.suspect_error * self.confirm_error


def check_pairs(design: Design, benchmarks: int) -> None:
    """Refuse a first stage that could never suspect anything: one side slower in all of so few pairs is still chance.

    Raises:
        UsageError: it has too few pairs for so many benchmarks.

    >>> check_pairs(Design(), 12), check_pairs(Design(pairs=8), 33)
    (None, None)
    >>> check_pairs(Design(pairs=8), 34)
    Traceback (most recent call last):
    seqbench.schema.UsageError: --pairs must be 10 or more for 34 benchmarks: fewer find nothing, however slow ...
    """
    least = math.ceil(math.log2(benchmarks / design.suspect_error) / 2) * 2
    if design.pairs < least:
        raise UsageError(
            f"--pairs must be {least} or more for {count(benchmarks, 'benchmark')}: fewer find nothing, however slow "
            f"it is; got {design.pairs}. Take more, or name fewer benchmarks with --suite."
        )


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What the pairs of one benchmark say.

    Attributes:
        change: head / base - 1.
        interval: of the change, each end wrong with the design's ``bound_error``.
    """

    verdict: Verdict
    says: str
    change: float
    interval: Interval


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What one check concludes of its times.

    Attributes:
        judgements: name of the benchmark -> what its pairs say: those of the second stage where it was in it.
        suspects: names that were slower in the first stage, which the second may confirm.
        again: names that went into the second stage: suspects, and what the first could not call fine.
    """

    judgements: Mapping[str, Judgement]
    suspects: list[str]
    again: list[str]


def decide(first: Pairs, fresh: Callable[[list[str]], Pairs], noise: float | None, design: Design) -> Decision:
    """Both stages of one check.

    Args:
        first: the pairs of every benchmark in the first stage.
        fresh: takes new pairs of the suspects it is given; it is called once at most.
        noise: of the session, by ``session_noise``.
        design: levels; that of one benchmark is the whole stage's, divided by the number of benchmarks in it.

    >>> values = {"a": 0.1 + 0.001 * np.arange(10), "b": np.resize([0.01, -0.01], 10)}
    >>> found = decide(values, lambda names: {name: values[name] for name in names}, 0.01, Design())
    >>> found.again, [judgement.verdict for judgement in found.judgements.values()]
    (['a'], ['regressed', 'fine'])
    """
    suspects = [name for name, values in first.items() if _slower(values, design.suspect_error / len(first), design)]
    again = [name for name, values in first.items() if name in suspects or _unsure(values, noise, design)]
    second = fresh(again) if again else {}
    level = design.confirm_error / max(len(suspects), 1)
    guilty = {name for name in suspects if name in second and _slower(second[name], level, design)}
    judged = {name: second.get(name, first[name]) for name in first if name in second or name not in again}
    return Decision(
        judgements={name: judge(values, name in guilty, noise, design) for name, values in judged.items()},
        suspects=suspects,
        again=again,
    )


def _slower(values: np.ndarray, level: float, design: Design) -> bool:
    return sign_p(values) <= level and float(np.median(values)) >= math.log1p(design.least_effect)


def _unsure(values: np.ndarray, noise: float | None, design: Design) -> bool:
    """Whether more pairs may call it fine: not where the session is too noisy, or too few pairs were asked for."""
    calm = noise is None or noise <= design.most_noise
    return calm and design.margin < math.expm1(median_bounds(values, design.bound_error)[1]) < math.inf


def judge(values: np.ndarray, regressed: bool, noise: float | None, design: Design) -> Judgement:
    """The verdict on one benchmark.

    Args:
        values: (pairs,), logarithms of head / base: of the second stage where there was one.
        regressed: whether both stages found it slower.
        noise: of the session, by ``session_noise``.
        design: what it is judged by.

    >>> steady, noisy = np.resize([0.01, -0.01], 10), np.resize([0.3, -0.3], 10)
    >>> judge(steady, False, 0.01, Design()).says, judge(noisy, False, 0.01, Design()).verdict
    ('not slower than 1.0 %', 'inconclusive')
    """
    low, high = (math.expm1(bound) for bound in median_bounds(values, design.bound_error))
    verdict, says = "inconclusive", "too few pairs"
    if regressed:
        verdict, says = "regressed", f"slower, by more than {100 * low:.1f} %" if low > 0 else "slower in both stages"
    elif noise is not None and noise > design.most_noise:
        says = f"session too noisy ({100 * noise:.1f} %)"
    elif high > design.margin:
        says = f"may be slower by {100 * high:.1f} %" if math.isfinite(high) else says
    else:
        verdict, says = "fine", f"not slower than {100 * max(high, 0.0):.1f} %"
    return Judgement(verdict=verdict, says=says, change=math.expm1(np.median(values)), interval=(low, high))


def session_noise(same: Pairs) -> float | None:
    """The standard deviation of a pair where nothing differs: of the median benchmark; None without any such pair.

    Args:
        same: name -> (pairs,), logarithms of ratios of two processes of one side that took turns. Their
            median absolute value stands for the spread, since outliers move it little.

    >>> round(session_noise({"a": np.array([0.01, -0.01, 0.02, 0.9]), "b": np.array([0.01])}), 4)
    0.0185
    """
    spreads = [np.median(np.abs(values)) / 0.6745 for values in same.values() if values.size]
    return float(np.median(spreads)) if spreads else None
