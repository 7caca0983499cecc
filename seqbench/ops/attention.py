"""Attention: a mean of values, weighted by a softmax of how well keys fit a query (Vaswani et al. 2017, eq. 1).

o_t = sum over j of a_tj v_j,    a_t = softmax over the j that t sees of scale * q_t . k_j
"""

from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.autograd import Function
from torch.nn.functional import scaled_dot_product_attention

from seqbench.ops.backend import uses_library
from seqbench.ops.observe import note_attention


def attend(
    q: Float[Tensor, "batch heads answers d"],
    k: Float[Tensor, "batch heads time d"],
    v: Float[Tensor, "batch heads time d"],
    scale: float,
    seen: Bool[Tensor, "batch 1 answers time"] | None = None,
    is_causal: bool = False,
) -> Float[Tensor, "batch heads answers d"]:
    """``o`` of every query on torch's scaled_dot_product_attention.

    Args:
        q: queries.
        k: keys.
        v: values.
        scale: factor of the scores, 1/sqrt(d) in Vaswani et al.
        seen: which steps each answer sees; None and not ``is_causal`` means all.
        is_causal: whether answer t sees the steps 0 .. t, without ``seen``.
    """
    note_attention(lambda: _weights(q, k, scale, seen, is_causal))
    if uses_library("scaled_dot_product_attention", q):
        return scaled_dot_product_attention(q, k, v, attn_mask=seen, is_causal=is_causal, scale=scale)
    return _Attend.apply(q, k, v, scale, seen, is_causal)


class _Attend(Function):
    """torch's op has no vmap rule on the CPU: members go where they are independent anyway, into its batch axis."""

    @staticmethod
    def forward(q: Tensor, k: Tensor, v: Tensor, scale: float, seen: Tensor | None, is_causal: bool) -> Tensor:
        return scaled_dot_product_attention(q, k, v, attn_mask=seen, is_causal=is_causal, scale=scale)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        q, k, v, ctx.scale, seen, ctx.is_causal = inputs
        ctx.save_for_backward(q, k, v, seen)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        # Reached without vmap, or with gradients taken inside it; below vmap torch's own backward runs.
        q, k, v, seen = ctx.saved_tensors
        a = _weights(q, k, ctx.scale, seen, ctx.is_causal)  # (batch, heads, answers, time)
        grad_a = grad @ v.mT
        grad_scores = ctx.scale * a * (grad_a - (a * grad_a).sum(-1, keepdim=True))
        return grad_scores @ k, grad_scores.mT @ q, a.mT @ grad, None, None, None

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *inputs: Any) -> tuple[Tensor, int]:
        q, k, v, scale, seen, is_causal = inputs
        members = info.batch_size
        q, k, v = (
            _members_into_batch(tensor, dim, members) for tensor, dim in zip((q, k, v), in_dims[:3], strict=True)
        )
        seen = None if seen is None else _members_into_batch(seen, in_dims[4], members)
        mixed = scaled_dot_product_attention(q, k, v, attn_mask=seen, is_causal=is_causal, scale=scale)
        return mixed.unflatten(0, (members, -1)), 0


def _members_into_batch(tensor: Tensor, dim: int | None, members: int) -> Tensor:
    stacked = tensor.expand(members, *tensor.shape) if dim is None else tensor.movedim(dim, 0)
    return stacked.flatten(0, 1)  # (population * batch, ...)


def _weights(q: Tensor, k: Tensor, scale: float, seen: Tensor | None, is_causal: bool) -> Tensor:
    scores = scale * (q @ k.mT)
    if is_causal:
        seen = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
    return torch.softmax(scores if seen is None else scores.masked_fill(~seen, -torch.inf), -1)
