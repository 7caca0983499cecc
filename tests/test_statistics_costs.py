import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from seqbench.statistics.rounds import FEWEST, median_of_rounds, paired_ratio, resolution
from seqbench.statistics.scaling import Crossover, crossover, local_exponents, power_law

LENGTHS = (32, 64, 128, 256, 512)
TRIALS = 800


def simulated(rng: np.random.Generator, truth: np.ndarray, rounds: int, noise: float = 0.05) -> np.ndarray:
    """Rounds of times whose medians are the truth: skewed noise, much larger noise that a round has in common."""
    common = np.exp(rng.normal(0, 4 * noise, (rounds, 1)))
    skewed = np.exp(noise * (rng.exponential(size=(rounds, truth.size)) - math.log(2)))
    return truth * common * skewed


def coverage(covers: Callable[[np.random.Generator], bool]) -> float:
    rng = np.random.default_rng(0)
    return float(np.mean([covers(rng) for _ in range(TRIALS)]))


# ------------------------------------------------------------------ medians and ratios over rounds


@pytest.mark.parametrize("rounds", [8, 9, 12, 20, 40])
def test_the_interval_of_the_median_covers_it(rounds: int):
    def covers(rng: np.random.Generator) -> bool:
        low, high = median_of_rounds(rng.exponential(size=rounds)).interval or (0.0, 0.0)
        return low <= math.log(2) <= high

    assert coverage(covers) >= 0.985


def test_the_interval_grows_narrow_with_rounds():
    rng = np.random.default_rng(1)
    wide, narrow = (median_of_rounds(rng.normal(1, 0.1, rounds)).interval or (0, 0) for rounds in (8, 200))
    assert narrow[1] - narrow[0] < (wide[1] - wide[0]) / 3


@pytest.mark.parametrize("rounds", range(1, FEWEST))
def test_fewer_than_eight_rounds_give_no_interval_and_no_verdict(rounds: int):
    values = list(np.linspace(1, 2, rounds))
    found = median_of_rounds(values)
    assert found.interval is None
    assert found.why == f"fewer than 8 rounds: {rounds}"
    assert found.value == np.median(values)
    assert paired_ratio([3.0] * rounds, [1.0] * rounds).verdict == "undecided"


def test_the_interval_of_a_paired_ratio_covers_it_though_rounds_differ_by_a_quarter():
    def covers(rng: np.random.Generator) -> bool:
        found = paired_ratio(*simulated(rng, np.array([1.3, 1.0]), 10).T).estimate.interval or (0, 0)
        return found[0] <= 1.3 <= found[1]

    assert coverage(covers) >= 0.985


def test_pairing_takes_out_what_a_round_has_in_common():
    rng = np.random.default_rng(2)
    a, b = simulated(rng, np.array([1.3, 1.0]), 12).T
    paired, mixed = paired_ratio(a, b), paired_ratio(a, rng.permutation(b))
    assert paired.estimate.interval is not None
    assert mixed.estimate.interval is not None
    assert np.ptp(paired.estimate.interval) < np.ptp(mixed.estimate.interval) / 2
    assert paired.verdict == "longer"


def test_two_equal_things_are_not_told_apart_and_different_ones_are():
    alike = "not told apart"
    wrong = 1 - coverage(lambda rng: paired_ratio(*simulated(rng, np.array([1.0, 1.0]), 8).T).verdict == alike)
    assert wrong <= 0.015
    right = coverage(lambda rng: paired_ratio(*simulated(rng, np.array([1.0, 2.0]), 8).T).verdict == "shorter")
    assert right >= 0.99


def test_the_resolution_is_the_larger_side_of_the_twins_interval():
    assert resolution(paired_ratio([0.9, 1.02, *[1.0] * 6], [1.0] * 8)) == pytest.approx(0.1)
    assert resolution(paired_ratio([1.0] * 3, [1.0] * 3)) is None


@pytest.mark.parametrize(("a", "b"), [([1.0], [1.0, 2.0]), ([0.0] * 8, [1.0] * 8), ([1.0] * 8, [-1.0] * 8)])
def test_what_is_no_pair_of_times_is_refused(a: list[float], b: list[float]):
    with pytest.raises(ValueError, match="pairs of positive numbers"):
        paired_ratio(a, b)


# ------------------------------------------------------------------ exponents


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0])
def test_intervals_of_local_exponents_cover_the_truth(exponent: float):
    truth = 1e-4 * np.array(LENGTHS, dtype=float) ** exponent
    hits = np.zeros(4)
    rng = np.random.default_rng(3)
    for _ in range(TRIALS // 2):
        found = local_exponents(LENGTHS, simulated(rng, truth, 8))
        hits += [local.exponent.interval[0] <= exponent <= local.exponent.interval[1] for local in found]  # type: ignore[index]
    assert (hits / (TRIALS // 2) >= 0.98).all()


def test_the_exponent_predicted_is_that_of_what_was_predicted():
    flops = [n + n * n / 100 for n in LENGTHS]
    found = local_exponents(LENGTHS, [[1.0] * 5] * 8, predicted=flops)
    assert [local.predicted for local in found] == pytest.approx([math.log2(b / a) for a, b in pairwise(flops)])
    assert found[0].start == 32
    assert found[-1].end == 512


def test_a_power_law_is_found_and_covers_its_exponent():
    truth = 1e-5 * np.array(LENGTHS, dtype=float) ** 1.5
    stated, covered = 0, 0
    rng = np.random.default_rng(4)
    for _ in range(TRIALS // 2):
        found = power_law(LENGTHS, simulated(rng, truth, 8))
        if found is not None and found.interval is not None:
            stated += 1
            covered += found.interval[0] <= 1.5 <= found.interval[1]
    assert stated >= 0.85 * TRIALS / 2
    assert covered >= 0.98 * stated


def test_no_law_is_stated_where_the_exponent_changes():
    truth = np.array([1e-2 + 1e-4 * n + 3e-6 * n * n for n in LENGTHS])
    rng = np.random.default_rng(5)
    assert all(power_law(LENGTHS, simulated(rng, truth, 8)) is None for _ in range(100))


def test_no_law_is_stated_of_two_lengths_or_of_too_few_rounds():
    assert power_law([1, 2], [[1.0, 2.0]] * 8) is None
    assert power_law([1, 2, 4], [[1.0, 2.0, 4.0]] * 7) is None


# ------------------------------------------------------------------ crossovers


def test_the_interval_of_a_crossover_covers_it():
    lengths = np.array(LENGTHS, dtype=float)
    # powers cross at 150 steps exactly, and are straight on logarithmic axes
    first, second = lengths**1.8 / 150**1.8, lengths**1.0 / 150
    hits = 0
    rng = np.random.default_rng(6)
    for _ in range(TRIALS // 2):
        both = simulated(rng, np.concatenate([first, second]), 8)
        found = crossover(LENGTHS, both[:, :5], both[:, 5:])
        assert found.first_is_shorter
        low, high = found.length.interval or (0.0, 0.0)
        hits += low <= 150 <= high
    assert hits >= 0.98 * TRIALS / 2


def test_swapping_the_two_swaps_only_who_is_first():
    lengths = np.array(LENGTHS, dtype=float)
    both = simulated(np.random.default_rng(7), np.concatenate([lengths**1.8 / 150**0.8, lengths]), 8)
    one, other = crossover(LENGTHS, both[:, :5], both[:, 5:]), crossover(LENGTHS, both[:, 5:], both[:, :5])
    assert (one.first_is_shorter, other.first_is_shorter) == (True, False)
    assert other.length.value == pytest.approx(one.length.value)


def test_where_nothing_crosses_in_the_range_the_bound_is_one_sided():
    lengths = np.array(LENGTHS, dtype=float)
    beyond = crossover(LENGTHS, np.array([lengths**1.5 / 900**0.5] * 8), np.array([lengths] * 8))
    assert beyond.first_is_shorter
    assert (beyond.length.value, beyond.length.interval) == (math.inf, (math.inf, math.inf))
    below = crossover(LENGTHS, np.array([lengths**1.5 / 10**0.5] * 8), np.array([lengths] * 8))
    assert (below.length.value, below.length.interval) == (0.0, (0.0, 0.0))


def test_rounds_that_cross_and_rounds_that_do_not_give_an_open_end():
    lengths = np.array(LENGTHS, dtype=float)
    crossing, not_yet = lengths**1.5 / 300**0.5, lengths**1.5 / 900**0.5
    found = crossover(LENGTHS, np.array([crossing] * 6 + [not_yet] * 2), np.array([lengths] * 8))
    assert found.length.value == pytest.approx(300)
    assert found.length.interval is not None
    assert found.length.interval[0] == pytest.approx(300)
    assert math.isinf(found.length.interval[1])


def from_differences(*differences: float) -> Crossover:
    """Of eight equal rounds with these logarithms of the ratio at each length."""
    lengths = 64 * 2 ** np.arange(len(differences))
    return crossover(lengths.tolist(), np.exp([differences] * 8), np.ones((8, len(differences))))


def test_an_order_that_changes_once_is_found_whatever_the_slope():
    found = from_differences(0.10, -2, -1, -0.05)  # the slope rises, though the first takes longer at 64 steps alone
    assert (found.signs, found.changes, found.first_is_shorter) == ((1, -1, -1, -1), 1, False)
    assert 64 < found.length.value < 128


@pytest.mark.parametrize(
    ("differences", "changes"),
    [((0.5, -0.5, 0.5), 2), ((-0.5, 0.5, -0.1, -0.5), 2), ((-0.5, 0.5, -0.5, 0.5), 3), ((-0.5, 0.0, -0.5), 0)],
)
def test_an_order_that_changes_back_is_seen(differences: tuple[float, ...], changes: int):
    found = from_differences(*differences)
    assert not found.in_order
    assert found.changes == changes
    assert found.signs == tuple(np.sign(differences).astype(int))


def test_the_interval_of_a_crossing_holds_all_crossings_of_its_rounds():
    rounds = [[-1.0, -1.0, 1.0, 1.0]] * 6 + [[-1.0, 1.0, -1.0, 1.0]] * 2
    found = crossover([10, 20, 40, 80], np.exp(rounds), np.ones((8, 4)))
    assert found.signs == (-1, 0, 0, 1)
    assert found.length.interval == pytest.approx((10 * 2**0.5, 40 * 2**0.5))


def test_curves_that_touch_have_an_interval_as_wide_as_all_lengths():
    lengths = np.array(LENGTHS, dtype=float)
    rng = np.random.default_rng(8)
    both = simulated(rng, np.concatenate([lengths, lengths]), 12)
    low, high = crossover(LENGTHS, both[:, :5], both[:, 5:]).length.interval or (1.0, 1.0)
    assert low < 64
    assert high > 256


@pytest.mark.parametrize(
    ("lengths", "rounds"),
    [([2, 1], [[1.0, 1.0]]), ([0, 1], [[1.0, 1.0]]), ([1, 2], [[1.0, 0.0]]), ([1, 2], [[1.0, math.nan]]),
     ([1], [[1.0, 2.0]])],
)  # fmt: skip
def test_lengths_must_rise_and_values_be_positive(lengths: list[float], rounds: list[list[float]]):
    with pytest.raises(ValueError, match="positive"):
        local_exponents(lengths, rounds)
