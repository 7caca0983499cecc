"""The Elman recurrence (Elman 1990, doi:10.1207/s15516709cog1402_1).

h_t = f(W_x x_t + W_h h_(t-1) + b),    f = tanh or relu
"""

from functools import partial
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from seqbench.ops.backend import uses_library
from seqbench.ops.observe import State, in_pieces
from seqbench.ops.scan import differentiable, product_over_time, project, unstacked

Activation = Literal["tanh", "relu"]


def rnn(
    x: Float[Tensor, "batch time features"],
    weight_input: Float[Tensor, "hidden features"],
    weight_hidden: Float[Tensor, "hidden hidden"],
    bias: Float[Tensor, " hidden"],
    initial: Float[Tensor, "batch hidden"] | None = None,
    activation: Activation = "tanh",
) -> tuple[Float[Tensor, "batch time hidden"], Float[Tensor, "batch hidden"]]:
    """The states at every step and the last one; ``initial`` is zero where it is None."""
    h = x.new_zeros(x.shape[0], bias.shape[0]) if initial is None else initial
    run = partial(_run, weight_input, weight_hidden, bias, activation)
    outputs, (last,) = in_pieces(run, x, (h,), ("h",))
    return outputs, last


def _run(
    weight_input: Tensor, weight_hidden: Tensor, bias: Tensor, activation: Activation, x: Tensor, state: State
) -> tuple[Tensor, State]:
    (h,) = state
    if uses_library():
        fused = torch.rnn_tanh if activation == "tanh" else torch.rnn_relu
        # The library adds a second bias to every gate; the equation has one.
        weights = [weight_input, weight_hidden, bias, torch.zeros_like(bias)]
        outputs, last = fused(x, h[None], weights, True, 1, 0.0, torch.is_grad_enabled(), False, True)
        return outputs, (last[0],)
    (states,) = _SCAN[activation](project(x, weight_input, bias), weight_hidden[None], h[None])
    outputs, last = unstacked(states)
    return outputs, (last,)


def _loop(activation: Activation, projected: Tensor, weight: Tensor, initial: Tensor) -> tuple[Tensor]:
    P, T, B, H = projected.shape
    states = projected.new_empty(P, T + 1, B, H)
    states[:, 0] = initial
    steps, transposed = states.unbind(1), weight.transpose(1, 2)
    for a, h, h_next in zip(projected.unbind(1), steps[:-1], steps[1:], strict=True):
        torch.baddbmm(a, h, transposed, out=h_next)
        torch.tanh_(h_next) if activation == "tanh" else torch.relu_(h_next)
    return (states,)


def _loop_backward(
    activation: Activation, grad_states: Tensor, projected: Tensor, weight: Tensor, initial: Tensor, states: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    after = states[:, 1:]
    # The slope of f, found for all steps at once; the loop multiplies the gradient that arrives into it.
    grad_projected = 1 - after * after if activation == "tanh" else (after > 0).to(after.dtype)
    grad_h, arriving = grad_states[:, -1], grad_states.unbind(1)
    for da, arrives in zip(reversed(grad_projected.unbind(1)), reversed(arriving[:-1]), strict=True):
        grad_h = torch.baddbmm(arrives, da.mul_(grad_h), weight)
    return grad_projected, product_over_time(grad_projected, states[:, :-1]), grad_h


_SCAN = {
    activation: differentiable(partial(_loop, activation), partial(_loop_backward, activation))
    for activation in ("tanh", "relu")
}
