"""The gated recurrent unit (Cho et al. 2014, arXiv:1406.1078; Chung et al. 2014, arXiv:1412.3555).

    r, u = sigmoid(W_x x_t + W_h h_(t-1) + b)                        reset gate; keep gate u = 1 - z
    n    = tanh(W_x x_t + W_h (r * h_(t-1)) + b)     reset="before"  candidate, Cho et al.
    n    = tanh(W_x x_t + r * (W_h h_(t-1)) + b)     reset="after"   candidate, cuDNN and torch
    h_t  = u * h_(t-1) + (1 - u) * n

Weights hold the rows of the three in torch's order r, u, n. The update gate z of Chung et al., for which
h_t = (1 - z) * h_(t-1) + z * n, is 1 - u: its weights and bias are those of u, negated. torch gives the candidate of
"after" a second bias inside ``r * (...)``; here it has one.
"""

from functools import partial
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from seqbench.ops.backend import uses_library
from seqbench.ops.observe import State, in_pieces, note_gates
from seqbench.ops.scan import (
    Projection,
    add_product,
    arriving,
    batch_last,
    before,
    blocks,
    columns,
    differentiable,
    previous,
    room,
    sigmoid_backward,
    step_by_step,
    tanh_backward,
    unstacked,
)

Reset = Literal["before", "after"]


def gru(
    x: Float[Tensor, "batch time features"],
    weight_input: Float[Tensor, "gates features"],
    weight_hidden: Float[Tensor, "gates hidden"],
    bias: Float[Tensor, " gates"],
    initial: Float[Tensor, "batch hidden"] | None = None,
    reset: Reset = "after",
) -> tuple[Float[Tensor, "batch time hidden"], Float[Tensor, "batch hidden"]]:
    """The states at every step and the last one; ``initial`` is zero where it is None."""
    h = x.new_zeros(x.shape[0], weight_hidden.shape[1]) if initial is None else initial
    run = partial(_run, weight_input, weight_hidden, bias, reset)
    outputs, (last,) = in_pieces(run, x, (h,), ("h",))
    note_gates(lambda: _gates(x, previous(outputs, h), weight_input, weight_hidden, bias))
    return outputs, last


def _run(
    weight_input: Tensor, weight_hidden: Tensor, bias: Tensor, reset: Reset, x: Tensor, state: State
) -> tuple[Tensor, State]:
    (h,) = state
    if reset == "after" and uses_library("gru", x):
        weights = [weight_input, weight_hidden, bias, torch.zeros_like(bias)]
        outputs, last = torch.gru(x, h[None], weights, True, 1, 0.0, torch.is_grad_enabled(), False, True)
        return outputs, (last[0],)
    states, _ = _SCAN[reset](batch_last(x), weight_input[None], weight_hidden[None], bias[None], h.t()[None])
    outputs, last = unstacked(states)
    return outputs, (last,)


def _gates(
    x: Tensor, before: Tensor, weight_input: Tensor, weight_hidden: Tensor, bias: Tensor
) -> dict[str, Float[Tensor, "batch time hidden"]]:
    """The two gates of every step again, from the states ``before`` it: fused kernels keep them to themselves."""
    rows = 2 * weight_hidden.shape[1]
    gates = x @ weight_input[:rows].mT + before @ weight_hidden[:rows].mT + bias[:rows]
    r, u = torch.sigmoid(gates).chunk(2, -1)
    return {"reset": r, "keep": u}


def _loop_after(
    x: Tensor, weight_input: Tensor, weight_hidden: Tensor, bias: Tensor, initial: Tensor
) -> tuple[Tensor, Tensor]:
    states, saved, projection = room(x, initial), room(x, initial, 4), Projection(x, weight_input, bias)
    H, h, weight = initial.shape[1], initial, _inner_first(weight_hidden)
    for block in blocks(states):
        rows = saved[:, block]  # W_h h, r, u, n: the state enters the first three, the input the last three
        rows[:, :, :H] = 0
        projection.write(block, out=rows[:, :, H:])
        views = rows[:, :, : 3 * H], rows[:, :, H : 3 * H], *rows.chunk(4, 2), states[:, block]
        for recurrent, gates, inner, r, u, n, following in step_by_step(*views):
            torch.baddbmm(recurrent, weight, h, out=recurrent)
            gates.sigmoid_()
            n.addcmul_(r, inner).tanh_()
            h = torch.lerp(n, h, u, out=following)
    return states, saved


def _loop_after_backward(
    grad_states: Tensor,
    x: Tensor,
    weight_input: Tensor,
    weight_hidden: Tensor,
    bias: Tensor,
    initial: Tensor,
    states: Tensor,
    saved: Tensor,
) -> tuple[Tensor, ...]:
    H, projection, grad_h = initial.shape[1], Projection(x, weight_input, bias), grad_states[:, -1]
    projection.start_backward()
    weight = _inner_first(weight_hidden)
    transposed, grad_weight = weight.mT.contiguous(), torch.zeros_like(weight)
    for block in reversed(blocks(states)):
        past, (inner, r, u, n) = before(block, states, initial), saved[:, block].chunk(4, 2)
        # Slopes of h_t by W_h h, r, u and n before their nonlinearities: the loop multiplies the gradient into them.
        of_n = tanh_backward(1 - u, n)
        of_r, of_u = sigmoid_backward(of_n * inner, r), sigmoid_backward(past - n, u)
        slopes = torch.cat([of_n * r, of_r, of_u, of_n], 2)
        views = slopes.unflatten(2, (4, H)), slopes[:, :, : 3 * H], u, arriving(block, grad_states)
        for slope, recurrent, keep, arrives in step_by_step(*views, backwards=True):
            slope.mul_(grad_h[:, None])
            passed = torch.addcmul(arrives, grad_h, keep)
            grad_h = torch.baddbmm(passed, transposed, recurrent, out=passed)
        gradients = columns(slopes)
        add_product(grad_weight, gradients[:, : 3 * H], columns(past))
        projection.add_gradients(block, gradients[:, H:])
    grad_x, grad_input, grad_bias = projection.gradients
    return grad_x, grad_input, grad_weight.roll(-H, 1), grad_bias, grad_h


def _inner_first(weight_hidden: Float[Tensor, "population gates hidden"]) -> Tensor:
    """The rows of n, r, u: the product that r is multiplied with comes first."""
    return weight_hidden.roll(weight_hidden.shape[2], 1)


def _loop_before(
    x: Tensor, weight_input: Tensor, weight_hidden: Tensor, bias: Tensor, initial: Tensor
) -> tuple[Tensor, Tensor]:
    states, saved, projection = room(x, initial), room(x, initial, 4), Projection(x, weight_input, bias)
    H, h = initial.shape[1], initial
    of_gates, of_candidate = weight_hidden[:, : 2 * H], weight_hidden[:, 2 * H :]
    for block in blocks(states):
        rows = saved[:, block]  # r, u, n, r * h
        projection.write(block, out=rows[:, :, : 3 * H])
        views = rows[:, :, : 2 * H], *rows.chunk(4, 2), states[:, block]
        for gates, r, u, n, kept, following in step_by_step(*views):
            torch.baddbmm(gates, of_gates, h, out=gates).sigmoid_()
            torch.mul(r, h, out=kept)
            torch.baddbmm(n, of_candidate, kept, out=n).tanh_()
            h = torch.lerp(n, h, u, out=following)
    return states, saved


def _loop_before_backward(
    grad_states: Tensor,
    x: Tensor,
    weight_input: Tensor,
    weight_hidden: Tensor,
    bias: Tensor,
    initial: Tensor,
    states: Tensor,
    saved: Tensor,
) -> tuple[Tensor, ...]:
    H, projection, grad_h = initial.shape[1], Projection(x, weight_input, bias), grad_states[:, -1]
    projection.start_backward()
    grad_weight = torch.zeros_like(weight_hidden)
    by_gates, by_candidate = (part.mT.contiguous() for part in weight_hidden.split([2 * H, H], 1))
    for block in reversed(blocks(states)):
        past, (r, u, n, kept) = before(block, states, initial), saved[:, block].chunk(4, 2)
        slopes = torch.cat([sigmoid_backward(past, r), sigmoid_backward(past - n, u), tanh_backward(1 - u, n)], 2)
        views = slopes.unflatten(2, (3, H)), slopes[:, :, : 2 * H], r, u, arriving(block, grad_states)
        for slope, gates, reset, keep, arrives in step_by_step(*views, backwards=True):
            slope[:, 1:].mul_(grad_h[:, None])
            grad_kept = torch.bmm(by_candidate, slope[:, 2])
            slope[:, 0].mul_(grad_kept)
            passed = torch.addcmul(arrives, grad_h, keep).addcmul_(grad_kept, reset)
            grad_h = torch.baddbmm(passed, by_gates, gates, out=passed)
        gradients = columns(slopes)
        add_product(grad_weight[:, : 2 * H], gradients[:, : 2 * H], columns(past))
        add_product(grad_weight[:, 2 * H :], gradients[:, 2 * H :], columns(kept))
        projection.add_gradients(block, gradients)
    grad_x, grad_input, grad_bias = projection.gradients
    return grad_x, grad_input, grad_weight, grad_bias, grad_h


_SCAN = {
    "after": differentiable(_loop_after, _loop_after_backward),
    "before": differentiable(_loop_before, _loop_before_backward),
}
