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
from seqbench.ops.scan import differentiable, previous, product_over_time, project, unstacked

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
    if reset == "after" and uses_library():
        weights = [weight_input, weight_hidden, bias, torch.zeros_like(bias)]
        outputs, last = torch.gru(x, h[None], weights, True, 1, 0.0, torch.is_grad_enabled(), False, True)
        return outputs, (last[0],)
    states, _ = _SCAN[reset](project(x, weight_input, bias), weight_hidden[None], h[None])
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


def _loop_after(projected: Tensor, weight: Tensor, initial: Tensor) -> tuple[Tensor, Tensor]:
    states, saved = _buffers(projected, initial)
    H, hs, transposed = initial.shape[-1], states.unbind(1), weight.transpose(1, 2)
    for t, (a, at_t) in enumerate(zip(projected.unbind(1), saved.unbind(1), strict=True)):
        recurrent = torch.bmm(hs[t], transposed)  # (population, batch, 3 * hidden)
        torch.add(a[..., : 2 * H], recurrent[..., : 2 * H], out=at_t[..., : 2 * H]).sigmoid_()
        r, u, n, inner = at_t.chunk(4, -1)
        inner.copy_(recurrent[..., 2 * H :])
        torch.addcmul(a[..., 2 * H :], r, inner, out=n).tanh_()
        torch.lerp(n, hs[t], u, out=hs[t + 1])
    return states, saved


def _loop_after_backward(
    grad_states: Tensor, projected: Tensor, weight: Tensor, initial: Tensor, states: Tensor, saved: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    H, past = initial.shape[-1], states[:, :-1]
    r, u, n, inner = saved.chunk(4, -1)
    of_candidate, of_keep = (1 - u) * (1 - n * n), (past - n) * u * (1 - u)
    # Slopes of h_t by r, u, W_h h and n before their nonlinearities: the loop multiplies the gradient into them.
    slopes = torch.stack([of_candidate * inner * r * (1 - r), of_keep, of_candidate * r, of_candidate], -2)
    grad_h = grad_states[:, -1]
    for t in reversed(range(saved.shape[1])):
        at_t = slopes[:, t].mul_(grad_h[..., None, :])  # (population, batch, 4, hidden)
        passed = torch.addcmul(grad_states[:, t], grad_h, u[:, t])
        grad_h = torch.baddbmm(passed, at_t[..., :3, :].flatten(2), weight)
    gradients = slopes.flatten(3)  # (population, time, batch, 4 * hidden)
    grad_projected = torch.cat([gradients[..., : 2 * H], gradients[..., 3 * H :]], -1)
    return grad_projected, product_over_time(gradients[..., : 3 * H], past), grad_h


def _loop_before(projected: Tensor, weight: Tensor, initial: Tensor) -> tuple[Tensor, Tensor]:
    states, saved = _buffers(projected, initial)
    H, hs = initial.shape[-1], states.unbind(1)
    gates, candidate = weight[:, : 2 * H].transpose(1, 2), weight[:, 2 * H :].transpose(1, 2)
    for t, (a, at_t) in enumerate(zip(projected.unbind(1), saved.unbind(1), strict=True)):
        torch.baddbmm(a[..., : 2 * H], hs[t], gates, out=at_t[..., : 2 * H]).sigmoid_()
        r, u, n, kept = at_t.chunk(4, -1)
        torch.mul(r, hs[t], out=kept)
        torch.baddbmm(a[..., 2 * H :], kept, candidate, out=n).tanh_()
        torch.lerp(n, hs[t], u, out=hs[t + 1])
    return states, saved


def _loop_before_backward(
    grad_states: Tensor, projected: Tensor, weight: Tensor, initial: Tensor, states: Tensor, saved: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    H, past = initial.shape[-1], states[:, :-1]
    r, u, n, kept = saved.chunk(4, -1)
    slopes = torch.stack([past * r * (1 - r), (past - n) * u * (1 - u), (1 - u) * (1 - n * n)], -2)
    gates, candidate = weight[:, : 2 * H], weight[:, 2 * H :]
    grad_h = grad_states[:, -1]
    for t in reversed(range(saved.shape[1])):
        at_t = slopes[:, t]  # (population, batch, 3, hidden)
        at_t[..., 1:, :].mul_(grad_h[..., None, :])
        grad_kept = torch.bmm(at_t[..., 2, :], candidate)
        at_t[..., 0, :].mul_(grad_kept)
        passed = torch.addcmul(grad_states[:, t], grad_h, u[:, t]).addcmul_(grad_kept, r[:, t])
        grad_h = torch.baddbmm(passed, at_t[..., :2, :].flatten(2), gates)
    gradients = slopes.flatten(3)
    of_gates = product_over_time(gradients[..., : 2 * H], past)
    of_candidate = product_over_time(gradients[..., 2 * H :], kept)
    return gradients, torch.cat([of_gates, of_candidate], 1), grad_h


def _buffers(projected: Tensor, initial: Tensor) -> tuple[Tensor, Tensor]:
    """The states 0 .. time with ``initial`` in place, and room for four values per unit and step."""
    P, T, B, _ = projected.shape
    H = initial.shape[-1]
    states = projected.new_empty(P, T + 1, B, H)
    states[:, 0] = initial
    return states, projected.new_empty(P, T, B, 4 * H)


_SCAN = {
    "after": differentiable(_loop_after, _loop_after_backward),
    "before": differentiable(_loop_before, _loop_before_backward),
}
