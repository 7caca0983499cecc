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
from seqbench.ops.scan import (
    Projection,
    add_product,
    arriving,
    batch_last,
    before,
    blocks,
    columns,
    differentiable,
    room,
    step_by_step,
    unstacked,
)

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
    if uses_library(f"rnn_{activation}", x):
        fused = torch.rnn_tanh if activation == "tanh" else torch.rnn_relu
        # The library adds a second bias to every gate; the equation has one.
        weights = [weight_input, weight_hidden, bias, torch.zeros_like(bias)]
        outputs, last = fused(x, h[None], weights, True, 1, 0.0, torch.is_grad_enabled(), False, True)
        return outputs, (last[0],)
    (states,) = _SCAN[activation](batch_last(x), weight_input[None], weight_hidden[None], bias[None], h.t()[None])
    outputs, last = unstacked(states)
    return outputs, (last,)


def _loop(
    activation: Activation, x: Tensor, weight_input: Tensor, weight_hidden: Tensor, bias: Tensor, initial: Tensor
) -> tuple[Tensor]:
    states, projection = room(x, initial), Projection(x, weight_input, bias)
    f, h = torch.tanh_ if activation == "tanh" else torch.relu_, initial
    for block in blocks(states):
        steps = states[:, block]
        projection.write(block, out=steps)
        for following in steps.unbind(1):
            h = f(torch.baddbmm(following, weight_hidden, h, out=following))
    return (states,)


def _loop_backward(
    activation: Activation,
    grad_states: Tensor,
    x: Tensor,
    weight_input: Tensor,
    weight_hidden: Tensor,
    bias: Tensor,
    initial: Tensor,
    states: Tensor,
) -> tuple[Tensor, ...]:
    projection = Projection(x, weight_input, bias)
    projection.start_backward()
    transposed, grad_weight = weight_hidden.mT.contiguous(), torch.zeros_like(weight_hidden)
    grad_h = grad_states[:, -1]
    for block in reversed(blocks(states)):
        found = states[:, block]
        # The slope of f, which the loop multiplies the gradient that arrives into.
        slopes = 1 - found * found if activation == "tanh" else (found > 0).to(found.dtype)
        for slope, arrives in step_by_step(slopes, arriving(block, grad_states), backwards=True):
            grad_h = torch.baddbmm(arrives, transposed, slope.mul_(grad_h))
        gradients = columns(slopes)
        add_product(grad_weight, gradients, columns(before(block, states, initial)))
        projection.add_gradients(block, gradients)
    grad_x, grad_input, grad_bias = projection.gradients
    return grad_x, grad_input, grad_weight, grad_bias, grad_h


_SCAN = {
    activation: differentiable(partial(_loop, activation), partial(_loop_backward, activation))
    for activation in ("tanh", "relu")
}
