"""A field read by its form is the field that all checks give, or it is refused."""

import json
import random
from typing import Any

import pytest

from seqbench.record.fields import NEW_LINE, _read_all, indented
from seqbench.record.forms import Forms

SUMMARY = {
    "score": 0.5, "skill": -1e-09, "solved": False, "steps": 100, "steps_to_solve": None, "odd": 1.0,
    "test": {"a_b": 3.5}, "text": "3.0, and", "title": 'é "quoted" "x', "empty": "",
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
        return repr(read([f'summary": {piece}']))
    except (ValueError, RecursionError):
        return "refused"


def taught() -> Forms:
    forms = Forms(_read_all)
    forms.read([f'summary": {indented(SUMMARY, NEW_LINE)}'])
    assert len(forms._known) == 1
    return forms


@pytest.mark.parametrize("scalar", SCALARS)
@pytest.mark.parametrize("key", ["score", "steps", "odd", "text", "solved"])
def test_any_text_in_place_of_a_scalar_gives_what_the_checks_give(key: str, scalar: str) -> None:
    piece = indented(SUMMARY, NEW_LINE).replace(f'"{key}": {json.dumps(SUMMARY[key])}', f'"{key}": {scalar}')
    expected, found = outcome(_read_all, piece), outcome(taught().read, piece)
    assert found == expected or (found == "refused" and scalar in ("1" * 160, "1e+200"))


@pytest.mark.parametrize("odd", [[1, 2.5, "x"], [], {}, [{"a": 1}, {"a": 2}], [[0]], {"a": [True, None]}])
def test_lists_are_read_as_they_are(odd: object) -> None:
    forms = Forms(_read_all)
    for number in range(3):
        piece = indented({"score": number, "odd": odd, "skill": 1.0}, NEW_LINE)
        assert outcome(forms.read, piece) == outcome(_read_all, piece)


def test_several_fields_have_one_form_and_each_its_own_canonical_text() -> None:
    forms = Forms(_read_all)
    for number in range(3):
        texts = {"command": f"a {number}", "duration_s": 1.0 + number, "files": {"a": "b", "c": "d"}, "seed": None}
        parts = [f'{name}": {indented(value, NEW_LINE)}' for name, value in texts.items()]
        assert forms.read(parts) == _read_all(parts)
        assert len(forms.read(parts)[1]) == 4
    assert len(forms._known) == 1


def test_damage_anywhere_gives_what_the_checks_give() -> None:
    piece, forms, dice = indented(SUMMARY, "\n "), taught(), random.Random(3)
    noticed = 0
    for at in range(len(piece)):
        for instead in ("", " ", "0", '"', "\n", ",", chr(ord(piece[at]) ^ 1 << dice.randrange(7)), piece[at] * 2):
            changed = piece[:at] + instead + piece[at + 1 :]
            expected = outcome(_read_all, changed)
            assert outcome(forms.read, changed) == expected, changed
            noticed += expected == "refused"
    assert noticed > 1000


def test_numbers_and_texts_of_a_known_form_are_not_judged_again() -> None:
    judged = []
    forms = Forms(lambda parts: (judged.append(parts), _read_all(parts))[1])
    for number in range(10):
        value = SUMMARY | {"score": number / 7, "text": str(number), "steps": number}
        assert outcome(forms.read, indented(value, NEW_LINE)) == outcome(_read_all, indented(value, NEW_LINE))
    assert len(judged) == 1
    outcome(forms.read, indented(SUMMARY | {"odd": "a text"}, NEW_LINE))  # another kind is another form
    assert len(judged) == 2


def test_only_so_many_forms_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqbench.record.forms._REMEMBERED", 3)
    forms = Forms(_read_all)
    for number in range(10):
        outcome(forms.read, indented({f"key{number}": 1}, NEW_LINE))
        assert len(forms._known) <= 3


@pytest.mark.parametrize("text", ['a": 1', '"', '\\"', 'x\\": 2,', "\n  3", '\n "b": 1,'])
def test_text_that_looks_like_json_is_read_as_it_is(text: str) -> None:
    forms = Forms(_read_all)
    for number in range(3):
        piece = indented({"odd": text, "score": number}, NEW_LINE)
        assert outcome(forms.read, piece) == outcome(_read_all, piece)
