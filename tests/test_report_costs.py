"""The cost section of the report: medians and intervals, what is equal, how cost grows, what is doubtful."""

import csv
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from seqbench.record.environment import env_id
from seqbench.record.store import Store
from seqbench.report import write
from seqbench.report.canvas import styles
from seqbench.report.cost_csv import costs_csv
from seqbench.report.cost_figures import speed_figure, streaming_figure
from seqbench.report.cost_places import places
from seqbench.report.cost_scaling import TIME, curves
from seqbench.report.cost_sentences import cost_sentences, crossover_sentences
from seqbench.report.cost_tables import cost_tables
from seqbench.report.cost_terminal import cost_table
from seqbench.report.costs import Entry, entries, ratio, twins
from seqbench.report.groups import grouped
from seqbench.report.wording import DASH, TIMES
from seqbench.schema import Record
from tests import simulated, simulated_costs
from tests.simulated_costs import sample

NAMES = {env_id(simulated.MACHINE): "A"}
FIXTURE = Path(__file__).parent / "fixtures" / "store_v1"


def found(made: Iterable[tuple[Record, Any]]) -> list[Entry]:
    return entries([record for record, _ in made])


def only(made: Iterable[tuple[Record, Any]]) -> Entry:
    (entry,) = found(made)
    return entry


def rounds(model: str, number: int = 8, **asked: Any) -> list[tuple[Record, Any]]:
    return [sample(model, round=index, **asked) for index in range(number)]


@pytest.fixture(scope="module")
def whole() -> list[Entry]:
    return found(simulated_costs.study())


@pytest.fixture
def small(tmp_path: Path) -> Callable[..., Path]:
    def make(made: Iterable[tuple[Record, Any]]) -> Path:
        store = Store(tmp_path / "runs")
        for record, arrays in made:
            store.publish(record, arrays)
        return write(store, tmp_path / "out").parent

    return make


# ------------------------------------------------------------------ entries


def changed(made: Iterable[tuple[Record, Any]], **summary: Any) -> list[Entry]:
    """Entries of the same measurements with other values in their summaries."""
    return entries([replace(record, summary={**record.summary, **summary}) for record, _ in made])


def test_times_and_rates_that_cannot_be_give_no_ratio_and_no_share():
    (fine,), (odd,) = found(rounds("gru")), changed(rounds("gru"), step_s=0.0, data_s=0.0, gemm_flops_per_s=0.0)
    assert ratio(fine, odd) is None
    assert ratio(odd, fine) is None
    assert odd.share_of_gemm() is None
    assert cost_tables([odd], NAMES)


def test_flops_of_a_batch_of_unknown_size_are_unknown():
    (odd,) = changed(rounds("gru"), batch_size=None, flops=None, flops_counted=None)
    assert odd.flops is None


def test_a_length_without_a_time_has_no_exponent_and_hides_no_other_table():
    made = [one for length in (16, 32, 64) for one in rounds("gru", length=length)]
    records = [replace(r, summary={**r.summary, "step_s": 0.0, "flops": 0, "flops_counted": 0}) for r, _ in made]
    (curve,) = curves(entries(records))[0]
    assert curve.exponents(TIME) == []
    assert curve.law(TIME) is None
    assert curve.flops() is None


def test_rounds_of_one_measurement_are_one_entry_with_their_median_and_interval():
    made = rounds("gru", 9)
    entry = only(made)
    steps = [record.summary["step_s"]["median"] for record, _ in made]
    estimate = entry.estimate("step_s")
    assert estimate is not None
    assert estimate.value == np.median(steps)
    assert estimate.interval == (min(steps), max(steps))
    assert sorted(entry.records) == list(range(9))


def test_lengths_backends_and_twins_are_entries_of_their_own():
    made = [*rounds("gru", 1), *rounds("gru", 1, length=128), *rounds("gru", 1, backend="plain"),
            *rounds("gru", 1, twin=True), *rounds("gru", 1, what="denormals")]  # fmt: skip
    assert len(found(made)) == 5
    assert [len(place.entries) for place in places(found(made))] == [2, 1]


def test_the_share_of_the_gemm_rate_is_that_of_three_forward_passes():
    entry = only(rounds("gru", 1))
    share, step = entry.share_of_gemm(), entry.estimate("step_s")
    assert share is not None
    assert step is not None
    assert share.value == pytest.approx(3 * 64e6 / step.value / simulated_costs.GEMM)


def test_declared_flops_that_are_a_bound_are_no_measure_and_counted_ones_are():
    bound = rounds("attention", 2)
    assert only(bound).share_of_gemm() is None
    first, arrays = bound[0]
    counted = replace(first, summary={**first.summary, "flops_counted": 5e6})
    assert only([(counted, arrays), bound[1]]).flops == 5e6


@pytest.mark.parametrize("status", ["interrupted", "killed"])
def test_samples_that_are_to_be_continued_are_no_failures_and_are_not_hidden(status: Any):
    (record, _), *others = rounds("gru")
    stopped = replace(record, status=status, reason="it was stopped", summary={}, arrays={})
    made = found([(stopped, {}), *rounds("rnn")])
    assert f"Not measured yet ({status}): gru on adding_50: it was stopped." in " ".join(cost_sentences(made))
    assert {row.name: row.cells[-1].text for row in cost_tables(made, NAMES)[0].groups[0][2]}["gru"] == status
    assert "Not measured" not in " ".join(cost_sentences(found([(stopped, {}), *others])))


# ------------------------------------------------------------------ side by side


def test_not_told_apart_is_said_where_the_interval_of_the_ratio_holds_1(whole: list[Entry]):
    made = [*found(rounds("gru")), *found(rounds("gru", backend="plain"))]
    place = places([*made, *found(rounds("rnn")), *found(rounds("rnn", backend="plain"))])[0]
    texts = {row.name: row.cells[1] for row in cost_tables(place.entries, NAMES)[0].groups[0][2]}
    assert {texts["rnn"].text, texts["rnn [plain]"].text} == {"fastest", "not told apart"}
    both = ratio(place.entries[0], place.entries[1])
    assert both is not None
    assert both.verdict == "not told apart"
    assert float(texts["gru"].text) == pytest.approx(19.8e-3 / 3.6e-3, rel=0.1)
    twin, mate, measured = twins(whole)[0]
    assert (twin.label, mate.label, measured.verdict) == ("rnn", "rnn", "not told apart")


def test_a_wide_interval_that_holds_1_is_nowhere_called_equal():
    noisy = [0.8, 1.3, 1.0, 0.9, 1.1, 0.95, 1.05, 1.2]
    made = [timed("rnn", [1.0] * 8), timed("gru", noisy)]
    (table,) = cost_tables(made, NAMES)
    (cell,) = [row.cells[1] for row in table.groups[0][2] if row.name == "gru"]
    assert (cell.text, cell.note) == ("not told apart", "[0.800, 1.30]")
    assert "the interval holds 1, so no difference was shown; that is no equality" in table.lead


def timed(model: str, seconds: Iterable[float], **asked: Any) -> Entry:
    made = [sample(model, round=number, **asked)[0] for number, _ in enumerate(seconds)]
    return only(
        (replace(r, summary={**r.summary, "step_s": {"median": s}}), {}) for r, s in zip(made, seconds, strict=True)
    )


def test_a_difference_that_rounds_hide_is_seen_in_pairs():
    rounds_differ = [1.0, 1.3, 0.8, 1.1, 0.9, 1.2, 1.05, 0.95]
    a, b = timed("lstm", [1.06 * r for r in rounds_differ]), timed("gru", rounds_differ)
    one, other, measured = a.estimate("step_s"), b.estimate("step_s"), ratio(a, b)
    assert one is not None and one.interval is not None  # noqa: PT018
    assert other is not None and other.interval is not None  # noqa: PT018
    assert measured is not None
    assert one.interval[0] < other.interval[1]  # the intervals of the two medians overlap
    assert measured.verdict == "longer"


def later(made: Iterable[tuple[Record, Any]], hours: int = 24) -> list[tuple[Record, Any]]:
    """The same, measured at another time."""
    by = timedelta(hours=hours)
    return [
        (replace(r, started_at=(datetime.fromisoformat(r.started_at) + by).isoformat()), arrays) for r, arrays in made
    ]


def told(record: Record, words: str) -> Record:
    return replace(record, command=f"python -m seqbench cost task=adding_50 model={record.labels['model']} {words}")


def test_rounds_of_two_days_are_no_pairs():
    yesterday, today = rounds("gru"), later([*rounds("lstm"), *rounds("rnn")])
    made = found([*yesterday, *today])
    gru = next(entry for entry in made if entry.model == "gru")
    assert [ratio(gru, other) for other in made if other is not gru] == [None, None]
    assert [[entry.model for entry in place.entries] for place in places(made)] == [["rnn", "lstm"], ["gru"]]
    groups = cost_tables(made, NAMES)[0].groups
    assert [title for title, _, _ in groups] == ["adding_50 · 64 steps", "adding_50 · 64 steps, measured apart"]
    assert [row.cells[1].text for _, _, rows in groups for row in rows] == ["fastest", "3.69", DASH]


def again(made: Iterable[tuple[Record, Any]], attempt: int = 2) -> list[tuple[Record, Any]]:
    return [(replace(record, attempt=attempt), arrays) for record, arrays in made]


def test_a_study_keeps_its_ratios_when_another_one_measures_a_part_of_it_again():
    first = [*rounds("gru"), *rounds("lstm")]
    second = later([*again(rounds("gru")), *rounds("rnn")])
    (place,) = places(found([*first, *(one for one in second if one[0].labels["model"] == "gru")]))
    assert [entry.model for entry in place.entries] == ["lstm", "gru"]
    assert {record.attempt for entry in place.entries for record in entry.records.values()} == {1}
    (place,) = places(found([*(one for one in first if one[0].labels["model"] == "gru"), *second]))
    assert [(entry.model, {r.attempt for r in entry.records.values()}) for entry in place.entries] == [
        ("rnn", {1}),
        ("gru", {2}),
    ]
    made = found([*first, *second])  # of all in the store: no ratio of two goes, and what is apart is told
    assert [[entry.model for entry in place.entries] for place in places(made)] == [["rnn", "gru"], ["lstm"]]
    assert "lstm was measured in other rounds than rnn and gru" in " ".join(cost_sentences(made))


def test_what_was_measured_apart_is_told_with_the_command_that_measures_it_together():
    records = [record for record, _ in [*rounds("gru", 9), *later(rounds("lstm"))]]
    said = " ".join(cost_sentences(entries(told(record, "lengths=64 backends=auto") for record in records)))
    assert "adding_50: gru was measured in other rounds than lstm, so no ratio relates them." in said
    assert said.endswith(
        "together: python -m seqbench cost task=adding_50 model=lstm,gru lengths=64 backends=auto rounds=9"
    )
    assert "measured in other rounds" not in " ".join(cost_sentences(found([*rounds("gru"), *rounds("lstm")])))


def test_lengths_that_were_measured_apart_have_no_exponent():
    made = found([*rounds("gru", length=64), *later(rounds("gru", length=128))])
    assert not [table for table in cost_tables(made, NAMES) if table.label.startswith("Scaling")]
    assert "gru, 128 steps was measured in other rounds than gru, so no ratio" in " ".join(cost_sentences(made))


def test_one_length_that_was_measured_apart_takes_no_exponent_from_the_others():
    lengths, models = (32, 64, 128, 256), ("gru", "rnn")
    made = [one for model in models for n in lengths if n != 128 for one in rounds(model, length=n)]
    made += later(one for model in models for one in rounds(model, length=128))
    tables = {table.label: table for table in cost_tables(found(made), NAMES)}
    assert list(tables["Scaling of time"].columns) == ["architecture", "32 → 64", "64 → 256", "one law"]
    for row in (row for label in ("time", "memory") for row in tables[f"Scaling of {label}"].groups[0][2]):
        assert all("[" in cell.text for cell in row.cells[:2])
    assert crossover_sentences(found(made)) == [
        "adding_50: at every length from 32 to 256 steps, but for 128, not measured in all of these rounds, rnn takes "
        "less time than gru."
    ]


@pytest.mark.parametrize("more", [16, 256])
def test_a_study_that_is_being_extended_shows_what_it_has_shown_before(more: int):
    lengths, models = (32, 64, 128), ("gru", "rnn")
    whole = [one for model in models for n in lengths for one in rounds(model, length=n)]
    first = later(again(one for model in models for n in (*lengths, more) for one in rounds(model, 1, length=n)))
    tables, said = cost_tables(found(whole), NAMES), crossover_sentences(found(whole))
    assert said == ["adding_50: at every length from 32 to 128 steps rnn takes less time than gru."]
    extended = found([*whole, *first])
    assert crossover_sentences(extended) == said
    for label in ("Scaling of time", "Scaling of memory"):
        before, after = (next(t for t in made if t.label == label) for made in (tables, cost_tables(extended, NAMES)))
        assert after.columns == before.columns
        assert all("[" in cell.text for row in after.groups[0][2] for cell in row.cells[:2])


def test_lengths_that_enough_rounds_have_in_common_are_enough_though_none_has_just_these():
    made = [one for n in (64, 128) for model in ("gru", "rnn") for one in rounds(model, 8, length=n)]
    made += [
        sample(model, round=number, length=n)
        for model in ("gru", "rnn")
        for n, numbers in ((32, range(4)), (256, range(4, 8)))
        for number in numbers
    ]
    assert crossover_sentences(found(made)) == [
        "adding_50: at every length from 64 to 128 steps rnn takes less time than gru."
    ]


def test_what_failed_stands_with_what_was_measured():
    record, _ = sample("gru")
    failed = replace(record, status="failed", reason="no", summary={}, arrays={})
    made = found([*rounds("rnn"), *later(rounds("lstm")), (failed, {})])
    assert [[entry.model for entry in place.entries] for place in places(made)] == [["rnn", "gru"], ["lstm"]]


def test_few_rounds_give_no_interval_and_the_page_says_so():
    made = found([*rounds("gru", 2), *rounds("rnn", 2)])
    said = " ".join(cost_sentences(made))
    assert "median over 2 rounds" in said
    assert "fewer than 8 rounds there is no interval, but their lowest and highest in parentheses, and nothing" in said
    table = cost_tables(made, NAMES)[0]
    assert not any("[" in cell.note for _, _, rows in table.groups for row in rows for cell in row.cells)
    assert "fastest" not in {cell.text for _, _, rows in table.groups for row in rows for cell in row.cells}


@pytest.mark.parametrize(("number", "spans"), [(1, False), (2, True), (7, True), (8, False)])
def test_the_table_shows_the_lowest_and_the_highest_of_few_rounds_and_no_interval(number: int, spans: bool):
    seconds = [0.02, 0.01, 0.04, 0.03, 0.02, 0.05, 0.02, 0.06][:number]
    made = [timed("gru", seconds), timed("rnn", [0.01] * number)]
    table = cost_tables(made, NAMES)[0]
    cells = dict(zip(table.columns[1:], next(r for r in table.groups[0][2] if r.name == "gru").cells, strict=True))
    low, high = 1e3 * min(seconds), 1e3 * max(seconds)
    notes = [f"({low:.1f} to {high:.1f})", f"({low / 10:.2f} to {high / 10:.2f})"]
    notes += [f"({4096e3 / high:,.0f} to {4096e3 / low:,.0f})"]
    columns = ("step, ms", f"{TIMES} fastest", "tokens/s")
    assert [cells[name].note == note for name, note in zip(columns, notes, strict=True)] == [spans] * 3
    assert ("of GEMM, %" in cells and " to " in cells["of GEMM, %"].note) == spans
    assert [cells[name].note[:1] == "[" for name in columns] == [number == 8] * 3
    assert ("in parentheses" in " ".join(cost_sentences(made))) == spans


@pytest.mark.parametrize("number", [1, 2, 7, 8])
def test_dots_of_few_rounds_show_the_slowest_and_the_fastest_of_them(number: int):
    made = [*rounds("gru", number), *rounds("rnn", number)]
    figure = speed_figure(found(made), styles(grouped([record for record, _ in made], "cost")), NAMES)
    assert figure is not None
    axes = Figure().subplots()
    figure.draw(0, axes)
    times = [list(entry.positive("step_s").values()) for entry in found(made)]
    spans = [[1 / max(values), 1 / min(values)] for values in times]
    shown = [list(map(float, np.asarray(line.get_xdata()))) for line in axes.lines if line.get_marker() == "|"]
    assert [span in shown for span in spans] == [1 < number < 8] * 2


@pytest.mark.parametrize("count", [2, 7])
def test_few_rounds_do_not_say_which_takes_less_time_at_any_length(count: int):
    made = [one for model in ("gru", "rnn", "lstm") for n in (32, 64) for one in rounds(model, count, length=n)]
    (said,) = crossover_sentences(found(made))
    pairs = "rnn and lstm, rnn and gru and lstm and gru"
    assert said == f"adding_50: not decided with fewer than 8 rounds: {pairs}."


def test_rates_follow_from_the_median_time_that_is_shown():
    entry = timed("gru", [0.01, 0.03])
    for name, work in (("steps_per_s", 1), ("sequences_per_s", 64), ("tokens_per_s", 64 * 64)):
        rate = entry.estimate(name)
        assert rate is not None
        assert (rate.value, rate.interval) == (pytest.approx(work / 0.02), None)  # not the mean of 1/0.01 and 1/0.03
    several = timed("gru", [0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08])
    step, rate = several.estimate("step_s"), several.estimate("tokens_per_s")
    assert step is not None and step.interval is not None  # noqa: PT018
    assert rate is not None
    assert rate.interval == pytest.approx((4096 / step.interval[1], 4096 / step.interval[0]))
    (row,) = cost_tables([several], NAMES)[0].groups[0][2]
    assert any((cell.text, cell.note) == ("91,022", "[51,200, 409,600]") for cell in row.cells)


def test_the_resolution_is_told_and_a_pair_that_differs_is_shouted():
    twin = rounds("rnn", twin=True)
    made = [*rounds("rnn"), *twin]
    assert re.search(r"differences below \d+\.\d % are not resolved\.", " ".join(cost_sentences(found(made))))
    slower = [(replace(r, summary={**r.summary, "step_s": {"median": 1.5 * r.summary["step_s"]["median"]}}), a)
              for r, a in twin]  # fmt: skip
    assert "AND THE TWO DIFFER" in " ".join(cost_sentences(found([*rounds("rnn"), *slower])))


def test_busy_machines_and_unstable_warm_ups_are_doubts():
    record, arrays = sample("gru")
    bad = replace(record, summary={**record.summary, "beside_cores": 0.9, "stable": False})
    said = " ".join(cost_sentences(found([(bad, arrays), sample("gru", round=1)])))
    assert "In 1 of 2 samples other processes kept more than 0.2 processors busy" in said
    assert "In 1 of 2 samples the warm-up ended before" in said
    assert "In " not in " ".join(cost_sentences(found([sample("gru")])))


def test_a_backend_that_does_not_work_is_a_row_and_a_sentence():
    record, _ = sample("gru", backend="compile")
    failed = replace(record, status="failed", reason="no compiler", summary={}, arrays={})
    made = found([*rounds("gru", 1), (failed, {})])
    assert "Not measured (failed): gru [compile] on adding_50: no compiler." in " ".join(cost_sentences(made))
    assert [row.cells[-1].text for row in cost_tables(made, NAMES)[0].groups[0][2]] == ["1", "failed"]


# ------------------------------------------------------------------ growth


def test_crossovers_of_known_laws_lie_where_the_laws_cross(whole: list[Entry]):
    said = crossover_sentences(whole)
    (one,) = [text for text in said if "transformer takes less time than lstm" in text]
    at, low, high = map(int, re.findall(r"\d+", one.split("up to ")[1])[:3])
    assert low <= at <= high
    # 1.5e-3 + 0.05e-3 L + 1.2e-6 L^2 = 0.6e-3 + 0.2e-3 L; between lengths the curve is taken as straight
    assert at == pytest.approx(118.7, rel=0.04)
    assert any(
        "at every length from 32 to 512 steps rnn takes less time than lstm, gru, attention and" in s for s in said
    )


@pytest.mark.parametrize(
    ("ratios", "sentence"),
    [
        ((1.1, 0.1, 0.4, 0.95), "rnn takes less time than gru up to 66 steps [66, 66], more beyond"),
        ((1.1, 0.1, 0.4, 1.1), "rnn and gru cross more than once: rnn takes less time at 64 and 512 steps, gru at "
                               "128 and 256 steps"),
        ((0.9, 1.1, 0.4, 0.9), "rnn and gru cross more than once: rnn takes less time at 128 steps, gru at 64, 256 and "
                               "512 steps"),
        ((0.9, 1.0, 0.9, 0.8), "gru takes less time than rnn from 128 steps on at the latest"),
        ((1.0, 1.0, 1.0, 1.0), "rnn and gru: no order can be told between 64 and 512 steps"),
        ((0.8, 0.9, 1.0, 0.9), "gru takes less time than rnn up to 256 steps at least"),
        ((0.9, 0.9, 0.9, 0.9), "at every length from 64 to 512 steps gru takes less time than rnn"),
    ],
)  # fmt: skip
def test_who_takes_less_time_is_told_of_every_length(ratios: tuple[float, ...], sentence: str):
    lengths = (64, 128, 256, 512)
    made = [timed("rnn", [0.1] * 8, length=n) for n in lengths]
    made += [timed("gru", [0.1 * ratio] * 8, length=n) for n, ratio in zip(lengths, ratios, strict=True)]
    assert crossover_sentences(made) == [f"adding_50: {sentence}."]


NOISE = (1.02, 0.98, 1.01, 0.99, 1.03, 0.97, 1.015, 0.985)
"""Nothing is told of 8 rounds with such ratios."""


@pytest.mark.parametrize(
    ("ratio", "sentence"),
    [
        (0.5, "no crossing can be told, but gru takes less time at 32 steps, not told apart at 16 and 64 steps"),
        (2.0, "no crossing can be told, but rnn takes less time at 32 steps, not told apart at 16 and 64 steps"),
        (1.0, "no order can be told between 16 and 64 steps"),
    ],
)
def test_no_order_is_told_only_where_none_is_told_at_any_length(ratio: float, sentence: str):
    made = [timed("rnn", [0.1] * 8, length=n) for n in (16, 32, 64)]
    slower = {16: 1.0, 32: ratio, 64: 1.0}
    made += [timed("gru", [0.1 * slower[n] * noise for noise in NOISE], length=n) for n in (16, 32, 64)]
    (said,) = crossover_sentences(made)
    assert re.sub("(rnn and gru|gru and rnn): ", "", said) == f"adding_50: {sentence}."


def test_exponents_stand_beside_those_of_the_flops_and_a_law_only_where_one_holds(whole: list[Entry]):
    time = next(table for table in cost_tables(whole, NAMES) if table.label == "Scaling of time")
    assert list(time.columns) == ["architecture", "32 → 64", "64 → 128", "128 → 256", "256 → 512", "one law"]
    rows = {row.name: row.cells for row in time.groups[0][2]}
    assert rows["gru"][0].note == "FLOPs: 1.00"
    assert float(rows["transformer"][3].value) == pytest.approx(1.86, abs=0.1)
    assert rows["transformer"][4].text == DASH
    memory = next(table for table in cost_tables(whole, NAMES) if table.label == "Scaling of memory")
    assert all(cell.note == "" for row in memory.groups[0][2] for cell in row.cells[:4])


def of_another_task(made: Iterable[tuple[Record, Any]]) -> list[Record]:
    return [
        replace(
            record,
            labels={**record.labels, "task": "copy"},
            config={**record.config, "task": {"target": "copy"}},
            cell_id=f"{record.summary['length']:016d}",
        )
        for record, _ in made
    ]


def test_exponents_of_tasks_with_other_lengths_have_a_table_of_their_own():
    here = [one for length in (32, 64, 128) for one in rounds("gru", length=length)]
    there = of_another_task(one for length in (40, 80, 160) for one in rounds("gru", length=length))
    tables = [t for t in cost_tables(entries([r for r, _ in here] + there), NAMES) if "Scaling of time" in t.label]
    columns = {task: (t.label, *t.columns[1:-1]) for t in tables for task, _, _ in t.groups}
    assert columns == {
        "adding_50": ("Scaling of time, 32 to 128 steps", "32 → 64", "64 → 128"),
        "copy": ("Scaling of time, 40 to 160 steps", "40 → 80", "80 → 160"),
    }


def test_two_architectures_cross_within_the_lengths_that_both_were_measured_at():
    made = [one for length in (64, 128, 256) for one in rounds("transformer", length=length)]
    made += [one for length in (32, 64, 128, 256, 512) for one in rounds("lstm", length=length)]
    made += [one for length in (64, 512) for one in rounds("rnn", length=length)]
    said = crossover_sentences(found(made))
    assert any("transformer takes less time than lstm up to" in text for text in said)
    assert any("at every length from 64 to 512 steps rnn takes less time than lstm." in text for text in said)
    assert not any("rnn" in text and "transformer" in text for text in said)  # they share one length


def test_the_effect_of_denormals_has_a_verdict(whole: list[Entry]):
    table = next(table for table in cost_tables(whole, NAMES) if table.label == "Denormal numbers")
    verdicts = {row.name: (row.cells[2].text, row.cells[3].text) for row in table.groups[0][2]}
    assert verdicts["gru"] == ("3.00", "slower")
    assert verdicts["rnn"][1] == "not told apart"


# ------------------------------------------------------------------ the files


def test_page_markdown_csv_and_figures_hold_the_study(small: Callable[..., Path]):
    out = small(
        simulated_costs.study(rounds=8, lengths=(32, 64), models=("rnn", "transformer"), backends=("auto", "plain"))
    )
    page, text = (out / "index.html").read_text(), (out / "report.md").read_text()
    for part in ("What it costs", "Scaling of time", "Denormal numbers", "carried state", "transformer [plain]"):
        assert part in page
    assert "2 architectures · 1 task · 0 runs · 104 cost measurements" in page
    assert text.count("rnn \\[plain\\]") >= 4
    assert {path.stem for path in (out / "figures").iterdir()} == {"scaling", "streaming"}
    for name, first, second in (("scaling", "time", "memory"), ("streaming", "one step", "carried state")):
        svg = (out / "figures" / f"{name}.svg").read_text()
        assert f">adding_50: {first}<" in svg
        assert f">{second}<" in svg  # alone, so that a long name is not cut at the right edge
    lines = list(csv.DictReader((out / "costs.csv").read_text().splitlines()))
    assert len(lines) == 2 * 2 * 2 + 2 * 2 + 1
    line = next(
        li for li in lines if (li["model"], li["backend"], li["length"], li["what"]) == ("rnn", "auto", "64", "step")
    )
    assert float(line["step_s_low"]) <= float(line["step_s"]) <= float(line["step_s_high"])
    assert line["rounds"] == "8"
    assert line["state_bytes"] == "256"


def test_the_report_of_a_study_shows_what_it_measured_as_a_whole(tmp_path: Path):
    store, first = Store(tmp_path / "runs"), [*rounds("gru"), *rounds("lstm")]
    for record, arrays in (*first, *later([*again(rounds("gru")), *rounds("rnn")])):
        store.publish(record, arrays)
    write(store, tmp_path / "out", planned={record.run_id for record, _ in first})
    text = (tmp_path / "out" / "report.md").read_text()
    assert "gru takes 1.5" in text
    assert "measured in other rounds" not in text


def test_attempts_that_no_longer_count_part_no_round_on_the_page(tmp_path: Path):
    """As the table that ``cost`` ends with has it: what filled the time between two samples is no pause."""
    store = Store(tmp_path / "runs")
    places = (("gru", 1, 0, 2.0, {}), ("rnn", 1, 2, 650.0, {"status": "timeout", "summary": {}}),
              ("rnn", 2, 653, 2.0, {}), ("lstm", 1, 656, 2.0, {}))  # fmt: skip
    for number in range(8):
        for model, attempt, at, seconds, changes in places:
            record, _ = sample(model, round=number)
            began = datetime.fromisoformat("2026-11-24T03:00:00+00:00") + timedelta(hours=number, seconds=at)
            changes = {"started_at": began.isoformat(), "duration_s": seconds, "attempt": attempt, **changes}
            store.publish(replace(record, arrays={}, **changes), {})  # type: ignore[arg-type]
    write(store, tmp_path / "out", formats=("md",))
    text = (tmp_path / "out" / "report.md").read_text()
    assert "rnn takes least time for a training step; lstm takes 3." in text
    assert "measured in other rounds" not in text


def test_one_length_has_a_figure_of_speeds_side_by_side(small: Callable[..., Path]):
    out = small([*rounds("rnn", 2), *rounds("gru", 2)])
    assert {path.stem for path in (out / "figures").iterdir()} == {"speed"}


def test_the_terminal_shows_task_length_and_the_fastest():
    from rich.console import Console

    console = Console(width=120, record=True, file=None, quiet=False)
    with console.capture() as captured:
        console.print(cost_table([record for record, _ in [*rounds("rnn"), *rounds("gru")]]))
    assert "adding_50, 64 steps" in captured.get()
    assert "fastest" in captured.get()
    assert "rounds there is no interval" not in captured.get()


def test_the_terminal_warns_of_few_rounds_and_of_a_busy_machine_as_the_page_does():
    from rich.console import Console

    made = [replace(record, summary={**record.summary, "beside_cores": 0.9}) for record, _ in rounds("gru", 2)]
    console = Console(width=400)
    with console.capture() as captured:
        console.print(cost_table([*made, *(record for record, _ in rounds("rnn", 2))]))
    lines = captured.get().splitlines()
    assert lines[-2].strip().endswith("nothing is called faster.")
    assert lines[-1].startswith("In 2 of 4 samples other processes kept more than 0.2 processors busy")
    assert "fastest" not in captured.get().replace("times the fastest", "")


# ------------------------------------------------------------------ older records


def test_measurements_before_there_were_rounds_are_read_as_one_round_without_interval():
    records = [record for record in Store(FIXTURE).records("cost")]
    made = entries(records)
    assert len(made) == len(records) > 0
    for entry, record in ((e, *e.records.values()) for e in made):
        step = entry.estimate("step_s")
        assert step is not None
        assert step.value == record.summary["step_s"]["median"]
        assert step.interval is None
        assert entry.flops == record.architecture["flops"] * record.summary["batch_size"]
    assert "median over 1 round" in " ".join(cost_sentences(made))
    assert cost_tables(made, {made[0].env_id: "A"})[0].groups


def test_older_measurements_give_way_to_newer_ones_of_the_same_cell():
    old, arrays = simulated.cost_record("adding_50", "gru")
    kept = found([(old, arrays), *rounds("gru", 2), simulated.cost_record("adding_50", "rnn")])
    assert sorted((entry.model, len(entry.records)) for entry in kept) == [("gru", 2), ("rnn", 1)]


@pytest.mark.parametrize("name", ["=cmd", "+1", "@x"])
def test_a_spreadsheet_finds_no_formula_in_names_of_what_was_measured(name: str) -> None:
    record, _ = sample("gru")
    named = replace(record, labels={"task": name, "model": name, "variant": name})
    (row,) = csv.DictReader(costs_csv(entries([named])).splitlines())
    assert [row[key] for key in ("task", "model", "variant")] == [f"'{name}"] * 3


def test_labels_of_ticks_lie_on_no_other() -> None:
    record, arrays = sample("gru", length=64, streaming=True)
    positions = np.array([1, 2, 4, 8, 16, 32, 34])
    arrays |= {"stream_position": positions, "stream_s": np.full((7, 3), 1e-4), "stream_state_bytes": np.full(7, 256)}
    look = styles(grouped([record], "cost"))
    figure = streaming_figure(entries([record]), {(record.run_id, record.env_id): arrays}, look, {record.env_id: "A"})
    assert figure is not None
    svg = figure.svg()
    assert [svg.count(f">{position}</text>") for position in (8, 16, 32, 34)] == [2, 2, 0, 2]  # of two panels
