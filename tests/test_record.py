import hashlib
import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import simulated
from hypothesis import given, settings
from hypothesis import strategies as st

from seqbench.record.record import CHECKSUM, canonical, cell_id, current, dump, load, plain, run_id
from seqbench.schema import Record


def mappings(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.text(max_size=5), inner, max_size=4)


numbers = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False)
leaves = st.none() | st.booleans() | numbers | st.text(max_size=8)
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | mappings(inner), max_leaves=8)
identities = mappings(values)


def as_other_type(value: Any) -> Any:
    """The same value, whole numbers in the other of the two types, keys in the other order, lists as tuples."""
    if isinstance(value, dict):
        return {key: as_other_type(item) for key, item in reversed(value.items())}
    if isinstance(value, list):
        return tuple(as_other_type(item) for item in value)
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


@settings(max_examples=60)
@given(identities)
def test_run_id_depends_on_neither_number_type_nor_key_order(identity: dict[str, Any]) -> None:
    assert run_id(identity, 3, "learning") == run_id(as_other_type(identity), 3, "learning")


@settings(max_examples=40)
@given(identities, identities)
def test_different_identities_have_different_ids(first: dict[str, Any], second: dict[str, Any]) -> None:
    if canonical(first) != canonical(second):
        assert run_id(first, 0, "learning") != run_id(second, 0, "learning")
        assert cell_id(first) != cell_id(second)


@pytest.mark.parametrize(("a", "b"), [(1, True), (0, False), (1, "1"), (0.1, 0.1 + 2**-56), ([], {}), (None, 0)])
def test_values_that_differ_have_different_ids(a: Any, b: Any) -> None:
    assert run_id({"x": a}, 0, "learning") != run_id({"x": b}, 0, "learning")


def test_seed_and_kind_are_part_of_run_id_and_not_of_cell_id() -> None:
    ids = {run_id({"a": 1}, seed, kind) for seed in (0, 1, None) for kind in ("learning", "cost")}
    assert len(ids) == 6
    assert len(cell_id({"a": 1})) == 16


def test_id_of_a_known_identity_stays_as_it_is() -> None:
    # Right to change only together with SCHEMA_VERSION: every store would be trained again.
    assert canonical({"b": [1.0, -0.0, True], "a": None}) == '{"a":null,"b":[1,0,true]}'
    assert run_id({"a": 1}, 0, "learning") == "d0908fcbe781eb9a"


@settings(max_examples=40)
@given(mappings(values))
def test_record_comes_back_as_it_was_written(drawn: dict[str, Any]) -> None:
    summary = {f"x{key}": value for key, value in drawn.items()}  # of "steps" and its like not every value is taken
    record, _ = simulated.learning("copy_10", "gru", 0, summary=summary)
    assert load(dump(record)).summary == plain(summary)


@given(st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False))
def test_floats_come_back_bit_for_bit(value: float) -> None:
    record, _ = simulated.learning("copy_10", "gru", 0, summary={"x": value})
    back = load(dump(record)).summary["x"]
    assert (back, math.copysign(1, back)) == (value, math.copysign(1, value))


def test_whole_record_comes_back_equal() -> None:
    record, _ = simulated.learning("copy_10", "gru", 0)
    back = load(dump(record))
    assert (back.arrays, back.config, back.seed) == (record.arrays, record.config, record.seed)
    assert dump(back) == dump(record)


@pytest.mark.parametrize("bad", [math.nan, math.inf, np.float32("nan")])
def test_number_that_json_lacks_is_refused_with_its_place(bad: float) -> None:
    record, _ = simulated.learning("copy_10", "gru", 0, summary={"test": {"mse": bad}})
    with pytest.raises(ValueError, match=r"record\.summary\.test\.mse is (nan|inf)"):
        dump(record)


def test_numpy_scalars_are_stored_as_numbers() -> None:
    record, _ = simulated.learning("copy_10", "gru", 0, summary={"a": np.int64(3), "b": np.float32(0.5)})
    assert load(dump(record)).summary == {"a": 3, "b": 0.5}


def test_key_or_type_that_json_lacks_is_refused() -> None:
    with pytest.raises(ValueError, match="key 1"):
        plain({1: 2})
    with pytest.raises(ValueError, match="is a set"):
        plain({"a": {1}})


def document() -> dict[str, Any]:
    record, _ = simulated.learning("copy_10", "gru", 0)
    return json.loads(dump(record))


def signed(changed: dict[str, Any]) -> str:
    """The document with the checksum that belongs to it."""
    content = {key: value for key, value in changed.items() if key != CHECKSUM}
    return json.dumps(content | {CHECKSUM: hashlib.sha256(canonical(content).encode()).hexdigest()})


@pytest.mark.parametrize("key", ["status", "summary", "seed", "config"])
def test_change_to_any_field_is_noticed(key: str) -> None:
    with pytest.raises(ValueError, match="checksum"):
        load(json.dumps(document() | {key: "completed!"}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema_version": 2}, "newer seqbench"),
        ({"extra": 1}, "unknown extra"),
        ({"labels": []}, "labels is a list"),
        ({"kind": "other"}, "kind is 'other'"),
        ({"status": "fine"}, "status"),
        ({"duration_s": -1}, "duration_s"),
    ],
)
def test_record_that_is_none_is_refused_although_its_checksum_is_right(change: dict[str, Any], message: str) -> None:
    assert load(signed(document())).seed == 0
    with pytest.raises(ValueError, match=message):
        load(signed(document() | change))


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"a": NaN}', '{"a": 1e999}', "[" * 100_000, "null"])
def test_text_that_is_no_record_is_refused_with_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"is|holds|not"):
        load(text)


def attempt(number: int, status: str) -> Record:
    record, _ = simulated.learning("copy_10", "gru", 0, attempt=number, status=status)
    return record


def test_last_finished_attempt_counts() -> None:
    assert [r.attempt for r in current([attempt(1, "oom"), attempt(2, "completed"), attempt(3, "killed")])] == [2]
    assert [r.attempt for r in current([attempt(2, "timeout"), attempt(1, "oom")])] == [2]


def test_other_environment_is_another_run() -> None:
    elsewhere, _ = simulated.learning("copy_10", "gru", 0, env_id="f" * 12)
    assert len(current([attempt(1, "completed"), elsewhere])) == 2


def test_a_baseline_without_values_is_refused() -> None:
    odd = {"name": "a", "kind": "derived", "skill": True, "values": None}
    record = replace(simulated.learning("copy_10", "gru", 0)[0], baselines=(odd,))
    with pytest.raises(ValueError, match="baselines"):
        load(dump(record))


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("task", {"length": 30.0}, r"task\.length must be a whole number from 0 on or null"),
        ("task", {"budget": -1}, r"task\.budget must be a whole number"),
        ("architecture", {"parameters": -0.0}, r"architecture\.parameters must be a whole number"),
        ("summary", {"steps_to_solve": True}, r"summary\.steps_to_solve must be a whole number"),
        ("metrics", {"answer_accuracy": None}, r"metrics\.answer_accuracy must be a mapping"),
        ("metrics", {"answer_accuracy": {"better": "more"}}, r"better must be higher, lower, or neither"),
        ("arrays", {"train_loss": None}, r"arrays\.train_loss must be a list"),
    ],
)
def test_what_a_report_counts_on_is_refused_where_it_is_something_else(field: str, value: Any, message: str) -> None:
    changed = document()
    changed[field] |= value
    with pytest.raises(ValueError, match=message):
        load(signed(changed))
