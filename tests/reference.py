"""Each architecture once more: loops over time in NumPy, written from the equations, sharing no code with seqbench.

Every function takes the parameters by name (``state_dict`` as arrays) and one input (batch, time, features), and
returns (batch, time, width). Sequences are computed one by one, so nothing can leak between them.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray
Parameters = dict[str, Array]


def sigmoid(a: Array) -> Array:
    """1 / (1 + exp(-a))."""
    return 1.0 / (1.0 + np.exp(-a))


def rnn(p: Parameters, x: Array, activation: str = "tanh", depth: int = 1, **_: Any) -> Array:
    """h_t = f(W_h h_(t-1) + W_x x_t + b)."""

    def layer(i: int, xs: Array) -> Array:
        h, states = np.zeros(p[f"layers.{i}.bias"].shape[0]), []
        for x_t in xs:
            a = p[f"layers.{i}.weight_hidden"] @ h + p[f"layers.{i}.weight_input"] @ x_t + p[f"layers.{i}.bias"]
            h = np.tanh(a) if activation == "tanh" else np.maximum(a, 0)
            states.append(h)
        return np.array(states)

    return _each(x, depth, layer)


def lstm(p: Parameters, x: Array, depth: int = 1, **_: Any) -> Array:
    """C_t = f * C_(t-1) + i * g; h_t = o * tanh(C_t)."""

    def layer(n: int, xs: Array) -> Array:
        w_i, w_f, w_g, w_o = np.split(p[f"layers.{n}.weight_input"], 4)
        u_i, u_f, u_g, u_o = np.split(p[f"layers.{n}.weight_hidden"], 4)
        b_i, b_f, b_g, b_o = np.split(p[f"layers.{n}.bias"], 4)
        h, c, states = np.zeros(len(b_i)), np.zeros(len(b_i)), []
        for x_t in xs:
            i = sigmoid(w_i @ x_t + u_i @ h + b_i)
            f = sigmoid(w_f @ x_t + u_f @ h + b_f)
            o = sigmoid(w_o @ x_t + u_o @ h + b_o)
            g = np.tanh(w_g @ x_t + u_g @ h + b_g)
            c = f * c + i * g
            h = o * np.tanh(c)
            states.append(h)
        return np.array(states)

    return _each(x, depth, layer)


def gru(p: Parameters, x: Array, reset: str = "after", depth: int = 1, **_: Any) -> Array:
    """h_t = (1 - z) * h_(t-1) + z * n, with the update gate of Chung et al.; stored is the gate 1 - z."""

    def layer(i: int, xs: Array) -> Array:
        w_r, w_keep, w_n = np.split(p[f"layers.{i}.weight_input"], 3)
        u_r, u_keep, u_n = np.split(p[f"layers.{i}.weight_hidden"], 3)
        b_r, b_keep, b_n = np.split(p[f"layers.{i}.bias"], 3)
        w_z, u_z, b_z = -w_keep, -u_keep, -b_keep
        h, states = np.zeros(len(b_r)), []
        for x_t in xs:
            r = sigmoid(w_r @ x_t + u_r @ h + b_r)
            z = sigmoid(w_z @ x_t + u_z @ h + b_z)
            recurrent = u_n @ (r * h) if reset == "before" else r * (u_n @ h)
            n = np.tanh(w_n @ x_t + recurrent + b_n)
            h = (1 - z) * h + z * n
            states.append(h)
        return np.array(states)

    return _each(x, depth, layer)


def attention(p: Parameters, x: Array, score: str = "dot", **sizes: Any) -> Array:
    """h_t = tanh(W_c [c_t; s_t] + b_c), c_t the mean of s_0 .. s_(t-1) weighted by a softmax; s_0 = 0."""
    outputs = []
    for s in gru(p, x, **sizes):
        past, states = [np.zeros(s.shape[1])], []
        for s_t in s:
            if score == "dot":
                scores = [s_t @ s_j for s_j in past]
            else:
                query = p["query.weight"] @ s_t
                scores = [p["score.weight"][0] @ np.tanh(query + p["key.weight"] @ s_j) for s_j in past]
            context = sum(a * s_j for a, s_j in zip(softmax(scores), past, strict=True))
            states.append(np.tanh(p["combine.weight"] @ np.concatenate([context, s_t]) + p["combine.bias"]))
            past.append(s_t)
        outputs.append(states)
    return np.array(outputs)


def softmax(scores: list[Any]) -> Array:
    """Weights that sum to 1, in proportion to exp(score)."""
    raised = np.exp(np.array(scores) - max(scores))
    return raised / raised.sum()


def transformer(
    p: Parameters,
    x: Array,
    heads: int = 1,
    depth: int = 1,
    position: str = "rope",
    norm: bool = True,
    residual: bool = True,
    mlp_ratio: float = 0,
    **_: Any,
) -> Array:
    """Pre-norm blocks of causal attention and MLP."""
    outputs = []
    for xs in x:
        u = xs @ p["project.weight"].T + p["project.bias"] + _places(p, position, len(xs), len(p["project.bias"]))
        for i in range(depth):
            block = {name.removeprefix(f"blocks.{i}."): value for name, value in p.items()}
            change = _mixed(block, _normalised(block, "norm_attention", u, norm), heads, position == "rope")
            u = u + change if residual else change
            if mlp_ratio:
                hidden = _normalised(block, "norm_mlp", u, norm) @ block["mlp.0.weight"].T + block["mlp.0.bias"]
                change = _gelu(hidden) @ block["mlp.2.weight"].T + block["mlp.2.bias"]
                u = u + change if residual else change
        outputs.append(_normalised(p, "norm", u, norm))
    return np.array(outputs)


def _mixed(p: Parameters, u: Array, heads: int, rope: bool) -> Array:
    q, k, v = (u @ w.T + b for w, b in zip(np.split(p["qkv.weight"], 3), np.split(p["qkv.bias"], 3), strict=True))
    d = u.shape[1] // heads
    mixed = np.zeros_like(u)
    for head in range(heads):
        part = slice(head * d, (head + 1) * d)
        qs, ks = ([_turned(a[t, part], t, rope) for t in range(len(u))] for a in (q, k))
        for t in range(len(u)):
            weights = softmax([qs[t] @ ks[j] / math.sqrt(d) for j in range(t + 1)])
            mixed[t, part] = sum(a * v[j, part] for j, a in enumerate(weights))
    return mixed @ p["out.weight"].T + p["out.bias"]


def _turned(pairs: Array, t: int, rope: bool) -> Array:
    """Each pair as a complex number times exp(i t / 10000^(2j/d))."""
    if not rope:
        return pairs
    d = len(pairs)
    numbers = [complex(pairs[2 * j], pairs[2 * j + 1]) * np.exp(1j * t / 10000 ** (2 * j / d)) for j in range(d // 2)]
    return np.array([part for number in numbers for part in (number.real, number.imag)])


def _places(p: Parameters, position: str, time: int, width: int) -> Array:
    if position == "learned":
        return p["places"][:time]
    places = np.zeros((time, width))
    if position == "sinusoidal":
        for t in range(time):
            for j in range(0, width, 2):
                places[t, j] = math.sin(t / 10000 ** (j / width))
                places[t, j + 1] = math.cos(t / 10000 ** (j / width))
    return places


def _normalised(p: Parameters, name: str, u: Array, norm: bool) -> Array:
    if not norm:
        return u
    mean, variance = u.mean(-1, keepdims=True), u.var(-1, keepdims=True)
    return (u - mean) / np.sqrt(variance + 1e-5) * p[f"{name}.weight"] + p[f"{name}.bias"]


def _gelu(a: Array) -> Array:
    return 0.5 * a * (1 + np.vectorize(math.erf)(a / math.sqrt(2)))


def _each(x: Array, depth: int, layer: Callable[[int, Array], Array]) -> Array:
    outputs = []
    for states in x:
        for i in range(depth):
            states = layer(i, states)
        outputs.append(states)
    return np.array(outputs)
