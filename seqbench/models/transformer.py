"""The transformer with causal self-attention, normalised before each part (pre-norm).

Papers:
    Vaswani et al. 2017, "Attention Is All You Need", arXiv:1706.03762.
    Xiong et al. 2020, "On Layer Normalization in the Transformer Architecture", arXiv:2002.04745 (pre-norm).
    Su et al. 2021, "RoFormer", arXiv:2104.09864 (position="rope").

Letters (each block has its own but x and W_in):
    x_t                    (input_size)         input
    u_t                    (width)              what the blocks pass on
    q, k, v                (heads, d)           query, key and value of a step; d = width / heads
    a_tj                   (heads)              weight that step t gives to step j
    W_in                   (width, input_size)  project.weight; b_in (width) project.bias
    W_q, W_k, W_v          (width, width)       qkv.weight holds their rows, in this order; qkv.bias likewise
    W_o                    (width, width)       out.weight; b_o (width) out.bias
    W_1, W_2               (mlp_ratio * width, width) and back: mlp
    p_t                    (width)              position, added (sinusoidal, learned)

Equations (LN is layer normalisation, the identity where norm=False; without residual the sums lose their "u_t +"):
    u_t  = W_in x_t + b_in + p_t
    q, k, v = [W_q; W_k; W_v] LN(u_t) + b      and with rope, q and k rotated by angles that grow with t
    a_tj = softmax over j <= t of q_t . k_j / sqrt(d)
    u_t  = u_t + W_o [sum over j of a_tj v_j, all heads] + b_o
    u_t  = u_t + W_2 gelu(W_1 LN(u_t) + b_1) + b_2             where mlp_ratio > 0
    h_t  = LN(u_t) after the last block

Sinusoidal: p_(t,2i) = sin(t / 10000^(2i/width)), p_(t,2i+1) the cosine. Rope: (q_2i, q_2i+1) turned by
t / 10000^(2i/d). t counts from 0. No dropout.
"""

from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from seqbench.layers import require_counts
from seqbench.ops.attention import attend
from seqbench.schema import UsageError, require
from seqbench.spec import Architecture

State = tuple[tuple[Tensor, Tensor], ...]
_POSITIONS = ("sinusoidal", "learned", "rope", "none")


class Transformer(Architecture):
    """``depth`` blocks of ``heads`` heads.

    Args:
        input_size: features of the input.
        length: longest sequence; only position="learned" has no positions beyond it.
        width: features that blocks pass on, shared out among the heads.
        depth: blocks.
        heads: attention heads of each block.
        mlp_ratio: hidden units of the MLP over width; 0 leaves the MLP out.
        position: "sinusoidal", "learned", "rope" or "none".
        norm: whether parts are normalised.
        residual: whether parts are added to what they read.

    Raises:
        UsageError: a size below 1, heads that do not divide the width, an unknown position or one that needs pairs.
    """

    causal = True
    kernel = "torch.scaled_dot_product_attention"

    def __init__(
        self,
        input_size: int,
        length: int,
        width: int = 64,
        depth: int = 2,
        heads: int = 4,
        mlp_ratio: float | int = 4,
        position: str = "rope",
        norm: bool = True,
        residual: bool = True,
    ) -> None:
        super().__init__()
        _check_sizes(width, depth, heads, mlp_ratio, position)
        self.width, self.length, self.position = width, length, position
        self.project = nn.Linear(input_size, width)
        self.places = nn.Parameter(0.02 * torch.randn(length, width)) if position == "learned" else None
        self.blocks = nn.ModuleList(
            Block(width, heads, int(mlp_ratio * width), position == "rope", norm, residual) for _ in range(depth)
        )
        self.norm = nn.LayerNorm(width) if norm else nn.Identity()

    def forward(
        self, x: Float[Tensor, "batch time features"], lengths: Tensor | None = None
    ) -> Float[Tensor, "batch time hidden"]:
        """The outputs at every step; padding after ``lengths`` cannot reach them and is not looked at."""
        return self._run(x, (None,) * len(self.blocks))[0]

    def step(
        self, x_t: Float[Tensor, "batch features"], state: State | None
    ) -> tuple[Float[Tensor, "batch hidden"], State]:
        """One step; the state is each block's keys and values so far, (batch, heads, steps, d)."""
        outputs, state = self._run(x_t.unsqueeze(1), state or (None,) * len(self.blocks))
        return outputs.squeeze(1), state

    def _run(self, x: Tensor, past: tuple[tuple[Tensor, Tensor] | None, ...]) -> tuple[Tensor, State]:
        start = 0 if past[0] is None else past[0][0].shape[2]
        u = self.project(x) + self._place(start, x)
        state = []
        for block, cache in zip(self.blocks, past, strict=True):
            u, cache = block(u, cache)
            state.append(cache)
        return self.norm(u), tuple(state)

    def _place(self, start: int, x: Tensor) -> Tensor | float:
        """p_t of steps start .. start + time - 1, or 0 where positions are not added."""
        end = start + x.shape[1]
        if self.position == "sinusoidal":
            cos, sin = turns(start, end, self.width, x)
            return torch.stack([sin, cos], -1).flatten(-2).to(x.dtype)  # (time, width)
        if self.places is None:
            return 0.0
        if end > self.length:
            raise UsageError(
                f"model.position=learned has {self.length} positions, the task's longest sequence; got {end} steps. "
                "Use model.position=rope, sinusoidal or none for longer ones."
            )
        return self.places[start:end]

    def flops(self, batch: int, length: int) -> int:
        """Matrix products of one forward pass (a multiply-add is two); the attention over the future is counted."""
        project = 2 * self.project.weight.numel()
        return batch * length * (project + sum(cast(Block, block).product_flops(length) for block in self.blocks))

    def state_size(self, length: int) -> int:
        """One key and one value per block and step."""
        return 2 * len(self.blocks) * length * self.width


class Block(nn.Module):
    """Attention and MLP, each normalised before and added to what it reads.

    Without ``mlp_width`` there is no MLP.
    """

    def __init__(self, width: int, heads: int, mlp_width: int, rope: bool, norm: bool, residual: bool) -> None:
        super().__init__()
        self.heads, self.rope, self.residual = heads, rope, residual
        self.norm_attention = nn.LayerNorm(width) if norm else nn.Identity()
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.norm_mlp = nn.LayerNorm(width) if norm and mlp_width else nn.Identity()
        layers = (nn.Linear(width, mlp_width), nn.GELU(), nn.Linear(mlp_width, width)) if mlp_width else ()
        self.mlp = nn.Sequential(*layers)

    def forward(
        self, u: Float[Tensor, "batch time hidden"], past: tuple[Tensor, Tensor] | None
    ) -> tuple[Float[Tensor, "batch time hidden"], tuple[Tensor, Tensor]]:
        """What the block passes on, and its keys and values; ``past`` holds those of the steps before."""
        change, cache = self._attend(self.norm_attention(u), past)
        u = u + change if self.residual else change
        if len(self.mlp):
            change = self.mlp(self.norm_mlp(u))
            u = u + change if self.residual else change
        return u, cache

    def _attend(self, u: Tensor, past: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        B, T, W = u.shape
        qkv = self.qkv(u).view(B, T, 3, self.heads, W // self.heads)
        qk, v = qkv[:, :, :2], qkv[:, :, 2].transpose(1, 2)
        if self.rope:
            qk = rotated(qk, start=0 if past is None else past[0].shape[2])
        q, k = qk.permute(2, 0, 3, 1, 4)  # each (batch, heads, time, d)
        if past is not None:
            k, v = torch.cat([past[0], k], 2), torch.cat([past[1], v], 2)
        # With a past there is one query, the last step, which sees every key.
        mixed = attend(q, k, v, scale=(W // self.heads) ** -0.5, is_causal=past is None)  # (batch, heads, time, d)
        return self.out(mixed.transpose(1, 2).reshape(B, T, W)), (k, v)

    def product_flops(self, length: int) -> int:
        """Matrix products of one step of one sequence: weights, then scores and mixing over ``length`` steps."""
        weights = self.qkv.weight.numel() + self.out.weight.numel()
        weights += sum(layer.weight.numel() for layer in self.mlp if isinstance(layer, nn.Linear))
        return 2 * weights + 4 * length * self.out.in_features


def turns(start: int, end: int, size: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Cosine and sine of t / 10000^(2i/size) for t in start .. end - 1, each (time, size / 2).

    On the device of ``like``, in double precision: in single, the angles of step 1000 are off by 1e-4.
    """
    rates = 10000.0 ** (-torch.arange(0, size, 2, device=like.device, dtype=torch.float64) / size)
    angles = torch.arange(start, end, device=like.device, dtype=torch.float64).unsqueeze(1) * rates
    return angles.cos(), angles.sin()


def rotated(x: Float[Tensor, "batch time parts heads d"], start: int) -> Float[Tensor, "batch time parts heads d"]:
    """Each pair (x_2i, x_2i+1) turned by its angle; ``start`` is the t of the first step.

    As complex numbers and before the heads go apart, at a fifth of the time of strided products on a CPU.
    """
    wide = x if x.dtype in (torch.float32, torch.float64) else x.float()  # no complex numbers of half precision
    cos, sin = turns(start, start + x.shape[1], x.shape[-1], x)
    turn = torch.complex(cos.to(wide.dtype), sin.to(wide.dtype))
    numbers = torch.view_as_complex(wide.unflatten(-1, (-1, 2)))
    return torch.view_as_real(numbers * turn[:, None, None]).flatten(-2).to(x.dtype)


def _check_sizes(width: int, depth: int, heads: int, mlp_ratio: float | int, position: str) -> None:
    require_counts(width=width, depth=depth, heads=heads)
    require(width % heads == 0, "model.heads", f"a divisor of model.width={width}", heads)
    require(mlp_ratio == 0 or mlp_ratio * width >= 1, "model.mlp_ratio", "0, or at least 1/width", mlp_ratio)
    require(position in _POSITIONS, "model.position", " or ".join(_POSITIONS), repr(position))
    even = {"rope": width // heads, "sinusoidal": width}.get(position, 0) % 2 == 0
    require(even, "model.position", "learned or none for an odd size (rope turns pairs within a head)", position)
