"""Which samples of cost are pairs: told by the times in their records."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from seqbench.record.rounds import PAUSE_S, counting, taken
from seqbench.record.rounds import sample as key_of
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
    return [found[key_of(record)] for record in made]


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


# ------------------------------------------------------------------ which attempt counts


def study(hours: float, *models: str, rounds: int = 2, attempt: int = 1, **changes: object) -> list[Record]:
    """What one command measures."""
    every = [(number, model) for number in range(rounds) for model in models]
    return [
        at(3600 * hours + 4 * place, model, number, attempt=attempt, **changes)
        for place, (number, model) in enumerate(every)
    ]


def attempts(records: Iterable[Record], *models: str) -> dict[str, list[int]]:
    """Of each of these architectures the attempts that count, round by round; all records tell the rounds."""
    made = list(records)
    counted = counting([record for record in made if record.labels["model"] in models], taken(made))
    found = {(r.labels["model"], r.config["cost"]["round"]): r.attempt for r in counted}
    return {model: [found[key] for key in sorted(found) if key[0] == model] for model in models}


def test_what_was_measured_as_a_whole_once_stays_one_whatever_is_measured_again():
    records = [*study(0, "gru", "lstm"), *study(24, "gru", "rnn", attempt=2)]
    assert attempts(records, "gru", "lstm") == {"gru": [1, 1], "lstm": [1, 1]}
    assert attempts(records, "gru", "rnn") == {"gru": [2, 2], "rnn": [2, 2]}
    assert attempts(records[::-1], "gru", "lstm") == {"gru": [1, 1], "lstm": [1, 1]}
    assert attempts(records, "gru") == {"gru": [2, 2]}


def test_of_several_whole_rounds_the_newest_counts_and_of_an_interrupted_one_nothing():
    records = [*study(0, "gru", "lstm"), *study(1, "gru", "lstm", attempt=2)]
    assert attempts(records, "gru", "lstm") == {"gru": [2, 2], "lstm": [2, 2]}
    assert attempts([*records, *study(2, "gru", attempt=3)], "gru", "lstm") == {"gru": [2, 2], "lstm": [2, 2]}
    failed = study(2, "gru", "lstm", attempt=3, status="failed")
    assert attempts([*records, *failed], "gru", "lstm") == {"gru": [2, 2], "lstm": [2, 2]}


def test_rounds_that_hold_as_many_are_chosen_alike():
    records = [*study(0, "gru", "lstm", rounds=8), *study(24, "gru", "rnn", rounds=2, attempt=2)]
    assert attempts(records, "gru", "lstm", "rnn")["gru"] == [1] * 8


def test_of_what_never_finished_the_last_attempt_counts():
    records = [*study(0, "gru", status="failed"), *study(1, "gru", attempt=2, status="timeout")]
    assert attempts(records, "gru") == {"gru": [2, 2]}
