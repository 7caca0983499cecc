"""Which samples of cost are pairs: told by the times in their records."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from seqbench.record.rounds import PAUSE_S, taken
from seqbench.schema import Record
from tests.simulated_costs import sample

START = datetime.fromisoformat("2026-11-24T03:00:00+00:00")


def at(seconds: float, model: str, number: int, **changes: object) -> Record:
    """A sample of two seconds that began so long after the first."""
    record, _ = sample(model, round=number)
    began = (START + timedelta(seconds=int(seconds))).isoformat()
    return replace(record, **{"started_at": began, "duration_s": 2.0, **changes})  # type: ignore[arg-type]


def numbers(records: Iterable[Record]) -> list[int]:
    made = list(records)
    found = taken(made)
    return [found[record.run_id, record.env_id] for record in made]


def test_what_one_command_measures_in_a_round_is_one_round():
    order = [("gru", 0), ("lstm", 0), ("lstm", 1), ("gru", 1), ("rnn", 1)]
    records = [at(4 * place, model, number) for place, (model, number) in enumerate(order)]
    assert numbers(records) == [0, 0, 1, 1, 1]
    assert numbers(records[::-1]) == [1, 1, 1, 0, 0]  # whatever the order in which they are read


@pytest.mark.parametrize("later", [32, 86_400])
def test_rounds_of_two_commands_that_bear_the_same_numbers_are_not_the_same(later: int):
    first = [at(4 * number, "gru", number) for number in range(8)]
    second = [at(later + 4 * number, "lstm", number) for number in range(8)]
    assert not set(numbers([*first, *second])[:8]) & set(numbers([*first, *second])[8:])


def test_a_round_ends_with_a_long_pause():
    assert numbers([at(0, "gru", 0), at(2 + PAUSE_S, "lstm", 0)]) == [0, 0]
    assert numbers([at(0, "gru", 0), at(3 + PAUSE_S, "lstm", 0)]) == [0, 1]


def test_samples_that_overlap_were_not_taken_in_one_go():
    assert numbers([at(0, "gru", 0), at(1, "lstm", 0)]) == [0, 0]  # as far as whole seconds tell
    assert numbers([at(0, "gru", 0, duration_s=9.0), at(1, "lstm", 0)]) == [0, 1]


def test_environments_have_no_round_in_common():
    assert numbers([at(0, "gru", 0), at(4, "lstm", 0, env_id="f" * 12)]) == [0, 1]


def test_a_record_that_does_not_tell_when_it_began_is_a_pair_of_nothing():
    records = [at(0, "gru", 0, started_at=""), at(0, "lstm", 0, started_at=""), at(4, "rnn", 0), at(8, "rnn", 1)]
    assert len(set(numbers(records))) == 4
