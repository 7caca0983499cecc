"""A field read by its form is the field that all checks give, or it is refused."""

import json
import random
from typing import Any

import pytest

from seqbench.record.fields import _read, indented
from seqbench.record.forms import Forms

SUMMARY = {
    "score": 0.5, "skill": -1e-09, "solved": False, "steps": 100, "steps_to_solve": None, "odd": 1.0,
    "test": {"a_b": 3.5}, "list": [1, 2.5, "x", [], {}], "text": "3.0, and", "title": 'é "quoted" "x', "empty": "",
}  # fmt: skip
SCALARS = (
    "0", "-0", "-0.0", "0.0", "1", "1.0", "1.50", "01", "-7", "1e5", "1E5", "1e+16", "1e16", "1e-07", "1e999", "1e200",
    "-1e150", "1e150", "1" * 160, "1" * 5000, "NaN", "Infinity", "true", "null", "12.", ".5", "1-2", "1e", "1.2.3",
    '""', '"a"', '"\\u00e9"', '"é"', '"\\n"', '"\x7f"', '"a": 1', '"a", 1', '"1.0,"', '"a" ', "1 ", '"\t"', '"\\/"',
    "[]", '"' + "long" * 20 + '"',
)  # fmt: skip


def outcome(read: Any, piece: str) -> str:
    """What comes of a piece, to the letter: ``1``, ``1.0`` and ``True`` differ."""
    try:
        return repr(read("summary", piece))
    except (ValueError, RecursionError):
        return "refused"


def taught() -> Forms:
    forms = Forms(_read)
    forms.read("summary", indented(SUMMARY, "\n "))
    assert len(forms._known) == 1
    return forms


@pytest.mark.parametrize("scalar", SCALARS)
@pytest.mark.parametrize("key", ["score", "steps", "odd", "text", "solved"])
def test_any_text_in_place_of_a_scalar_gives_what_the_checks_give(key: str, scalar: str) -> None:
    piece = indented(SUMMARY, "\n ").replace(f'"{key}": {json.dumps(SUMMARY[key])}', f'"{key}": {scalar}')
    expected, found = outcome(_read, piece), outcome(taught().read, piece)
    assert found == expected or (found == "refused" and scalar in ("1" * 160, "1e+200"))


def test_damage_anywhere_gives_what_the_checks_give() -> None:
    piece, forms, dice = indented(SUMMARY, "\n "), taught(), random.Random(3)
    noticed = 0
    for at in range(len(piece)):
        for instead in ("", " ", "0", '"', "\n", ",", chr(ord(piece[at]) ^ 1 << dice.randrange(7)), piece[at] * 2):
            changed = piece[:at] + instead + piece[at + 1 :]
            expected = outcome(_read, changed)
            assert outcome(forms.read, changed) == expected, changed
            noticed += expected == "refused"
    assert noticed > 1000


def test_numbers_and_texts_of_a_known_form_are_not_judged_again() -> None:
    judged = []
    forms = Forms(lambda name, piece: (judged.append(piece), _read(name, piece))[1])
    for number in range(10):
        value = SUMMARY | {"score": number / 7, "text": str(number), "steps": number}
        assert outcome(forms.read, indented(value, "\n ")) == outcome(_read, indented(value, "\n "))
    assert len(judged) == 1
    forms.read("summary", indented(SUMMARY | {"odd": "a text"}, "\n "))  # another kind is another form
    assert len(judged) == 2


def test_only_so_many_forms_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqbench.record.forms._REMEMBERED", 3)
    forms = Forms(_read)
    for number in range(10):
        forms.read("summary", indented({f"key{number}": 1}, "\n "))
        assert len(forms._known) <= 3


@pytest.mark.parametrize("text", ['a": 1', '"', '\\"', 'x\\": 2,', "\n  3", '\n "b": 1,'])
def test_text_that_looks_like_json_is_read_as_it_is(text: str) -> None:
    forms = Forms(_read)
    for number in range(3):
        piece = indented({"odd": text, "score": number}, "\n ")
        assert outcome(forms.read, piece) == outcome(_read, piece)
