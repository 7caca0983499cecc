"""The gated recurrent unit, with the reset gate before or after the recurrent product.

Papers:
    Cho et al. 2014, "Learning Phrase Representations using RNN Encoder-Decoder", arXiv:1406.1078 (reset="before";
    its eq. 7 writes z where Chung et al. write 1 - z).
    Chung et al. 2014, "Empirical Evaluation of Gated Recurrent Neural Networks", arXiv:1412.3555 (the z used here).

Letters (each layer has its own):
    x_t     (input_size)           input; of a deeper layer, the state of the one below
    h_t     (width)                state, and output of the last layer; h_0 = 0
    r, z    (width)                reset and update gate
    n       (width)                candidate, h~ in the papers
    W_x.    (width, input_size)    weight_input holds the rows of r, of 1 - z and of n, in this order
    W_h.    (width, width)         weight_hidden, likewise
    b.      (width)                bias, likewise

Equations (* is elementwise):
    r = sigmoid(W_xr x_t + W_hr h_(t-1) + b_r)
    z = sigmoid(W_xz x_t + W_hz h_(t-1) + b_z)
    n = tanh(W_xn x_t + W_hn (r * h_(t-1)) + b_n)      reset="before"
    n = tanh(W_xn x_t + r * (W_hn h_(t-1)) + b_n)      reset="after"
    h_t = (1 - z) * h_(t-1) + z * n

The parameters are in torch's layout, whose gate is 1 - z: since 1 - sigmoid(a) = sigmoid(-a), the middle rows of
weight_input, weight_hidden and bias are -W_xz, -W_hz and -b_z. torch.nn.GRU is reset="after" with a second bias, of
which only the part inside ``r * (W_hn h + .)`` makes another function; here there is one bias per gate.
"""

from typing import cast

from jaxtyping import Float
from torch import Tensor

from seqbench.layers import RecurrentLayers, require_counts
from seqbench.ops.backend import kernel_name
from seqbench.ops.gru import Reset, gru
from seqbench.schema import require
from seqbench.spec import Architecture

State = tuple[Tensor, ...]


class GRU(Architecture):
    """``depth`` layers of ``width`` units.

    Args:
        input_size: features of the input.
        length: not used, the recurrence takes any length.
        width: units of each layer.
        depth: layers.
        reset: "before" (Cho et al. 2014) or "after" (torch's; runs on cuDNN where there is a GPU).

    Raises:
        UsageError: a size below 1, or an unknown ``reset``.
    """

    causal = True

    def __init__(self, input_size: int, length: int, width: int = 64, depth: int = 1, reset: str = "after") -> None:
        super().__init__()
        require_counts(width=width, depth=depth)
        require(reset in ("before", "after"), "model.reset", "before or after", repr(reset))
        self.width = width
        self.reset: Reset = cast(Reset, reset)
        self.layers = RecurrentLayers(input_size, width, depth, num_gates=3)

    def forward(
        self, x: Float[Tensor, "batch time features"], lengths: Tensor | None = None
    ) -> Float[Tensor, "batch time hidden"]:
        """The last layer's states; padding after ``lengths`` cannot reach them and is not looked at."""
        return self._run(x, (None,) * len(self.layers))[0]

    def step(
        self, x_t: Float[Tensor, "batch features"], state: State | None
    ) -> tuple[Float[Tensor, "batch hidden"], State]:
        """One step; the state is each layer's h (batch, width)."""
        outputs, state = self._run(x_t.unsqueeze(1), state or (None,) * len(self.layers))
        return outputs.squeeze(1), state

    def _run(self, x: Tensor, initial: tuple[Tensor | None, ...]) -> tuple[Tensor, State]:
        self.kernel = kernel_name("gru", "gru", x) if self.reset == "after" else "seqbench.ops.gru"
        state = []
        for layer, h in zip(self.layers, initial, strict=True):
            x, h = gru(x, layer.weight_input, layer.weight_hidden, layer.bias, h, self.reset)
            state.append(h)
        return x, tuple(state)

    def flops(self, batch: int, length: int) -> int:
        """Matrix products of one forward pass: 6 (width * input + width^2) per layer, step and sequence."""
        return batch * length * self.layers.product_flops

    def state_size(self, length: int) -> int:
        """One h per layer."""
        return len(self.layers) * self.width
