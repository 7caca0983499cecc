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
    if uses_library("lstm", x):
        # The library adds a second bias to every gate; the equations have one.
        weights = [weight_input, weight_hidden, bias, torch.zeros_like(bias)]
        outputs, h, c = torch.lstm(x, (h[None], c[None]), weights, True, 1, 0.0, torch.is_grad_enabled(), False, True)
        return outputs, (h[0], c[0])
    weights = weight_input[None], weight_hidden[None], bias[None]
    hidden, cells, _ = _scan(batch_last(x), *weights, h.t()[None], c.t()[None])
    outputs, h = unstacked(hidden)
    return outputs, (h, unstacked(cells)[1])


def _gates(
    x: Tensor, before: Tensor, weight_input: Tensor, weight_hidden: Tensor, bias: Tensor
) -> dict[str, Float[Tensor, "batch time hidden"]]:
    """The three gates of every step again, from the h ``before`` it: fused kernels keep them to themselves."""
    i, f, _, o = (x @ weight_input.mT + before @ weight_hidden.mT + bias).sigmoid().chunk(4, -1)
    return {"input": i, "forget": f, "output": o}


def _loop(
    x: Tensor, weight_input: Tensor, weight_hidden: Tensor, bias: Tensor, h: Tensor, c: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    H, projection = h.shape[1], Projection(x, weight_input, bias)
    hidden, cells, saved = room(x, h), room(x, c), room(x, h, 4)
    for block in blocks(hidden):
        rows = saved[:, block]  # i, f, g, o
        projection.write(block, out=rows)
        views = rows, rows[:, :, : 2 * H], *rows.chunk(4, 2), hidden[:, block], cells[:, block]
        for gates, i_and_f, i, f, g, o, h_next, c_next in step_by_step(*views):
            torch.baddbmm(gates, weight_hidden, h, out=gates)
            i_and_f.sigmoid_()
            g.tanh_()
            o.sigmoid_()
            c = torch.mul(f, c, out=c_next).addcmul_(i, g)
            h = torch.tanh(c, out=h_next).mul_(o)
    return hidden, cells, saved


def _loop_backward(
    grad_hidden: Tensor,
    grad_cells: Tensor | None,
    x: Tensor,
    weight_input: Tensor,
    weight_hidden: Tensor,
    bias: Tensor,
    h: Tensor,
    c: Tensor,
    hidden: Tensor,
    cells: Tensor,
    saved: Tensor,
) -> tuple[Tensor, ...]:
    H, projection = h.shape[1], Projection(x, weight_input, bias)
    projection.start_backward()
    transposed, grad_weight = weight_hidden.mT.contiguous(), torch.zeros_like(weight_hidden)
    grad_h, grad_c = grad_hidden[:, -1], torch.zeros_like(c) if grad_cells is None else grad_cells[:, -1]
    for block in reversed(blocks(hidden)):
        slopes, through_tanh, forget = _slopes(saved[:, block], before(block, cells, c), cells[:, block])
        arrives = arriving(block, grad_hidden)
        to_cells = None if grad_cells is None else arriving(block, grad_cells)
        by_unit = slopes.unflatten(2, (4, H))
        for t in reversed(range(slopes.shape[1])):
            grad_c = torch.addcmul(grad_c, grad_h, through_tanh[:, t])
            by_unit[:, t, :3].mul_(grad_c[:, None])
            by_unit[:, t, 3].mul_(grad_h)
            grad_h = torch.baddbmm(arrives[:, t], transposed, slopes[:, t])
            grad_c = grad_c * forget[:, t]
            if to_cells is not None:
                grad_c += to_cells[:, t]
        gradients = columns(slopes)
        add_product(grad_weight, gradients, columns(before(block, hidden, h)))
        projection.add_gradients(block, gradients)
    grad_x, grad_input, grad_bias = projection.gradients
    return grad_x, grad_input, grad_weight, grad_bias, grad_h, grad_c


def _slopes(saved: Tensor, past: Tensor, found: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What the loop multiplies gradients with, for the steps of a block at once.

    Returns d c_t / d (i, f, g before their nonlinearity) and d h_t / d (o before its sigmoid), in that order
    (population, steps, 4 * hidden, batch); d h_t / d c_t; and d c_t / d c_(t-1), the forget gate.
    """
    i, f, g, o = saved.chunk(4, 2)
    tanh_c = torch.tanh(found)
    of_input, of_forget = sigmoid_backward(g, i), sigmoid_backward(past, f)
    slopes = torch.cat([of_input, of_forget, tanh_backward(i, g), sigmoid_backward(tanh_c, o)], 2)
    return slopes, tanh_backward(o, tanh_c), f


_scan = differentiable(_loop, _loop_backward, num_outputs=2)
