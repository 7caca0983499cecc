"""Learning rates chosen on validation: reading a table of them, and making one from a tuning sweep's records."""

import math
import statistics
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from seqbench.metrics import metric
from seqbench.record.record import ended
from seqbench.schedule import met_from
from seqbench.schema import Record, UsageError

Pair = tuple[str, str]
"""(task label, model label)"""
Curves = Callable[[Record], Mapping[str, np.ndarray]]
"""The arrays of a record, as ``Store.arrays`` reads them."""


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """A table ``conf/tuned/NAME.yaml``.

    Attributes:
        learning_rate: pair -> the rate that was chosen.
        steps: pair -> median steps that the trials at that rate took.
        grid: the rates that were tried, the same for every pair.
        trials: runs at each rate, the same for every pair.
        source: one sentence: where the table comes from.
    """

    learning_rate: Mapping[Pair, float] = field(default_factory=dict)
    steps: Mapping[Pair, float] = field(default_factory=dict)
    grid: tuple[float, ...] = ()
    trials: int = 0
    source: str = ""

    @classmethod
    def read(cls, file: Path) -> "Tuned":
        """The table in ``file``.

        Raises:
            UsageError: it is not such a table.
        """
        try:
            raw = OmegaConf.to_container(OmegaConf.load(file))
            assert isinstance(raw, dict)
            return cls(
                learning_rate=_flat(raw["learning_rate"]),
                steps=_flat(raw["steps"]),
                grid=tuple(float(rate) for rate in raw["grid"]),
                trials=int(raw["trials"]),
                source=str(raw["source"]),
            )
        except (OmegaConfBaseException, yaml.YAMLError, AssertionError, KeyError, TypeError, ValueError) as error:
            raise UsageError(
                f"a table of tuned learning rates must hold learning_rate, steps, grid, trials and source; {file} "
                f"does not ({error!r}). Write it with `python -m seqbench choose --store DIR --out {file}`."
            ) from error

    def trials_of(self, pair: Pair) -> int:
        """Runs that the pair's rate was chosen from, 0 where the table does not hold it."""
        return len(self.grid) * self.trials if pair in self.learning_rate else 0

    def sentence(self, pairs: Iterable[Pair]) -> str:
        """How the rates of a study with these pairs were chosen, for its report."""
        asked = set(pairs)
        left_out = len(asked - set(self.learning_rate))
        if left_out == len(asked):
            return "Learning rates are those of the architectures' YAML files, whatever the task."
        grid = ", ".join(f"{rate:g}" for rate in self.grid)
        rest = (
            f" {left_out} of {len(asked)} pairs of task and model keep the rate of the YAML file." if left_out else ""
        )
        return (
            f"Learning rates were chosen on validation from {grid}, {self.trials} trials each, equally for all."
            f"{self._at_the_ends(asked)}{rest}"
        )

    def _at_the_ends(self, asked: Collection[Pair]) -> str:
        """How many of the chosen rates may not be the best ones, for the grid ends there; "" where none is."""
        chosen = [rate for pair, rate in self.learning_rate.items() if pair in asked]
        ends = sum(rate in (min(self.grid), max(self.grid)) for rate in chosen)
        if not ends or len(self.grid) == 1:
            return ""
        verb = "is" if ends == 1 else "are"
        return f" {ends} of {len(chosen)} chosen rates {verb} the smallest or the largest that was tried."

    def text(self) -> str:
        """The table as YAML, the same text for the same table."""
        lines = ["# Learning rates chosen on validation; written by `python -m seqbench choose`."]
        lines += [f"source: {_quoted(self.source)}", f"grid: [{', '.join(map(repr, self.grid))}]"]
        lines += [f"trials: {self.trials}             # runs at each rate"]
        lines += _nested("learning_rate", self.learning_rate) + _nested("steps", self.steps)
        return "\n".join(lines) + "\n"


def choose(records: Iterable[Record], curves: Curves, source: str) -> Tuned:
    """For each task and model the rate of most trials that met the threshold, then the soonest, then the best score.

    All of it on validation: whether the test set confirmed a trial as solved has no say. A trial that did not complete
    counts as the worst. Equal rates: the smaller one.

    Args:
        records: of a tuning sweep.
        curves: the arrays of a record, with its ``evaluation_step`` and ``validation/...``.
        source: one sentence for the table.

    Raises:
        UsageError: no trials, none at a second rate, pairs that had other rates, trials or settings than the rest, or
            a trial without its evaluations.
    """
    trials = _trials(records)
    if not trials:
        raise UsageError(
            "choosing needs learning records; the store has none. Run `python -m seqbench +sweep=tune_long_seq`."
        )
    if all(len(rates) == 1 for rates in trials.values()):
        raise UsageError(
            "choosing needs trials at several learning rates; the store holds runs at one for each task and model, and "
            "so no tuning sweep. Run one, e.g. `python -m seqbench +sweep=tune_long_seq`, and name its store."
        )
    grid, seeds = _common_grid(trials)
    rates, steps = {}, {}
    for pair in sorted(trials):
        rates[pair] = max(grid, key=lambda rate: (_rank(list(trials[pair][rate].values()), curves), -rate))
        taken = [
            record.summary["steps"] for record in trials[pair][rates[pair]].values() if record.summary.get("steps")
        ]
        if taken:
            steps[pair] = float(statistics.median(taken))
    return Tuned(learning_rate=rates, steps=steps, grid=grid, trials=seeds, source=source)


def _trials(records: Iterable[Record]) -> dict[Pair, dict[float, dict[int, Record]]]:
    """Pair -> rate -> seed -> the attempt that counts, as in reports; missing while the sweep can continue it."""
    found: dict[Pair, dict[float, dict[int, Record]]] = {}
    counting = ended(record for record in records if record.kind == "learning")
    for record in sorted(counting, key=lambda record: (record.attempt, record.started_at, record.run_id)):
        if record.seed is not None and record.config.get("model"):
            pair = (record.labels["task"], record.labels["model"])
            rate = float(record.config["model"]["learning_rate"])
            members = found.setdefault(pair, {}).setdefault(rate, {})
            _check_same(members.values(), record, pair)
            members[record.seed] = record
    return found


def _check_same(before: Iterable[Record], record: Record, pair: Pair) -> None:
    for other in before:
        if other.cell_id != record.cell_id:
            raise UsageError(
                f"trials must differ in learning rate and seed only; the store has others of {pair[0]}, {pair[1]}: "
                f"{other.run_id} and {record.run_id}. Use a store of its own for tuning."
            )


def _common_grid(trials: Mapping[Pair, Mapping[float, Mapping[int, Record]]]) -> tuple[tuple[float, ...], int]:
    """The rates and the number of seeds of every pair.

    Raises:
        UsageError: some pair lacks trials that another had; a comparison of unequal efforts is none.
    """
    grid = tuple(sorted({rate for rates in trials.values() for rate in rates}))
    seeds = sorted({seed for rates in trials.values() for members in rates.values() for seed in members})
    for pair, rates in sorted(trials.items()):
        for rate in grid:
            missing = [seed for seed in seeds if seed not in rates.get(rate, {})]
            if missing:
                raise UsageError(
                    f"every model must have had the same trials; {pair[0]}, {pair[1]} lacks learning_rate={rate:g} "
                    f"seeds={missing}. Run the tuning sweep again: it trains what is missing."
                )
    return grid, len(seeds)


def _rank(members: Sequence[Record], curves: Curves) -> tuple[float, float, float]:
    """What a rate is judged by; larger is better."""
    met = [step for record in members if (step := _met_from(record, curves)) is not None]
    return (
        len(met),
        -statistics.mean(met) if met else -math.inf,
        statistics.mean(_score(record) for record in members),
    )


def _met_from(record: Record, curves: Curves) -> int | None:
    """The step from which on a trial met the threshold on validation; None also where nothing counts as solved.

    Raises:
        UsageError: its curve is missing or damaged.
    """
    solved = record.task.get("solved")
    if record.status != "completed" or not solved:
        return None
    name = solved["metric"]
    try:
        arrays = curves(record)
        steps, values = arrays["evaluation_step"].tolist(), arrays[f"validation/{name}"].tolist()
    except (ValueError, KeyError) as error:
        raise UsageError(
            f"a trial must hold its evaluations on validation; got {record.run_id} without them ({error}). Delete its "
            "folder and run the tuning sweep again: it trains what is missing."
        ) from error
    return met_from(steps, [metric(name).meets(value, solved["threshold"]) for value in values])


def _score(record: Record) -> float:
    """The headline metric on validation, larger is better; -inf for a trial that did not complete."""
    name = str(record.task.get("score"))
    value: Any = record.summary.get("validation", {}).get(name) if record.status == "completed" else None
    if value is None:
        return -math.inf
    return float(value) if metric(name).better == "higher" else -float(value)


def _flat(table: Mapping[str, Mapping[str, float]]) -> dict[Pair, float]:
    return {(task, model): float(value) for task, models in table.items() for model, value in models.items()}


def _nested(name: str, table: Mapping[Pair, float]) -> list[str]:
    if not table:
        return [f"{name}: {{}}"]
    lines = [f"{name}:"]
    for task in sorted({pair[0] for pair in table}):
        lines.append(f"  {_quoted(task)}:")
        lines += [f"    {_quoted(pair[1])}: {table[pair]!r}" for pair in sorted(table) if pair[0] == task]
    return lines


def _quoted(text: str) -> str:
    """A label as YAML: bare where that is safe."""
    return text if text.replace("_", "a").isalnum() and text[0].isalpha() else "'" + text.replace("'", "''") + "'"
