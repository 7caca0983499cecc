import inspect
import math
import pkgutil
from collections.abc import Callable
from importlib import import_module

import numpy as np
import pytest
from scipy import stats

from seqbench import statistics
from seqbench.statistics.intervals import (
    median_interval,
    median_steps,
    mid_p_interval,
    t_interval,
    wilson_interval,
)
from seqbench.statistics.seeds import vector
from seqbench.statistics.summary import summarise


def test_t_interval_agrees_with_scipy() -> None:
    values = [0.2, 0.5, 0.9, 0.4, 0.1]
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert t_interval(values) == pytest.approx((expected.low, expected.high), rel=1e-12)


def test_cut_at_what_there_can_be_a_t_interval_covers_as_often_and_reaches_no_further() -> None:
    rng, limits = np.random.default_rng(0), (0.0, 1.0)
    samples = rng.beta(30, 0.5, (2000, 5))  # accuracies near 1
    whole, cut = (np.array([t_interval(s, limits=at) for s in samples]) for at in ((-math.inf, math.inf), limits))
    truth = 30 / 30.5
    assert (whole[:, 1] > 1).mean() > 0.8
    assert cut.max() <= 1
    of_whole, of_cut = ((at[:, 0] <= truth) & (truth <= at[:, 1]) for at in (whole, cut))
    assert np.array_equal(of_whole, of_cut)


def test_limit_that_a_value_exceeds_does_not_cut_it_off() -> None:
    assert t_interval([1.0, 1.0, 1.1], limits=(0, 1))[1] == 1.1
    low, high = t_interval([1.2, 1.2, 1.2], limits=(0, 1))
    assert (low, high) == pytest.approx((1.2, 1.2))


def test_t_interval_covers_a_mixed_cell_badly_which_is_why_summarise_refuses_it() -> None:
    samples = (np.random.default_rng(0).random((2000, 5)) < 0.9).astype(float)
    bounds = np.array([t_interval(sample.tolist()) for sample in samples])
    assert np.mean((bounds[:, 0] < 0.9) & (bounds[:, 1] > 0.9)) < 0.7
    assert summarise([1, 1, 1, 1, 0], [True] * 4 + [False], [1, 1, 1, 1, None]).interval is None


@pytest.mark.parametrize("solved", [[True] * 5, [False] * 5, None])
def test_runs_that_are_all_equal_have_no_interval_of_width_0(solved: list[bool] | None) -> None:
    found = summarise([1.0] * 5, solved, None)
    assert (found.mean, found.interval, found.why) == (1.0, None, "all runs equal")
    assert summarise([1.0, 1.0, 1.0, 1.0, 0.999], solved, None).interval is not None


def test_wilson_interval_agrees_with_scipy() -> None:
    for k in range(8):
        expected = stats.binomtest(k, 7).proportion_ci(method="wilson")
        assert wilson_interval(k, 7) == pytest.approx((expected.low, expected.high), rel=1e-12, abs=1e-15)


@pytest.mark.parametrize(
    ("k", "n", "expected"),
    [(81, 263, (0.2544, 0.3658)), (15, 148, (0.0601, 0.1581)), (0, 20, (0.0, 0.1391)), (1, 29, (0.0017, 0.1585))],
)
def test_mid_p_interval_agrees_with_published_values(k: int, n: int, expected: tuple[float, float]) -> None:
    # Newcombe 1998, Statistics in Medicine 17, Table I
    assert mid_p_interval(k, n) == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize("interval", [wilson_interval, mid_p_interval])
@pytest.mark.parametrize(("k", "n"), [(-1, 5), (6, 5), (0, 0)])
def test_intervals_of_a_rate_refuse_impossible_counts(interval: Callable[..., object], k: int, n: int) -> None:
    with pytest.raises(ValueError, match=f"got {k} of {n}"):
        interval(k, n)


@pytest.mark.parametrize("values", [[1.0, math.nan], [], [[1.0, 2.0]]])
def test_what_is_not_a_list_of_numbers_is_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="at least 1 values that are not NaN"):
        vector(np.array(values), finite=False)


def test_infinities_are_allowed_where_only_the_order_counts() -> None:
    assert vector([math.inf, 1.0], finite=False).tolist() == [math.inf, 1.0]
    with pytest.raises(ValueError, match="finite"):
        vector([math.inf, 1.0])


@pytest.mark.parametrize("values", [[1.0], [], [1.0, math.nan], [1.0, math.inf]])
def test_t_interval_refuses_what_has_no_interval(values: list[float]) -> None:
    with pytest.raises(ValueError, match="at least 2 finite"):
        t_interval(values)


def test_unsolved_runs_count_as_infinite_in_the_median() -> None:
    assert median_steps([5, None, 1]) == 5
    assert median_steps([1, 3, None, None]) == math.inf
    assert median_steps([1, 3]) == 2
    assert median_steps([None]) == math.inf


def test_steps_that_are_nan_are_refused() -> None:
    with pytest.raises(ValueError, match="NaN"):
        median_steps([1.0, math.nan])


def test_median_interval_takes_the_narrowest_pair_that_covers() -> None:
    # 15 values: ranks 4 and 12 cover 96.5 %, ranks 5 and 11 only 88.2 %.
    assert median_interval(list(range(1, 16))) == (4.0, 12.0)


def test_five_values_support_no_interval_of_the_median() -> None:
    assert median_interval([1, 2, 3, 4, 5]) is None
    assert median_interval([]) is None


def test_all_solved_or_none_gives_an_interval_and_some_does_not() -> None:
    scores = [0.9, 0.91, 0.92, 0.93, 0.94]
    for solved in ([True] * 5, [False] * 5, None):
        assert summarise(scores, solved, None).interval == t_interval(scores)
    mixed = summarise(scores, [True, False, False, False, False], [10, None, None, None, None])
    assert mixed.interval is None
    assert mixed.rate_interval == mid_p_interval(1, 5)
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


# ------------------------------------------------------------------ the whole package


def public_functions() -> dict[str, Callable[..., object]]:
    modules = [
        import_module(f"{statistics.__name__}.{found.name}") for found in pkgutil.iter_modules(statistics.__path__)
    ]
    return {
        f"{module.__name__}.{name}": function
        for module in modules
        for name, function in vars(module).items()
        if not name.startswith("_") and callable(function) and not inspect.isclass(function)
        and function.__module__ == module.__name__
    }  # fmt: skip


@pytest.mark.parametrize("name", sorted(public_functions()))
def test_every_public_function_has_its_source_and_an_example(name: str) -> None:
    said = public_functions()[name].__doc__ or ""
    assert "Source: " in said, f"{name} needs a line Source: in its docstring; got {said!r}."
    assert ">>> " in said, f"{name} needs an example in its docstring, which the tests run; got {said!r}."


def test_there_are_public_functions() -> None:
    assert len(public_functions()) > 50
