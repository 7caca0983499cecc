"""The long short-term memory (Hochreiter & Schmidhuber 1997, forget gate of Gers et al. 2000).

    i, f, o = sigmoid(W_x x_t + W_h h_(t-1) + b)      input, forget and output gate
    g       = tanh(W_x x_t + W_h h_(t-1) + b)         candidate
    c_t     = f * c_(t-1) + i * g
    h_t     = o * tanh(c_t)

Weights hold the rows of the four in torch's order i, f, g, o.
"""

from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from seqbench.ops.backend import uses_library
from seqbench.ops.observe import State, in_pieces, note_gates
from seqbench.ops.scan import differentiable, previous, product_over_time, project, unstacked


def lstm(
    x: Float[Tensor, "batch time features"],
    weight_input: Float[Tensor, "gates features"],
    weight_hidden: Float[Tensor, "gates hidden"],
    bias: Float[Tensor, " gates"],
    initial: tuple[Float[Tensor, "batch hidden"], Float[Tensor, "batch hidden"]] | None = None,
) -> tuple[Float[Tensor, "batch time hidden"], tuple[Float[Tensor, "batch hidden"], Float[Tensor, "batch hidden"]]]:
    """The hidden states at every step and the last (h, c); ``initial`` (h, c) is zero where it is None."""
    zero = x.new_zeros(x.shape[0], weight_hidden.shape[1])
    state = (zero, zero) if initial is None else initial
    outputs, (h, c) = in_pieces(partial(_run, weight_input, weight_hidden, bias), x, state, ("h", "c"))
    note_gates(lambda: _gates(x, previous(outputs, state[0]), weight_input, weight_hidden, bias))
    return outputs, (h, c)


def _run(weight_input: Tensor, weight_hidden: Tensor, bias: Tensor, x: Tensor, state: State) -> tuple[Tensor, State]:
    h, c = state
    if uses_library():
        # The library adds a second bias to every gate; the equations have one.
        weights = [weight_input, weight_hidden, bias, torch.zeros_like(bias)]
        outputs, h, c = torch.lstm(x, (h[None], c[None]), weights, True, 1, 0.0, torch.is_grad_enabled(), False, True)
        return outputs, (h[0], c[0])
    hidden, cells, _ = _scan(project(x, weight_input, bias), weight_hidden[None], h[None], c[None])
    outputs, h = unstacked(hidden)
    return outputs, (h, cells[0, -1])


def _gates(
    x: Tensor, before: Tensor, weight_input: Tensor, weight_hidden: Tensor, bias: Tensor
) -> dict[str, Float[Tensor, "batch time hidden"]]:
    """The three gates of every step again, from the h ``before`` it: fused kernels keep them to themselves."""
    i, f, _, o = (x @ weight_input.mT + before @ weight_hidden.mT + bias).sigmoid().chunk(4, -1)
    return {"input": i, "forget": f, "output": o}


def _loop(projected: Tensor, weight: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    P, T, B, _ = projected.shape
    H = h.shape[-1]
    hidden, cells = projected.new_empty(P, T + 1, B, H), projected.new_empty(P, T + 1, B, H)
    hidden[:, 0], cells[:, 0] = h, c
    gates = torch.empty_like(projected, memory_format=torch.contiguous_format)
    hs, cs, transposed = hidden.unbind(1), cells.unbind(1), weight.transpose(1, 2)
    for t, (a, at_t) in enumerate(zip(projected.unbind(1), gates.unbind(1), strict=True)):
        torch.baddbmm(a, hs[t], transposed, out=at_t)
        at_t[..., : 2 * H].sigmoid_()
        i, f, g, o = at_t.chunk(4, -1)
        g.tanh_()
        o.sigmoid_()
        torch.mul(f, cs[t], out=cs[t + 1]).addcmul_(i, g)
        torch.tanh(cs[t + 1], out=hs[t + 1]).mul_(o)
    return hidden, cells, gates


def _loop_backward(
    grad_hidden: Tensor,
    grad_cells: Tensor | None,
    projected: Tensor,
    weight: Tensor,
    h: Tensor,
    c: Tensor,
    hidden: Tensor,
    cells: Tensor,
    gates: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    slopes, through_tanh = _slopes(gates, cells)
    forget = gates.chunk(4, -1)[1]
    grad_h, grad_c = grad_hidden[:, -1], torch.zeros_like(c)
    for t in reversed(range(gates.shape[1])):
        if grad_cells is not None:
            grad_c = grad_c + grad_cells[:, t + 1]
        grad_c = torch.addcmul(grad_c, grad_h, through_tanh[:, t])
        at_t = slopes[:, t]  # (population, batch, 4, hidden)
        at_t[..., :3, :].mul_(grad_c[..., None, :])
        at_t[..., 3, :].mul_(grad_h)
        grad_h = torch.baddbmm(grad_hidden[:, t], at_t.flatten(2), weight)
        grad_c = grad_c * forget[:, t]
    if grad_cells is not None:
        grad_c = grad_c + grad_cells[:, 0]
    grad_projected = slopes.flatten(3)
    return grad_projected, product_over_time(grad_projected, hidden[:, :-1]), grad_h, grad_c


def _slopes(gates: Tensor, cells: Tensor) -> tuple[Tensor, Tensor]:
    """What the loop multiplies gradients with, for all steps at once.

    Returns d c_t / d (i, f, g before their nonlinearity) and d h_t / d (o before its sigmoid), stacked in that order
    (population, time, batch, 4, hidden); and d h_t / d c_t.
    """
    i, f, g, o = gates.chunk(4, -1)
    tanh_c = torch.tanh(cells[:, 1:])
    of_input = g * i * (1 - i)
    of_forget = cells[:, :-1] * f * (1 - f)
    of_candidate = i * (1 - g * g)
    of_output = tanh_c * o * (1 - o)
    return torch.stack([of_input, of_forget, of_candidate, of_output], -2), o * (1 - tanh_c * tanh_c)


_scan = differentiable(_loop, _loop_backward, num_outputs=2)
