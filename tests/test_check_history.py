"""Past sessions and change points: how often one is seen where there is none, and where there is one."""

import json
from pathlib import Path

import numpy as np
import pytest

from seqbench.check import history
from seqbench.check.finding import exit_code
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
    file, draw, kept = tmp_path / "deep/history.jsonl", np.random.default_rng(2), []
    history.add(file, session(9.0, env_id="f" * 12))
    for number in range(24):
        level = 0.10 if number < 12 else 0.13
        kept = history.add(file, session(level * float(np.exp(draw.normal(0, 0.01))), f"{number:040d}"))
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
    ["{", "[]", json.dumps({"env_id": 3}), json.dumps({**session(1.0), "seconds": 3}), json.dumps(session(-1.0))],
)
def test_a_file_that_is_something_else_is_refused_and_left_alone(tmp_path: Path, line: str) -> None:
    file = tmp_path / "history.jsonl"
    file.write_text(line + "\n")
    with pytest.raises(UsageError, match="--history must be a file of past sessions"):
        history.add(file, session(1.0))
    assert file.read_text() == line + "\n"
