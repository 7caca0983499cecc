"""Small studies trained by both sides, and two stores compared: what ``--learning`` and ``--bitwise`` do."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from seqbench.check import against, learning
from seqbench.check.finding import Outcome
from seqbench.check.programs import ProgramError, Side, run_python
from seqbench.check.request import Request
from seqbench.record.store import Store
from seqbench.report.wording import count
from seqbench.schema import UsageError

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
DONE = (0, 1)
"""Exit codes after which there are records: all trained, some failed."""


def compare(request: Request, say: Callable[[str], object]) -> Outcome:
    """The stores that the request names, or what both sides make of a small study.

    Raises:
        UsageError: a store holds no runs, or a side cannot train.
    """
    if request.stores:
        base, head = request.stores
        return _outcome(str(base), str(head), base, head, request.bitwise)
    studies = BITS if request.bitwise else MICRO
    with against.sides(request) as (base, head), tempfile.TemporaryDirectory(prefix="seqbench-learning-") as scratch:
        stores = [Path(scratch) / name for name in ("base", "head")]
        for side, store in zip((base, head), stores, strict=True):
            say(f"Training a small study in the {side.name}.")
            train(side, store, studies)
        return _outcome(base.name, head.name, stores[0], stores[1], request.bitwise)


def train(side: Side, store: Path, studies: Sequence[tuple[str, ...]]) -> None:
    """Train small studies with the code of a side, into one store.

    Raises:
        UsageError: it cannot train.
    """
    for words in studies:
        try:
            run_python(side, "-m", "seqbench", *words, *QUIET, f"store={store}", f"out={store}-report", codes=DONE)
        except ProgramError as error:
            raise UsageError(f"both sides must be able to train; the {side.name} says: {error}.") from error


def _outcome(base: str, head: str, first: Path, second: Path, bitwise: bool) -> Outcome:
    before, after = (learning.runs_of(Store(folder)) for folder in (first, second))
    for name, found in ((base, before), (head, after)):
        if not found:
            raise UsageError(f"--learning must have runs to compare; got none in {name[:80]!a}.")
    findings = learning.bitwise(before, after) if bitwise else learning.compare(before, after)
    seeds = min(len(cell) for cell in after.values())
    note = f"learning: {count(len(after), 'cell')}, {count(seeds, 'seed')} each, paired"
    error = "" if bitwise else f"; worse by mistake in at most {100 * learning.Limits().error:g} % of checks"
    return Outcome(base=base, head=head, findings=tuple(findings), notes=(note + error,))
