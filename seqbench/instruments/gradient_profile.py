"""How gradients flow back through time, at log-spaced moments of training, in one forward and one backward pass.

For a scored position s and a lag k, each exact up to the precision that trains:

    input             norm of d loss_s / d e_(s-k), where e is the embedded input, the tensor that enters the
                      architecture: defined for recurrence, attention and convolution alike
    state_h1, ...     norm of d loss_s / d h_(s-k), the total derivative through the recurrence and all layers above;
                      of every layer, for recurrences of ``seqbench.ops``; s is the last of the scored positions; at
                      8 of the lags, as each of them costs a kernel call

and, whatever the loss, the size of Jacobians, estimated from one random projection a sequence (below):

    output_jacobian   ||d y_s / d e_(s-k)||_F / sqrt(width), where y is the architecture's output
    state_jacobian    ||d S_s / d S_(s-k)||_F / sqrt(size), where S holds the states of all layers; 1 at lag 0

Norms are per sequence, then root-mean-square over the probe. Hochreiter 1991, Bengio et al. 1994 and Pascanu et al.
2013 study these quantities.

The probe enters the model once for each answer and once for each Jacobian; sequences do not see each other, so the
sum of everything that is differentiated gives each copy its own gradient.

Random projection: for v with independent entries +-1, E ||J^T v||^2 = ||J||_F^2 (Hutchinson 1990). The squares of all
sequences are averaged, each with its own v; ``*_error`` is the standard error of the root of that mean, by its
derivative, and covers both the draw of v and that of the sequences.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from seqbench.decay import described
from seqbench.layers import Network
from seqbench.ops import observing
from seqbench.probe import MAX_COPIES, Probe, repeated, take, undisturbed
from seqbench.schedule import observation_due
from seqbench.schema import require
from seqbench.spec import Moment, NamedArray, Task, generator


class GradientProfile:
    """Profiles of at most 4 scored positions at at most 64 log-spaced lags, log-spaced through training."""

    name = "gradient_profile"

    def __init__(self, probe_batch: int) -> None:
        require(probe_batch >= 1, "instruments.probe_batch", "at least 1", probe_batch)
        self.probe_batch = probe_batch
        self.kernel: str | None = None
        self._recurrent: bool | None = None

    def due(self, moment: Moment, step: int, last: int | None) -> bool:
        """At the start, at evaluations whose step has at least doubled since the last record, and at the end."""
        return observation_due(step, last, ends=moment == "end")

    def measure(self, network: Network, task: Task) -> Mapping[str, NamedArray]:
        """See the file for the arrays; NaN where a lag reaches before the sequence."""
        probe = take(task, self.probe_batch, next(network.parameters()).device, MAX_COPIES)
        with undisturbed(network):
            if self._recurrent is None:
                self._recurrent = has_states(network, probe)
            found = gradient_flow(network, task, probe, self._recurrent)
        self.kernel = str(getattr(network.body, "kernel", "torch"))
        arrays: dict[str, NamedArray] = {
            name: (("observation", "state_lag" if name.startswith("state") else "lag"), row[None])
            for name, row in found.items()
        }
        arrays["input"] = (("observation", "answer", "lag"), found["input"][None])
        arrays["lag"] = (("lag",), np.array(probe.lags))
        arrays["state_lag"] = (("state_lag",), np.array(probe.state_lags))
        arrays["position"] = (("answer",), probe.positions[0].cpu().numpy())
        return arrays

    def summary(self, arrays: Mapping[str, np.ndarray], network: Network) -> dict[str, Any]:
        """Verdict and derived numbers of every profile at the first and the last record; see ``decay.py``."""
        length = int(arrays["lag"][-1]) + 1
        profiles = [name for name, values in arrays.items() if values.ndim >= 2 and not name.endswith("_error")]

        def at(record: int) -> dict[str, Any]:
            lags = {name: arrays["state_lag" if name.startswith("state") else "lag"] for name in profiles}
            return {name: described(lags[name], over_answers(arrays[name][record]), length) for name in profiles}

        start, end = at(0), at(-1)
        return {
            "verdict": end["input"]["verdict"],
            "kernel": self.kernel,
            "sequences": self.probe_batch,
            "last_step": int(arrays["step"][-1]),
            "start": start,
            "end": end,
        }


def gradient_flow(network: Network, task: Task, probe: Probe, recurrent: bool) -> dict[str, np.ndarray]:
    """All arrays of one record, ``input`` (answers, lags) and the others (lags,), exact in the network's precision.

    ``recurrent`` says whether the network has states to observe (``has_states``).
    """
    A = len(probe.answers)
    steps, state_steps = probe.steps_before(probe.lags), probe.steps_before(probe.state_lags)[:, -1]
    there, state_there = (steps >= 0) & probe.counted.unsqueeze(-1), (state_steps >= 0) & probe.counted[:, -1:]
    steps = steps.clamp(min=0)
    cuts, column = torch.unique(state_steps.clamp(min=0), return_inverse=True)  # column: where a lag lies in the cuts
    by_input, by_state = _squares(network, task, probe, cuts.tolist() if recurrent else [], column[:, 0])
    found = {"input": torch.stack([_rms(by_input[a].gather(1, steps[:, a]), there[:, a])[0] for a in range(A)])}
    of_output = by_input[A].gather(1, steps[:, -1]) / network.width
    found["output_jacobian"], found["output_jacobian_error"] = _rms(of_output, there[:, -1])
    for name, (squares, _) in by_state.items():
        found[f"state_{name}"] = _rms(squares[A - 1].gather(1, column), state_there)[0]
    if by_state:
        size = sum(size for _, size in by_state.values())
        of_state = torch.stack([squares[A + 1].gather(1, column) / size for squares, _ in by_state.values()]).sum(0)
        found["state_jacobian"], found["state_jacobian_error"] = _rms(of_state, state_there)
    dtype = next(network.parameters()).dtype
    kept = dtype if dtype in (torch.float32, torch.float64) else torch.float32
    return {name: values.to(kept).cpu().numpy() for name, values in found.items()}


def _squares(
    network: Network, task: Task, probe: Probe, cuts: list[int], last_cut: Int[Tensor, " batch"]
) -> tuple[Float[Tensor, "copies batch time"], dict[str, tuple[Float[Tensor, "copies batch cuts"], int]]]:
    """Squared gradient norms by the embedded input and by each observed state, with that state's size.

    Copy a of the probe is differentiated from the loss of its answer a; the last copies from projections of the
    output and, where there are ``cuts``, of the state at the last answer, which is number ``last_cut`` among them.
    """
    B, A = probe.size, len(probe.answers)
    copies = A + 1 + bool(cuts)
    given = repeated(probe.batch, copies)
    e = network.embed(probe.batch.inputs).detach().repeat(copies, 1, 1).requires_grad_()
    with observing(cuts) as seen:
        outputs = network.at_answers(e, given.positions, given.lengths)
    total = task.loss(network.head(outputs[: A * B]), probe.one_answer_each()).sum()
    total = total + _projection(outputs[A * B : (A + 1) * B, probe.answers[-1]], "output")
    for name, at_cuts in seen.states.items():
        own = torch.stack(at_cuts)[last_cut, torch.arange((A + 1) * B, (A + 2) * B, device=e.device)]
        total = total + _projection(own, name)
    flat = [state for at_cuts in seen.states.values() for state in at_cuts]
    by_input, *by_flat = torch.autograd.grad(total, [e, *flat], materialize_grads=True)
    by_state = {}
    for number, (name, at_cuts) in enumerate(seen.states.items()):
        gradients = torch.stack(by_flat[number * len(cuts) : (number + 1) * len(cuts)], 1)  # (rows, cuts, hidden)
        by_state[name] = (_square_norms(gradients).unflatten(0, (copies, B)), at_cuts[0].shape[-1])
    return _square_norms(by_input).unflatten(0, (copies, B)), by_state


def _projection(values: Float[Tensor, "batch size"], of: str) -> Tensor:
    """The sum of ``values``, each with a random sign of its own, the same ones at every record."""
    draw = generator("cpu", "gradient_profile", "projection", of)
    signs = 2 * torch.randint(2, values.shape, generator=draw) - 1
    return (values * signs.to(values)).sum()


def _square_norms(gradients: Tensor) -> Tensor:
    # In double precision: a norm of 1e-20 has a square that float32 does not hold.
    return gradients.double().square().sum(-1)


def _rms(
    squares: Float[Tensor, "batch lags"], there: Bool[Tensor, "batch lags"]
) -> tuple[Float[Tensor, " lags"], Float[Tensor, " lags"]]:
    """Root-mean-square over the sequences that are ``there``, NaN where there is none, and its standard error."""
    number = there.sum(0)
    mean = torch.where(there, squares, 0.0).sum(0) / number  # 0 / 0 is NaN
    away = torch.where(there, squares - mean, 0.0).square().sum(0) / (number - 1)
    return mean.sqrt(), (away / number).sqrt() / (2 * mean.sqrt())


def has_states(network: Network, probe: Probe) -> bool:
    """Whether the network runs a recurrence of ``seqbench.ops``, whose states can be observed."""
    one = probe.batch._make(None if field is None else field[:1] for field in probe.batch)
    with torch.no_grad(), observing([0]) as seen:
        network(one)
    return bool(seen.states)


def over_answers(profile: np.ndarray) -> np.ndarray:
    """The median over answers, where there are several, NaN where none has that lag."""
    if profile.ndim == 1:
        return profile
    known = ~np.isnan(profile).all(axis=0)
    result = np.full(profile.shape[1], np.nan)
    result[known] = np.nanmedian(profile[:, known], axis=0)
    return result
