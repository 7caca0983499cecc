import math

import numpy as np
import pytest

from seqbench.statistics.paired import median_bounds, median_shift, shift_bounds, sign_p
from seqbench.statistics.shift import paired_shift
from seqbench.statistics.signed_ranks import one_sided_p


def test_bounds_are_where_the_test_turns() -> None:
    values = np.random.default_rng(0).normal(0.3, 1, 15)
    low, high = shift_bounds(values, 0.02)
    step = 1e-9
    assert one_sided_p(values - low + step) <= 0.02 < one_sided_p(values - low - step)
    assert one_sided_p(high - values + step) <= 0.02 < one_sided_p(high - values - step)
    assert low < median_shift(values) < high


def test_few_pairs_bound_nothing() -> None:
    assert shift_bounds([0.1] * 6, 0.01) == (-math.inf, math.inf)


@pytest.mark.parametrize("pairs", [6, 10, 40])
def test_bounds_are_those_of_the_shift_between_two_paired_groups(pairs: int) -> None:
    a, b = np.random.default_rng(pairs).normal(0, 1, (2, pairs))
    found = paired_shift(a, b, level=0.95)
    assert (found.value, found.interval) == (median_shift(b - a), shift_bounds(b - a, (1 - 0.95) / 2))


def test_one_wild_value_moves_shift_and_bounds_little() -> None:
    values = np.random.default_rng(1).normal(0, 0.02, 10)
    wild = values.copy()
    wild[0] = 5.0
    assert abs(median_shift(wild) - median_shift(values)) < 0.02
    assert shift_bounds(wild, 0.05)[1] < 0.06


def test_the_sign_test_counts_signs_and_its_bounds_are_where_it_turns() -> None:
    values = np.random.default_rng(2).normal(0.3, 1, 14)
    assert sign_p(np.resize([1.0, 1.0, 1.0, 1.0, -1.0], 10)) == pytest.approx(56 / 1024)
    low, high = median_bounds(values, 0.03)
    step = 1e-9
    assert sign_p(values - low + step) <= 0.03 < sign_p(values - low - step)
    assert sign_p(high - values + step) <= 0.03 < sign_p(high - values - step)
