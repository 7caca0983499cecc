from datetime import date
from pathlib import Path

import pytest

from seqbench.check import accepted
from seqbench.check.finding import Finding
from seqbench.schema import UsageError

ENTRY = """
- name: bench/test_a.py::test_a
  most: 12
  reason: the new gate is worth it
  author: A. Person
  expires: 2027-03-01
"""


def slower(change: float, name: str = "bench/test_a.py::test_a") -> Finding:
    return Finding(kind="time", name=name, verdict="regressed", says="slower", change=change)


@pytest.mark.parametrize(
    ("finding", "day", "verdict", "says"),
    [
        (slower(0.10), date(2027, 3, 1), "accepted", "is worth it (A. Person, until 2027-03-01, 12 at most)"),
        (slower(0.10), date(2027, 3, 2), "regressed", "until 2027-03-01 only"),
        (slower(0.13), date(2027, 1, 1), "regressed", "accepted 12 at most"),
        (slower(0.10, "other"), date(2027, 1, 1), "regressed", "slower"),
    ],
)
def test_what_is_accepted(tmp_path: Path, finding: Finding, day: date, verdict: str, says: str) -> None:
    file = tmp_path / "accepted.yaml"
    file.write_text(ENTRY)
    (found,) = accepted.apply([finding], accepted.read(file), day)
    assert found.verdict == verdict
    assert says in found.says


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("  reason: the new gate is worth it\n", "", "must have the keys"),
        ("2027-03-01", "soon", "expires must be a day"),
        ("A. Person", "''", "author must be text; got ''"),
        ("most: 12", "most: much", "most must be a number above 0; got 'much'"),
        ("most: 12", "most: .nan", "most must be a finite number"),
        ("most: 12", "most: .inf", "most must be a finite number"),
        ("most: 12", "most: -5", "most must be a finite number above 0; got -5"),
        ("most: 12", "most: 12\n  note: x", "must have the keys .*; got name, most, note"),
        ("2027-03-01", "2027-13-01", "days that there are, as 2027-03-01; month must be in"),
        ("most: 12", "most: 1" + "0" * 400, "int too large"),
        (ENTRY, "a: [", r"\(no YAML, line 1, column 5: expected the node content"),
        (ENTRY, "!!python/object/apply:os.system [ls]", "could not determine a constructor"),
        (ENTRY, "a: 1", "must be a list"),
        (ENTRY, ENTRY + ENTRY, "got bench/test_a.py::test_a more than once"),
        ("it\n", "it" + "x" * 70_000 + "\n", "more than 65,536 characters"),
    ],
)
def test_a_file_that_is_wrong_is_refused(tmp_path: Path, old: str, new: str, told: str) -> None:
    file = tmp_path / "accepted.yaml"
    file.write_text(ENTRY.replace(old, new))
    with pytest.raises(UsageError, match=told):
        accepted.read(file)


def test_an_empty_file_accepts_nothing(tmp_path: Path) -> None:
    file = tmp_path / "accepted.yaml"
    file.write_text("# nothing\n")
    assert accepted.read(file) == []


def entries(**changed: str) -> list[accepted.Accepted]:
    text = ENTRY
    for key, value in changed.items():
        line = next(line for line in ENTRY.splitlines() if f"{key}: " in line)
        text = text.replace(line, f"{line.partition(key)[0]}{key}: {value}")
    return accepted.of_base(text)


def test_a_name_is_that_which_is_printed_or_the_whole_one() -> None:
    twice = [slower(0.1, "bench/test_a.py::test_a"), slower(0.1, "bench/test_b.py::test_a")]
    (short,) = entries(name="test_a")
    day = date(2027, 1, 1)
    assert [found.verdict for found in accepted.apply(twice[:1], [short], day)] == ["accepted"]
    assert [found.verdict for found in accepted.apply(twice, [short], day)] == ["regressed"] * 2, "it may be either"
    assert [found.verdict for found in accepted.apply(twice, entries(), day)] == ["accepted", "regressed"]


def test_entries_of_nothing_are_named() -> None:
    assert accepted.unmatched([slower(0.1)], [*entries(), *entries(name="test_a[x]")]) == ["test_a[x]"]


def test_what_changed_bit_for_bit_says_that_it_cannot_be_accepted() -> None:
    bits = Finding(kind="learning", name="bench/test_a.py::test_a", verdict="regressed", says="parts at step 3")
    (found,) = accepted.apply([bits], entries(), date(2027, 1, 1))
    assert (found.verdict, found.says.partition("; ")[2]) == (
        "regressed",
        "what must be the same bit for bit cannot be accepted",
    )


def test_an_entry_that_the_base_has_too_accepts_nothing_more() -> None:
    day, old = date(2027, 1, 1), entries()
    (spent,) = accepted.apply([slower(0.1)], entries(), day, lambda finding, entry: entry in old)
    assert (spent.verdict, spent.says) == ("regressed", "slower; what A. Person accepted is in the base already")
    (renewed,) = accepted.apply([slower(0.1)], entries(most="13"), day, lambda finding, entry: entry in old)
    assert renewed.verdict == "accepted"
    assert accepted.of_base("a: [") == []
