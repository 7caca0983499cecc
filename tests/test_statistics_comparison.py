import math
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from functools import reduce
from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from seqbench.statistics.improvement import _shown, _wins, probability_of_improvement, win_rate
from seqbench.statistics.permutation import (
    MOST_EXACT,
    chance_of_extreme,
    holm,
    permutation_p,
    seeds_needed,
    smallest_p,
    stratified_p,
)
from seqbench.statistics.seeds import by_kind
from seqbench.statistics.speed import ratio_of_times
from seqbench.statistics.verdict import (
    compare_across_tasks,
    compare_families,
    compare_to_reference,
    seeds_to_decide,
)

INF = math.inf


def rank_sums(a: Sequence[float], b: Sequence[float]) -> tuple[np.ndarray, float]:
    """The excess of every split's rank sum over the expected one, by going through all; and the observed one."""
    ranks, n = stats.rankdata([*a, *b]), len(a)
    centre = n * (len(ranks) + 1) / 2
    every = np.array([ranks[list(chosen)].sum() for chosen in combinations(range(len(ranks)), n)])
    return every - centre, ranks[:n].sum() - centre


# ------------------------------------------------------------------ exact tests


@pytest.mark.parametrize("seed", range(5))
def test_permutation_p_agrees_with_scipys_exact_test_without_ties(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.normal(0, 1, 5 + seed), rng.normal(0.8, 1, 6)
    assert permutation_p(a, b) == pytest.approx(stats.mannwhitneyu(a, b, method="exact").pvalue, rel=1e-9)


def test_permutation_p_of_20_against_20_agrees_with_scipy() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 1, 20), rng.normal(0.6, 1, 20)
    assert permutation_p(a, b) == pytest.approx(stats.mannwhitneyu(a, b, method="exact").pvalue, rel=1e-9)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ([1, 1, 2, -INF], [1, 2, 2, 3, 3]),
        ([10, 20, INF, INF, INF], [10, 10, 20, 20, 40, INF]),  # steps to solve, unsolved runs tied at infinity
        ([0, 0, 0, 0, 1], [1, 1, 1, 1, 1]),
        ([0, 0, 1, 1, 1, 4], [0, 2, 2]),  # more in the first: chances above and below what is expected differ
    ],
)
def test_permutation_p_with_ties_agrees_with_going_through_all_splits(a: list[float], b: list[float]) -> None:
    every, seen = rank_sums(a, b)
    assert permutation_p(a, b) == pytest.approx(np.mean(np.abs(every) >= abs(seen) - 1e-9))
    assert 0 < permutation_p(a, b) < 1


def test_groups_without_a_difference_have_p_1() -> None:
    assert permutation_p([1, 1, 1], [1, 1, 1]) == 1.0
    assert stratified_p([([INF] * 5, [INF] * 5), ([1] * 5, [1] * 5)]) == pytest.approx(1.0)


def test_stratified_p_agrees_with_going_through_all_splits_of_both_tasks() -> None:
    pairs = [([1, 2, 2, 7], [2, 3, 5]), ([4, 4, 9], [4, 6, 1, 0])]
    parts = [(rank_sums(a, b), len(a) * len(b)) for a, b in pairs]
    every = np.add.outer(*(sums / size for (sums, _), size in parts))
    seen = sum(observed / size for (_, observed), size in parts)
    assert stratified_p(pairs) == pytest.approx(np.mean(np.abs(every) >= abs(seen) - 1e-9))


@pytest.mark.parametrize("most_multiplied", [10**7, 0])
def test_stratified_p_of_any_groups_agrees_with_going_through_all_splits(
    monkeypatch: pytest.MonkeyPatch, most_multiplied: int
) -> None:
    monkeypatch.setattr("seqbench.statistics.strata._MOST_MULTIPLIED", most_multiplied)
    rng, compared = np.random.default_rng(0), 0
    for _ in range(200):
        sizes = rng.integers(1, 5, (rng.integers(2, 4), 2)).tolist()
        pairs = [tuple(rng.integers(0, 6, n).astype(float) for n in both) for both in sizes]
        parts = [(rank_sums(*pair), pair[0].size * pair[1].size) for pair in pairs]
        every = reduce(np.add.outer, [sums / size for (sums, _), size in parts])
        seen = sum(observed / size for (_, observed), size in parts)
        p = stratified_p(pairs)
        assert p == pytest.approx(np.mean(np.abs(every) >= abs(seen) - 1e-9), rel=1e-9)
        compared += p < 1
    assert compared > 100


def test_thin_tails_of_many_tasks_agree_with_counting_all_splits_in_whole_numbers() -> None:
    rng = np.random.default_rng(1)
    for shift, thinnest in ((0.3, 1e-3), (2.0, 1e-42), (9.0, 1e-99)):
        pairs = [(np.round(rng.normal(shift, 1, 20), 1), np.round(rng.normal(0, 1, 20), 1)) for _ in range(9)]
        p = stratified_p(pairs)
        assert 0 < p < thinnest
        assert p == pytest.approx(float(counted_p(pairs)), rel=1e-9)


def counted_p(pairs: list[tuple[np.ndarray, np.ndarray]]) -> Fraction:
    """The same p for groups of one size, from ways in whole numbers.

    One number holds the ways to every sum of doubled ranks, each in as many of its bytes as none of them fills.
    """
    n = pairs[0][0].size
    width = math.comb(2 * n, n).bit_length() * len(pairs) // 8 + 1
    ways, seen, middle = 1, 0, len(pairs) * n * (2 * n + 1)
    for a, b in pairs:
        ranks = np.rint(2 * stats.rankdata([*a, *b])).astype(int).tolist()
        chosen = [1, *[0] * n]
        for rank in ranks:
            for number in range(n, 0, -1):
                chosen[number] += chosen[number - 1] << 8 * width * rank
        ways *= chosen[n]
        seen += sum(ranks[:n])
    digits = ways.to_bytes((2 * middle + 1) * width, "little")
    each = [int.from_bytes(digits[at * width : (at + 1) * width], "little") for at in range(2 * middle + 1)]
    away = abs(seen - middle)
    return Fraction(sum(each[: middle - away + 1]) + sum(each[middle + away :]), sum(each))


def test_tasks_of_different_sizes_weigh_the_same_and_opposite_results_cancel() -> None:
    up, down = ([6, 7, 8, 9, 10, 11], [1, 2, 3, 4, 5]), ([1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11, 12])
    assert stratified_p([up, down]) == pytest.approx(1.0)
    assert stratified_p([up, up]) < permutation_p(*up) < 0.01


@pytest.mark.parametrize("limit", ["permutation.MOST_EXACT", "strata._FINEST"])
def test_drawn_splits_agree_with_exact_ones(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    rng = np.random.default_rng(3)
    pairs = [(rng.normal(0.3, 1, 8), rng.normal(0, 1, 8)) for _ in range(3)]
    exact = stratified_p(pairs)
    monkeypatch.setattr(f"seqbench.statistics.{limit}", 10)
    drawn = stratified_p(pairs)
    assert 0.01 < exact < 0.5
    assert drawn == pytest.approx(exact, abs=4 * math.sqrt(exact / 20_000))
    assert stratified_p(pairs) == drawn != stratified_p(pairs, seed=1)


def test_large_groups_are_tested_by_drawn_splits() -> None:
    a, b = np.arange(60), np.arange(12, 72)
    assert a.size + b.size > MOST_EXACT
    expected = stats.mannwhitneyu(a, b).pvalue
    assert permutation_p(a, b) == pytest.approx(expected, abs=4 * math.sqrt(expected / 20_000))


def test_splits_are_drawn_in_blocks_so_that_memory_does_not_grow_with_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = np.arange(60), np.arange(12, 72)
    whole = permutation_p(a, b)
    monkeypatch.setattr("seqbench.statistics.permutation._BLOCK", 1000)
    assert permutation_p(a, b) == whole


@pytest.mark.soak
@pytest.mark.parametrize("fewer", [0, 1])
def test_all_66_pairs_on_24_tasks_of_40_seeds_are_decided_within_the_time_of_a_report(fewer: int) -> None:
    rng = np.random.default_rng(0)
    scores = [[rng.normal(0.02 * n, 0.2, 40 - fewer * (n % 2)).round(2) for _ in range(24)] for n in range(12)]
    pairs = [list(zip(a, b, strict=True)) for a, b in combinations(scores, 2)]
    began = time.process_time()
    each = [compare_families([[pair[task]] for pair in pairs]) for task in range(24)]  # as a matrix asks for them
    overall = compare_families(pairs)
    took = time.process_time() - began
    print(f"{took:.1f} s")
    assert {len(found) for found in (*each, overall)} == {66}
    assert took < 30


@pytest.mark.parametrize("groups", [([1.0, math.nan], [1.0]), ([], [1.0])])
def test_tests_and_improvement_refuse_nan_and_empty_groups(groups: tuple[list[float], list[float]]) -> None:
    for function in (stratified_p, probability_of_improvement):
        with pytest.raises(ValueError, match="not NaN"):
            function([groups])


def test_smallest_p_is_reached_by_groups_that_do_not_overlap() -> None:
    for n, m in ((3, 3), (5, 5), (4, 7)):
        assert permutation_p(list(range(n)), list(range(n, n + m))) == pytest.approx(smallest_p(n, m))


@pytest.mark.parametrize("comparisons", [1, 4, 6, 7, 15, 100])
def test_seeds_needed_is_the_first_number_with_which_a_family_can_be_decided(comparisons: int) -> None:
    seeds = seeds_needed(comparisons)
    assert comparisons * smallest_p(seeds, seeds) < 0.05
    assert seeds == 5 or comparisons * smallest_p(seeds - 1, seeds - 1) >= 0.05


def test_holm_agrees_with_a_case_by_hand() -> None:
    # sorted .005 .01 .03 .04 times 4 3 2 1 = .02 .03 .06 .04; the last may not fall below the one before it
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


# ------------------------------------------------------------------ probability of improvement


def test_one_seed_has_a_probability_and_no_interval() -> None:
    alone = np.array([[0.5], [0.7]])
    for a, b in (([1.0], [0.5]), ([1.0, 2.0], [0.5]), ([1.0], [0.5, 0.7]), (alone + 1, alone)):
        found = probability_of_improvement([(a, b)])
        assert (found.value, found.interval, found.why) == (1.0, None, "fewer than 5 seeds")


def test_groups_on_unlike_numbers_of_tasks_are_refused() -> None:
    for function in (stratified_p, probability_of_improvement):
        with pytest.raises(ValueError, match=r"shapes|zip"):
            function([(np.ones((2, 6)), np.ones((3, 4)))])


def test_what_seeds_show_is_the_same_whether_all_are_on_all_tasks_or_one_is_on_none() -> None:
    """Two ways lead to the variance: the quick one of whole strata, and that of those with gaps."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(3, 7)), rng.normal(size=(3, 6))
    whole = _shown(_wins(a, b))
    with_gap = np.concatenate([_wins(a, b), np.full((3, 1, 6), np.nan)], axis=1)
    assert _shown(with_gap) == pytest.approx(whole, rel=1e-12)


def test_probability_of_improvement_counts_pairs_and_half_of_ties() -> None:
    assert probability_of_improvement([([1, 3], [1, 2])]).value == pytest.approx((0.5 + 0 + 1 + 1) / 4)
    assert probability_of_improvement([([-INF] * 5, [-INF] * 5)]).value == 0.5


def test_probability_of_improvement_is_mann_whitneys_statistic() -> None:
    rng = np.random.default_rng(5)
    a, b = np.round(rng.normal(0, 1, 9), 1), np.round(rng.normal(0, 1, 6), 1)
    assert probability_of_improvement([(a, b)]).value == pytest.approx(stats.mannwhitneyu(a, b).statistic / 54)


def hanley_mcneil(truth: float, n: int, m: int) -> float:
    shape = 1 + ((n + m) / 2 - 1) * ((1 - truth) / (2 - truth) + truth / (1 + truth))
    return truth * (1 - truth) * shape / (n * m)


def delong(a: list[float], b: list[float]) -> float:
    """Variance of the win rate from what each run wins, written out."""
    wins = [[(x > y) + (x == y) / 2 for y in b] for x in a]
    of_a = [sum(row) / len(b) for row in wins]
    of_b = [sum(row[place] for row in wins) / len(a) for place in range(len(b))]
    return statistics.variance(of_a) / len(a) + statistics.variance(of_b) / len(b)


def kendall(scores: list[float]) -> float:
    """What ties take from the variance of a rank sum, with two runs more that tie with none."""
    together, every = [scores.count(score) for score in {*scores}], len(scores) + 2
    return sum(t**3 - t for t in together) / (every**3 - every)


@pytest.mark.parametrize(
    ("a", "b", "wider"),
    [
        ([1, 2, 3, 4, 9], [0, 2, 5, 6, 7, 8], True),
        ([4, 5, 6, 7, 8], [1, 2, 3, 4.5, 5.5], False),
        ([6, 7, 8, 9, 10], [1, 2, 3, 4, 5], False),
        ([9, 9.1, 9.2, 9.3, 9.4, 9.5, 1, 1.1], [5, 5.1, 5.2, 5.3, 5.4, 5.5], True),
        ([9, 9, 9, 9, 2], [9, 9, 9, 9, 9], False),
        ([9, 9, 9, 9, 3], [9, 9, 9, 9, 9, 2, 1, 0], False),
        ([1, 1, 1, 1, 9], [2, 2, 2, 2, 2], True),
    ],
)
def test_ends_of_the_interval_solve_newcombes_equation_with_the_larger_variance(
    a: list[float], b: list[float], wider: bool
) -> None:
    found = probability_of_improvement([(a, b)])
    assert found.interval is not None
    n, m, z = len(a), len(b), stats.norm.ppf(0.975)
    supposed = hanley_mcneil(found.value, n, m)
    untied = 1 - (min(n, m) / max(n, m)) ** 1.5 * kendall([*a, *b])
    assert (delong(a, b) > untied * supposed) == wider
    times = delong(a, b) / supposed if wider else untied
    for end in set(found.interval) - {0.0, 1.0}:
        assert (end - found.value) ** 2 == pytest.approx(z * z * times * hanley_mcneil(end, n, m), rel=1e-6)


def test_exchanging_the_groups_mirrors_the_interval() -> None:
    a, b = [1, 2, 3, 4, 9], [0, 2, 5, 6, 7, 8]
    here, there = probability_of_improvement([(a, b)]).interval, probability_of_improvement([(b, a)]).interval
    assert here is not None
    assert there is not None
    assert here == pytest.approx((1 - there[1], 1 - there[0]))


def test_complete_separation_is_not_certainty_and_more_tasks_make_it_surer() -> None:
    pair = ([6, 7, 8, 9, 10], [1, 2, 3, 4, 5])
    one, three = probability_of_improvement([pair]).interval, probability_of_improvement([pair] * 3).interval
    assert one is not None
    assert three is not None
    assert 0.6 < one[0] < three[0] < 1
    assert one[1] == three[1] == 1


# ------------------------------------------------------------------ strata: tasks that share their seeds


def ragged(rng: np.random.Generator, tasks: int, seeds: int) -> np.ndarray:
    """A stratum with ties of which every seed is on some tasks, and every task has a run."""
    while True:
        found = np.where(rng.random((tasks, seeds)) < 0.7, rng.integers(0, 5, (tasks, seeds)), np.nan)
        if not np.isnan(found).all(axis=0).any() and not np.isnan(found).all(axis=1).any():
            return found


def share_won(a: np.ndarray, b: np.ndarray) -> float:
    """The mean over tasks of the pairs of runs that are won, written out."""
    shares = []
    for first, second in zip(a, b, strict=True):
        wins = [(x > y) + (x == y) / 2 for x in first for y in second if not math.isnan(x + y)]
        shares.append(sum(wins) / len(wins))
    return float(np.mean(shares))


def every_share(a: np.ndarray, b: np.ndarray) -> list[float]:
    """The same of all splits in which as many seeds of each set of tasks are in the first group as there were."""
    both, n = np.concatenate([a, b], axis=1), a.shape[1]
    tasks = [tuple(seed) for seed in np.isnan(both).T]
    found = []
    for chosen in combinations(range(len(tasks)), n):
        if Counter(tasks[seed] for seed in chosen) == Counter(tasks[:n]):
            others = [seed for seed in range(len(tasks)) if seed not in chosen]
            found.append(share_won(both[:, list(chosen)], both[:, others]))
    return found


@pytest.mark.parametrize("tasks", [(1,), (3,), (2, 1)])
def test_strata_are_tested_by_all_that_is_won_as_seeds_on_the_same_tasks_change_sides(tasks: tuple[int, ...]) -> None:
    rng, different = np.random.default_rng(8), 0
    for trial in range(12):
        make = ragged if trial % 2 else lambda rng, tasks, seeds: rng.integers(0, 5, (tasks, seeds)).astype(float)
        pairs = [(make(rng, number, int(rng.integers(2, 5))), make(rng, number, 4)) for number in tasks]
        each = [len(a) * (np.array(every_share(a, b)) - 0.5) for a, b in pairs]
        seen = sum(len(a) * (share_won(a, b) - 0.5) for a, b in pairs)
        p = stratified_p(pairs)
        assert p == pytest.approx(np.mean(np.abs(sum(np.ix_(*each))) >= abs(seen) - 1e-9))
        assert win_rate(pairs) == pytest.approx(0.5 + seen / sum(tasks))
        assert math.prod(chance_of_extreme(*pair) for pair in pairs) == pytest.approx(1 / math.prod(map(len, each)))
        different += p < 0.9
    assert different > 3


def test_seeds_that_only_one_side_has_on_their_tasks_count_but_decide_nothing() -> None:
    nowhere = [math.nan] * 6
    a, b = np.arange(6.0), np.arange(10.0, 16.0)
    shared, lost = [*nowhere, *a], [*nowhere, *b]
    alone = [*(100 + a), *nowhere], [*nowhere, *b]
    pair = np.array([alone[0], shared]), np.array([alone[1], lost])  # one task is won by seeds that are on it alone
    assert win_rate([pair]) == 0.5
    assert stratified_p([pair]) == 1.0
    assert stratified_p([(a, b)]) < 0.01


def test_too_few_seeds_on_the_same_tasks_leave_a_verdict_out_of_reach() -> None:
    cells = [([seed for seed in range(6) if seed != length], [9.0] * 5) for length in range(6)]
    whole = [(range(6), [1.0] * 6)] * 6
    (found,) = compare_families([[(a, b) for a, b in by_kind(["copy"] * 6, cells, whole)]])
    assert (found.verdict, found.seeds_needed) == ("unreachable", 5)
    assert found.why == (
        "the smallest p of 5 to 6 seeds in a family of 1 is 1; a verdict takes 5 or more that are on the same tasks"
    )


def test_the_same_runs_on_three_lengths_say_no_more_than_on_one() -> None:
    one = (np.array([6.0, 7, 8, 9, 2]), np.array([1.0, 3, 4, 5, 0]))
    three = (np.stack([one[0]] * 3), np.stack([one[1]] * 3))
    assert stratified_p([three]) == stratified_p([one]) > stratified_p([one] * 3)
    alone, apart, together = (probability_of_improvement(pairs) for pairs in ([one], [one] * 3, [three]))
    assert alone.value == apart.value == together.value
    assert alone.interval is not None
    assert apart.interval is not None
    assert together.interval is not None
    assert together.interval[0] <= alone.interval[0] < apart.interval[0]


def test_no_outcome_on_a_stratum_bounds_the_chance_to_win_higher_than_all_wins() -> None:
    won, lost = np.arange(30.0).reshape(6, 5) + 100, np.arange(30.0).reshape(6, 5)
    ends = []
    for barely in range(7):  # so many tasks on which one run loses against one
        won[:barely, 0] = lost[:barely, 4] - 0.5
        found = probability_of_improvement([(won, lost)])
        assert found.value == pytest.approx(1 - barely / 150)
        assert found.interval is not None
        ends.append(found.interval[0])
    assert ends == sorted(ends, reverse=True)
    assert ends[0] == ends[1] > 0.6


def test_runs_that_all_tie_do_not_make_a_stratum_say_more_than_a_task() -> None:
    one, six = (probability_of_improvement([(np.ones((tasks, 20)), np.ones((tasks, 20)))]) for tasks in (1, 6))
    assert one == six
    mixed = np.arange(240.0).reshape(6, 40) % 41
    alone, apart = (probability_of_improvement([(part[:, ::2], part[:, 1::2])]).interval for part in (mixed[:1], mixed))
    assert alone is not None
    assert apart is not None
    assert apart[1] - apart[0] < alone[1] - alone[0]


def test_what_six_lengths_of_one_kind_say_is_not_outvoted_by_two_other_tasks() -> None:
    low, high = np.arange(20.0), np.arange(100.0, 120.0)
    (found,) = compare_families([[(np.stack([low] * 6), np.stack([high] * 6)), (high, low), (high, low)]])
    assert (found.verdict, found.probability) == ("worse", 0.25)


def test_every_task_of_a_stratum_weighs_as_much_as_one_that_is_alone() -> None:
    won, lost = ([6.0, 7, 8, 9, 10], [1.0, 2, 3, 4, 5]), ([1.0, 2, 3, 4, 5], [6.0, 7, 8, 9, 10])
    three = (np.stack([won[0]] * 3), np.stack([won[1]] * 3))
    assert probability_of_improvement([three, lost]).value == win_rate([won, won, won, lost]) == 0.75


# ------------------------------------------------------------------ verdicts


def test_five_against_five_can_be_decided_in_a_family_of_six_but_not_of_seven() -> None:
    reference, better = [0.0, 0.1, 0.2, 0.3, 0.4], [1.0, 1.1, 1.2, 1.3, 1.4]
    six = compare_to_reference([better] * 6, reference)
    assert [c.verdict for c in six] == ["better"] * 6
    assert six[0].p == pytest.approx(6 * 2 / 252)
    seven = compare_to_reference([better] * 7, reference)
    assert [c.verdict for c in seven] == ["unreachable"] * 7
    assert seven[0].why == "the smallest p of 5 seeds in a family of 7 is 0.056; a verdict takes 6 or more"
    assert seven[0].seeds_needed == 6


def test_the_seeds_of_unequal_groups_are_told_from_the_fewest_to_the_most() -> None:
    nine = [1.0 + 0.1 * place for place in range(9)]
    found = compare_to_reference([nine] * 100, nine[:5])
    assert found[0].why is not None
    assert found[0].why.startswith("the smallest p of 5 to 9 seeds in a family of 100 is")


def test_several_tasks_at_once_need_fewer_seeds_than_one():
    few: list[list[float]] = [[1, 2, 3]] * 2
    found = compare_across_tasks([few] * 10, few)
    assert {c.seeds_needed for c in found} == {5}
    assert {c.seeds_needed for c in compare_to_reference([few[0]] * 10, few[0])} == {6}


def test_fewer_than_five_seeds_are_never_decided() -> None:
    (found,) = compare_to_reference([[1.0] * 4], [0.0] * 30)
    assert (found.verdict, found.p, found.probability) == ("unreachable", None, None)
    assert found.why == "fewer than 5 seeds; a verdict takes 5 or more"


def test_worse_and_undecided_are_told_apart() -> None:
    low, middle = [-1.0] * 6, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    worse, same = compare_to_reference([low, middle], middle)
    assert (worse.verdict, same.verdict) == ("worse", "undecided")
    assert (worse.meaningful, same.meaningful) == (True, False)
    assert worse.low_power


def test_an_undecided_comparison_says_how_many_seeds_would_decide_it() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(0.5, 1, 6), rng.normal(0, 1, 6)
    (found,) = compare_to_reference([a], b)
    assert (found.verdict, found.seeds_needed) == ("undecided", seeds_to_decide([(a, b)]))
    (same,) = compare_to_reference([[1, 1, 1, 1, 1]], [1, 1, 1, 1, 1])
    assert (same.verdict, same.seeds_needed) == ("undecided", None)


def noether(probability: float, comparisons: int = 1, tasks: int = 1) -> float:
    z = float(stats.norm.ppf(1 - 0.025 / comparisons) + stats.norm.ppf(0.8))
    return z**2 / (6 * tasks * (probability - 0.5) ** 2)


@pytest.mark.parametrize(("shift", "family", "tasks"), [(0.954, 1, 1), (0.954, 4, 1), (0.6, 1, 3)])
def test_that_many_seeds_decide_about_8_in_10_studies(shift: float, family: int, tasks: int) -> None:
    population = stats.norm.ppf((np.arange(200) + 0.5) / 200)
    seeds = seeds_to_decide([(population + shift, population)] * tasks, family)
    assert seeds is not None
    assert seeds == pytest.approx(noether(float(stats.norm.cdf(shift / math.sqrt(2))), family, tasks), rel=0.1)
    rng, decided = np.random.default_rng(family), []
    for _ in range(150):
        a = [[*rng.normal(shift, 1, (tasks, seeds))], *[list(rng.normal(0, 1, (tasks, seeds)))] * (family - 1)]
        decided.append(compare_across_tasks(a, list(rng.normal(0, 1, (tasks, seeds))))[0].verdict == "better")
    assert 0.7 <= np.mean(decided) <= 0.92


@pytest.mark.parametrize(("solved", "family"), [(0.6, 1), (0.6, 4), (0.75, 4)])
def test_that_many_seeds_decide_about_8_in_10_studies_where_most_runs_tie(solved: float, family: int) -> None:
    """Some solve and all of the others do: summed exactly, at less than half of what it would take without ties."""

    def scores(lost: int, n: int) -> list[float]:
        return [-1.0 - place for place in range(lost)] + [0.0] * (n - lost)

    seeds = seeds_to_decide([(scores(round(200 * (1 - solved)), 200), [0.0] * 200)], family)
    assert seeds is not None
    assert seeds < noether(solved / 2, family) / 2
    power = 0.0
    for lost in range(seeds + 1):
        chance = stats.binom.pmf(lost, seeds, 1 - solved)
        found = compare_to_reference([scores(lost, seeds)] * family, [0.0] * seeds)
        power += chance * (found[0].verdict == "worse")
    assert 0.72 <= power <= 0.92


def test_that_many_seeds_decide_about_8_in_10_studies_on_a_stratum_of_which_most_runs_tie() -> None:
    """A seed's runs on six tasks do well together; a win rate of 0.4 would take 186 seeds on one task without ties."""
    rng = np.random.default_rng(2)

    def study(seeds: int) -> tuple[np.ndarray, np.ndarray]:
        well = math.sqrt(0.6) * rng.normal(size=(6, seeds)) + math.sqrt(0.4) * rng.normal(size=seeds)
        return np.minimum(well - stats.norm.ppf(0.2), 0.0), np.zeros((6, seeds))

    seeds = seeds_to_decide([study(500)], 4)
    assert seeds is not None
    assert seeds < 25
    decided = [compare_families([[study(seeds)]] * 4)[0].verdict == "worse" for _ in range(60)]
    assert 0.7 <= np.mean(decided) <= 0.92


def test_groups_that_scatter_differently_take_the_seeds_that_the_interval_takes() -> None:
    between, mostly = np.arange(40.0), np.array([100.0 + place for place in range(28)] + [-1.0 - n for n in range(12)])
    seeds = seeds_to_decide([(mostly, between)])
    assert seeds is not None
    assert seeds > 1.4 * noether(0.7)
    power = 0.0
    for solved in range(seeds // 2, seeds + 1):  # fewer are never better
        scores = np.r_[100.0 + np.arange(solved), -1.0 - np.arange(seeds - solved)]
        (found,) = compare_to_reference([scores], np.arange(float(seeds)))
        power += stats.binom.pmf(solved, seeds, 0.7) * (found.verdict == "better")
    assert 0.72 <= power <= 0.92


def test_an_interval_on_one_side_alone_is_no_verdict() -> None:
    almost, reference = (
        [1, 5, 6, 7, 8],
        [0, 0.5, 2, 3, 0.7],
    )  # 23 of 25 pairs: p is 0.03 alone and 0.19 in a family of 6
    (alone,), family = compare_to_reference([almost], reference), compare_to_reference([almost] * 6, reference)
    assert alone.verdict == "better"
    assert family[0].verdict == "undecided"
    assert family[0].interval is not None
    assert family[0].interval[0] > 0.5


def test_a_clear_but_small_difference_is_not_meaningful() -> None:
    rng = np.random.default_rng(0)
    (found,) = compare_to_reference([rng.normal(0.7, 1, 50)], rng.normal(0, 1, 50))
    assert (found.verdict, found.meaningful, found.low_power) == ("better", False, False)


def test_failed_runs_lose_to_every_run_with_a_score() -> None:
    (found,) = compare_to_reference([[-INF] * 5], [0.0, 0.1, 0.2, 0.3, 0.4])
    assert (found.verdict, found.probability) == ("worse", 0.0)


def test_several_tasks_together_decide_what_none_decides_alone() -> None:
    better, reference = [2, 4, 6, 8, 10, 12], [1, 3, 5, 7, 2.5, 4.5]
    (alone,), (together,) = (
        compare_to_reference([better], reference),
        compare_across_tasks([[better] * 4], [reference] * 4),
    )
    assert (alone.verdict, together.verdict) == ("undecided", "better")
    assert together.probability == alone.probability


def test_one_task_with_few_seeds_leaves_the_verdict_over_all_unreachable() -> None:
    (found,) = compare_across_tasks([[[9] * 20, [9] * 4]], [[0] * 20, [0] * 20])
    assert found.verdict == "unreachable"


# ------------------------------------------------------------------ speeds


def test_ratio_of_times_is_the_middle_of_all_ratios_with_an_interval_around_it() -> None:
    rng = np.random.default_rng(0)
    slow, fast = rng.normal(12, 0.2, 20), rng.normal(10, 0.2, 21)
    found = ratio_of_times(slow, fast)
    assert found.value == pytest.approx(np.median(slow[:, None] / fast), rel=1e-3)
    assert found.interval is not None
    assert found.interval[0] < 1.2 < found.interval[1]
    back = ratio_of_times(fast, slow)
    assert back.interval is not None
    assert (1 / back.value, 1 / back.interval[1], 1 / back.interval[0]) == pytest.approx((found.value, *found.interval))


def test_interval_of_the_ratio_excludes_1_just_where_the_rank_sum_test_rejects_it() -> None:
    rng, agree = np.random.default_rng(1), []
    for _ in range(200):
        a, b = np.exp(rng.normal(0, 0.05, (2, 9)))
        interval = ratio_of_times(a * 1.1, b, 0.99).interval
        assert interval is not None
        agree.append((permutation_p(a * 1.1, b) <= 0.01) == (not interval[0] <= 1 <= interval[1]))
    assert all(agree)


@pytest.mark.parametrize(("level", "needed"), [(0.99, 8), (1 - 0.01 / 64, 8), (1 - 0.01 / 65, 9), (1 - 0.01 / 500, 10)])
def test_ratios_at_a_higher_level_need_more_rounds_and_say_how_many(level: float, needed: int) -> None:
    few = ratio_of_times([10.0] * (needed - 1), [1.0] * 30 if needed == 8 else [1.0] * (needed - 1), level)
    assert (few.value, few.interval) == (pytest.approx(10), None)
    assert few.why == f"fewer than {needed} rounds: {needed - 1}"
    assert ratio_of_times([10.0] * needed, [1.0] * needed, level).interval == (pytest.approx(10), pytest.approx(10))


def test_times_that_are_not_positive_are_refused() -> None:
    with pytest.raises(ValueError, match="positive; got -1"):
        ratio_of_times([1, 2, -1], [1, 2, 3])
