import math
from itertools import product

import numpy as np
import pytest

from seqbench.statistics.paired import median_bounds, median_shift, shift_bounds, sign_p, signed_rank_p


def p_by_listing(values: np.ndarray) -> float:
    """All signs listed, with midranks."""
    sizes = np.abs(values)
    ranks = np.array([np.mean(np.flatnonzero(np.sort(sizes) == size)) + 1 for size in sizes])
    signs = np.array(list(product([0, 1], repeat=int(np.count_nonzero(values)))))
    totals = signs @ ranks[values != 0]
    return float(np.mean(totals >= ranks[values > 0].sum()))


@pytest.mark.parametrize("seed", range(6))
def test_the_p_value_is_that_of_all_signs_listed(seed: int) -> None:
    draw = np.random.default_rng(seed)
    values = draw.normal(0.5, 1, 9) if seed % 2 else draw.integers(-2, 4, 9).astype(float)  # odd: no ties
    assert signed_rank_p(values) == pytest.approx(p_by_listing(values), abs=1e-12)


def test_bounds_are_where_the_test_turns() -> None:
    values = np.random.default_rng(0).normal(0.3, 1, 15)
    low, high = shift_bounds(values, 0.02)
    step = 1e-9
    assert signed_rank_p(values - low + step) <= 0.02 < signed_rank_p(values - low - step)
    assert signed_rank_p(high - values + step) <= 0.02 < signed_rank_p(high - values - step)
    assert low < median_shift(values) < high


def test_few_pairs_bound_nothing() -> None:
    assert shift_bounds([0.1] * 6, 0.01) == (-math.inf, math.inf)
    assert signed_rank_p([0.0, 0.0]) == 1.0


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
