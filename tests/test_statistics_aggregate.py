from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from seqbench.statistics.aggregate import (
    interquartile_mean,
    iqm,
    iqm_interval,
    mean_and_median,
    mean_interval,
    performance_profile,
)
from seqbench.statistics.intervals import wilson_interval
from seqbench.statistics.resampling import percentiles, resampled, widened
from seqbench.statistics.seeds import Interval, by_kind


def test_iqm_agrees_with_scipy() -> None:
    rng = np.random.default_rng(0)
    for size in range(1, 30):
        values = rng.normal(size=size)
        assert iqm(values) == pytest.approx(float(stats.trim_mean(values, 0.25)), rel=1e-12)


def test_iqm_drops_a_quarter_at_each_end() -> None:
    assert iqm([9, 1, 2, 3, 4, 5, 6, -50]) == pytest.approx(3.5)
    assert iqm(np.arange(20).reshape(4, 5)) == pytest.approx(9.5)


def test_iqm_interval_is_stratified_so_differences_between_tasks_do_not_widen_it() -> None:
    assert iqm_interval([[0.0] * 5, [1.0] * 5]) == (0.5, 0.5)


@pytest.mark.parametrize(("tasks", "seeds"), [(1, 5), (2, 5), (3, 7), (5, 10), (4, 6)])
def test_with_as_many_seeds_on_every_task_the_iqm_is_that_of_all_runs_together(tasks: int, seeds: int) -> None:
    scores = np.random.default_rng(tasks).normal(0.5, 0.3, (tasks, seeds)).round(2)

    def middle(rows: np.ndarray) -> np.ndarray:
        size, quarter = rows.shape[1], rows.shape[1] // 4
        return np.sort(rows, axis=1)[:, quarter : size - quarter].mean(axis=1)

    rng = np.random.default_rng(0)
    drawn = np.concatenate([resampled(rng, task, 2000) for task in scores], axis=1)
    assert interquartile_mean(scores).value == middle(scores.reshape(1, -1)).item()
    assert iqm_interval(scores) == percentiles(middle(drawn), widened(0.95, seeds))
    assert mean_and_median(scores) == pytest.approx((scores.mean(), np.median(scores)))


def test_a_task_with_more_seeds_weighs_no_more_than_one_with_fewer() -> None:
    few, many = [0.9] * 30, [0.1] * 5
    for scores in ([few, many], [[0.9] * 5, [0.1] * 30]):
        found = interquartile_mean(scores)
        assert found.value == pytest.approx(0.5)
        assert found.interval == pytest.approx((0.5, 0.5))
        assert mean_and_median(scores)[0] == pytest.approx(0.5)
    repeated = np.random.default_rng(2).normal(0.5, 0.3, (3, 8))
    more = [np.repeat(task, times) for task, times in zip(repeated, (1, 4, 2), strict=True)]
    assert interquartile_mean(more).value == pytest.approx(interquartile_mean(repeated).value)  # 24 and 56 runs
    assert mean_and_median(more) == pytest.approx(mean_and_median(repeated))


def test_a_run_at_the_edge_of_the_middle_half_counts_with_what_is_left_of_its_weight() -> None:
    # 6 runs: a share of 1/6 is cut at each end, of 2 tasks in weights of 1/4 and 1/2: 1/3 of the 2
    assert interquartile_mean([[1, 2, 3, 4], [0, 10]]).value == pytest.approx(
        (0 / 6 + (1 + 2 + 3 + 4) / 4 + 10 / 6) / (4 / 3)
    )


def test_same_seed_gives_the_same_interval_and_another_seed_nearly_the_same() -> None:
    scores = np.random.default_rng(0).normal(0.5, 0.1, (3, 10))
    first, again, other = iqm_interval(scores), iqm_interval(scores), iqm_interval(scores, seed=1)
    assert first == again != other
    assert first == pytest.approx(other, abs=0.15 * (first[1] - first[0]))


def test_iqm_interval_agrees_with_scipys_bootstrap_of_one_task() -> None:
    scores = np.random.default_rng(1).normal(0.5, 0.1, 12)
    mine = iqm_interval([scores], draws=20_000)
    other = stats.bootstrap(
        (scores,),
        lambda x, axis: stats.trim_mean(x, 0.25, axis=axis),
        n_resamples=20_000,
        method="percentile",
        confidence_level=widened(0.95, 12),
        rng=np.random.default_rng(2),
    ).confidence_interval
    assert mine == pytest.approx((other.low, other.high), abs=0.03 * (mine[1] - mine[0]))


def test_the_widened_level_makes_the_percentile_interval_of_a_normal_mean_students() -> None:
    # Drawn means are normal with variance s^2 (n - 1) / n^2; their widened percentiles are then the t interval.
    n, level = 7, 0.95
    spread = np.sqrt((n - 1) / n**2)
    half = stats.norm.ppf((1 + widened(level, n)) / 2) * spread
    assert half == pytest.approx(stats.t.ppf((1 + level) / 2, n - 1) / np.sqrt(n))


def test_percentiles_of_infinite_draws_are_not_nan() -> None:
    assert percentiles(np.array([1.0] * 3 + [np.inf] * 97), 0.95) == (1.0, np.inf)


def test_four_seeds_in_any_task_give_no_interval_and_five_one_of_low_power() -> None:
    none, low, enough = (
        interquartile_mean([[0.5] * 9, [0.5] * 4]),
        interquartile_mean([[0.5] * 9, [0.5] * 5]),
        interquartile_mean([[0.5] * 10]),
    )
    assert (none.interval, none.why) == (None, "fewer than 5 seeds")
    assert (low.interval, low.why, low.low_power) == ((0.5, 0.5), None, True)
    assert not enough.low_power
    assert performance_profile([[0.5] * 4], [0.2]).why == "fewer than 5 seeds"
    assert performance_profile([[0.5] * 4], [0.2]).low is None


@pytest.mark.parametrize("scores", [[[0.1, np.nan, 0.2, 0.3, 0.4]], [[0.1, np.inf, 0.2, 0.3, 0.4]]])
def test_scores_that_are_not_finite_are_refused(scores: list[list[float]]) -> None:
    for function in (iqm_interval, interquartile_mean, lambda scores: performance_profile(scores, [0.0])):
        with pytest.raises(ValueError, match="finite"):
            function(scores)


def test_profile_is_the_share_of_runs_above_each_threshold_and_tasks_weigh_the_same() -> None:
    profile = performance_profile([[0.1, 0.2, 0.3, 0.4, 0.5], [0.9] * 10], [0.0, 0.25, 0.3, 0.9])
    assert profile.fraction == (1.0, pytest.approx(0.8), pytest.approx(0.7), 0.0)
    assert profile.low is not None
    assert profile.high is not None
    inside = zip(profile.low, profile.fraction, profile.high, strict=True)
    assert all(0 <= low <= share <= high <= 1 for low, share, high in inside)


def test_profile_of_one_task_has_wilsons_band() -> None:
    profile = performance_profile([[0.1, 0.2, 0.3, 0.4, 0.5]], [0.25])
    assert profile.low is not None
    assert profile.high is not None
    assert (profile.low[0], profile.high[0]) == pytest.approx(wilson_interval(3, 5))


def test_interval_of_a_mean_narrows_as_tasks_are_added_and_follows_the_widest() -> None:
    def of(successes: int) -> Callable[[float], Interval]:
        return lambda level: wilson_interval(successes, 20, level)

    one, four = mean_interval([of(10)], 0.95), mean_interval([of(10)] * 4, 0.95)
    assert (four[1] - four[0]) / (one[1] - one[0]) == pytest.approx(0.5, abs=0.05)
    mixed = mean_interval(
        [of(10), lambda level: (1 - 1e-9 * level, 1.0)], 0.95
    )  # half the width of one: the other adds nothing
    assert mixed[1] - mixed[0] == pytest.approx((one[1] - one[0]) / 2, rel=1e-3)


# ------------------------------------------------------------------ seeds that are on some tasks of a stratum only


def test_seeds_of_a_stratum_are_drawn_with_all_their_runs_and_every_task_keeps_one() -> None:
    stratum = np.array([[1, 2, 3, np.nan], [10, 20, np.nan, np.nan], [np.nan, np.nan, 300, 400]])
    drawn = resampled(np.random.default_rng(0), stratum, 500)
    assert drawn.shape == (3, 500, 4)
    seeds = {tuple(seed) for seed in np.nan_to_num(drawn).reshape(3, -1).T.tolist()}
    assert seeds == {(1, 10, 0), (2, 20, 0), (3, 0, 300), (0, 0, 400)}
    assert not np.isnan(drawn).all(axis=2).any()


def test_tasks_weigh_alike_however_many_seeds_of_a_stratum_are_on_each() -> None:
    cells = [(range(5), [0.1, 0.2, 0.3, 0.4, 0.5]), (range(8), [0.6, 0.7, 0.8, 0.9, 1.0, 0.5, 0.4, 0.3])]
    (((stratum,)), *others) = by_kind(["copy", "copy"], cells)
    assert not others
    apart = [values for _, values in cells]
    assert interquartile_mean([stratum]).value == pytest.approx(interquartile_mean(apart).value, rel=1e-12)
    profile, same = performance_profile([stratum], [0.35]), performance_profile(apart, [0.35])
    assert profile.fraction == pytest.approx(same.fraction)
    assert profile.low is not None
    assert same.low is not None
    assert profile.low[0] < same.low[0]
    assert interquartile_mean([stratum[:, :4]]).why == "fewer than 5 seeds"
