"""What an instrument may ask of the ops while a model runs: states between steps, attention weights, gates.

Models stay as they are: each op that runs inside ``observing`` leaves what is asked for, in the order of the calls, so
layer by layer. Outside, and for what is not asked for, ops run as if this file were not there.

A library kernel is one op over all steps, and a gradient kept on its output (``retain_grad``) is the direct term alone:
it lacks the paths through later steps. Here a recurrence is cut after the steps that are asked for. The state that
leaves one piece enters the next one and also stands for the last output of its piece, so its gradient is the total
derivative, through the recurrence and through every layer above. Where a state has two parts, the h and c of an LSTM,
they are its coordinates: the derivative by one holds the other fixed. Each piece runs on the kernel that trains.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import pairwise

import torch
from torch import Tensor

State = tuple[Tensor, ...]
"""The tensors (batch, hidden) that a recurrence carries from one step to the next."""


@dataclass
class Observer:
    """What to look for, and what the ops have left.

    Attributes:
        cuts: steps after which states are wanted, ascending.
        wants_attention, wants_gates: whether these are wanted.
        states: "h1", "c1", "h2", ... -> the state (batch, hidden) after each of ``cuts``; the number counts the
            recurrences in the order of their calls.
        attention: of each attention, its weights (batch, heads, queries, keys).
        gates: of each gated recurrence, gate name -> openness (batch, time, hidden) in 0 .. 1.
    """

    cuts: tuple[int, ...] = ()
    wants_attention: bool = False
    wants_gates: bool = False
    states: dict[str, list[Tensor]] = field(default_factory=dict)
    attention: list[Tensor] = field(default_factory=list)
    gates: list[Mapping[str, Tensor]] = field(default_factory=list)
    recurrences: int = 0


_observer: ContextVar[Observer | None] = ContextVar("seqbench.ops.observer", default=None)


@contextmanager
def observing(cuts: Sequence[int] = (), attention: bool = False, gates: bool = False) -> Iterator[Observer]:
    """Inside, ops leave what is asked for in the observer that this yields."""
    observer = Observer(tuple(sorted(set(cuts))), attention, gates)
    token = _observer.set(observer)
    try:
        yield observer
    finally:
        _observer.reset(token)


def in_pieces(
    run: Callable[[Tensor, State], tuple[Tensor, State]], x: Tensor, initial: State, names: Sequence[str]
) -> tuple[Tensor, State]:
    """``run(x, initial)``, cut after the steps whose states are asked for.

    Args:
        run: (x (batch, time, features), state) -> outputs (batch, time, hidden) and the last state.
        x: the input of every step.
        initial: the state before the first one.
        names: of the parts of the state, e.g. ("h", "c"); the first one is also the output.
    """
    observer = _observer.get()
    # A sequence that ends before the last cut is not the one that is asked about (a module may try itself out).
    if observer is None or not observer.cuts or x.shape[1] <= observer.cuts[-1]:
        return run(x, initial)
    observer.recurrences += 1
    states, state, outputs = [], initial, []
    ends = [0, *(cut + 1 for cut in observer.cuts), x.shape[1]]
    for piece in x.split([end - start for start, end in pairwise(ends)], dim=1):
        if piece.shape[1] == 0:  # the last cut is the last step
            break
        piece_outputs, state = run(piece, state)
        outputs += [piece_outputs[:, :-1], state[0].unsqueeze(1)]
        states.append(state)
    for part, name in enumerate(names):
        observer.states[f"{name}{observer.recurrences}"] = [at[part] for at in states[: len(observer.cuts)]]
    return torch.cat(outputs, 1), state


def note_attention(weights: Callable[[], Tensor]) -> None:
    """Leave attention weights (batch, heads, queries, keys) where they are asked for; else they are not computed."""
    observer = _observer.get()
    if observer is not None and observer.wants_attention:
        with torch.no_grad():
            observer.attention.append(weights())


def note_gates(gates: Callable[[], Mapping[str, Tensor]]) -> None:
    """Leave gates (batch, time, hidden) where they are asked for; else they are not computed."""
    observer = _observer.get()
    if observer is not None and observer.wants_gates:
        with torch.no_grad():
            observer.gates.append(gates())
