"""The long short-term memory with forget gate and without peepholes.

Papers:
    Hochreiter & Schmidhuber 1997, "Long Short-Term Memory", doi:10.1162/neco.1997.9.8.1735.
    Gers, Schmidhuber & Cummins 2000, "Learning to Forget", doi:10.1162/089976600300015015 (the forget gate).
    Jozefowicz, Zaremba & Sutskever 2015, PMLR v37 (forget_bias=1).

Letters (each layer has its own):
    x_t        (input_size)           input; of a deeper layer, the h_t of the one below
    h_t        (width)                hidden state, and output of the last layer; h_0 = 0
    C_t        (width)                cell; C_0 = 0
    i, f, o    (width)                input, forget and output gate
    g          (width)                candidate
    W_x.       (width, input_size)    weight_input holds the rows of i, f, g, o, in this order
    W_h.       (width, width)         weight_hidden, likewise
    b.         (width)                bias, likewise: one per gate (torch.nn.LSTM has two, and the sum is the same
                                      function)

Equations (* is elementwise):
    i = sigmoid(W_xi x_t + W_hi h_(t-1) + b_i)
    f = sigmoid(W_xf x_t + W_hf h_(t-1) + b_f)
    o = sigmoid(W_xo x_t + W_ho h_(t-1) + b_o)
    g = tanh(W_xg x_t + W_hg h_(t-1) + b_g)
    C_t = f * C_(t-1) + i * g
    h_t = o * tanh(C_t)
"""

from jaxtyping import Float
from torch import Tensor, nn

from seqbench.layers import RecurrentLayers, require_counts
from seqbench.ops.backend import kernel_name
from seqbench.ops.lstm import lstm
from seqbench.spec import Architecture

State = tuple[tuple[Tensor, Tensor], ...]


class LSTM(Architecture):
    """``depth`` layers of ``width`` units.

    Args:
        input_size: features of the input.
        length: not used, the recurrence takes any length.
        width: units of each layer.
        depth: layers.
        forget_bias: value that b_f starts at; None draws it like the others, uniform in +-1/sqrt(width).

    Raises:
        UsageError: a size below 1.
    """

    causal = True

    def __init__(
        self, input_size: int, length: int, width: int = 64, depth: int = 1, forget_bias: float | int | None = None
    ) -> None:
        super().__init__()
        require_counts(width=width, depth=depth)
        self.width = width
        self.layers = RecurrentLayers(input_size, width, depth, num_gates=4)
        if forget_bias is not None:
            for layer in self.layers:
                nn.init.constant_(layer.bias[width : 2 * width], forget_bias)

    def forward(
        self, x: Float[Tensor, "batch time features"], lengths: Tensor | None = None
    ) -> Float[Tensor, "batch time hidden"]:
        """The last layer's h; padding after ``lengths`` cannot reach them and is not looked at."""
        return self._run(x, (None,) * len(self.layers))[0]

    def step(
        self, x_t: Float[Tensor, "batch features"], state: State | None
    ) -> tuple[Float[Tensor, "batch hidden"], State]:
        """One step; the state is each layer's (h, C), both (batch, width)."""
        outputs, state = self._run(x_t.unsqueeze(1), state or (None,) * len(self.layers))
        return outputs.squeeze(1), state

    def _run(self, x: Tensor, initial: tuple[tuple[Tensor, Tensor] | None, ...]) -> tuple[Tensor, State]:
        self.kernel = kernel_name("lstm", "lstm", x)
        state = []
        for layer, pair in zip(self.layers, initial, strict=True):
            x, pair = lstm(x, layer.weight_input, layer.weight_hidden, layer.bias, pair)
            state.append(pair)
        return x, tuple(state)

    def flops(self, batch: int, length: int) -> int:
        """Matrix products of one forward pass: 8 (width * input + width^2) per layer, step and sequence."""
        return batch * length * self.layers.product_flops

    def state_size(self, length: int) -> int:
        """One h and one C per layer."""
        return 2 * len(self.layers) * self.width
