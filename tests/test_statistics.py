import math
from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from seqbench.report.comparison import compare_to_reference
from seqbench.statistics import (
    holm,
    iqm,
    iqm_interval,
    median_interval,
    median_steps,
    permutation_p,
    probability_of_improvement,
    smallest_p,
    summarise,
    t_interval,
    wilson_interval,
)


def coverage(hits: np.ndarray, nominal: float) -> bool:
    """Whether simulated coverage lies within 4 standard errors of ``nominal``."""
    return abs(hits.mean() - nominal) < 4 * math.sqrt(nominal * (1 - nominal) / hits.size)


@pytest.mark.parametrize(("n", "level"), [(5, 0.95), (10, 0.8)])
def test_t_interval_covers_the_mean_as_often_as_it_says(n: int, level: float) -> None:
    samples = np.random.default_rng(0).normal(3.0, 2.0, (1500, n))
    bounds = np.array([t_interval(sample.tolist(), level) for sample in samples])
    assert coverage((bounds[:, 0] < 3.0) & (bounds[:, 1] > 3.0), level)


def test_t_interval_agrees_with_scipy() -> None:
    values = [0.2, 0.5, 0.9, 0.4, 0.1]
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert t_interval(values) == pytest.approx((expected.low, expected.high), rel=1e-12)


def test_t_interval_covers_a_mixed_cell_badly_which_is_why_summarise_refuses_it() -> None:
    samples = (np.random.default_rng(0).random((2000, 5)) < 0.9).astype(float)
    bounds = np.array([t_interval(sample.tolist()) for sample in samples])
    assert np.mean((bounds[:, 0] < 0.9) & (bounds[:, 1] > 0.9)) < 0.7
    assert summarise([1, 1, 1, 1, 0], [True] * 4 + [False], [1, 1, 1, 1, None]).interval is None


@pytest.mark.parametrize("n", [5, 10, 30])
def test_wilson_interval_covers_every_rate_about_as_often_as_it_says(n: int) -> None:
    bounds = [wilson_interval(k, n) for k in range(n + 1)]
    rates = np.linspace(0.02, 0.98, 97)
    covered = [
        math.fsum(float(stats.binom.pmf(k, n, p)) for k, (low, high) in enumerate(bounds) if low <= p <= high)
        for p in rates
    ]
    assert 0.94 < np.mean(covered) < 0.975
    assert min(covered) > 0.82  # Wilson's lowest coverage, near 0 and 1 (Agresti & Coull 1998)


def test_wilson_interval_agrees_with_scipy() -> None:
    for k in range(8):
        expected = stats.binomtest(k, 7).proportion_ci(method="wilson")
        assert wilson_interval(k, 7) == pytest.approx((expected.low, expected.high), rel=1e-12, abs=1e-15)


@pytest.mark.parametrize(("k", "n"), [(-1, 5), (6, 5), (0, 0)])
def test_wilson_interval_refuses_impossible_counts(k: int, n: int) -> None:
    with pytest.raises(ValueError, match=f"got {k} of {n}"):
        wilson_interval(k, n)


@pytest.mark.parametrize("values", [[1.0], [], [1.0, math.nan], [1.0, math.inf]])
def test_t_interval_refuses_what_has_no_interval(values: list[float]) -> None:
    with pytest.raises(ValueError, match="at least 2 finite"):
        t_interval(values)


def test_unsolved_runs_count_as_infinite_in_the_median() -> None:
    assert median_steps([5, None, 1]) == 5
    assert median_steps([1, 3, None, None]) == math.inf
    assert median_steps([1, 3]) == 2
    assert median_steps([None]) == math.inf


@pytest.mark.parametrize("n", [6, 9, 15])
def test_median_interval_covers_the_median_at_least_as_often_as_it_says(n: int) -> None:
    samples = np.random.default_rng(1).exponential(size=(1000, n))
    bounds = np.array([median_interval(sample.tolist()) for sample in samples])
    assert np.mean((bounds[:, 0] <= math.log(2)) & (bounds[:, 1] >= math.log(2))) > 0.93


def test_median_interval_takes_the_narrowest_pair_that_covers() -> None:
    # 15 values: ranks 4 and 12 cover 96.5 %, ranks 5 and 11 only 88.2 %.
    assert median_interval(list(range(1, 16))) == (4.0, 12.0)


def test_five_values_support_no_interval_of_the_median() -> None:
    assert median_interval([1, 2, 3, 4, 5]) is None
    assert median_interval([]) is None


def test_iqm_drops_a_quarter_at_each_end() -> None:
    assert iqm([9, 1, 2, 3, 4, 5, 6, -50]) == pytest.approx(3.5)
    assert iqm(np.arange(20).reshape(4, 5)) == pytest.approx(9.5)


def test_iqm_interval_is_stratified_so_differences_between_tasks_do_not_widen_it() -> None:
    constant = [[0.0] * 5, [1.0] * 5]
    assert iqm_interval(constant) == (0.5, 0.5)
    assert iqm_interval([[0.1, 0.2, 0.3, 0.4, 0.9]]) == iqm_interval([[0.1, 0.2, 0.3, 0.4, 0.9]])


def test_iqm_interval_covers_about_as_often_as_known_for_ten_seeds() -> None:
    rng = np.random.default_rng(2)
    bounds = np.array([iqm_interval(rng.normal(0, 1, (4, 10)).tolist(), draws=300) for _ in range(300)])
    assert 0.88 < np.mean((bounds[:, 0] <= 0) & (bounds[:, 1] >= 0)) < 0.98


@pytest.mark.parametrize("seed", range(5))
def test_permutation_p_agrees_with_scipys_exact_test_without_ties(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.normal(0, 1, 5), rng.normal(0.8, 1, 6)
    expected = stats.mannwhitneyu(a, b, method="exact").pvalue
    assert permutation_p(a.tolist(), b.tolist()) == pytest.approx(expected, rel=1e-9)


def test_permutation_p_with_ties_agrees_with_going_through_all_splits() -> None:
    a, b = [1, 1, 2, -math.inf], [1, 2, 2, 3, 3]
    ranks = stats.rankdata([*a, *b])
    splits = [ranks[list(chosen)].sum() for chosen in combinations(range(9), 4)]
    centre, seen = np.mean(splits), ranks[:4].sum()
    expected = np.mean([abs(split - centre) >= abs(seen - centre) - 1e-9 for split in splits])
    assert permutation_p(a, b) == pytest.approx(expected)
    assert 0 < expected < 1


def test_permutation_p_is_at_most_alpha_as_often_as_alpha_when_nothing_differs() -> None:
    rng = np.random.default_rng(3)
    p = [permutation_p(a, b) for a, b in rng.normal(0, 1, (400, 2, 5)).tolist()]
    assert np.mean(np.array(p) <= 0.05) < 0.08
    assert permutation_p([1, 1, 1], [1, 1, 1]) == 1.0


def test_large_groups_take_the_normal_approximation() -> None:
    a, b = list(range(30)), list(range(10, 40))
    assert permutation_p(a, b) == pytest.approx(stats.mannwhitneyu(a, b).pvalue, rel=0.05)


def test_smallest_p_is_reached_by_groups_that_do_not_overlap() -> None:
    for n, m in ((3, 3), (5, 5), (4, 7)):
        assert permutation_p(list(range(n)), list(range(n, n + m))) == pytest.approx(smallest_p(n, m))


def test_holm_agrees_with_a_case_by_hand() -> None:
    # sorted .005 .01 .03 .04 times 4 3 2 1 = .02 .03 .06 .04; the last may not fall below the one before it
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_probability_of_improvement_counts_pairs_and_half_of_ties() -> None:
    probability, (low, high) = probability_of_improvement([1, 3], [1, 2])
    assert probability == pytest.approx((0.5 + 0 + 1 + 1) / 4)
    assert low < probability < high


def test_five_against_five_can_be_decided_in_a_family_of_four_but_not_of_seven() -> None:
    reference, better = [0.0, 0.1, 0.2, 0.3, 0.4], [1.0, 1.1, 1.2, 1.3, 1.4]
    four = compare_to_reference([better] * 4, reference)
    assert [c.verdict for c in four] == ["better"] * 4
    assert four[0].p == pytest.approx(4 * 2 / 252)
    assert [c.verdict for c in compare_to_reference([better] * 7, reference)] == ["unreachable"] * 7


def test_fewer_than_five_seeds_are_never_decided() -> None:
    (found,) = compare_to_reference([[1.0] * 4], [0.0] * 30)
    assert (found.verdict, found.p) == ("unreachable", None)


def test_worse_and_undecided_are_told_apart() -> None:
    low, middle = [-1.0] * 6, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    worse, same = compare_to_reference([low, middle], middle)
    assert (worse.verdict, same.verdict) == ("worse", "undecided")


def test_failed_runs_lose_to_every_run_with_a_score() -> None:
    (found,) = compare_to_reference([[-math.inf] * 5], [0.0, 0.1, 0.2, 0.3, 0.4])
    assert (found.verdict, found.probability) == ("worse", 0.0)


def test_false_verdicts_within_a_family_are_rarer_than_alpha() -> None:
    rng = np.random.default_rng(4)
    wrong = 0
    for _ in range(150):
        groups = rng.normal(0, 1, (4, 6)).tolist()
        wrong += any(c.verdict in ("better", "worse") for c in compare_to_reference(groups[:3], groups[3]))
    assert wrong / 150 < 0.08


def test_all_solved_or_none_gives_an_interval_and_some_does_not() -> None:
    scores = [0.9, 0.91, 0.92, 0.93, 0.94]
    for solved in ([True] * 5, [False] * 5, None):
        assert summarise(scores, solved, None).interval == t_interval(scores)
    mixed = summarise(scores, [True, False, False, False, False], [10, None, None, None, None])
    assert mixed.interval is None
    assert mixed.rate_interval == wilson_interval(1, 5)
    assert mixed.median_steps == math.inf


def test_four_seeds_get_no_interval_of_any_kind() -> None:
    summary = summarise([1.0] * 4, [True] * 4, [1, 2, 3, 4])
    assert (summary.interval, summary.rate_interval, summary.median_interval) == (None, None, None)
    assert summary.why == "fewer than 5 seeds"
    assert (summary.solved, summary.median_steps) == (4, 2.5)


def test_missing_scores_stay_in_the_denominator_and_forbid_an_interval() -> None:
    summary = summarise([0.5, None, 0.5, 0.5, 0.5, 0.5], [False] * 6, [None] * 6)
    assert (summary.runs, summary.mean, summary.interval) == (6, 0.5, None)
    assert summary.why == "1 of 6 runs left no score"
    assert summarise([None] * 5, None, None).mean is None
