"""Times of two sessions against each other: what was measured apart, and not round by round."""

import numpy as np

from seqbench.statistics.permutation import smallest_p
from seqbench.statistics.rounds import FEWEST, LEVEL
from seqbench.statistics.seeds import Estimate, Values, vector
from seqbench.statistics.shift import independent_shift

DRIFT = 1.1
"""Ratio up to which the sessions, and not what was timed, may differ. Of the first 64 pairs of equal builds in
``results/reference/regression_check/quiet.jsonl`` eight rounds, some minutes apart, differ by 5 % as a rule and by 15 %
in one of twenty cases. With this bound 1 of 28 families of training steps has one that is called faster or slower, with
1.05 there are 3, without any bound 11."""


def ratio_of_times(a: Values, b: Values, level: float = LEVEL) -> Estimate:
    """How many times as long ``a`` takes as ``b``: positive times, one a round, of rounds that are no pairs.

    The middle of all ratios of a time of ``a`` to one of ``b``, between two of them: Hodges and Lehmann's shift of the
    logarithms, with the interval of the exact rank-sum test. It needs no distribution, only that the two have the same
    but for the factor. Two thousand bootstrap draws would not reach the levels that many ratios at once take.
    Source: Hodges & Lehmann 1963, doi:10.1214/aoms/1177704172; Kalibera & Jones 2013, doi:10.1145/2464157.2464160 (a
    ratio with its interval, not a p value).

    Raises:
        ValueError: times that are not positive.

    >>> slow, fast = [2.0, 2.2, 1.8, 2.0, 4.2, 2.0, 2.0, 2.1], [1.0, 1.1, 0.9, 1.0, 2.0, 1.0, 1.0, 1.0]
    >>> found = ratio_of_times(slow, fast)
    >>> round(found.value, 2), [round(bound, 2) for bound in found.interval]
    (2.0, [1.64, 2.44])
    """
    first, second = vector(a), vector(b)
    if min(first.min(), second.min()) <= 0:
        raise ValueError(f"times must be positive; got {min(first.min(), second.min())}.")
    found, fewest = independent_shift(np.log(second), np.log(first), level), min(first.size, second.size)
    value = float(np.exp(found.value))
    if fewest < FEWEST or found.interval is None:
        return Estimate(value=value, why=f"fewer than {rounds_needed(level)} rounds: {fewest}")
    return Estimate(value=value, interval=(float(np.exp(found.interval[0])), float(np.exp(found.interval[1]))))


def rounds_needed(level: float) -> int:
    """The fewest rounds, as many on both sides, with which a ratio has an interval at so high a level.

    Source: ours, from ``smallest_p``.

    >>> [rounds_needed(1 - 0.01 / ratios) for ratios in (1, 64, 65, 240)]
    [8, 8, 9, 9]
    """
    rounds = FEWEST
    while smallest_p(rounds, rounds) > 1 - level:
        rounds += 1
    return rounds
