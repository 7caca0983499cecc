"""Builds that are changed on purpose can still be made: their lines are there, and what comes of them parses."""

import ast
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from seqbench.check.finding import Finding

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "bench"))
import changed_learning  # noqa: E402  # pyright: ignore[reportMissingImports]
import slowed_builds  # noqa: E402  # pyright: ignore[reportMissingImports]

BUILDS = slowed_builds.BUILDS | changed_learning.BUILDS


@pytest.mark.parametrize("name", BUILDS)
def test_a_build_changes_one_place_of_code_that_is_there(name: str, tmp_path: Path) -> None:
    build = BUILDS[name]
    file = tmp_path / build.file
    file.parent.mkdir(parents=True)
    shutil.copy(ROOT / build.file, file)
    slowed_builds.changed(tmp_path, build)
    assert ast.dump(ast.parse(file.read_text())) != ast.dump(ast.parse((ROOT / build.file).read_text()))
    with pytest.raises(ValueError, match="must hold the line once"):
        slowed_builds.changed(tmp_path, slowed_builds.Build(build.file, "no such line", "", ""))


def outcome(exit_code: int, *names: str, kind: str = "time") -> dict:
    return {"exit_code": exit_code, "findings": [{"kind": kind, "name": n, "verdict": "regressed"} for n in names]}


def test_a_slowed_build_is_found_only_where_it_is_named_and_an_equal_one_is_compared() -> None:
    kernel = slowed_builds.BUILDS["kernel of the GRU"]
    found = slowed_builds.judged(kernel, outcome(3, "training_step[gru-cpu]", "other"))
    assert (found["told"], found["found_by"]) == ("as it should be", ["time"])
    assert slowed_builds.judged(kernel, outcome(3, "training_step[lstm-cpu]"))["told"] == "WRONG"
    assert slowed_builds.judged(kernel, outcome(0))["told"] == "WRONG"
    told = {code: slowed_builds.judged(None, outcome(code))["told"] for code in (0, 3, 4, 5, 2)}
    assert [code for code, word in told.items() if word == "as it should be"] == [0, 4]


def test_what_is_told_of_a_build_is_right_only_where_the_right_thing_was_caught() -> None:
    assert set(slowed_builds.BUILDS).isdisjoint(changed_learning.BUILDS)
    assert len(changed_learning.HARMLESS) == 10
    caught = Finding(kind="learning", name="lstm on adding_problem: final skill", verdict="regressed", says="worse")
    fine = replace(caught, verdict="fine")
    expected = {
        ("forget gate", "learning"): (caught, fine),
        ("names", "learning"): (fine, caught),
        ("another kernel of the GRU", "learning"): (fine, caught),
        ("reset before the product", "learning"): (fine, replace(caught, name="gru on adding_problem: final skill")),
        ("reset before the product", "bitwise"): (replace(caught, name="gru on smoke"), caught),
        ("another kernel of the GRU", "bitwise"): (replace(caught, name="gru on smoke"), caught),
    }
    for (name, mode), (right, wrong) in expected.items():
        assert changed_learning.told(name, mode, [right])["told"] == "as it should be"
        assert changed_learning.told(name, mode, [wrong])["told"] == "WRONG"
