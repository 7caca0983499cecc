"""Elman's recurrent network, with tanh or relu, and the identity start of the IRNN.

Papers:
    Elman 1990, "Finding Structure in Time", doi:10.1207/s15516709cog1402_1.
    Le, Jaitly & Hinton 2015, "A Simple Way to Initialize Recurrent Networks of Rectified Linear Units",
    arXiv:1504.00941 (activation="relu", init="identity").

Letters (each layer has its own):
    x_t      (input_size)           input; of a deeper layer, the state of the one below
    h_t      (width)                state, and output of the last layer; h_0 = 0
    W_x      (width, input_size)    weight_input
    W_h      (width, width)         weight_hidden
    b        (width)                bias, one per layer (torch.nn.RNN has two, and the sum is the same function)

Equation:
    h_t = f(W_h h_(t-1) + W_x x_t + b),    f = tanh or relu
"""

from typing import cast

from jaxtyping import Float
from torch import Tensor, nn

from seqbench.layers import RecurrentLayers, require_counts
from seqbench.ops.backend import kernel_name
from seqbench.ops.rnn import Activation, rnn
from seqbench.schema import require
from seqbench.spec import Architecture

State = tuple[Tensor, ...]


class RNN(Architecture):
    """``depth`` layers of ``width`` units.

    Args:
        input_size: features of the input.
        length: not used, the recurrence takes any length.
        width: units of each layer.
        depth: layers.
        activation: "tanh" or "relu".
        init: "default" (uniform in +-1/sqrt(width)) or "identity" (W_h = I, b = 0; Le et al. 2015).

    Raises:
        UsageError: a size below 1, or an unknown option.
    """

    causal = True

    def __init__(
        self,
        input_size: int,
        length: int,
        width: int = 64,
        depth: int = 1,
        activation: str = "tanh",
        init: str = "default",
    ) -> None:
        super().__init__()
        require_counts(width=width, depth=depth)
        require(activation in ("tanh", "relu"), "model.activation", "tanh or relu", repr(activation))
        require(init in ("default", "identity"), "model.init", "default or identity", repr(init))
        self.width = width
        self.activation: Activation = cast(Activation, activation)
        self.layers = RecurrentLayers(input_size, width, depth, num_gates=1)
        if init == "identity":
            self._start_as_identity()

    def _start_as_identity(self) -> None:
        for layer in self.layers:
            nn.init.eye_(layer.weight_hidden)
            nn.init.zeros_(layer.bias)

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
        self.kernel = kernel_name(f"rnn_{self.activation}", "rnn", x)
        state = []
        for layer, h in zip(self.layers, initial, strict=True):
            x, h = rnn(x, layer.weight_input, layer.weight_hidden, layer.bias, h, self.activation)
            state.append(h)
        return x, tuple(state)

    def flops(self, batch: int, length: int) -> int:
        """Matrix products of one forward pass: 2 (width * input + width^2) per layer, step and sequence."""
        return batch * length * self.layers.product_flops

    def state_size(self, length: int) -> int:
        """One h per layer."""
        return len(self.layers) * self.width
