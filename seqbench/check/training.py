"""Small studies trained by both sides, and two stores compared: what ``--learning`` and ``--bitwise`` do."""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from seqbench.check import against, learning, origin
from seqbench.check.finding import Outcome
from seqbench.check.programs import ProgramError, Side, run_python
from seqbench.check.request import Request
from seqbench.check.session import Say
from seqbench.record.environment import KEYS
from seqbench.record.record import current
from seqbench.record.store import Store
from seqbench.report.comparing import unread
from seqbench.report.wording import count
from seqbench.schema import CONTINUED, UsageError

QUIET = ("device=cpu", "cost=false", "report=false", "checkpoint_s=null")
ADDING = ("task=adding_problem", "train.batch_size=32", "seeds=12")
CLIPPED = ("model=rnn", "model.activation=relu", "model.init=identity", "model.learning_rate=0.01")
MICRO = (
    (*ADDING, "task.length=10", "train.steps=600", "model=gru,attention", "model.learning_rate=0.01"),
    (*ADDING, "task.length=10", "train.steps=400", "model=transformer"),
    (*ADDING, "task.length=10", "train.steps=300", "model=lstm", "model.learning_rate=0.01"),
    (*ADDING, "task.length=20", "train.steps=300", *CLIPPED),
)
"""What --learning trains, study by study: some 55 CPU seconds and four starts, below a minute on two quiet cores.

Every cell learns, so a fault can spoil it: GRU and Transformer solve with every seed, attention with nearly all, the
LSTM comes near it, and the RNN learns only because its gradients are clipped.
"""
BITS = (("+sweep=smoke", "seeds=2"),)
"""What --bitwise trains: every architecture on every kind of task, for a few steps."""
MODULES = ("numpy", "seqbench", "torch")
"""What trains, and may differ between two sides."""
MAY_MATTER = tuple(key for key in KEYS if key not in ("cores", "memory_bytes", "platform"))
"""Facts of an environment that are told as likely causes where they differ."""
DONE = (0, 1)
"""Exit codes after which there are records: all trained, some failed."""


def compare(request: Request, say: Say) -> Outcome:
    """The stores that the request names, or what both sides make of a small study.

    Raises:
        UsageError: a store that is named holds no runs, or some that are under way; or a side cannot train.
    """
    if request.stores:
        base, head = request.stores
        for folder in request.stores:
            _check_ended(Store(folder))
        return _outcome(str(base), str(head), base, head, request.bitwise)
    studies = BITS if request.bitwise else MICRO
    with against.sides(request) as (base, head), tempfile.TemporaryDirectory(prefix="seqbench-learning-") as scratch:
        apart = origin.judge(base, head, origin.found(base, MODULES), origin.found(head, MODULES), MODULES)
        if any(finding.verdict == "not run" for finding in apart):  # both would train the same
            return Outcome(base=base.name, head=head.name, findings=tuple(apart))
        stores = [Path(scratch) / name for name in ("base", "head")]
        for side, store in zip((base, head), stores, strict=True):
            say(f"Training a small study: {side.name}.")
            train(side, store, studies)
        outcome = _outcome(base.name, head.name, stores[0], stores[1], request.bitwise)
        return replace(outcome, findings=(*outcome.findings, *apart))


def train(side: Side, store: Path, studies: Sequence[tuple[str, ...]]) -> None:
    """Train small studies with the code of a side, into one store.

    Raises:
        UsageError: it cannot train.
    """
    for words in studies:
        try:
            places = (f"store={store}", f"out={store}-report")
            # -P: else the code in the current folder would go before what the environment has installed
            run_python(side, "-P", "-m", "seqbench", *words, *QUIET, *places, codes=DONE)
        except ProgramError as error:
            raise UsageError(f"both sides must be able to train; the {side.name} says: {error}.") from error


def _check_ended(store: Store) -> None:
    """Refuse runs that can go on: until then they say neither worse nor no worse. Nobody continues what we train here.

    Raises:
        UsageError: some were interrupted or killed.
    """
    if under_way := sum(record.status in CONTINUED for record in current(store.records("learning"))):
        raise UsageError(
            f"--learning must have runs that ended; got {under_way} interrupted or killed in "
            f"{str(store.root)[:80]!a}. The command that trained them continues them."
        )


def _outcome(base: str, head: str, first: Path, second: Path, bitwise: bool) -> Outcome:
    stores = [Store(folder) for folder in (first, second)]
    before, after = map(learning.runs_of, stores)
    for name, found in ((base, before), (head, after)):
        if not found:
            raise UsageError(f"--learning must have runs to compare; got none in {name[:80]!a}.")
    findings = learning.bitwise(before, after) if bitwise else learning.compare(before, after)
    facts = {name: _facts(store) for name, store in zip(("base", "head"), stores, strict=True)}
    return Outcome(
        base=base,
        head=head,
        findings=tuple(findings),
        causes=tuple(against.causes(facts)),
        notes=(*_told(before, after, bitwise), *(line for store in stores for line in unread(store))),
    )


def _facts(store: Store) -> dict[str, str]:
    """What the records of a store say of where they were trained, as far as it may move a result."""
    found: dict[str, set[str]] = {}
    for record in store.records("learning"):
        for name in MAY_MATTER:
            if name in record.environment:  # older records do not tell all; None is told, e.g. of a machine without GPU
                found.setdefault(name, set()).add(str(record.environment[name]))
    return {name: " and ".join(sorted(values)) for name, values in found.items()}


def _told(before: learning.Runs, after: learning.Runs, bitwise: bool) -> Iterator[str]:
    both = [(before[name].keys(), after[name].keys()) for name in sorted(before.keys() & after.keys())]
    pairs = [len(one & other) for one, other in both] or [0]
    seeds = count(pairs[0], "seed") if len(set(pairs)) == 1 else f"{min(pairs)} to {max(pairs)} seeds"
    error = "" if bitwise else f"; worse by mistake in at most {100 * learning.Limits().error:g} % of checks"
    yield f"learning: {count(len(both), 'cell')} of both, {seeds} each, paired{error}"
    lone = sum(len(one ^ other) for one, other in both)
    if lone:
        yield f"not compared: {count(lone, 'run')} with seeds that only one side has"
