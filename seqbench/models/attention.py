"""A GRU whose output attends over its own past states.

Papers:
    Bahdanau, Cho & Bengio 2015, "Neural Machine Translation by Jointly Learning to Align and Translate",
    arXiv:1409.0473 (score="additive").
    Luong, Pham & Manning 2015, "Effective Approaches to Attention-based Neural Machine Translation",
    arXiv:1508.04025 (score="dot", and the output layer, their eq. 5).
    Both attend from a decoder over an encoder's states; here one network attends over its own past.

Letters:
    x_t    (input_size)               input
    s_t    (width)                    state of the GRU (equations in seqbench/ops/gru.py); s_0 = 0
    a_tj   ()                         weight that step t gives to state j
    c_t    (width)                    context
    h_t    (width)                    output
    W_c    (width, 2 * width)         combine.weight; b_c (width) combine.bias
    W_q    (attention_width, width)   query.weight; U_k key.weight; v (attention_width) score.weight

Equations:
    s_t  = GRU(x_t, s_(t-1))
    e_tj = s_t . s_j                       score="dot", not scaled
    e_tj = v . tanh(W_q s_t + U_k s_j)     score="additive"
    a_t  = softmax of e_tj over the past j = 0 .. t-1
    c_t  = sum over j of a_tj s_j
    h_t  = tanh(W_c [c_t; s_t] + b_c)

A step attends to what came before it, not to itself: s_t . s_t would outweigh the rest, and s_t is in h_t anyway. The
zero state s_0 belongs to the past, so the first step has one too, and a step can attend to nothing.
"""

from typing import cast

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from seqbench.layers import RecurrentLayers, require_counts
from seqbench.ops.attention import attend
from seqbench.ops.backend import kernel_name
from seqbench.ops.gru import Reset, gru
from seqbench.ops.observe import note_attention
from seqbench.schema import UsageError, require
from seqbench.spec import Architecture

ADDITIVE_LIMIT_BYTES = 2 * 2**30
"""Largest (batch, answers, time, attention_width) tensor that additive attention may make: 2 GiB."""

State = tuple[tuple[Tensor, ...], Tensor]


class Attention(Architecture):
    """One or more GRU layers, of which the last attends over its past.

    Args:
        input_size: features of the input.
        length: not used, any length is taken.
        width: units of each layer, and features of the output.
        depth: GRU layers below the attention.
        score: "dot" or "additive".
        attention_width: units of the additive score; not used by "dot".
        reset: reset gate of the GRU, "before" or "after".

    Raises:
        UsageError: a size below 1, or an unknown option.
    """

    causal = True
    reads_positions = True
    first_key = -1  # s_0, the state before the first step

    def __init__(
        self,
        input_size: int,
        length: int,
        width: int = 64,
        depth: int = 1,
        score: str = "dot",
        attention_width: int = 16,
        reset: str = "after",
    ) -> None:
        super().__init__()
        require_counts(width=width, depth=depth, attention_width=attention_width)
        require(score in ("dot", "additive"), "model.score", "dot or additive", repr(score))
        require(reset in ("before", "after"), "model.reset", "before or after", repr(reset))
        self.width, self.attention_width = width, attention_width
        self.reset: Reset = cast(Reset, reset)
        self.layers = RecurrentLayers(input_size, width, depth, num_gates=3)
        additive = score == "additive"
        self.query = nn.Linear(width, attention_width, bias=False) if additive else None
        self.key = nn.Linear(width, attention_width, bias=False) if additive else None
        self.score = nn.Linear(attention_width, 1, bias=False) if additive else None
        self.combine = nn.Linear(2 * width, width)

    def forward(
        self,
        x: Float[Tensor, "batch time features"],
        lengths: Tensor | None = None,
        positions: Int[Tensor, "batch answers"] | None = None,
    ) -> Float[Tensor, "batch answers hidden"]:
        """The outputs at ``positions``, or at every step where it is None; padding after ``lengths`` is not looked at.

        Raises:
            UsageError: additive attention would need more than ADDITIVE_LIMIT_BYTES.
        """
        states = self._run(x, (None,) * len(self.layers))[0]
        past = torch.cat([torch.zeros_like(states[:, :1]), states[:, :-1]], 1)  # s_0 .. s_(time-1)
        if positions is None:
            return self._attend(states, past)
        queries = states.gather(1, positions.unsqueeze(-1).expand(-1, -1, self.width))
        return self._attend(queries, past, torch.arange(x.shape[1], device=x.device) <= positions.unsqueeze(-1))

    def step(
        self, x_t: Float[Tensor, "batch features"], state: State | None
    ) -> tuple[Float[Tensor, "batch hidden"], State]:
        """One step; the state is each GRU layer's s (batch, width) and the past s_0 .. s_(t-2) (batch, t-1, width)."""
        zero = x_t.new_zeros(x_t.shape[0], self.width)
        before, past = state or ((zero,) * len(self.layers), zero.unsqueeze(1)[:, :0])
        states, after = self._run(x_t.unsqueeze(1), before)
        past = torch.cat([past, before[-1].unsqueeze(1)], 1)
        seen = torch.ones(x_t.shape[0], 1, past.shape[1], dtype=torch.bool, device=x_t.device)
        return self._attend(states, past, seen).squeeze(1), (after, past)

    def _run(self, x: Tensor, initial: tuple[Tensor | None, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        recurrence = kernel_name("gru", "gru", x) if self.reset == "after" else "seqbench.ops.gru"
        attention = "torch.scaled_dot_product_attention" if self.score is None else "torch.softmax"
        self.kernel = f"{recurrence} + {attention}"
        state = []
        for layer, s in zip(self.layers, initial, strict=True):
            x, s = gru(x, layer.weight_input, layer.weight_hidden, layer.bias, s, self.reset)
            state.append(s)
        return x, tuple(state)

    def _attend(
        self, states: Tensor, past: Tensor, seen: Bool[Tensor, "batch answers time"] | None = None
    ) -> Float[Tensor, "batch answers hidden"]:
        """The outputs of ``states``; ``seen`` says which ``past`` each has, None that it is s_0 .. s_(t-1)."""
        context = (self._context_dot if self.score is None else self._context_additive)(states, past, seen)
        return torch.tanh(self.combine(torch.cat([context, states], -1)))

    def _context_dot(self, states: Tensor, past: Tensor, seen: Tensor | None) -> Tensor:
        mask, keys = None if seen is None else seen.unsqueeze(1), past.unsqueeze(1)  # one head
        # Row t of ``past`` is s_(t-1): the causal mask, which has row t in it, ends at the strict past.
        return attend(states.unsqueeze(1), keys, keys, scale=1.0, seen=mask, is_causal=seen is None).squeeze(1)

    def _context_additive(self, states: Tensor, past: Tensor, seen: Tensor | None) -> Tensor:
        assert self.query is not None
        assert self.key is not None
        assert self.score is not None
        answers, time = states.shape[1], past.shape[1]
        self._check_memory(states.shape[0] * answers * time * states.element_size())
        if seen is None:
            seen = torch.ones(answers, time, dtype=torch.bool, device=past.device).tril()
        queries, keys = self.query(states), self.key(past)
        hidden = torch.tanh(queries.unsqueeze(2) + keys.unsqueeze(1))  # (batch, answers, time, attention_width)
        scores = self.score(hidden).squeeze(-1).masked_fill(~seen, -torch.inf)
        weights = torch.softmax(scores, -1)
        note_attention(lambda: weights.unsqueeze(1))  # one head
        return weights @ past

    def _check_memory(self, bytes_per_unit: int) -> None:
        need = bytes_per_unit * self.attention_width
        if need > ADDITIVE_LIMIT_BYTES:
            raise UsageError(
                f"model.score=additive may take at most {ADDITIVE_LIMIT_BYTES / 2**30:.1f} GiB for its tensor (batch, "
                f"answers, time, attention_width); this batch needs {need / 2**30:.1f} GiB. Use model.score=dot, "
                f"fewer model.attention_width (now {self.attention_width}), a shorter sequence or a smaller batch."
            )

    def flops(self, batch: int, length: int) -> int:
        """Matrix products of one forward pass that answers at every step; the attention over the future is counted."""
        W, A, T = self.width, self.attention_width, length
        recurrence = self.layers.product_flops
        scores = 2 * T * W if self.score is None else 2 * (2 * W * A + T * A)
        return batch * T * (recurrence + scores + 2 * T * W + 2 * 2 * W * W)

    def state_size(self, length: int) -> int:
        """One s per layer, and ``length`` past states of the last one."""
        return (len(self.layers) + length) * self.width
