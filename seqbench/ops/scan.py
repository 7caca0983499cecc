"""From a pair of loops over time, forward and backward, to one differentiable op that ``torch.vmap`` can batch.

Every tensor of a loop has a leading population axis: 1 for a single model, P for P members under ``torch.vmap``.
One step of the loop is then one batched matrix product for all members, instead of P small ones. The batch is the last
axis, (population, time, rows, batch), so that at one step the rows of a gate are one piece of memory. The two loops run
on plain tensors under ``no_grad`` and may write in place.

Only what needs the state before it is done step by step. The rest, which is the projection of the input, the slopes of
the nonlinearities and the gradients of the weights, is done for a block of steps at once, and a block is as long as
what it reads and writes stays in a core's cache.
"""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd import Function

Loop = Callable[..., tuple[Tensor, ...]]

# gradient * (1 - output^2) and gradient * output * (1 - output) in one pass; autograd's own, which have no public name
tanh_backward, sigmoid_backward = torch.ops.aten.tanh_backward, torch.ops.aten.sigmoid_backward


def differentiable(loop: Loop, loop_backward: Loop, num_outputs: int = 1) -> Callable[..., tuple[Tensor, ...]]:
    """The op that runs ``loop`` forward and ``loop_backward`` backward.

    Args:
        loop: (*inputs) -> (*outputs, *saved); the first ``num_outputs`` carry gradients.
        loop_backward: (*gradients of outputs, *inputs, *outputs, *saved) -> gradients of the inputs. A gradient is
            None where its output was not used, except the first, which is zero then.
        num_outputs: how many results of ``loop`` are outputs; the others are kept for the backward pass.

    Returns:
        A function of the inputs that returns what ``loop`` returns. It can be differentiated once: differentiating
        its gradient raises NotImplementedError.
    """

    class Backward(Function):
        # A Function of its own, so that vmap(grad(...)) batches the backward loop the same way as the forward one.
        @staticmethod
        def forward(*tensors: Tensor | None) -> Any:
            return loop_backward(*tensors)

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            pass

        @staticmethod
        def backward(ctx: Any, *gradients: Tensor) -> Any:
            raise NotImplementedError("seqbench.ops can be differentiated once; use library_kernels(True) for more.")

        @staticmethod
        def vmap(info: Any, in_dims: tuple[int | None, ...], *tensors: Tensor | None) -> Any:
            return _over_population(Backward, info.batch_size, in_dims, tensors)

    class Scan(Function):
        @staticmethod
        def forward(*inputs: Tensor) -> Any:
            return loop(*inputs)

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            ctx.save_for_backward(*inputs, *output)
            ctx.mark_non_differentiable(*output[num_outputs:])
            ctx.set_materialize_grads(False)
            ctx.num_inputs = len(inputs)

        @staticmethod
        def backward(ctx: Any, *gradients: Tensor | None) -> Any:
            first, *others = gradients[:num_outputs]
            # Only the first is filled in: a loop need not add zeros at every step for an output that nothing used.
            first = torch.zeros_like(ctx.saved_tensors[ctx.num_inputs]) if first is None else first
            return Backward.apply(first, *others, *ctx.saved_tensors)

        @staticmethod
        def vmap(info: Any, in_dims: tuple[int | None, ...], *inputs: Tensor) -> Any:
            return _over_population(Scan, info.batch_size, in_dims, inputs)

    return Scan.apply


def _over_population(
    function: type[Function], population: int, in_dims: tuple[int | None, ...], tensors: tuple[Tensor | None, ...]
) -> tuple[tuple[Tensor, ...], tuple[int, ...]]:
    stacked = (_stack(tensor, dim, population) for tensor, dim in zip(tensors, in_dims, strict=True))
    results = function.apply(*stacked)
    return tuple(result.unflatten(0, (population, -1)) for result in results), (0,) * len(results)


def _stack(tensor: Tensor | None, dim: int | None, population: int) -> Tensor | None:
    if tensor is None:
        return None
    members = tensor.expand(population, *tensor.shape) if dim is None else tensor.movedim(dim, 0)
    return members.flatten(0, 1)  # (population, 1, ...) -> (population, ...)


def batch_last(x: Float[Tensor, "batch time features"]) -> Float[Tensor, "1 time features batch"]:
    """The input of a loop, with a population axis of 1."""
    return x.permute(1, 2, 0).unsqueeze(0)


def unstacked(states: Float[Tensor, "1 time hidden batch"]) -> tuple[Tensor, Tensor]:
    """The states that a loop returns, batch first, and the last one."""
    steps = states.squeeze(0)  # not states[0], whose gradient is a copy
    return steps.permute(2, 0, 1), steps[-1].t()


def previous(
    states: Float[Tensor, "batch time hidden"], initial: Float[Tensor, "batch hidden"]
) -> Float[Tensor, "batch time hidden"]:
    """The state that each step starts from: ``initial`` before the first one."""
    return torch.cat([initial.unsqueeze(1), states[:, :-1]], 1)


def room(
    x: Float[Tensor, "population time features batch"],
    initial: Float[Tensor, "population hidden batch"],
    values: int = 1,
) -> Float[Tensor, "population time rows batch"]:
    """Room for so many values per unit and step."""
    P, H, B = initial.shape
    return x.new_empty(P, x.shape[1], values * H, B)


BLOCK = 2**16
"""Numbers of a state, over the steps of a block: a few such tensors stay in a core's cache."""

LEAST_STEPS = 4
"""Of a block: what is done once a block must not be done at every step."""


def blocks(states: Float[Tensor, "population time hidden batch"]) -> list[slice]:
    """The steps of a loop, block by block."""
    num_steps = states.shape[1]
    size = max(LEAST_STEPS, BLOCK // states[:, 0].numel())
    return [slice(start, min(start + size, num_steps)) for start in range(0, num_steps, size)]


def before(block: slice, states: Tensor, initial: Tensor) -> Float[Tensor, "population steps hidden batch"]:
    """The state that each step of a block starts from, in one piece of memory; the first one from ``initial``."""
    if block.start > 0:
        return states[:, block.start - 1 : block.stop - 1].contiguous()
    return torch.cat([initial[:, None], states[:, : block.stop - 1]], 1)


def arriving(block: slice, grad_states: Tensor) -> Float[Tensor, "population steps hidden batch"]:
    """What reaches the state before each step directly, not through later states; nothing reaches the initial one."""
    return before(block, grad_states, torch.zeros_like(grad_states[:, 0]))


def step_by_step(
    *blocks: Float[Tensor, "population steps ..."], backwards: bool = False
) -> Iterator[tuple[Tensor, ...]]:
    """The steps of several tensors together, from the first to the last or ``backwards``."""
    steps = (block.unbind(1)[:: -1 if backwards else 1] for block in blocks)
    return zip(*steps, strict=True)


def columns(tensor: Float[Tensor, "population steps rows batch"]) -> Float[Tensor, "population rows columns"]:
    """One column for each step and sequence: the form in which one matrix product serves a block of steps."""
    return tensor.transpose(1, 2).flatten(2)


class Projection:
    """``W_x x_t + b`` of the steps of a block, in one matrix product, and the gradients of its parts.

    Args:
        x: (population, time, features, batch).
        weight: (population, gates, features).
        bias: (population, gates).
    """

    def __init__(self, x: Tensor, weight: Tensor, bias: Tensor) -> None:
        self._x, self._weight, self._bias = x, weight, bias

    def write(self, block: slice, out: Float[Tensor, "population steps gates batch"]) -> None:
        """Fill ``out`` with the projected input."""
        product = torch.bmm(self._weight, columns(self._x[:, block]))
        product = product.unflatten(2, (-1, out.shape[-1])).transpose(1, 2)
        torch.add(product, self._bias[:, None, :, None], out=out)

    def start_backward(self) -> None:
        """Set the gradients to zero; that of ``x`` is filled block by block."""
        self.gradients = (torch.empty_like(self._x), torch.zeros_like(self._weight), torch.zeros_like(self._bias))

    def add_gradients(self, block: slice, of_projected: Float[Tensor, "population gates columns"]) -> None:
        """From the gradient of what ``write`` has left in a block."""
        of_x, of_weight, of_bias = self.gradients
        product = torch.bmm(self._weight.mT, of_projected).unflatten(2, (-1, of_x.shape[-1]))
        of_x[:, block] = product.transpose(1, 2)
        add_product(of_weight, of_projected, columns(self._x[:, block]))
        of_bias += of_projected.sum(2)


def add_product(
    total: Float[Tensor, "population rows others"],
    left: Float[Tensor, "population rows columns"],
    right: Float[Tensor, "population others columns"],
) -> None:
    """Add the sum over columns of outer products: a weight's gradient by what it produced and was applied to."""
    torch.baddbmm(total, left, right.mT, out=total)
