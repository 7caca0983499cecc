"""How often intervals hold the truth and verdicts are wrong, in simulated studies whose truth is known.

Each test prints the table it measured (``pytest -s``). A simulated frequency may miss its limit by two standard errors;
where a frequency can be summed exactly there is no such allowance. ``--soak`` repeats the main simulations with more
studies and for more cases.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from scipy import stats

from seqbench.statistics import verdict
from seqbench.statistics.aggregate import iqm, iqm_interval, performance_profile
from seqbench.statistics.crossing import crossing_point, next_length
from seqbench.statistics.improvement import probability_of_improvement
from seqbench.statistics.intervals import median_interval, mid_p_interval, t_interval, wilson_interval
from seqbench.statistics.permutation import stratified_p
from seqbench.statistics.ranking import critical_difference, rank_intervals, win_rates
from seqbench.statistics.resampling import percentiles, resampled
from seqbench.statistics.seeds import Interval, by_kind
from seqbench.statistics.shift import overall_shift
from seqbench.statistics.speed import ratio_of_times
from seqbench.statistics.survival import survival
from seqbench.statistics.verdict import compare_across_tasks, compare_families, compare_to_reference

RATES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
"""Probabilities that a run solves its task."""
SEEDS = (5, 10, 20, 30)


@pytest.fixture(autouse=True)
def verdicts_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """With how many seeds a pair would be decided takes a third of the time, and nothing here asks for it."""
    monkeypatch.setattr(verdict, "seeds_to_decide", lambda *words: None)


def show(title: str, header: Sequence[object], rows: Sequence[Sequence[object]]) -> None:
    print(f"\n{title}")
    for row in (header, *rows):
        print("  " + "".join(f"{f'{x:.3f}' if isinstance(x, float) else x!s:>11}" for x in row))


def error(frequency: float, trials: int) -> float:
    """Two standard errors of a simulated frequency."""
    return 2 * math.sqrt(frequency * (1 - frequency) / trials)


def holds(interval: Interval | None, truth: float) -> bool:
    assert interval is not None
    return interval[0] - 1e-12 <= truth <= interval[1] + 1e-12


def two_groups(rng: np.random.Generator, rate: np.ndarray | float, shape: tuple[int, ...]) -> np.ndarray:
    """Scores of runs that solve their task at ``rate``, or stay near the baseline."""
    return np.where(rng.random(shape) < rate, rng.normal(0.98, 0.01, shape), rng.normal(0.05, 0.03, shape))


# ------------------------------------------------------------------ one cell, summed exactly


def exact_coverage(interval: Callable[[int, int], Interval], n: int, rates: Sequence[float]) -> list[float]:
    bounds = [interval(k, n) for k in range(n + 1)]
    chances = [stats.binom.pmf(np.arange(n + 1), n, rate) for rate in rates]
    return [
        math.fsum(float(chance[k]) for k, bound in enumerate(bounds) if holds(bound, rate))
        for rate, chance in zip(rates, chances, strict=True)
    ]


@pytest.mark.parametrize(
    ("interval", "lowest", "anywhere"), [(wilson_interval, 0.913, 0.89), (mid_p_interval, 0.93, 0.92)]
)
def test_intervals_of_the_solve_rate_cover_it(
    interval: Callable[[int, int], Interval], lowest: float, anywhere: float
) -> None:
    table = {n: exact_coverage(interval, n, RATES) for n in SEEDS}
    show(f"coverage of {interval.__name__} (exact)", ["seeds", *RATES], [[n, *row] for n, row in table.items()])
    assert min(min(row) for row in table.values()) >= lowest
    between = [exact_coverage(interval, n, np.linspace(0.1, 0.95, 86).tolist()) for n in SEEDS]
    assert min(min(row) for row in between) >= anywhere
    assert min(float(np.mean(row)) for row in between) >= 0.95


@pytest.mark.parametrize("n", [5, 6, 8, 10, 15, 20, 30])
def test_intervals_of_the_median_cover_it(n: int) -> None:
    # Whatever the distribution, the number of values below its median is binomial; the i-th solved run is at step i.
    chances = stats.binom.pmf(np.arange(n + 1), n, 0.5)
    order = median_interval(list(range(1, n + 1)))
    found = math.fsum(float(chances[j]) for j in range(n + 1) if order is not None and order[0] <= j < order[1])
    show("coverage of the median", ["seeds", "covered"], [[n, found]])
    assert found >= 0.95 if n >= 6 else order is None


@pytest.mark.parametrize("n", [5, 6, 8, 10, 15, 20, 30])
def test_band_of_the_survival_curve_covers_a_share_of_one_half(n: int) -> None:
    chances = stats.binom.pmf(np.arange(n + 1), n, 0.5)  # of so many solved by the true median
    curve = survival(list(range(1, n + 1)), [True] * n)
    assert curve.low is not None
    assert curve.high is not None
    ends = zip(curve.low, curve.high, strict=True)
    found = math.fsum(float(chance) for chance, band in zip(chances, ends, strict=True) if holds(band, 0.5))
    show("coverage of survival", ["seeds", "covered"], [[n, found]])
    assert found >= 0.93


# ------------------------------------------------------------------ one cell, simulated


def test_t_interval_covers_the_mean() -> None:
    rng, trials, rows = np.random.default_rng(0), 1000, []
    draws = {"normal": (rng.normal, 0.0), "uniform": (rng.random, 0.5), "skewed": (rng.standard_exponential, 1.0)}
    for name, (draw, truth) in draws.items():
        for n in (5, 10, 20):
            hits = np.mean([holds(t_interval(draw(size=n)), truth) for _ in range(trials)])
            rows.append([name, n, float(hits)])
    show("coverage of t_interval", ["scores", "seeds", "covered"], rows)
    assert all(abs(hits - 0.95) <= 1.5 * error(0.95, trials) for name, _, hits in rows if name == "normal")
    assert min(hits for *_, hits in rows) >= 0.85  # skewed scores with 5 seeds


def test_band_of_the_survival_curve_covers_it_when_runs_are_killed_early() -> None:
    rng, trials, rows = np.random.default_rng(1), 400, []
    for n in (10, 20, 30):
        hits = []
        for solve, killed in rng.exponential((1.0, 3.0), (trials, n, 2)).transpose(0, 2, 1):
            end = np.minimum(killed, 1.5)  # the budget
            curve = survival(np.minimum(solve, end), (solve <= end).tolist())
            at = np.searchsorted(curve.steps, math.log(2), "right") - 1  # where half of all runs have solved
            hits.append(
                curve.low is not None and curve.high is not None and holds((curve.low[at], curve.high[at]), 0.5)
            )
        rows.append([n, float(np.mean(hits))])
    show("coverage of survival, a quarter of the runs killed early", ["seeds", "covered"], rows)
    assert all(hits >= 0.93 - error(0.93, trials) for _, hits in rows)


def crossing_coverage(slope: float, n: int, trials: int, draws: int) -> float:
    """Logistic solve rates over octaves; the crossing lies anywhere from just inside the shortest to the longest."""
    rng, lengths = np.random.default_rng(round(slope) + n), 10 * 2.0 ** np.arange(6)
    hits = []
    for truth in np.exp(rng.uniform(np.log(11), np.log(300), trials)):
        solved = rng.random((6, n)) < (1 / (1 + (lengths / truth) ** slope))[:, None]
        hits.append(holds(crossing_point(lengths.tolist(), solved.tolist(), draws=draws).interval, truth))
    return float(np.mean(hits))


CROSSINGS = [(slope, n) for slope in (1.0, 4.0, 40.0) for n in (5, 10, 20)]
"""From a solve rate that falls over a factor of 20 in length to one that falls at once."""


def test_interval_of_the_crossing_covers_it() -> None:
    rows = [[slope, n, crossing_coverage(slope, n, 200, 500)] for slope, n in CROSSINGS]
    show("coverage of crossing_point", ["slope", "seeds", "covered"], rows)
    assert all(hits >= 0.92 for *_, hits in rows)


def bisected_coverage(slope: float, alike: float, n: int, trials: int, draws: int) -> float:
    """Logistic solve rates at octaves and at the lengths that ``next_length`` adds.

    A share ``alike`` of the seeds has one threshold for all lengths; the other seeds draw anew at each.
    """
    rng, hits = np.random.default_rng([round(slope * 2), round(alike * 2), n]), []
    for truth in np.exp(rng.uniform(np.log(11), np.log(300), trials)):
        own, share = rng.logistic(size=n), rng.random(n) < alike
        solved: dict[int, list[bool]] = {}
        following: list[int] = [10, 20, 40, 80, 160, 320]
        while following:
            for length in following:
                reach = np.where(share, own, rng.logistic(size=n))
                solved[length] = (reach > slope * np.log(length / truth)).tolist()
            lengths = sorted(solved)
            found = next_length(lengths, [solved[length] for length in lengths], 1.1)
            following = [] if found is None else [found]
        flags = [solved[length] for length in lengths]
        hits.append(holds(crossing_point(lengths, flags, draws=draws, same_seeds=True).interval, truth))
    return float(np.mean(hits))


BISECTED = [(slope, alike, n) for slope in (1.0, 4.0) for alike in (0.0, 0.5, 1.0) for n in (5, 10)]


def test_interval_of_the_crossing_covers_it_after_bisection_whether_seeds_are_alike_at_all_lengths_or_not() -> None:
    rows = [[slope, alike, n, bisected_coverage(slope, alike, n, 100, 200)] for slope, alike, n in BISECTED]
    show("coverage of crossing_point after bisection", ["slope", "alike", "seeds", "covered"], rows)
    assert all(hits >= 0.9 - error(0.9, 100) for *_, hits in rows)
    assert np.mean([hits for *_, hits in rows]) >= 0.945


def missed(spread: tuple[float, float], spikes: float, n: int, family: int, families: int) -> float:
    """Share of families of ratios of which an interval misses the truth; all of them share 1 %."""
    rng = np.random.default_rng([n, family, round(100 * spikes)])
    noise = rng.normal(0, 1, (families, family, 2, n)) * np.array(spread)[:, None]
    noise += np.where(rng.random(noise.shape) < spikes, np.log1p(rng.exponential(0.1, noise.shape)), 0)
    times, level = np.exp(noise) * np.array([1.1, 1.0])[:, None], 1 - 0.01 / family
    return float(np.mean([any(not holds(ratio_of_times(a, b, level).interval, 1.1) for a, b in one) for one in times]))


def test_intervals_of_ratios_of_times_hold_together() -> None:
    families, rows = 150, []
    for spikes in (0.0, 0.1, 0.4):
        for n, family in ((8, 1), (8, 10), (20, 10)):
            rows.append([spikes, n, family, missed((0.03, 0.03), spikes, n, family, families)])
    show("families of ratio_of_times with a miss, with slow outliers", ["spikes", "rounds", "ratios", "missed"], rows)
    assert all(wrong <= 0.01 + error(0.01, families) for *_, wrong in rows)


# ------------------------------------------------------------------ several tasks


def iqm_coverage(kind: str, tasks: int, n: int, trials: int, draws: int) -> tuple[float, float]:
    """Coverage of the widened interval and, from the same studies, of the plain percentile interval."""
    rng = np.random.default_rng(tasks * 100 + n)

    def study(n: int) -> np.ndarray:
        if kind == "normal":
            return rng.normal(np.linspace(0.3, 0.7, tasks)[:, None], 0.15, (tasks, n))
        return two_groups(rng, np.linspace(0.3, 0.8, tasks)[:, None] if tasks > 1 else 0.6, (tasks, n))

    truth = iqm(study(200_000))
    hits = np.zeros(2)
    for index in range(trials):
        scores = study(n)
        hits[0] += holds(iqm_interval(scores, draws=draws, seed=index), truth)
        drawn = np.concatenate([resampled(rng, task, draws) for task in scores], axis=1)
        hits[1] += holds(percentiles(stats.trim_mean(drawn, 0.25, axis=1), 0.95), truth)
    return float(hits[0] / trials), float(hits[1] / trials)


def test_interval_of_the_iqm_covers_it_with_20_seeds() -> None:
    trials = 500
    rows = [[kind, t, *iqm_coverage(kind, t, 20, trials, 800)] for kind in ("normal", "bimodal") for t in (1, 3, 5)]
    show("coverage of iqm_interval, 20 seeds", ["scores", "tasks", "widened", "plain"], rows)
    assert all(0.92 - error(0.92, trials) <= widened <= 0.97 + error(0.97, trials) for _, _, widened, _ in rows)


def test_probability_of_improvement_is_covered() -> None:
    rng, rows = np.random.default_rng(4), []
    for a, b in ((0.5, 0.5), (0.8, 0.4), (0.95, 0.05)):
        truth = a * (1 - b) + (a * b + (1 - a) * (1 - b)) / 2
        for tasks, trials in ((1, 500), (5, 200)):
            for n in (5, 10, 20):
                studies = [(two_groups(rng, a, (tasks, n)), two_groups(rng, b, (tasks, n))) for _ in range(trials)]
                found = [probability_of_improvement(list(zip(x, y, strict=True))).interval for x, y in studies]
                hits = float(np.mean([holds(interval, truth) for interval in found]))
                rows.append([truth, tasks, n, hits, 0.9 - error(0.9, trials)])
    show("coverage of probability_of_improvement", ["P(A > B)", "tasks", "seeds", "covered", "limit"], rows)
    assert all(hits >= limit for *_, hits, limit in rows)


@pytest.mark.parametrize(
    ("n", "m", "on_average"), [(5, 5, 0.981), (10, 10, 0.975), (30, 30, 0.966), (5, 8, 0.986), (5, 50, 1.0)]
)
def test_probability_of_improvement_is_covered_where_scores_tie(n: int, m: int, on_average: float) -> None:
    """Runs that are solved or not; without the ties' correction 98.4 to 99.2 % on average, of 5 against 8 98.9 %."""
    ends = np.zeros((n + 1, m + 1, 2))
    for first, second in np.ndindex(n + 1, m + 1):
        found = probability_of_improvement([(np.arange(n) < first, np.arange(m) < second)]).interval
        assert found is not None
        ends[first, second] = found
    rows, rates = [], (*RATES, 1.0)
    for a in rates[:-1]:  # of 1 and 1 the truth is 1/2, and always seen
        for b in rates:
            chances = np.outer(stats.binom.pmf(np.arange(n + 1), n, a), stats.binom.pmf(np.arange(m + 1), m, b))
            truth = 0.5 + (a - b) / 2
            inside = (ends[..., 0] <= truth + 1e-12) & (truth - 1e-12 <= ends[..., 1])
            rows.append([a, b, float((chances * inside).sum())])
    show(f"coverage of probability_of_improvement, {n} against {m} solved or not", ["rate", "rate", "covered"], rows)
    assert min(hits for *_, hits in rows) >= 0.91
    assert np.mean([hits for *_, hits in rows]) <= on_average


def test_probability_of_improvement_is_not_certain_where_all_of_one_and_most_of_the_other_solve() -> None:
    """Where 4 in 5 solve against all, an interval without the ties' correction covers all but 3 in 10,000 studies."""
    rows = []
    for n in (20, 30, 50):
        hits = 0.0
        for lost in range(n + 1):
            scores = [-1 - place for place in range(lost)] + [0] * (n - lost)
            hits += stats.binom.pmf(lost, n, 0.2) * holds(probability_of_improvement([(scores, [0] * n)]).interval, 0.4)
        rows.append([n, float(hits)])
    show("coverage of probability_of_improvement, 0.8 against 1 solved", ["seeds", "covered"], rows)
    assert all(0.94 <= hits <= 0.99 for _, hits in rows)
    assert all(hits <= 0.96 for n, hits in rows if n >= 30)


def test_band_of_the_performance_profile_covers_it() -> None:
    rng, trials, rows = np.random.default_rng(5), 600, []
    for tasks in (1, 3, 5):
        for n in (5, 10, 20):
            hits = []
            for rate in (0.1, 0.5, 0.95):
                found = [performance_profile((rng.random((tasks, n)) < rate) * 1.0, [0.5]) for _ in range(trials)]
                hits.append(np.mean([p.low is not None and p.high is not None and holds((p.low[0], p.high[0]), rate)
                                     for p in found]))  # fmt: skip
            rows.append([tasks, n, *map(float, hits)])
    show("coverage of performance_profile", ["tasks", "seeds", 0.1, 0.5, 0.95], rows)
    assert min(min(row[2:]) for row in rows) >= 0.86 - error(0.86, trials)  # 5 tasks with 5 seeds
    assert min(min(row[2:]) for row in rows if row[1] == 20) >= 0.91 - error(0.91, trials)


# ------------------------------------------------------------------ verdicts where nothing differs, and where it does


LENGTHS = 6
SEEDS_OF: dict[str, Callable[[int, int], list[int]]] = {
    "all on all": lambda n, length: list(range(n)),
    "each lacks another": lambda n, length: [seed for seed in range(n + 1) if seed != length % (n + 1)],
    "one has others": lambda n, length: list(range(n, 2 * n) if length == LENGTHS - 1 else range(n)),
    "none shared": lambda n, length: list(range(length * n, (length + 1) * n)),
}
"""Which seeds are on which length: of the number of seeds and the length's place."""


def false_over_lengths(seeds: str, correlation: float, n: int, trials: int) -> tuple[float, float, float]:
    """Shares of studies with a verdict if lengths are taken as independent, with one by strata, and with 1/2 covered.

    Nothing differs; a seed's scores at the lengths of its one kind of task correlate.
    """
    rng, found = np.random.default_rng([11, n, round(10 * correlation)]), []
    on = [SEEDS_OF[seeds](n, length) for length in range(LENGTHS)]
    shape = (2, LENGTHS, 1 + max(map(max, on)))
    for _ in range(trials):
        luck = rng.normal(0, 1, (2, 1, shape[2]))
        scores = math.sqrt(1 - correlation) * rng.normal(0, 1, shape) + math.sqrt(correlation) * luck
        sides = [[(mine, task[mine]) for mine, task in zip(on, side, strict=True)] for side in scores]
        (apart,) = compare_across_tasks([[task for _, task in sides[0]]], [task for _, task in sides[1]])
        (joined,) = compare_families([by_kind(["copy"] * LENGTHS, *sides)])  # pyright: ignore[reportArgumentType]
        wrong = [one.verdict in ("better", "worse") for one in (apart, joined)]
        found.append([*wrong, holds(joined.interval, 0.5)])
    independent, strata, covered = np.mean(found, axis=0).tolist()
    return independent, strata, covered


def table_over_lengths(seeds: str, trials: int) -> list[tuple[float, float, float]]:
    """``false_over_lengths`` for several correlations, shown."""
    cases = [(rho, n) for rho in (0.0, 0.4, 1.0) for n in ((5, 10) if seeds == "all on all" else (6,))]
    rows = [false_over_lengths(seeds, rho, n, trials) for rho, n in cases]
    shown = [[*case, *row] for case, row in zip(cases, rows, strict=True)]
    header = ["correlation", "seeds", "apart", "strata", "P covered"]
    show(f"wrong verdicts over {LENGTHS} lengths, seeds: {seeds}, {trials} studies", header, shown)
    return rows


@pytest.mark.parametrize("seeds", SEEDS_OF)
def test_runs_of_one_seed_that_do_well_together_make_no_verdict(seeds: str) -> None:
    trials = 1000 if seeds == "all on all" else 150
    rows = table_over_lengths(seeds, trials)
    assert seeds != "all on all" or max(independent for independent, *_ in rows) > 0.3
    assert all(strata <= 0.05 + error(0.05, trials) for _, strata, _ in rows)
    assert all(covered >= 0.93 - error(0.93, trials) for *_, covered in rows)


def test_interval_of_the_iqm_covers_it_where_runs_of_one_seed_do_well_together() -> None:
    """Whole: 20 seeds on all 6 lengths. Ragged: each length lacks others, 15 of 20 are on it."""
    rng, trials, rows = np.random.default_rng(12), 400, []
    for correlation in (0.4, 1.0):
        hits = np.zeros(4)
        for _ in range(trials):
            own, common = rng.normal(0, 1, (6, 20)), rng.normal(0, 1, (1, 20))
            scores = math.sqrt(1 - correlation) * own + math.sqrt(correlation) * common
            seeds = [rng.permutation(20)[:15].tolist() for _ in scores]
            cells = [(mine, task[mine]) for mine, task in zip(seeds, scores, strict=True)]
            ragged = [stratum for (stratum,) in by_kind(["copy"] * 6, cells)]
            kinds = (scores, [scores], [task for _, task in cells], ragged)
            hits += [holds(iqm_interval(found, draws=300), 0.0) for found in kinds]
        rows.append([correlation, *map(float, hits / trials)])
    show("iqm_interval over 6 lengths", ["correlation", "apart", "stratum", "ragged apart", "ragged"], rows)
    assert max(min(row[1] for row in rows), min(row[3] for row in rows)) < 0.8
    assert all(min(row[2], row[4]) >= 0.92 - error(0.92, trials) for row in rows)


def test_no_verdict_on_groups_that_only_scatter_differently() -> None:
    """Half of one architecture's runs solve, the others fail, and all of the other's lie between: P(beats) is 1/2."""
    rows = []
    for n in (5, 8, 10, 15, 20, 40):
        between, wrong = [place / 1000 for place in range(n)], np.zeros(2)
        for solved in range(n + 1):
            scores = [1 + place / 100 if place < solved else -1 - place / 100 for place in range(n)]
            (found,) = compare_to_reference([scores], between)
            chance = stats.binom.pmf(solved, n, 0.5)
            wrong[0] += chance * (stratified_p([(scores, between)]) < 0.05)
            wrong[1] += chance * (found.verdict in ("better", "worse"))
        rows.append([n, *map(float, wrong)])
    show("verdicts though P(beats) is 1/2", ["seeds", "p alone", "verdicts"], rows)
    assert max(alone for _, alone, _ in rows) > 0.1
    assert all(verdicts <= (0.0626 if n == 5 else 0.05) for n, _, verdicts in rows)  # 5: all solve, 1 in 32, or none


def scores_of(kind: str, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Architectures x tasks x seeds that differ between tasks only."""
    if kind == "normal":
        return rng.normal(0, 1, shape)
    if kind == "bimodal":
        return two_groups(rng, np.linspace(0.2, 0.9, shape[1])[:, None], shape)
    steps = np.round(1.1 ** rng.integers(30, 60, shape))  # evaluations are 10 % apart: many ties
    return np.where(rng.random(shape) < 0.7, -steps, -math.inf)


def decided(study: np.ndarray) -> list[list[str]]:
    """Verdicts of 5 architectures against the sixth, a family for each task."""
    tasks = range(study.shape[1])
    return [[c.verdict for c in compare_to_reference(list(study[:5, task]), study[5, task])] for task in tasks]


def false_verdicts(kind: str, n: int, studies: int) -> tuple[float, float]:
    """Share of families with a false "better", and with any false verdict."""
    rng = np.random.default_rng(n)
    families = [family for _ in range(studies) for family in decided(scores_of(kind, rng, (6, 5, n)))]
    wrong = [("better" in family, bool({"better", "worse"} & set(family))) for family in families]
    better, either = np.mean(wrong, axis=0).tolist()
    return better, either


@pytest.mark.parametrize("n", [5, 10, 20])
def test_false_verdicts_are_at_most_5_percent_of_the_families_in_1000_studies(n: int) -> None:
    better, either = false_verdicts("bimodal", n, 1000)
    show("false verdicts, 1000 studies of 5 tasks", ["seeds", "better", "any"], [[n, better, either]])
    assert better <= either <= 0.05
    assert either > 0.01  # a rule that never decides would pass too


def false_orders(kind: str, n: int, studies: int) -> list[float]:
    """Share of studies with a false verdict over all tasks, a false order of ranks, and a false critical difference."""
    rng, wrong = np.random.default_rng(n + 1), []
    for _ in range(studies):
        study = scores_of(kind, rng, (6, 5, n))
        rows = [list(architecture) for architecture in study]
        verdicts = {c.verdict for c in compare_across_tasks(rows[:5], rows[5])}
        ranks = rank_intervals(rows).ranks
        assert ranks is not None
        split = len(critical_difference(win_rates(rows)).groups) > 1
        wrong.append((bool({"better", "worse"} & verdicts), any((r.low, r.high) != (1, 6) for r in ranks), split))
    return np.mean(wrong, axis=0).tolist()


def test_false_orders_over_all_tasks_are_at_most_5_percent() -> None:
    studies = 100
    rows = [[kind, n, *false_orders(kind, n, studies)] for kind, n in (("bimodal", 5), ("ties", 10), ("normal", 20))]
    show("false orders over 5 tasks", ["scores", "seeds", "verdict", "ranks", "Nemenyi"], rows)
    assert all(max(row[2:]) <= 0.05 + error(0.05, studies) for row in rows)


def test_false_verdicts_over_rows_of_pairs_and_groups_are_at_most_5_percent() -> None:
    rng, studies, rows = np.random.default_rng(8), 1000, []
    for name, kinds in (("pairs", [True] * 3), ("groups", [False] * 3), ("both", [True, False, True])):
        luck = rng.normal(0, 2, (studies, 2, 3, 8))  # of a seed: the same on both sides of a pair
        a, b = np.moveaxis(luck + rng.normal(0, 1, luck.shape), 1, 0)
        b = np.where(np.array(kinds)[:, None], b - luck[:, 1] + luck[:, 0], b)
        found = [overall_shift(list(zip(*study, strict=True)), kinds)[1] < 0.05 for study in zip(a, b, strict=True)]
        rows.append([name, float(np.mean(found))])
    show("false verdicts over 3 rows, 1000 studies", ["rows", "any"], rows)
    assert all(0.03 < wrong <= 0.05 + error(0.05, studies) for _, wrong in rows)


def test_power_grows_with_seeds_and_reaches_large_differences_with_10() -> None:
    rng, studies, rows = np.random.default_rng(6), 100, []
    for name, solving, reference in (("0.9 v 0.1", 0.9, 0.1), ("0.9 v 0.3", 0.9, 0.3), ("0.9 v 0.5", 0.9, 0.5)):
        found = []
        for n in (5, 10, 20, 30):
            families = [
                compare_to_reference(list(two_groups(rng, solving, (5, n))), two_groups(rng, reference, (n,)))
                for _ in range(studies)
            ]
            found.append(float(np.mean([c.verdict == "better" for family in families for c in family])))
        rows.append([name, *found])
    show("power: share of 5 better architectures found, by solve rates", ["rates", 5, 10, 20, 30], rows)
    assert all(row[1] <= row[2] <= row[3] <= row[4] for row in rows)
    assert rows[0][2] >= 0.7
    assert rows[1][3] >= 0.7


# ------------------------------------------------------------------ the same, larger


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["normal", "bimodal"])
@pytest.mark.parametrize("tasks", [1, 3, 5])
@pytest.mark.parametrize("n", [5, 10, 20, 30])
def test_interval_of_the_iqm_covers_it_in_3000_studies(kind: str, tasks: int, n: int) -> None:
    found = iqm_coverage(kind, tasks, n, 3000, 2000)
    show("coverage of iqm_interval", ["scores", "tasks", "seeds", "widened", "plain"], [[kind, tasks, n, *found]])
    assert found[0] >= (0.92 if n >= 10 else 0.83)
    assert found[0] <= 0.97 or n < 20


@pytest.mark.soak
@pytest.mark.parametrize(("slope", "n"), [*CROSSINGS, (0.5, 5), (0.5, 20), (2.0, 5), (2.0, 20)])
def test_interval_of_the_crossing_covers_it_in_1000_studies(slope: float, n: int) -> None:
    found = crossing_coverage(slope, n, 1000, 2000)
    show("coverage of crossing_point", ["slope", "seeds", "covered"], [[slope, n, found]])
    assert found >= 0.92


@pytest.mark.soak
@pytest.mark.parametrize(
    ("slope", "alike", "n"), [*BISECTED, (0.5, 0.0, 5), (0.5, 1.0, 5), (40.0, 0.0, 5), (1.0, 0.0, 20)]
)
def test_interval_of_the_crossing_covers_it_after_bisection_in_1000_studies(slope: float, alike: float, n: int) -> None:
    found = bisected_coverage(slope, alike, n, 1000, 1000)
    show(
        "coverage of crossing_point after bisection", ["slope", "alike", "seeds", "covered"], [[slope, alike, n, found]]
    )
    assert found >= 0.9


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["normal", "bimodal", "ties"])
@pytest.mark.parametrize("n", [5, 10, 20])
def test_false_verdicts_and_orders_are_at_most_5_percent_in_1000_studies(kind: str, n: int) -> None:
    found = [*false_verdicts(kind, n, 1000), *false_orders(kind, n, 1000)]
    show("false", ["scores", "seeds", "better", "any", "all tasks", "ranks", "Nemenyi"], [[kind, n, *found]])
    assert max(found[:2]) <= 0.05
    assert max(found[2:]) <= 0.05 + error(0.05, 1000)


@pytest.mark.soak
@pytest.mark.parametrize("seeds", SEEDS_OF)
def test_runs_of_one_seed_that_do_well_together_make_no_verdict_in_1000_studies(seeds: str) -> None:
    rows = table_over_lengths(seeds, 1000)
    assert all(strata <= 0.05 + error(0.05, 1000) for _, strata, _ in rows)
    assert all(covered >= 0.93 - error(0.93, 1000) for *_, covered in rows)


@pytest.mark.soak
@pytest.mark.parametrize("spread", [(0.03, 0.03), (0.02, 0.06)])
@pytest.mark.parametrize("spikes", [0.0, 0.1, 0.4])
@pytest.mark.parametrize(("n", "family"), [(8, 1), (8, 40), (20, 40)])
def test_intervals_of_ratios_of_times_hold_together_in_1000_studies(
    spread: tuple[float, float], spikes: float, n: int, family: int
) -> None:
    found = missed(spread, spikes, n, family, 1000)
    show(
        "families with a miss",
        ["spreads", "spikes", "rounds", "ratios", "missed"],
        [[spread, spikes, n, family, found]],
    )
    assert found <= 0.01 + error(0.01, 1000)
