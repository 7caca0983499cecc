"""What is concluded from pairs, on simulated checks: how often red by mistake, how often a slowdown is found."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from seqbench.check.verdict import Decision, Design, decide, judge, session_noise
from seqbench.statistics.paired import sign_p

BENCHMARKS = 12
DESIGN = Design()

Noise = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


def normal(draw: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return draw.normal(0, 0.02, shape)


def spiky(draw: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """One pair in ten has a spike, of either side, as a neighbour makes them."""
    spikes = draw.exponential(0.3, shape) * draw.choice([-1, 1], shape) * (draw.random(shape) < 0.1)
    return draw.normal(0, 0.02, shape) + spikes


def heavy(draw: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return 0.02 * draw.standard_t(2, shape)


def shared(draw: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """What hits all benchmarks of a pair alike, beside their own noise."""
    return draw.normal(0, 0.015, shape) + draw.normal(0, 0.03, (1, *shape[1:]))


def loud(draw: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Far beyond what the design is made for."""
    return 0.2 * draw.standard_t(3, shape)


def check(draw: np.random.Generator, noise: Noise, slower: float = 0.0) -> Decision:
    """One simulated check; the first benchmark is slower by that share."""
    effect = np.zeros((BENCHMARKS, 1))
    effect[0] = math.log1p(slower)
    first = noise(draw, (BENCHMARKS, DESIGN.pairs)) + effect
    second = noise(draw, (BENCHMARKS, DESIGN.confirm_pairs)) + effect
    same = noise(draw, (BENCHMARKS, DESIGN.pairs // 2))
    spread = session_noise({str(index): row for index, row in enumerate(same)})
    named = {str(index): row for index, row in enumerate(first)}
    return decide(named, lambda names: {name: second[int(name)] for name in names}, spread, DESIGN)


def verdicts(found: Decision) -> list[str]:
    return [judgement.verdict for judgement in found.judgements.values()]


@pytest.mark.parametrize("noise", [normal, spiky, heavy, shared, loud])
def test_few_checks_are_red_by_mistake_and_few_have_suspects(noise: Noise) -> None:
    draw, checks = np.random.default_rng(1), 600
    found = [check(draw, noise) for _ in range(checks)]
    alarms = sum("regressed" in verdicts(one) for one in found)
    suspected = sum(len(one.suspects) for one in found)
    assert alarms <= 7, "at 0.4 % more than 7 of 600 have a chance of 0.3 %"
    most = DESIGN.suspect_level * BENCHMARKS * checks
    assert suspected <= most + 3 * BENCHMARKS * math.sqrt(DESIGN.suspect_level * checks), "noise may hit all alike"


@pytest.mark.parametrize("noise", [normal, shared, loud])
def test_few_benchmarks_take_a_second_stage(noise: Noise) -> None:
    draw, checks = np.random.default_rng(1), 600
    again = sum(len(check(draw, noise).again) for _ in range(checks))
    assert DESIGN.pairs + DESIGN.confirm_pairs * again / (checks * BENCHMARKS) <= 12


def reached(pairs: int, level: float) -> float:
    """The largest p that a sign test of so many pairs can give and still be at the level."""
    return max(p for slower in range(pairs + 1) if (p := sign_p(np.arange(pairs) < slower)) <= level)


@pytest.mark.parametrize("benchmarks", [1, 5, BENCHMARKS, 40])
@pytest.mark.parametrize("pairs", [8, DESIGN.pairs, 30])
def test_the_bound_of_false_alarms_is_what_is_promised(pairs: int, benchmarks: int) -> None:
    first = reached(pairs, DESIGN.suspect_level)
    second = reached(2 * pairs, DESIGN.confirm_level(benchmarks))
    assert 0 < benchmarks * first * second <= DESIGN.false_alarms <= 0.004


def test_more_benchmarks_raise_no_more_alarms() -> None:
    """Beside eleven that are slower the level of the second stage is what it was: one that is equal stays equal."""
    draw, wrong = np.random.default_rng(6), 0
    for _ in range(2000):
        values = {name: normal(draw, (2, 30)) + (0.3 if name != "same" else 0.0) for name in ("same", *"abcdefghijk")}
        found = decide(
            {name: value[0, : DESIGN.pairs] for name, value in values.items()},
            lambda names: {name: values[name][1, : DESIGN.confirm_pairs] for name in names},  # noqa: B023, called at once
            0.01,
            DESIGN,
        )
        wrong += found.judgements["same"].verdict == "regressed"
    assert wrong <= 4, "at 0.033 % more than 4 of 2,000 have a chance of 0.1 %"


def test_several_slow_ones_do_not_hide_each_other() -> None:
    draw, found = np.random.default_rng(7), 0
    for _ in range(40):
        first, second = (normal(draw, (BENCHMARKS, n)) + math.log1p(0.05) for n in (DESIGN.pairs, DESIGN.confirm_pairs))
        named = {str(index): row for index, row in enumerate(first)}
        judged = decide(named, lambda names: {name: second[int(name)] for name in names}, 0.02, DESIGN)  # noqa: B023
        found += verdicts(judged).count("regressed")
    assert found >= 0.95 * 40 * BENCHMARKS


@pytest.mark.parametrize(
    ("noise", "slower", "least"),
    [(normal, 0.10, 198), (spiky, 0.10, 194), (heavy, 0.10, 194), (shared, 0.10, 194), (normal, 0.05, 196)],
)
def test_slowdowns_are_found(noise: Noise, slower: float, least: int) -> None:
    draw = np.random.default_rng(2)
    found = [check(draw, noise, slower).judgements["0"].verdict for _ in range(200)]
    assert found.count("regressed") >= least
    assert slower < DESIGN.margin or found.count("fine") <= 5


@pytest.mark.parametrize("noise", [normal, shared, spiky, heavy])
def test_a_quiet_machine_is_seldom_inconclusive(noise: Noise) -> None:
    draw = np.random.default_rng(3)
    assert sum("inconclusive" in verdicts(check(draw, noise)) for _ in range(200)) <= 10


def test_a_loud_session_is_never_a_pass() -> None:
    draw = np.random.default_rng(4)
    assert not any("fine" in verdicts(check(draw, loud)) for _ in range(50))


@pytest.mark.parametrize("noise", [heavy, spiky])
def test_what_is_fine_was_not_much_slower(noise: Noise) -> None:
    """A slowdown at the margin passes as fine no more often than the bounds of the two stages may be wrong."""
    draw, checks = np.random.default_rng(5), 1500
    wrong = sum(check(draw, noise, DESIGN.margin).judgements["0"].verdict == "fine" for _ in range(checks))
    most = 2 * DESIGN.bound_error * checks
    assert wrong <= most + 3 * math.sqrt(most)


def test_a_change_below_the_least_effect_is_no_regression_however_sure() -> None:
    tiny = {"a": math.log1p(0.015) + 0.0001 * np.arange(10)}
    found = decide(tiny, lambda names: pytest.fail("nothing"), 0.001, DESIGN)
    assert found.judgements["a"].verdict == "fine"
    assert found.judgements["a"].interval[0] > 0.01


def test_a_suspect_that_fresh_pairs_clear_is_judged_by_them_alone() -> None:
    first, fresh = {"a": np.full(10, 0.3) + 0.001 * np.arange(10)}, {"a": np.resize([0.01, -0.01], 20)}
    found = decide(first, lambda names: fresh, 0.01, DESIGN)
    assert found.suspects == ["a"]
    assert found.judgements["a"].verdict == "fine"
    assert abs(found.judgements["a"].change) < 0.01


BURSTS = np.array([0.3, 0.2, *np.resize([0.01, -0.01], 8)])
"""Equal sides, and a neighbour that came by twice while the head ran."""


def test_what_bursts_hide_is_measured_again_and_fine_by_fresh_pairs_alone() -> None:
    found = decide({"a": BURSTS}, lambda names: {"a": np.resize([0.01, -0.01], 20)}, 0.01, DESIGN)
    assert (found.suspects, found.again) == ([], ["a"])
    assert found.judgements["a"].verdict == "fine"


def test_what_bursts_hide_is_no_suspect_and_cannot_regress() -> None:
    slow = 0.3 + 0.001 * np.arange(20)
    found = decide({"a": BURSTS, "b": slow[:10]}, lambda names: {"a": slow, "b": slow}, 0.01, DESIGN)
    assert (found.suspects, found.again) == (["b"], ["a", "b"])
    assert [found.judgements[name].verdict for name in "ab"] == ["inconclusive", "regressed"]


def test_nothing_is_measured_again_in_a_session_too_noisy_or_with_too_few_pairs() -> None:
    for values, noise in ((BURSTS, 2 * DESIGN.most_noise), (BURSTS[:4], 0.01)):
        found = decide({"a": values}, lambda names: pytest.fail("in vain"), noise, DESIGN)
        assert found.judgements["a"].verdict == "inconclusive"


def test_too_few_pairs_say_nothing() -> None:
    assert judge(np.array([0.01, 0.02]), False, 0.01, DESIGN).says == "too few pairs"


def test_what_is_red_says_by_how_much_only_where_its_interval_does() -> None:
    values = np.r_[np.full(13, 0.05), np.full(7, -0.01)]
    assert judge(values, True, 0.01, DESIGN).says == "slower in both stages"
    assert judge(values + 0.03, True, 0.01, DESIGN).says == "slower, by more than 2.0 %"
