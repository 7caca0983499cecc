"""Past sessions and change points: how often one is seen where there is none, and where there is one."""

import json
import resource
import signal
from pathlib import Path

import numpy as np
import pytest

from seqbench.check import history, stored
from seqbench.check.finding import exit_code
from seqbench.check.samples import MOST_BENCHMARKS
from seqbench.check.verdict import Design
from seqbench.schema import UsageError
from seqbench.statistics.change_point import change_point


def series(draw: np.random.Generator, number: int = 40, step: float = 0.0) -> np.ndarray:
    """Log seconds of sessions that are alike the nearer they are (autocorrelation 0.3); a step in the middle."""
    values = draw.normal(0, 0.03, number)
    for index in range(1, number):
        values[index] += 0.3 * values[index - 1]
    values[number // 2 :] += step
    return values


def test_a_quiet_history_has_few_change_points_and_a_step_is_found_where_it_is() -> None:
    draw = np.random.default_rng(0)
    quiet = [change_point(series(draw), draws=300) for _ in range(200)]
    assert sum(found is not None and found.p <= 0.01 for found in quiet) <= 8, "the nominal share is 2 of 200"
    steps = [change_point(series(draw, step=0.1), draws=300) for _ in range(50)]
    assert sum(found is not None and found.p <= 0.01 and abs(found.at - 20) <= 2 for found in steps) >= 45
    assert np.median([found.change for found in steps if found]) == pytest.approx(0.1, abs=0.02)


def test_an_outlier_is_no_change_point() -> None:
    values = series(np.random.default_rng(1))
    values[25] = 5.0
    found = change_point(values)
    assert found is not None
    assert found.p > 0.01


def test_few_sessions_have_none() -> None:
    assert change_point([1.0] * 19) is None


def session(seconds: float, commit: str = "a" * 40, env_id: str = "0" * 12) -> dict:
    return {"env_id": env_id, "commit": commit, "at": "2026-01-01", "seconds": {"bench/test_a.py::test_a": seconds}}


def test_sessions_are_added_and_a_new_level_is_advice(tmp_path: Path) -> None:
    file, draw = tmp_path / "deep/history.jsonl", np.random.default_rng(2)
    assert history.read(file) == []
    history.add(file, session(9.0, env_id="f" * 12))
    for number in range(24):
        level = 0.10 if number < 12 else 0.13
        history.add(file, session(level * float(np.exp(draw.normal(0, 0.01))), f"{number:040d}"))
    kept = history.of_machine(file, "0" * 12)
    assert len(kept) == 24, "another machine's are left out"
    (finding,) = history.findings(kept)
    assert (finding.verdict, finding.advisory) == ("regressed", True)
    assert f"{12:040d}"[:12] in finding.says
    assert finding.change == pytest.approx(0.3, abs=0.05)
    assert exit_code([finding]) == 4, "alone it says nothing"
    (few,) = history.findings(kept[:3])
    assert "3 sessions of this machine" in few.says


@pytest.mark.parametrize(
    "line",
    [
        *("{", "[]", json.dumps({"env_id": 3}), json.dumps({**session(1.0), "seconds": 3})),
        *(json.dumps({**session(1.0), key: []}) for key in ("sources", "accepted")),
        *(json.dumps(session(seconds)) for seconds in (-1.0, 10**400)),
    ],
)
def test_a_file_that_is_something_else_is_refused_with_the_line(tmp_path: Path, line: str) -> None:
    file = tmp_path / "history.jsonl"
    file.write_text(json.dumps(session(1.0)) + "\n" + line + "\n")
    with pytest.raises(UsageError, match=r"--history must be a file of past sessions; got .*\(line 2: "):
        history.read(file)


def test_a_new_level_is_named_also_where_there_are_as_many_benchmarks_as_a_suite_may_have() -> None:
    draw, names = np.random.default_rng(8), [f"{A}[{number}]" for number in range(MOST_BENCHMARKS)]
    sessions = []
    for number in range(30):
        seconds = {name: 0.1 * float(np.exp(draw.normal(0, 0.01))) for name in names}
        seconds[names[7]] *= 1.0 if number < 15 else 1.3
        sessions.append({**session(1.0), "seconds": seconds})
    assert [finding.name for finding in history.findings(sessions)] == [f"{names[7]} (history)"]
    del sessions[-1]["seconds"][names[7]]
    assert history.findings(sessions) == [], "what is timed no more is of no interest"


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--history must be a file that can be written"):
        history.add(tmp_path, session(1.0))


def test_a_disk_that_is_full_is_no_wrong_use_and_leaves_no_half_a_line(tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl"
    history.add(file, session(1.0))
    limits, room = resource.getrlimit(resource.RLIMIT_FSIZE), file.stat().st_size + 20
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
    try:
        with pytest.raises(OSError, match=r"File too large: '.*history\.jsonl'"):
            history.add(file, session(2.0))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert history.read(file) == [session(1.0)]


# ------------------------------------------------------------------ times of now against past days

A = "bench/test_a.py::test_a"


def days(draw: np.random.Generator, number: int, benchmarks: int = 12, spread: float = 0.03) -> list[dict]:
    """Sessions of so many days, each day faster or slower than the others."""
    levels = np.exp(draw.normal(0, spread, (number, benchmarks)))
    return [
        {"env_id": "0" * 12, "commit": None, "at": f"2026-01-{day + 1:02d}T09:00", "seconds": named(level)}
        for day, level in enumerate(levels)
    ]


def named(values: np.ndarray) -> dict[str, float]:
    return {f"{A}[{index}]": float(value) for index, value in enumerate(values)}


def today(seconds: dict[str, float], **more: object) -> dict:
    return {"env_id": "0" * 12, "commit": None, "at": "2026-02-01T09:00", "seconds": seconds, **more}


def verdicts(sessions: list[dict], now: dict[str, float]) -> list[str]:
    return [finding.verdict for finding in stored.compare(sessions, today(now), Design())]


def test_ten_days_make_a_gate_that_is_seldom_wrong_and_finds_what_is_far_beyond_them() -> None:
    draw, checks = np.random.default_rng(3), 1500
    red = sum("regressed" in verdicts(days(draw, 10), days(draw, 1)[0]["seconds"]) for _ in range(checks))
    assert red <= 12, "at 0.4 % more than 12 of 1500 have a chance of 1 %"
    slow = [verdicts(days(draw, 10), named(np.r_[1.4, np.ones(11)])) for _ in range(200)]
    assert sum(one[0] == "regressed" for one in slow) >= 190
    assert all("regressed" not in one[1:] for one in slow)


def test_fewer_days_are_advice_and_say_so() -> None:
    draw = np.random.default_rng(4)
    found = stored.compare(days(draw, 9, 1), today(named(np.array([1.5]))), Design())
    assert [(one.verdict, one.advisory) for one in found] == [("regressed", True)]
    assert found[0].says.endswith("advice: 9 days of history, a gate has 10")
    assert found[0].change == pytest.approx(0.5, abs=0.05)
    for number, base in ((0, None), (1, pytest.approx(1.0, abs=0.1))):
        (few,) = stored.compare(days(draw, number, 1), today(named(np.array([1.5]))), Design())
        assert (few.verdict, few.advisory, few.base) == ("inconclusive", True, base)


def test_the_sessions_of_one_day_are_one() -> None:
    draw = np.random.default_rng(5)
    sessions = [{**one, "at": f"2026-01-01T{hour:02d}:00"} for hour, one in enumerate(days(draw, 12, 1))]
    (found,) = stored.compare(sessions, today(named(np.array([2.0]))), Design())
    assert "1 day of history" in found.says
    assert found.base == pytest.approx(sessions[-1]["seconds"][f"{A}[0]"])


def test_a_day_is_past_when_it_is_over() -> None:
    draw = np.random.default_rng(11)
    (found,) = stored.compare([*days(draw, 9, 1), today(named(np.ones(1)))], today(named(np.array([1.5]))), Design())
    assert found.advisory, "nine days and a session of today are not ten days"
    assert found.base != pytest.approx(1.05, abs=0.01)


def test_a_slowdown_that_is_accepted_begins_another_level() -> None:
    draw, slow, name = np.random.default_rng(12), named(np.array([1.5])), f"{A}[0]"
    past = days(draw, 12, 1)
    first = {**today(slow, at="2026-01-20T09:00"), "accepted": {name: "it is worth it"}}
    assert verdicts(past, slow) == ["regressed"]
    mixed = [*past, *(today(slow, at=f"2026-01-{day}T09:00") for day in (20, 21))]
    assert verdicts(mixed, slow) == ["inconclusive"], "days of two levels"
    (found,) = stored.compare([*past, first], today(slow), Design())
    assert (found.advisory, found.base) == (True, pytest.approx(1.5))
    assert "1 day of history" in found.says
    (same_day,) = stored.compare([*past, first], today(slow, at="2026-01-20T17:00"), Design())
    assert "0 days of history" in same_day.says
    later = [{**day, "seconds": {name: 1.5 * day["seconds"][name]}} for day in days(draw, 28, 1)]
    assert history.findings([*past, first, *later]) == [], "nor does a change of level go on being told"
    assert history.findings([*past, *later]) != []


def test_a_gate_that_days_leave_wide_is_inconclusive() -> None:
    draw = np.random.default_rng(6)
    (found,) = stored.compare(days(draw, 10, 1, spread=0.2), today(named(np.array([1.1]))), Design())
    assert (found.verdict, found.advisory) == ("inconclusive", False)


@pytest.mark.parametrize(
    ("then", "now", "verdict"),
    [
        ("old", "new", "not comparable"),
        ("old", "old", "regressed"),
        (None, "new", "regressed"),
        ("old", None, "regressed"),
    ],
)
def test_a_benchmark_that_measures_something_else_now_is_not_compared_with_past_days(
    then: str | None, now: str | None, verdict: str
) -> None:
    draw, name = np.random.default_rng(7), f"{A}[0]"
    past = [{**day, **({"sources": {name: then}} if then else {})} for day in days(draw, 10, 1)]
    sources = {"sources": {name: now}} if now else {}
    (found,) = stored.compare(past, today(named(np.array([1.5])), **sources), Design())
    assert (found.verdict, found.advisory) == (verdict, False), "there was a gate"
    assert ("the source of the benchmark was changed" in found.says) is (verdict == "not comparable")
    past += [{**day, "at": day["at"].replace("-01-", "-02-")} for day in days(draw, 3, 1)]
    (later,) = stored.compare(past, today(named(np.array([1.0])), **sources, at="2026-03-01"), Design())
    assert later.advisory is (verdict == "not comparable"), "of three days advice, of thirteen a gate"


def test_a_new_source_is_no_new_level() -> None:
    draw, name = np.random.default_rng(9), "bench/test_a.py::test_a"
    sessions = [session(0.1 * float(np.exp(draw.normal(0, 0.01)))) for _ in range(40)]
    for number, one in enumerate(sessions):
        one["sources"] = {name: "old" if number < 20 else "new"}
        one["seconds"][name] *= 1.0 if number < 20 else 1.3
    assert history.findings(sessions) == []


def test_what_is_skipped_or_gone_is_told_and_counts_only_where_it_hides_a_gate() -> None:
    one, other = "bench/test_a.py::test_a", "bench/test_a.py::test_b"
    past = [{**session(0.1), "at": f"2026-01-{day:02d}", "seconds": {one: 0.1, other: 0.2}} for day in range(1, 11)]
    (gone,) = stored.apart(past, today({one: 0.1}), {})
    assert (gone.name, gone.verdict, gone.says) == (other, "not comparable", "gone: the last session had it")
    assert exit_code([*stored.compare(past, today({one: 0.1}), Design()), gone]) == 0, "as with --against"
    renamed = {"bench/test_a.py::test_new": 0.1}
    assert exit_code([*stored.compare(past, today(renamed), Design()), *stored.apart(past, today(renamed), {})]) == 4
    assert [finding.advisory for finding in stored.apart(past[:3], today(renamed), {})] == [True, True], (
        "nor was it a gate"
    )
    skipped = {one: "is skipped", other: "is skipped"}
    assert exit_code(stored.apart(past, today({}), skipped)) == 5
    (told,) = stored.apart(past, today({one: 0.1}), {other: "is skipped"})
    assert (told.verdict, told.advisory) == ("not run", True)
    assert stored.apart([], today({one: 0.1}), {}) == []
