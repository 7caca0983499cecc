import math
from itertools import combinations, product

import numpy as np
import pytest
from scipy import stats

from seqbench.statistics.shift import independent_shift, overall_shift, paired_shift

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


# ------------------------------------------------------------------ several rows


def every_effect(a: np.ndarray, b: np.ndarray, paired: bool) -> tuple[np.ndarray, float]:
    """The effect of all choices of signs, or of all splits, listed; and the observed one."""
    if paired:
        differences = b - a
        ranks = np.where(differences == 0, 0, stats.rankdata(np.where(differences == 0, INF, np.abs(differences))))
        most = a.size * (a.size + 1) / 2
        every = np.array(list(product((-1, 1), repeat=a.size))) @ ranks / most
        return every, float(np.sign(differences) @ ranks / most)
    ranks, chosen = stats.rankdata([*b, *a]), combinations(range(a.size + b.size), b.size)
    sums = np.array([ranks[list(one)].sum() for one in chosen]) - b.size * (ranks.size + 1) / 2
    scale = a.size * b.size / 2
    return sums / scale, (ranks[: b.size].sum() - b.size * (ranks.size + 1) / 2) / scale


def test_p_over_rows_of_both_kinds_agrees_with_going_through_all_signs_and_splits() -> None:
    rng = np.random.default_rng(0)
    for _ in range(40):
        kinds = [True, False, bool(rng.integers(2))]
        sizes = [(4, 4) if paired else rng.integers(2, 5, 2) for paired in kinds]
        pairs = [(rng.integers(0, 5, n).astype(float), rng.integers(0, 5, m).astype(float)) for n, m in sizes]
        each = [every_effect(a, b, paired) for (a, b), paired in zip(pairs, kinds, strict=True)]
        every = sum(np.ix_(*(effects for effects, _ in each)))
        seen = sum(observed for _, observed in each)
        direction, p = overall_shift(pairs, kinds)
        assert direction == pytest.approx(seen / 3)
        assert p == pytest.approx(np.mean(np.abs(every) >= abs(seen) - 1e-9))


@pytest.mark.parametrize("paired", [True, False])
def test_one_row_has_the_p_that_it_has_alone(paired: bool) -> None:
    rng = np.random.default_rng(3)
    for n in (8, 20, 150):
        a, b = rng.normal(0, 1, n), rng.normal(0.2, 1, n)
        a[:2], b[:2] = [0, -INF], [0, -INF]
        alone = (paired_shift(a, b) if paired else independent_shift(a, b)).p
        direction, p = overall_shift([(a, b)], [paired])
        assert p == pytest.approx(alone, abs=4 * math.sqrt(alone / 20_000) if n == 150 else 1e-12)
        assert overall_shift([(b, a)], [paired]) == (pytest.approx(-direction), pytest.approx(p, abs=0.01))


@pytest.mark.parametrize("paired", [True, False])
def test_the_same_runs_on_three_lengths_say_no_more_than_on_one(paired: bool) -> None:
    a, b = np.random.default_rng(5).normal([[0], [0.8]], 1, (2, 8))
    one, three = (a, b), (np.stack([a] * 3), np.stack([b] * 3))
    assert overall_shift([three], [paired]) == overall_shift([one], [paired])
    assert overall_shift([three], [paired])[1] > overall_shift([one] * 3, [paired] * 3)[1]


@pytest.mark.parametrize("paired", [True, False])
def test_differences_that_a_seed_has_on_all_lengths_make_no_verdict(paired: bool) -> None:
    rng, trials, wrong = np.random.default_rng(6), 400, np.zeros(2)
    for _ in range(trials):
        a, b = rng.normal(0, 1, (2, 1, 8)) + rng.normal(0, 0.3, (2, 5, 8))
        apart, joined = list(zip(a, b, strict=True)), [(a, b)]
        wrong += [overall_shift(pairs, [paired] * len(pairs))[1] < 0.05 for pairs in (apart, joined)]
    assert wrong[0] / trials > 0.2
    assert wrong[1] / trials <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / trials)


def test_drawn_p_over_rows_agrees_with_the_exact_one(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    pairs, kinds = [(rng.normal(0, 1, 8), rng.normal(0.7, 1, 8)) for _ in range(3)], [True, False, True]
    exact = overall_shift(pairs, kinds)[1]
    for limit in ("strata._FINEST", "signed_ranks.MOST_EXACT"):
        monkeypatch.setattr(f"seqbench.statistics.{limit}", 3)
        drawn = overall_shift(pairs, kinds)[1]
        assert 0.01 < exact < 0.5
        assert drawn == pytest.approx(exact, abs=0.02)  # of 8 pairs the normal approximation is off by as much
    assert overall_shift(pairs, kinds)[1] == drawn != overall_shift(pairs, kinds, seed=1)[1]


def test_rows_of_pairs_decide_together_what_their_groups_do_not() -> None:
    rng = np.random.default_rng(2)
    a = [rng.normal(0, 1, 8) for _ in range(3)]
    pairs = [(scores, scores + 0.1 + rng.normal(0, 0.1, 8)) for scores in a]
    assert overall_shift(pairs, [True] * 3)[1] < 0.01 < 0.3 < overall_shift(pairs, [False] * 3)[1]
