import math

import numpy as np
import pytest
from scipy import stats

from seqbench.statistics.intervals import wilson_interval
from seqbench.statistics.survival import survival


def scipy_curve(steps: list[float], solved: list[bool], level: float = 0.95) -> tuple[np.ndarray, ...]:
    times, events = np.array(steps), np.array(solved)
    found = stats.ecdf(stats.CensoredData(uncensored=times[events], right=times[~events])).sf
    band = found.confidence_interval(level, method="log-log")
    at = np.searchsorted(found.quantiles, np.unique(times[events]))
    return found.quantiles[at], found.probabilities[at], band.low.probabilities[at], band.high.probabilities[at]


@pytest.mark.filterwarnings("ignore:The confidence interval is undefined")  # scipy: before the first event
@pytest.mark.parametrize("seed", range(5))
def test_curve_and_band_agree_with_scipy_censored_at_any_time(seed: int) -> None:
    rng = np.random.default_rng(seed)
    steps = np.ceil(rng.exponential(300, 15) / 20) * 20  # with ties
    solved = (rng.random(15) < 0.7).tolist()
    solved[int(np.argmax(steps))] = False  # the curve does not reach 0, where scipy gives no band
    curve = survival(steps, solved)
    at, share, low, high = scipy_curve(steps.tolist(), solved)
    assert curve.steps[1:] == tuple(at)
    assert curve.unsolved[1:] == pytest.approx(share)
    assert curve.low is not None
    assert curve.high is not None
    assert curve.low[1:] == pytest.approx(low)
    assert curve.high[1:] == pytest.approx(high)


def test_a_case_by_hand() -> None:
    # 6 runs: 5 at risk after the first solved; one killed at 15; 3 of 4 pass step 20, 0 of 1 step 40
    curve = survival([10, 15, 20, 30, 30, 40], [True, False, True, False, False, True])
    assert curve.steps == (0, 10, 20, 40)
    assert curve.unsolved == pytest.approx((1, 5 / 6, 5 / 6 * 3 / 4, 0))
    assert (curve.at_risk, curve.end) == ((6, 6, 4, 1), 40)


def test_unsolved_runs_stay_in_the_share_to_the_end() -> None:
    curve = survival([10, 20, 100, 100, 100], [True, True, False, False, False])
    assert (curve.steps, curve.unsolved, curve.end) == ((0, 10, 20), pytest.approx((1, 0.8, 0.6)), 100)
    none = survival([100] * 6, [False] * 6)
    assert (none.steps, none.unsolved, none.low, none.high) == ((0,), (1,), (wilson_interval(6, 6)[0],), (1,))


def test_before_the_first_solved_run_and_after_the_last_the_band_has_a_width() -> None:
    curve = survival([10, 20, 30, 40, 50], [True] * 5)
    assert curve.low is not None
    assert curve.high is not None
    assert (curve.low[0], curve.high[0]) == (wilson_interval(5, 5)[0], 1.0)
    assert (curve.unsolved[-1], curve.low[-1], curve.high[-1]) == (0, 0, curve.high[-2])


def test_four_runs_give_a_curve_without_a_band() -> None:
    curve = survival([10, 20, 30, 40], [True] * 4)
    assert (curve.unsolved[1], curve.low, curve.high, curve.why) == (0.75, None, None, "fewer than 5 seeds")


@pytest.mark.parametrize(("steps", "solved"), [([1, 2], [True]), ([0, 1], [True, True]), ([1, math.nan], [True, True])])
def test_impossible_steps_are_refused(steps: list[float], solved: list[bool]) -> None:
    with pytest.raises(ValueError, match="needs"):
        survival(steps, solved)
