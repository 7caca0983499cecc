"""P members of one network, trained as one computation; P = 1 is the plain module and the CPU default.

All parameters of a member lie in one row of a (population, numbers) matrix, and so do its gradients: the modules hold
views into it. Norms, clipping and the optimiser are then a few operations on that matrix, per member, whatever the
architecture, and nothing that one member does reaches another's row.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call

from seqbench.layers import Network
from seqbench.ops import library_kernels
from seqbench.spec import Average, Batch, Task

_ALIGNMENT = 16
"""Numbers that each parameter starts at a multiple of, so that vectorised kernels load whole cache lines."""


class Population:
    """Members with stacked parameters.

    Attributes:
        size: P, the number of members.
        mode: "single" (P = 1), "vmap" (one computation) or "loop" (a module that vmap cannot batch).
        parameters: (population, numbers), every trainable parameter of every member, zero-padded.
        gradients: (population, numbers), filled by ``backward``.
    """

    def __init__(self, networks: Sequence[Network], task: Task, device: torch.device | str) -> None:
        self.task = task
        self.device = torch.device(device)
        self.networks = [network.to(self.device) for network in networks]
        self.size = len(self.networks)
        self._layout = _layout(self.networks[0])
        numbers = sum(_padded(parameter) for _, parameter in self._layout)
        dtype = self._layout[0][1].dtype
        self.parameters = torch.zeros(self.size, numbers, device=self.device, dtype=dtype)
        self.gradients = torch.zeros_like(self.parameters)
        for index, network in enumerate(self.networks):
            self._adopt(index, network)
        self._stacked = self._stack()
        self._buffers = _stacked_buffers(self.networks)
        self.mode: Literal["single", "vmap", "loop"] = "single" if self.size == 1 else self._choose_mode()

    @property
    def num_parameters(self) -> int:
        """Trainable numbers of one member, padding excluded."""
        return sum(parameter.numel() for _, parameter in self._layout)

    @property
    def kernel(self) -> str:
        """Name of the computation that the architecture ran last."""
        return str(getattr(self.networks[0].body, "kernel", "torch"))

    def losses(self, batches: Sequence[Batch]) -> Float[Tensor, " population"]:
        """Each member's training loss, the mean over the sequences of its own batch."""

        def loss(network: Callable[[Batch], Tensor], batch: Batch) -> Tensor:
            return self.task.loss(network(batch), batch).mean()

        if self.mode == "vmap":
            return self._vmap(loss, _stack_batches(batches), batch_axis=0)
        return torch.stack([loss(network, batch) for network, batch in zip(self.networks, batches, strict=True)])

    def backward(self, losses: Float[Tensor, " population"]) -> None:
        """Fill ``gradients`` with each member's own; the losses are summed, so no member scales another's."""
        if self.mode != "vmap":
            self.gradients.zero_()
            losses.sum().backward()
            return
        found = torch.autograd.grad(losses.sum(), list(self._stacked.values()), materialize_grads=True)
        for gradient, (start, end) in zip(found, self._segments(), strict=True):
            self.gradients[:, start:end] = gradient.flatten(1) if gradient.ndim > 1 else gradient.unsqueeze(1)

    @torch.no_grad()
    def scores(self, batch: Batch) -> dict[str, Average]:
        """Each member's metrics on the same batch; totals and counts have shape (population,)."""

        def score(network: Callable[[Batch], Tensor], batch: Batch) -> dict[str, Average]:
            return self.task.score(network(batch), batch)

        if self.mode == "vmap":
            return self._vmap(score, batch, batch_axis=None)
        members = [score(network, batch) for network in self.networks]
        return {name: Average(*map(torch.stack, zip(*(m[name] for m in members), strict=True))) for name in members[0]}

    def member(self, index: int) -> Network:
        """The network of one member, sharing its row of ``parameters``."""
        return self.networks[index]

    def synchronise(self) -> None:
        """Wait until the device has done what it was given; nothing to wait for on the CPU."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def train(self, mode: bool) -> None:
        """Set training or evaluation mode of every member's module."""
        for network in self.networks:
            network.train(mode)

    def _vmap(self, function: Callable[..., Any], batch: Batch, batch_axis: int | None) -> Any:
        template = self.networks[0]

        def one(state: dict[str, Tensor], given: dict[str, Tensor]) -> Any:
            return function(lambda batch: functional_call(template, state, (batch,)), Batch(**given))

        # A batch travels as its tensors: vmap takes no None where it expects one.
        given = {name: field for name, field in batch._asdict().items() if field is not None}
        with library_kernels(False):
            return torch.vmap(one, in_dims=(0, batch_axis))({**self._stacked, **self._buffers}, given)

    def _choose_mode(self) -> Literal["vmap", "loop"]:
        batch = self.task.batch("train", 0, 2, 0, self.device)
        self.mode = "vmap"
        try:
            self.losses([batch] * self.size)
        except torch.OutOfMemoryError:
            raise
        except (RuntimeError, ValueError, NotImplementedError, TypeError):
            # vmap raises these for data-dependent control flow, in-place writes, randomness and missing batching rules
            return "loop"
        return "vmap"

    def _adopt(self, index: int, network: nn.Module) -> None:
        named = dict(network.named_parameters())
        for (name, _), (start, end) in zip(self._layout, self._segments(), strict=True):
            parameter = named[name]
            row = self.parameters[index, start:end].view(parameter.shape)
            row.copy_(parameter.data)
            parameter.data = row
            parameter.grad = self.gradients[index, start:end].view(parameter.shape)

    def _stack(self) -> dict[str, Tensor]:
        stacked = {}
        for (name, parameter), (start, end) in zip(self._layout, self._segments(), strict=True):
            rows = self.parameters[:, start:end]
            stacked[name] = rows.view(self.size, *parameter.shape).requires_grad_()
        return stacked

    def _segments(self) -> list[tuple[int, int]]:
        segments, start = [], 0
        for _, parameter in self._layout:
            segments.append((start, start + parameter.numel()))
            start += _padded(parameter)
        return segments


class Adam:
    """Adam (Kingma & Ba 2015, algorithm 1) on the rows of a population, one learning rate each.

    It returns the norm of what it subtracts, which library optimisers do not tell.
    """

    def __init__(
        self,
        parameters: Float[Tensor, "population numbers"],
        learning_rates: Sequence[float],
        beta1: float,
        beta2: float,
        eps: float,
    ) -> None:
        self.parameters = parameters
        rates = torch.tensor(learning_rates, device=parameters.device, dtype=parameters.dtype)
        self.learning_rates = rates.unsqueeze(1)  # (population, 1)
        self.beta1, self.beta2, self.eps = beta1, beta2, eps
        self.mean = torch.zeros_like(parameters)
        self.square = torch.zeros_like(parameters)
        self.count = 0

    @torch.no_grad()
    def step(
        self, gradients: Float[Tensor, "population numbers"], active: Tensor | None = None
    ) -> Float[Tensor, " population"]:
        """Take one step; members that are not ``active`` (population,) bool stay as they are. Returns update norms."""
        self.count += 1
        self.mean.lerp_(gradients, 1 - self.beta1)
        self.square.mul_(self.beta2).addcmul_(gradients, gradients, value=1 - self.beta2)
        correction1, correction2 = 1 - self.beta1**self.count, 1 - self.beta2**self.count
        update = self.square.sqrt().div_(correction2**0.5).add_(self.eps)
        torch.div(self.mean, update, out=update)
        update.mul_(self.learning_rates / correction1)
        if active is not None:
            # where, not a product: a diverged member's update is NaN, and 0 * NaN is NaN
            update = torch.where(active.unsqueeze(1), update, 0.0)
        self.parameters.sub_(update)
        return torch.linalg.vector_norm(update, dim=1)


def _layout(network: nn.Module) -> list[tuple[str, nn.Parameter]]:
    return [(name, parameter) for name, parameter in network.named_parameters() if parameter.requires_grad]


def _padded(parameter: Tensor) -> int:
    return -(-parameter.numel() // _ALIGNMENT) * _ALIGNMENT


def _stacked_buffers(networks: Sequence[nn.Module]) -> dict[str, Tensor]:
    """Frozen parameters and buffers, stacked: a module may draw them at initialisation."""
    frozen = [
        {name: value for name, value in (*n.named_buffers(), *n.named_parameters()) if not value.requires_grad}
        for n in networks
    ]
    return {name: torch.stack([member[name] for member in frozen]) for name in frozen[0]}


def _stack_batches(batches: Sequence[Batch]) -> Batch:
    fields = {name: [getattr(batch, name) for batch in batches] for name in Batch._fields}
    return Batch(**{name: torch.stack(values) for name, values in fields.items() if values[0] is not None})
