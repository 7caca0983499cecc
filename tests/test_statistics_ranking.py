import numpy as np
import pytest
from scipy import stats

from seqbench.statistics.crossing import crossing_point, isotonic, next_length
from seqbench.statistics.ranking import critical_difference, rank_intervals, win_rates

T, F = True, False


# ------------------------------------------------------------------ ranks from seeds


def test_ranks_are_certain_where_every_pair_differs() -> None:
    base = np.arange(8.0)
    found = rank_intervals([[base + 20, base + 20], [base, base], [base + 10, base + 10]])
    assert found.ranks is not None
    assert [(r.rank, r.low, r.high) for r in found.ranks] == [(1, 1, 1), (3, 3, 3), (2, 2, 2)]


def test_equal_architectures_share_a_rank_and_no_place_is_excluded() -> None:
    found = rank_intervals([[[1.0] * 10]] * 3)
    assert found.ranks is not None
    assert [(r.rank, r.low, r.high) for r in found.ranks] == [(1, 1, 3)] * 3


def test_there_is_no_ranking_of_four_seeds() -> None:
    found = rank_intervals([[[1.0] * 9, [1.0] * 4], [[2.0] * 9, [2.0] * 9]])
    assert (found.ranks, found.why) == (None, "fewer than 5 seeds")


def test_five_seeds_of_one_task_rank_three_architectures_but_not_six() -> None:
    spread = np.arange(5.0)
    three = rank_intervals([[spread + 10 * i] for i in range(3)]).ranks
    six = rank_intervals([[spread + 10 * i] for i in (5, 1, 4, 0, 2, 3)]).ranks
    assert three is not None
    assert six is not None
    assert [r.low for r in three] == [3, 2, 1]
    assert {(r.low, r.high) for r in six} == {(1, 6)}  # 15 pairs: the smallest p is 0.12


# ------------------------------------------------------------------ ranks over tasks


def test_win_rates_are_chances_against_a_run_of_any_other_on_each_task() -> None:
    scores = [[[4, 4], [0]], [[4, 1], [1]], [[-np.inf, -np.inf], [2]]]
    assert win_rates(scores) == pytest.approx(np.array([[0.875, 0.625, 0], [0, 0.5, 1]]))
    shuffled = win_rates([scores[2], scores[0], scores[1]])
    assert shuffled == pytest.approx(win_rates(scores)[:, [2, 0, 1]])


def test_friedman_and_mean_ranks_agree_with_scipy() -> None:
    scores = np.round(np.random.default_rng(0).normal([0, 0.5, 1, 1.5], 1, (9, 4)), 1)
    found = critical_difference(scores)
    assert found.p == pytest.approx(stats.friedmanchisquare(*scores.T).pvalue)
    assert found.mean_ranks == pytest.approx(stats.rankdata(-scores, axis=1).mean(0))


@pytest.mark.parametrize(("number", "q"), [(3, 2.343), (4, 2.569), (5, 2.728), (10, 3.164)])
def test_critical_difference_uses_the_published_table(number: int, q: float) -> None:
    # Demsar 2006, Table 5 (a): critical values of the two-tailed Nemenyi test at 0.05
    scores = np.random.default_rng(0).normal(0, 1, (14, number))
    expected = q * np.sqrt(number * (number + 1) / (6 * 14))
    assert critical_difference(scores).difference == pytest.approx(expected, rel=5e-4)


@pytest.mark.parametrize(("number", "alpha"), [(3, 0.1), (5, 0.05), (12, 0.01), (40, 0.05)])
def test_critical_difference_is_that_of_scipys_studentized_range(number: int, alpha: float) -> None:
    found = critical_difference(np.random.default_rng(1).normal(0, 1, (7, number)), alpha).difference
    q = stats.studentized_range.ppf(1 - alpha, number, np.inf) / np.sqrt(2)
    assert found == pytest.approx(q * np.sqrt(number * (number + 1) / 42), rel=1e-6)


def test_groups_are_the_largest_sets_that_do_not_differ() -> None:
    found = critical_difference(np.tile([0.1, 0.9, 0.8, 0.7], (10, 1)))  # critical difference 1.48, ranks 4 1 2 3
    assert found.groups == ((1, 2), (2, 3), (3, 0))


def test_where_friedman_does_not_reject_all_are_one_group() -> None:
    scores = np.array([[1, 2, 3], [2, 3, 1], [3, 1, 2], [1, 3, 2], [2, 1, 3.0]])
    found = critical_difference(scores)
    assert found.p is not None
    assert found.p > 0.5
    assert [sorted(group) for group in found.groups] == [[0, 1, 2]]
    assert critical_difference(np.ones((6, 3))).p == 1.0


def test_four_tasks_give_mean_ranks_only() -> None:
    found = critical_difference(np.tile([1.0, 2.0, 3.0], (4, 1)))
    assert (found.mean_ranks, found.p, found.groups, found.why) == ((3, 2, 1), None, (), "fewer than 5 tasks")


def test_two_architectures_and_missing_scores_are_refused() -> None:
    for scores in (np.ones((6, 2)), np.full((6, 3), np.nan)):
        with pytest.raises(ValueError, match="at least 3 architectures"):
            critical_difference(scores)


# ------------------------------------------------------------------ how long is still solved


@pytest.mark.parametrize("seed", range(5))
def test_isotonic_fit_agrees_with_scipy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    runs = rng.integers(1, 20, 7)
    counts = rng.binomial(runs, 0.5, (3, 7))
    for fitted, row in zip(isotonic(counts, runs), counts, strict=True):
        expected = stats_isotonic(row / runs, runs)
        assert fitted == pytest.approx(expected)


def stats_isotonic(rates: np.ndarray, weights: np.ndarray) -> np.ndarray:
    from scipy.optimize import isotonic_regression

    return isotonic_regression(rates, weights=weights, increasing=False).x


@pytest.mark.parametrize(
    ("solved", "expected"),
    [
        ([[T] * 4, [T] * 4, [F] * 4], 20 * 2**0.5),  # in the middle, on the logarithmic axis
        ([[T] * 4, [T, T, T, F], [F] * 4], 20 * 2 ** (0.25 / 0.75)),
        ([[T] * 4, [T, T, F, F], [F] * 4], 20),  # one half where it was measured
        ([[T, T, F, F], [T, T, F, F], [F] * 4], 10 * 2**0.5),  # the middle of where it is one half
        ([[T, F, F, F], [F] * 4, [F] * 4], 0),
        ([[T] * 4, [T] * 4, [T, T, T, F]], np.inf),
        ([[T, T, F, F], [T] * 4, [F] * 4], 20 * 2 ** (0.25 / 0.75)),  # a solve rate that rises is levelled: 3/4, 3/4, 0
    ],
)
def test_crossing_is_where_the_levelled_rate_is_one_half(solved: list[list[bool]], expected: float) -> None:
    assert crossing_point([10, 20, 40], solved).value == pytest.approx(expected)


def test_interval_ends_at_lengths_that_were_measured() -> None:
    found = crossing_point([10, 20, 40, 80], [[T] * 10, [T] * 9 + [F], [T] * 3 + [F] * 7, [F] * 10])
    assert found.interval == pytest.approx((20, 80))
    assert found.why is None


def test_all_or_none_solved_gives_a_bound_on_one_side() -> None:
    every, none = crossing_point([10, 20], [[T] * 6] * 2), crossing_point([10, 20], [[F] * 6] * 2)
    assert every.interval == pytest.approx((20, np.inf))
    assert every.why == "solved too often at the longest length: only a lower bound"
    assert none.interval == pytest.approx((0, 10))
    assert none.why == "solved too rarely at the shortest length: only an upper bound"


def test_four_seeds_at_any_length_give_no_interval_of_the_crossing() -> None:
    found = crossing_point([10, 20], [[T] * 9, [F] * 4])
    assert (found.value, found.interval, found.why) == (pytest.approx(10 * 2**0.5), None, "fewer than 5 seeds")


@pytest.mark.parametrize("lengths", [[20, 10], [10, 10], [0, 10], [10]])
def test_lengths_that_do_not_rise_or_lack_seeds_are_refused(lengths: list[float]) -> None:
    with pytest.raises(ValueError, match="rising lengths"), np.errstate(divide="ignore"):
        crossing_point(lengths, [[T] * 5, [F] * 5])


@pytest.mark.parametrize(
    ("lengths", "solved", "expected"),
    [
        ([10, 40], [[T] * 5, [F] * 5], 20),
        ([10, 11, 40], [[T] * 5, [F] * 5, [F] * 5], None),  # a factor of 1.1 apart
        ([2, 3], [[T] * 5, [F] * 5], None),  # no whole number lies between
        ([10, 20, 40], [[T] * 5] * 3, None),
        ([10, 20, 40], [[F] * 5] * 3, None),
        ([10, 20, 40], [[T, T, F, F], [T, T, F, F], [F] * 4], 28),  # one half counts as solved
        ([10, 20, 40, 80], [[T] * 5, [F] * 5, [T] * 3 + [F] * 2, [F] * 5], 14),  # the fit levels 20 and 40
    ],
)
def test_next_length_halves_the_gap_in_which_the_rate_falls_through_one_half(
    lengths: list[int], solved: list[list[bool]], expected: int | None
) -> None:
    assert next_length(lengths, solved, 1.1) == expected


def test_seeds_that_are_alike_at_all_lengths_widen_the_interval() -> None:
    solved = [[T] * (8 - failing) + [F] * failing for failing in range(9)]
    lengths = [10 * 2**octave for octave in range(9)]
    apart, whole = crossing_point(lengths, solved), crossing_point(lengths, solved, same_seeds=True)
    assert apart.interval is not None
    assert whole.interval is not None
    assert whole.interval[0] < apart.interval[0]
    assert whole.interval[1] > apart.interval[1]
    assert whole.value == apart.value
