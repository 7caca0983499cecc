import math

import numpy as np
import pytest

from seqbench.statistics.shift import independent_shift, paired_shift

INF = math.inf


def test_intervals_agree_with_the_critical_values_of_published_tables() -> None:
    # Hollander, Wolfe & Chicken 2013, tables A.4 and A.6: 8 pairs leave out 3 means at each end, 8 and 8 seeds 13.
    paired = paired_shift(np.zeros(8), 2.0 ** np.arange(8))
    means = sorted((2.0**i + 2.0**j) / 2 for i in range(8) for j in range(i, 8))
    assert paired.interval == (means[3], means[-4])
    groups = independent_shift(np.zeros(8), 2.0 ** np.arange(8))
    assert groups.interval == (2.0**1, 2.0**6)  # each difference 8 times: the 14th smallest and largest


@pytest.mark.parametrize("n", [6, 10, 20])
@pytest.mark.parametrize("paired", [True, False])
def test_interval_covers_the_shift_and_excludes_0_just_where_the_test_rejects(paired: bool, n: int) -> None:
    rng, covered, agree = np.random.default_rng(n), [], []
    for _ in range(300):
        a = rng.normal(0, 1, n)
        b = (a if paired else rng.normal(0, 1, n)) + 1.0 + (rng.normal(0, 0.7, n) if paired else 0)
        found = paired_shift(a, b) if paired else independent_shift(a, b)
        assert found.interval is not None
        covered.append(found.interval[0] <= 1.0 <= found.interval[1])
        agree.append((found.p <= 0.05) == (not found.interval[0] <= 0 <= found.interval[1]))
    assert np.mean(covered) >= 0.92
    assert all(agree)


def test_pairs_find_what_groups_do_not() -> None:
    a = np.random.default_rng(1).normal(0, 1, 10)
    b = a + 0.1 + np.random.default_rng(2).normal(0, 0.02, 10)
    assert paired_shift(a, b).p < 0.01 < 0.3 < independent_shift(a, b).p


def test_runs_without_a_score_on_both_sides_are_equally_bad() -> None:
    both = paired_shift([-INF] * 6, [-INF] * 6)
    assert (both.value, both.p) == (0.0, 1.0)
    lost = independent_shift([0.5] * 6, [-INF] * 6)
    assert lost.value == -INF
    assert lost.p < 0.01


def test_four_seeds_have_no_interval_and_five_pairs_no_reachable_verdict() -> None:
    assert independent_shift([1, 2, 3, 4], [5, 6, 7, 8]).interval is None
    assert independent_shift([1, 2, 3, 4], [5, 6, 7, 8]).why == "fewer than 5 seeds"
    five = paired_shift([1, 2, 3, 4, 5], [6, 7, 8, 9, 10])
    assert (five.interval, five.why, five.smallest) == (None, "5 pairs are too few", 0.0625)


def test_unequal_numbers_are_no_pairs() -> None:
    with pytest.raises(ValueError, match="got 2 and 3"):
        paired_shift([1, 2], [1, 2, 3])


def test_thousands_of_seeds_take_no_more_than_a_moment() -> None:
    a, b = np.random.default_rng(0).normal(0, 1, (2, 3000))
    for found in (paired_shift(a, b + 0.5), independent_shift(a[:500], b[:500] + 0.5)):
        assert found.p < 0.001
        assert found.interval is not None
        assert found.interval[0] < 0.5 < found.interval[1]
