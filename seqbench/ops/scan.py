"""From a pair of loops over time, forward and backward, to one differentiable op that ``torch.vmap`` can batch.

Every tensor of a loop has a leading population axis: 1 for a single model, P for P members under ``torch.vmap``.
One step of the loop is then one batched matrix product for all members, instead of P small ones. The two loops run on
plain tensors under ``no_grad`` and may write in place.
"""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd import Function

Loop = Callable[..., tuple[Tensor, ...]]


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


def project(
    x: Float[Tensor, "batch time features"], weight: Float[Tensor, "gates features"], bias: Float[Tensor, " gates"]
) -> Float[Tensor, "1 time batch gates"]:
    """``weight @ x + bias`` of all steps in one matrix product, time before batch, with a population axis of 1."""
    B, T, D = x.shape
    rows = x.transpose(0, 1).reshape(T * B, D)
    return torch.addmm(bias, rows, weight.t()).reshape(1, T, B, -1)


def unstacked(states: Float[Tensor, "1 steps batch hidden"]) -> tuple[Tensor, Tensor]:
    """From the states 0 .. time that a loop returns: those of steps 1 .. time, batch first, and the last one."""
    return states[0, 1:].transpose(0, 1), states[0, -1]


def previous(
    states: Float[Tensor, "batch time hidden"], initial: Float[Tensor, "batch hidden"]
) -> Float[Tensor, "batch time hidden"]:
    """The state that each step starts from: ``initial`` before the first one."""
    return torch.cat([initial.unsqueeze(1), states[:, :-1]], 1)


def product_over_time(left: Tensor, right: Tensor) -> Float[Tensor, "population rows columns"]:
    """Sum over time and batch of outer products: (population, time, batch, rows) with (..., columns), one product.

    It is the gradient of a recurrent weight from the gradients of what it produced and the states it was applied to.
    """
    return torch.bmm(left.flatten(1, 2).transpose(1, 2), right.flatten(1, 2))
