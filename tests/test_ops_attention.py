"""Our route to torch's attention, for populations, against torch's own."""

import pytest
import torch
from torch import Tensor
from torch.func import functional_call, stack_module_state

from seqbench.ops import library_kernels
from seqbench.ops.attention import attend
from tests.architecture_checks import BATCH, CASES, TIME, sequences

MEMBERS, HEADS, ANSWERS, D = 3, 2, 5, 4
SIGHT = {
    "all": {},
    "causal": {"is_causal": True},
    "seen": {"seen": torch.eye(TIME, dtype=torch.int64) + torch.eye(TIME, dtype=torch.int64).roll(2, 1)},
}


def _options(sight: str) -> dict:
    options = dict(SIGHT[sight])
    if "seen" in options:
        options["seen"] = options["seen"].bool().expand(BATCH, 1, ANSWERS, TIME)
    return options


def _inputs(members: int) -> list[Tensor]:
    draw = torch.Generator().manual_seed(0)
    shape = (members, BATCH, HEADS, TIME, D)
    return [torch.randn(shape, generator=draw, dtype=torch.float64).requires_grad_() for _ in range(3)]


def _loss(mixed: Tensor) -> Tensor:
    return (mixed * torch.linspace(-1, 2, mixed.numel(), dtype=mixed.dtype).view(mixed.shape)).sum()


@pytest.mark.parametrize("sight", SIGHT)
def test_our_gradient_is_torchs(sight: str) -> None:
    inputs = [value[0] for value in _inputs(1)]
    gradients = []
    for library in (True, False):
        with library_kernels(library):
            loss = _loss(attend(inputs[0], inputs[1], inputs[2], scale=0.7, **_options(sight)))
        gradients.append([loss, *torch.autograd.grad(loss, inputs)])
    for a, b in zip(*gradients, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("sight", SIGHT)
def test_members_attend_as_they_do_alone_with_gradients_taken_outside_or_inside(sight: str) -> None:
    inputs = _inputs(MEMBERS)

    def loss(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return _loss(attend(q, k, v, scale=0.7, **_options(sight)))

    with library_kernels(False):
        outside = torch.autograd.grad(torch.vmap(loss)(*inputs).sum(), inputs)
        inside = torch.vmap(torch.func.grad(loss, argnums=(0, 1, 2)))(*(value.detach() for value in inputs))
    for index in range(MEMBERS):
        member = [value.detach()[index].requires_grad_() for value in inputs]
        alone = torch.autograd.grad(loss(member[0], member[1], member[2]), member)
        for a, b, c in zip(outside, inside, alone, strict=True):
            torch.testing.assert_close(a[index], c, rtol=1e-12, atol=1e-12)
            torch.testing.assert_close(b[index], c, rtol=1e-12, atol=1e-12)


def test_keys_may_be_shared_and_the_population_may_be_any_axis() -> None:
    q, k, v = (value.detach() for value in _inputs(MEMBERS))
    with library_kernels(False):
        mixed = torch.vmap(lambda q, v: attend(q, k[0], v, scale=1.0), in_dims=(2, 0))(q.movedim(0, 2), v)
    for index in range(MEMBERS):
        torch.testing.assert_close(mixed[index], attend(q[index], k[0], v[index], scale=1.0), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("name", ["attention-dot", "attention-additive"])
@pytest.mark.parametrize("shared", [True, False])
def test_members_answer_at_their_own_positions(name: str, shared: bool) -> None:
    models = [CASES[name].build() for _ in range(MEMBERS)]
    with torch.no_grad():
        for index, model in enumerate(models):
            for parameter in model.parameters():
                parameter.mul_(1 + index)
    positions = torch.tensor([[[4, 0], [1, 3]], [[0, 2], [4, 4]], [[1, 1], [2, 0]]])
    positions = positions[:1].expand(MEMBERS, -1, -1) if shared else positions
    stacked, _ = stack_module_state(models)
    x = sequences()

    def outputs(parameters: dict[str, Tensor], positions: Tensor) -> Tensor:
        return functional_call(models[0], parameters, (x,), {"positions": positions})

    with library_kernels(False):
        at = positions[0] if shared else positions
        together = torch.vmap(outputs, in_dims=(0, None if shared else 0))(stacked, at)
    for index, model in enumerate(models):
        alone = model(x, positions=positions[index])
        torch.testing.assert_close(together[index], alone, rtol=1e-12, atol=1e-12)
