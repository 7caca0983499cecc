import math
from itertools import product

import numpy as np
import pytest
from scipy import stats

from seqbench.statistics.permutation import doubled_midranks
from seqbench.statistics.signed_ranks import one_sided_p, two_sided_p

INF = math.inf


def p_by_listing(values: np.ndarray) -> float:
    """All signs listed, with midranks."""
    sizes = np.abs(values)
    ranks = np.array([np.mean(np.flatnonzero(np.sort(sizes) == size)) + 1 for size in sizes])
    signs = np.array(list(product([0, 1], repeat=int(np.count_nonzero(values)))))
    totals = signs @ ranks[values != 0]
    return float(np.mean(totals >= ranks[values > 0].sum()))


@pytest.mark.parametrize("seed", range(6))
def test_one_sided_p_is_that_of_all_signs_listed(seed: int) -> None:
    draw = np.random.default_rng(seed)
    values = draw.normal(0.5, 1, 9) if seed % 2 else draw.integers(-2, 4, 9).astype(float)  # odd: no ties
    assert one_sided_p(values) == pytest.approx(p_by_listing(values), abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_two_sided_p_agrees_with_scipys_exact_test(seed: int) -> None:
    differences = np.random.default_rng(seed).normal(0.4, 1, 12)
    assert two_sided_p(differences) == pytest.approx(np.asarray(stats.wilcoxon(differences, method="exact"))[1])


def test_two_sided_p_with_ties_and_infinities_agrees_with_going_through_all_signs() -> None:
    differences = np.array([1.0, 1.0, -2.0, 3.0, INF, 2.0, 0.0])
    ranks = stats.rankdata(np.abs(differences[differences != 0]))
    observed = abs(ranks @ np.sign(differences[differences != 0]))
    sums = [abs(ranks @ np.array(signs)) for signs in product((-1, 1), repeat=6)]
    assert two_sided_p(differences) == pytest.approx(np.mean(np.array(sums) >= observed - 1e-9))


def test_many_pairs_take_the_normal_approximation_and_agree_with_scipys() -> None:
    differences = np.random.default_rng(0).normal(0.1, 1, 300)
    expected = np.asarray(stats.wilcoxon(differences, method="approx", correction=False))[1]
    assert two_sided_p(differences) == pytest.approx(expected)


def test_zeros_count_for_neither_side() -> None:
    assert one_sided_p([0.0, 0.0]) == 1.0


def test_zeros_keep_their_ranks_so_that_a_worse_seed_never_speaks_against_worse() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        values = rng.permutation(np.arange(1.0, 8.0)) * rng.choice([-1, 1], 7)
        values[rng.random(7) < 0.3] = 0.0
        for place in range(7):
            raised = np.where(np.arange(7) == place, values + 0.5, values)
            assert one_sided_p(raised) <= one_sided_p(values) + 1e-12


def test_zeros_are_left_out_of_the_two_sided_p_as_scipy_does_by_itself() -> None:
    differences = [0.0, 0.0, 1.5, -2.5, 3.5, 4.5, 5.5, 6.5, 7.5]
    assert two_sided_p(differences) == pytest.approx(np.asarray(stats.wilcoxon(differences, method="exact"))[1])


def test_doubled_midranks_are_twice_scipys() -> None:
    values = np.array([3.0, -INF, 1.0, 3.0, INF, 1.0, 3.0])
    assert doubled_midranks(values).tolist() == (2 * stats.rankdata(values)).tolist()
