"""What is concluded from pairs of times: pure functions on arrays, whose error rates ``tests`` measure.

A pair is two fresh processes, one of the base and one of the head, that take turns; its value is the logarithm of
head / base. Two stages. In the first a benchmark becomes a suspect where it is slower at ``suspect_level``. Suspects
are measured again, in fresh pairs, and regressed is what is slower there too, at a level of its own. The product of
both levels is the chance that one benchmark is red by mistake; summed over all benchmarks it is ``false_alarms``,
whatever the noise and however benchmarks hang together: which of two equal sides comes out slower is a coin, since the
order of every pair is drawn (sign test). Whatever is not regressed must show that it is not slower, or it is
inconclusive. What cannot in the first stage, as two bursts of a neighbour hide it, is measured again too; it is no
suspect, so it cannot regress.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from seqbench.check.finding import Verdict
from seqbench.statistics.paired import median_bounds, sign_p
from seqbench.statistics.seeds import Interval

Pairs = Mapping[str, np.ndarray]
"""Name of a benchmark -> (pairs,), logarithms of head / base, in the order they were taken."""


@dataclass(frozen=True, kw_only=True)
class Design:
    """How many pairs are taken, and what is concluded from them.

    With twelve benchmarks the levels are just those at which two pairs of ten, and four of twenty, may go the other
    way: spikes on the side of the base hide no slowdown. A first stage that forgives and a second that is strict find
    more than the reverse, for as few false alarms and few more pairs: only suspects take part in the second.

    Attributes:
        pairs: of every benchmark in the first stage, an even number.
        confirm_pairs: in the second, of every suspect and of what the first could not call fine.
        suspect_level: chance of a benchmark that did not change to be a suspect.
        false_alarms: upper bound of the share of checks that are red when nothing changed.
        least_effect: a change below it is never a regression, however sure.
        margin: what must be ruled out before a benchmark is fine.
        bound_error: chance that one bound of an interval is wrong.
        most_noise: spread of pairs of equal processes beyond which a session calls nothing fine.
    """

    pairs: int = 10
    confirm_pairs: int = 20
    suspect_level: float = 0.055
    false_alarms: float = 0.004
    least_effect: float = 0.02
    margin: float = 0.10
    bound_error: float = 0.011
    most_noise: float = 0.07

    def confirm_level(self, benchmarks: int) -> float:
        """Chance of a suspect that did not change to be confirmed, in a check of so many benchmarks."""
        return self.false_alarms / (benchmarks * self.suspect_level)


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
        fresh: takes new pairs of what it is given, suspects and what may be cleared; it is called once at most.
        noise: of the session, by ``session_noise``.
        design: its levels, for as many benchmarks as there are in the first stage.

    >>> values = {"a": 0.1 + 0.001 * np.arange(10), "b": np.resize([0.01, -0.01], 10)}
    >>> found = decide(values, lambda names: {name: values[name] for name in names}, 0.01, Design())
    >>> found.again, [judgement.verdict for judgement in found.judgements.values()]
    (['a'], ['regressed', 'fine'])
    """
    suspects = [name for name, values in first.items() if _slower(values, design.suspect_level, design)]
    again = [name for name, values in first.items() if name in suspects or _unsure(values, noise, design)]
    second = fresh(again) if again else {}
    level = design.confirm_level(len(first))
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
