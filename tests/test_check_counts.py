"""Counts against counts, baselines in files, and the outcome as it is told."""

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from seqbench.check import baseline, counts, present
from seqbench.check.finding import Finding, Outcome
from seqbench.schema import UsageError

FACTS = {"torch": "2.13.0", "torch_git": "abc", "architecture": "x86_64", "python": "3.11.9", "cpu": "A"}
COUNTS = {
    "model gru: operators": {"value": 100, "depends_on": "torch"},
    "model gru: parameters": {"value": 50, "depends_on": "code"},
    "--help: modules of seqbench": {"value": 5, "depends_on": "code"},
}


def changed(**values: int) -> dict:
    names = {name.rpartition(" ")[2]: name for name in COUNTS}
    return COUNTS | {names[key]: COUNTS[names[key]] | {"value": value} for key, value in values.items()}


def verdicts(head: dict, facts: dict = FACTS) -> dict[str, str]:
    return {f.name.rpartition(" ")[2]: f.verdict for f in counts.compare(COUNTS, head, FACTS, facts)}


ALL_FINE = {"operators": "fine", "parameters": "fine", "seqbench": "fine"}


@pytest.mark.parametrize(
    ("head", "facts", "expected"),
    [
        (changed(), FACTS, {}),
        (changed(operators=101), FACTS, {"operators": "regressed"}),
        (changed(operators=99), FACTS, {}),
        (changed(parameters=49), FACTS, {"parameters": "regressed"}),
        (changed(seqbench=6), {**FACTS, "torch": "2.14.0"}, {"operators": "not comparable", "seqbench": "regressed"}),
        (changed(operators=101), {**FACTS, "python": "3.11.2", "cpu": "B"}, {"operators": "regressed"}),
        (changed(operators=101), {**FACTS, "python": "3.12.2"}, {"operators": "not comparable"}),
    ],
)
def test_a_count_that_grew_is_a_regression_where_it_can_be_compared(head: dict, facts: dict, expected: dict) -> None:
    assert verdicts(head, facts) == ALL_FINE | expected


@pytest.mark.parametrize(
    ("base", "head", "expected"),
    [
        ("a", "b", dict.fromkeys(ALL_FINE, "not comparable")),
        ("a", "a", {"operators": "regressed"}),
        (None, "b", {"operators": "regressed"}),
    ],
)
def test_counts_of_something_else_are_not_compared(base: str | None, head: str | None, expected: dict) -> None:
    before, after = (replace(BASELINE, source=source) for source in (base, head))
    found = baseline.compare(before, replace(after, counts=changed(operators=101)))
    assert {f.name.rpartition(" ")[2]: f.verdict for f in found} == ALL_FINE | expected
    assert all("what is counted was changed" in f.says for f in found if f.verdict == "not comparable")


def test_new_and_gone_counts_are_told() -> None:
    head = {"new": COUNTS["model gru: operators"]}
    found = {f.name: f.says.partition(":")[0] for f in counts.compare(COUNTS, head, FACTS, FACTS)}
    assert found == {"new": "new"} | dict.fromkeys(COUNTS, "gone")


# ------------------------------------------------------------------ baselines in files

BASELINE = baseline.Baseline(env_id="0123456789ab", environment=FACTS, commit="c" * 40, counts=COUNTS, source="s")


def test_a_baseline_comes_back_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "deep/m.json"
    baseline.write(file, BASELINE)
    assert baseline.read(file) == BASELINE
    assert [path.name for path in file.parent.iterdir()] == ["m.json"]
    assert baseline.read(file.parent) == BASELINE, "a folder: another machine's where there is none of this one's"
    old = json.loads(file.read_text())
    del old["source"]
    file.write_text(json.dumps(old))
    assert baseline.read(file) == replace(BASELINE, source=None), "as they were written before it was kept"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "Expecting value"),
        ("[]", "its keys must be"),
        ({"format": 9}, "format must be 1"),
        ({"counts": {}}, "mapping of names"),
        ({"counts": {"a": {"value": "x", "depends_on": "code"}}}, "must have a number"),
        ({"counts": {"a": {"value": 10**400, "depends_on": "code"}}}, "too large"),
        ({"counts": {"a": {"value": True, "depends_on": "code"}}}, "must have a number"),
        ({"counts": {"a": {"value": 1, "depends_on": "moon"}}}, "must depend on code or torch"),
        ({"environment": 3}, "environment a mapping"),
        ({"source": 3}, "commit and source must be text"),
        ({"commit": 3}, "commit and source must be text"),
    ],
)
def test_what_is_no_baseline_is_refused(tmp_path: Path, content: object, told: str) -> None:
    file = tmp_path / "m.json"
    baseline.write(file, BASELINE)
    if isinstance(content, dict):
        content = json.dumps(json.loads(file.read_text()) | content)
    file.write_text(str(content))
    with pytest.raises(UsageError, match=told):
        baseline.read(file)


def test_a_baseline_that_is_missing_or_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        baseline.read(tmp_path / "none.json")
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="must be a file that can be written"):
        baseline.write(tmp_path / "file/m.json", BASELINE)


# ------------------------------------------------------------------ what is told

EQUAL = Finding(kind="count", name="a", verdict="fine", says="equal", base=1, head=1, change=0)
SLOW = Finding(
    kind="time",
    name="bench/test_a.py::test_a[gru]",
    verdict="regressed",
    says="slower, by more than 7.0 %",
    base=0.01,
    head=0.011,
    unit="s",
    change=0.1,
    interval=(0.07, 0.14),
)
OUTCOME = Outcome(base="main", head="working tree", findings=(EQUAL, SLOW), causes=("torch 1 in the base, 2",))


def test_one_screen_tells_what_is_not_equal_and_why_it_may_be() -> None:
    console = Console(file=io.StringIO(), width=120)
    present.screen(OUTCOME, console)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    for told in ("test_a[gru]", "10.0 ms", "11.0 ms", "+10.0 % [+7.0 %, +14.0 %]", "1 count equal", "torch 1 in"):
        assert told in text
    assert text.splitlines()[-1].strip() == "check: REGRESSED: 1 regressed, 1 fine"
    assert present.text(OUTCOME).split() == text.split()


def test_a_busy_machine_is_a_likely_cause_of_what_is_inconclusive_and_of_no_regression() -> None:
    busy = replace(OUTCOME, causes=(*OUTCOME.causes, "the machine was busy: load 8.0 on 2 cores"))
    told = "\n".join(present.lines(busy))
    assert "likely cause: torch 1 in the base, 2" in told
    assert "busy" not in told
    unsure = replace(busy, findings=(*busy.findings, replace(SLOW, verdict="inconclusive")))
    assert "likely cause: the machine was busy" in "\n".join(present.lines(unsure))


def test_counts_that_one_reason_keeps_apart_take_three_lines_and_a_sum() -> None:
    apart = [replace(EQUAL, name=str(n), verdict="not comparable", says="needs the same torch") for n in range(40)]
    page = present.text(replace(OUTCOME, findings=(*apart, EQUAL, SLOW)))
    assert page.count("not comparable") == 3 + 1, "and the headline"
    assert "37 more counts: needs the same torch." in page
    assert "1 count equal." in page


def test_markdown_stays_text_whatever_the_names_are() -> None:
    evil = replace(SLOW, name="a|b<script>`x`\x1b[31m")
    page = present.markdown(replace(OUTCOME, findings=(evil,)))
    assert "\\|b\\<script\\>\\`x\\`?\\[31m" in page
    assert page.startswith("### check: REGRESSED")


def test_the_document_is_strict_json() -> None:
    unbounded = replace(SLOW, interval=(0.07, float("inf")))
    found = json.loads(present.document(replace(OUTCOME, findings=(EQUAL, unbounded))), parse_constant=pytest.fail)
    assert found["exit_code"] == 3
    assert found["findings"][1]["interval"] == [0.07, None]


def test_large_counts_are_told_to_their_last_digit() -> None:
    (found,) = counts.compare(
        {"a": {"value": 7_960_128, "depends_on": "code"}}, {"a": {"value": 9_960_144, "depends_on": "code"}}, {}, {}
    )
    page = present.text(replace(OUTCOME, findings=(found,)))
    for told in ("7,960,128", "9,960,144", "+2,000,016", "2,000,016 more"):
        assert told in page


def test_benchmarks_of_two_files_are_told_apart_and_colons_in_a_name_stay() -> None:
    twice = [replace(SLOW, name=f"bench/test_{file}.py::test_a[x::y]") for file in "ab"]
    page = present.markdown(replace(OUTCOME, findings=(*twice, replace(SLOW, name="bench/test_c.py::TestC::test_c"))))
    cells = [
        line.split(" | ")[0].removeprefix("| ").replace("\\", "") for line in page.splitlines() if "regressed |" in line
    ]
    assert cells == ["bench/test_a.py::test_a[x::y]", "bench/test_b.py::test_a[x::y]", "TestC::test_c"]


@pytest.mark.parametrize(
    ("findings", "code"),
    [
        ((EQUAL,), 0),
        ((EQUAL, SLOW), 3),
        ((EQUAL, replace(SLOW, verdict="inconclusive")), 4),
        ((EQUAL, replace(SLOW, verdict="accepted")), 0),
        ((EQUAL, replace(SLOW, advisory=True)), 0),
        ((replace(SLOW, verdict="not comparable"),), 4),
        ((EQUAL, replace(SLOW, verdict="not comparable")), 4),
        ((EQUAL, replace(SLOW, verdict="fine"), replace(SLOW, verdict="not comparable")), 0),
        ((), 4),
    ],
)
def test_exit_codes(findings: tuple[Finding, ...], code: int) -> None:
    assert replace(OUTCOME, findings=findings).exit_code == code
