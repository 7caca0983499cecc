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
        (slower(0.10), date(2027, 3, 1), "accepted", "the new gate is worth it (A. Person, until 2027-03-01)"),
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
        ("A. Person", "''", "author must be given"),
        ("most: 12", "most: much", "most must be given"),
        ("most: 12", "most: .nan", "most must be a finite number"),
        ("most: 12", "most: .inf", "most must be a finite number"),
        ("most: 12", "most: 1" + "0" * 400, "int too large"),
        (ENTRY, "a: [", "while parsing"),
        (ENTRY, "!!python/object/apply:os.system [ls]", "could not determine a constructor"),
        (ENTRY, "a: 1", "must be a list"),
        ("it\n", "it" + "x" * 70_000 + "\n", "more than 65,536 bytes"),
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
