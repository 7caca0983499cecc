"""Recurrent architectures unrolled in plain torch, one tensor a step and state, for gradients by autograd."""

from typing import Any, cast

import torch
from torch import Tensor, nn

from seqbench.models.attention import Attention

States = dict[str, list[Tensor]]
"""State name, such as "h1" or "c2" -> its value after every step."""


def unrolled(model: nn.Module, x: Tensor) -> tuple[Tensor, States]:
    """The outputs of an RNN, LSTM, GRU or Attention at every step, and every state on the way."""
    states: States = {}
    layer_input = list(x.unbind(1))
    for number, layer in enumerate(cast(Any, model).layers, start=1):
        names = [f"{part}{number}" for part in ("hc" if type(model).__name__ == "LSTM" else "h")]
        state = [x.new_zeros(len(x), layer.weight_hidden.shape[1]) for _ in names]
        states |= {name: [] for name in names}
        for x_t in layer_input:
            state = _step(model, layer, x_t, state)
            for name, value in zip(names, state, strict=True):
                states[name].append(value)
        layer_input = states[names[0]]
    if isinstance(model, Attention):
        past = [torch.zeros_like(layer_input[0]), *layer_input[:-1]]
        return model._attend(torch.stack(layer_input, 1), torch.stack(past, 1)), states
    return torch.stack(layer_input, 1), states


def _step(model: Any, layer: Any, x_t: Tensor, state: list[Tensor]) -> list[Tensor]:
    h, W, U, b = state[0], layer.weight_input, layer.weight_hidden, layer.bias
    kind = type(model).__name__
    if kind == "RNN":
        a = x_t @ W.T + h @ U.T + b
        return [torch.tanh(a) if model.activation == "tanh" else torch.relu(a)]
    if kind == "LSTM":
        i, f, g, o = (x_t @ W.T + h @ U.T + b).chunk(4, -1)
        c = torch.sigmoid(f) * state[1] + torch.sigmoid(i) * torch.tanh(g)
        return [torch.sigmoid(o) * torch.tanh(c), c.clone()]  # h and c are two coordinates: c's slope holds h fixed
    of_x, of_h, H = x_t @ W.T + b, h @ U.T, h.shape[-1]
    r, u = torch.sigmoid(of_x + of_h)[:, : 2 * H].chunk(2, -1)
    recurrent = r * of_h[:, 2 * H :] if model.reset == "after" else (r * h) @ U[2 * H :].T
    n = torch.tanh(of_x[:, 2 * H :] + recurrent)
    return [u * h + (1 - u) * n]
