"""The parts that all models share: the embedding of an input, the whole network, the weights of a gated recurrence."""

import inspect
from collections.abc import Iterator, Mapping
from typing import Any, cast

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from seqbench import registry
from seqbench.schema import UsageError, require
from seqbench.spec import Batch, Space, Task, generator


def build_network(node: Mapping[str, Any], task: Task, plugins: tuple[str, ...] = (), seed: int = 0) -> "Network":
    """The network that a model's YAML ``node`` describes, with the initial parameters of ``seed``.

    Parameters are drawn on the CPU from the stream ("init", seed), so they are the same whatever the device, the data
    and the other members; torch's own random state is left as it was.

    Raises:
        UsageError: a value makes no sense, naming its key.
    """
    embed, embed_size = node.get("embed", "direct"), node.get("embed_size")
    with torch.random.fork_rng(devices=[]), torch.device("cpu"):
        torch.manual_seed(generator("cpu", "init", seed).initial_seed())
        # The body draws first: its parameters do not depend on the embedding's.
        input_size = embedded_size(task.input, embed, embed_size)
        body = registry.build(node, "model", plugins, input_size=input_size, length=task.length)
        return Network(body, task.input, task.output.size, embed, embed_size)


class Network(nn.Module):
    """Embedding, one architecture (``body``) with its sizes, and a linear head that reads its answers.

    The head runs at the answers' positions only: at every step it costs twice a GRU-64 on long series. A ``body``
    needs nothing but ``forward(x)``, (batch, time, features) -> (batch, time, width); it gets ``lengths`` where it
    takes them, and ``positions`` where it declares ``reads_positions``.

    Attributes:
        embed: inputs (batch, time) or (batch, time, size) -> the embedded input (batch, time, features).
        body: the architecture.
        head: (batch, answers, width) -> (batch, answers, outputs).
    """

    def __init__(
        self, body: nn.Module, task_input: Space, outputs: int, embed: str = "direct", embed_size: int | None = None
    ) -> None:
        super().__init__()
        self.body = body
        self.embed = Embed(task_input, embed, embed_size)
        self._takes_lengths = "lengths" in inspect.signature(body.forward).parameters
        self._reads_positions = bool(getattr(body, "reads_positions", False))
        declared = getattr(body, "width", None)
        self.width = declared if isinstance(declared, int) else _measured_width(body, self.embed.features)
        self.head = nn.Linear(self.width, outputs)

    def forward(self, batch: Batch) -> Float[Tensor, "batch answers outputs"]:
        """One vector of outputs per answer."""
        return self.from_embedded(self.embed(batch.inputs), batch.positions, batch.lengths)

    def from_embedded(
        self,
        e: Float[Tensor, "batch time features"],
        positions: Int[Tensor, "batch answers"],
        lengths: Int[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, "batch answers outputs"]:
        """``forward`` from the embedded input on, for instruments that need its gradient."""
        return self.head(self.at_answers(e, positions, lengths))

    def at_answers(
        self,
        e: Float[Tensor, "batch time features"],
        positions: Int[Tensor, "batch answers"],
        lengths: Int[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, "batch answers width"]:
        """The architecture's output where answers are read, before the head."""
        options: dict[str, Tensor] = {}
        if lengths is not None and self._takes_lengths:
            options["lengths"] = lengths
        if self._reads_positions:
            return self.body(e, positions=positions, **options)
        states = self.body(e, **options)  # (batch, time, width)
        _check_states(states, e, self.width)
        return states.gather(1, positions.unsqueeze(-1).expand(-1, -1, self.width))


class OutputError(UsageError):
    """An architecture's forward does not return what the contract says."""


def _measured_width(body: nn.Module, features: int) -> int:
    parameter = next(body.parameters(), torch.empty(0))
    short = torch.zeros(2, 3, features, device=parameter.device, dtype=parameter.dtype)
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        states = body(short)
    _check_states(states, short, None)
    return states.shape[-1]


def _check_states(states: Any, e: Tensor, width: int | None) -> None:
    good = isinstance(states, Tensor) and states.ndim == 3 and states.shape[:2] == e.shape[:2]
    if not good or (width is not None and states.shape[-1] != width):
        got = tuple(states.shape) if isinstance(states, Tensor) else type(states).__name__
        rule = "width" if width is None else f"width={width}"
        raise OutputError(
            f"an architecture's forward must return a tensor (batch, time, {rule}), here "
            f"({e.shape[0]}, {e.shape[1]}, ...); got {got}. Return every step's output, batch first, and nothing else."
        )


class Embed(nn.Module):
    """What a task's input becomes before it enters the architecture: *the embedded input*.

    ``direct``: symbols one-hot, real numbers as they are, nothing learned. ``learned``: symbols by a table, real
    numbers by a linear map, to ``embed_size`` features.
    """

    identity: Tensor | None

    def __init__(self, task_input: Space, embed: str = "direct", embed_size: int | None = None) -> None:
        super().__init__()
        self.space = task_input
        self.features = embedded_size(task_input, embed, embed_size)
        tokens, learned = task_input.kind == "tokens", embed == "learned"
        # A row of the identity is a one-hot vector: one look-up, a quarter of the time of one_hot and a cast.
        self.register_buffer("identity", torch.eye(self.features) if tokens and not learned else None, persistent=False)
        self.table = nn.Embedding(task_input.size, self.features) if tokens and learned else None
        self.linear = nn.Linear(task_input.size, self.features) if not tokens and learned else None

    def forward(self, inputs: Tensor) -> Float[Tensor, "batch time features"]:
        """Symbols (batch, time) int64 or numbers (batch, time, size), embedded."""
        if self.identity is not None:
            return nn.functional.embedding(inputs, self.identity)
        if self.table is not None:
            return self.table(inputs)
        return inputs if self.linear is None else self.linear(inputs)


def embedded_size(task_input: Space, embed: str, embed_size: int | None) -> int:
    """Features of the embedded input.

    Raises:
        UsageError: ``embed`` is unknown, or ``embed_size`` does not go with it.
    """
    require(embed in ("direct", "learned"), "model.embed", "direct or learned", repr(embed))
    if embed == "direct":
        require(embed_size is None, "model.embed_size", "null where model.embed=direct", embed_size)
        return task_input.size
    require_counts(embed_size=embed_size)
    return cast(int, embed_size)


def require_counts(**sizes: object) -> None:
    """Raise UsageError naming ``model.<key>`` unless every size is a whole number of at least 1."""
    for key, value in sizes.items():
        require(isinstance(value, int) and value >= 1, f"model.{key}", "a whole number of at least 1", value)


class RecurrentLayers(nn.ModuleList):
    """Weights of ``depth`` recurrent layers of ``width`` units; the first layer reads ``input_size`` features."""

    def __init__(self, input_size: int, width: int, depth: int, num_gates: int) -> None:
        super().__init__(Gates(input_size if i == 0 else width, width, num_gates) for i in range(depth))

    def __iter__(self) -> Iterator["Gates"]:
        return cast(Iterator[Gates], super().__iter__())

    @property
    def product_flops(self) -> int:
        """Floating-point operations of the matrix products of one step of one sequence (a multiply-add is two)."""
        return sum(2 * (layer.weight_input.numel() + layer.weight_hidden.numel()) for layer in self)


class Gates(nn.Module):
    """Weights of one recurrent layer, in torch's layout: the rows of its gates one after the other.

    All are drawn uniformly from +-1/sqrt(width), as torch.nn's recurrent layers are.

    Attributes:
        weight_input: (num_gates * width, input_size).
        weight_hidden: (num_gates * width, width).
        bias: (num_gates * width,).
    """

    def __init__(self, input_size: int, width: int, num_gates: int) -> None:
        super().__init__()
        self.weight_input = nn.Parameter(torch.empty(num_gates * width, input_size))
        self.weight_hidden = nn.Parameter(torch.empty(num_gates * width, width))
        self.bias = nn.Parameter(torch.empty(num_gates * width))
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -(width**-0.5), width**-0.5)
