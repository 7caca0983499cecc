"""Our recurrences against torch's, one model against a population, and which kernel really ran."""

from collections.abc import Callable
from contextlib import nullcontext

import pytest
import torch
from torch import Tensor
from torch.func import functional_call, stack_module_state
from torch.profiler import ProfilerActivity, profile

from seqbench.ops import library_kernels, scan
from seqbench.ops.backend import kernel_name, uses_library
from seqbench.ops.gru import gru
from seqbench.ops.lstm import lstm
from seqbench.ops.rnn import rnn
from seqbench.spec import Architecture
from tests.architecture_checks import BATCH, CASES, FEATURES, TIME, WIDTH, Case, sequences

OPS: dict[str, tuple[Callable, int, dict]] = {
    "rnn-tanh": (rnn, 1, {"activation": "tanh"}),
    "rnn-relu": (rnn, 1, {"activation": "relu"}),
    "lstm": (lstm, 4, {}),
    "gru-after": (gru, 3, {"reset": "after"}),
    "gru-before": (gru, 3, {"reset": "before"}),
}
MEMBERS = 3


def _inputs(num_gates: int, num_states: int, dtype: torch.dtype) -> list[Tensor]:
    draw = torch.Generator().manual_seed(0)
    G = num_gates * WIDTH
    shapes = [(BATCH, TIME, FEATURES), (G, FEATURES), (G, WIDTH), (G,)] + [(BATCH, WIDTH)] * num_states
    return [torch.randn(shape, generator=draw, dtype=torch.float64).to(dtype).requires_grad_() for shape in shapes]


def _run(name: str, inputs: list[Tensor]) -> list[Tensor]:
    """Outputs, last states and the gradients of all inputs of a loss that reads every output."""
    op, _, options = OPS[name]
    x, *weights = inputs[:4]
    initial = tuple(inputs[4:])
    outputs, last = op(x, *weights, initial if op is lstm else initial[0], **options)
    results = [outputs, *(last if op is lstm else (last,))]
    loss = torch.stack([_loss(r) for r in results]).sum()
    return results + list(torch.autograd.grad(loss, inputs))


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
@pytest.mark.parametrize("name", [name for name in OPS if name != "gru-before"])
def test_our_kernel_and_the_librarys_agree_in_states_and_gradients(
    name: str, dtype: torch.dtype, tolerance: float
) -> None:
    op, num_gates, _ = OPS[name]
    inputs = _inputs(num_gates, 2 if op is lstm else 1, dtype)
    with library_kernels(True):
        theirs = _run(name, inputs)
    with library_kernels(False):
        ours = _run(name, inputs)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", OPS)
def test_gradients_by_all_inputs_and_initial_states_are_those_of_finite_differences(name: str) -> None:
    op, num_gates, options = OPS[name]
    inputs = _inputs(num_gates, 2 if op is lstm else 1, torch.float64)

    def states(x: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
        initial = others[3:] if op is lstm else others[3]
        outputs, last = op(x, *others[:3], initial, **options)
        return (outputs, *last) if op is lstm else (outputs, last)

    with library_kernels(False):
        assert torch.autograd.gradcheck(states, inputs)


@pytest.mark.parametrize("name", OPS)
def test_a_missing_initial_state_is_zero(name: str) -> None:
    op, num_gates, options = OPS[name]
    x, *weights = _inputs(num_gates, 0, torch.float64)
    zero = torch.zeros(BATCH, WIDTH, dtype=torch.float64)
    for library in (True, False):
        with library_kernels(library):
            given = op(x, *weights, (zero, zero) if op is lstm else zero, **options)[0]
            assert torch.equal(op(x, *weights, **options)[0], given)


@pytest.mark.parametrize("name", OPS)
def test_two_halves_with_the_state_handed_on_are_the_whole(name: str) -> None:
    op, num_gates, options = OPS[name]
    x, *weights = _inputs(num_gates, 0, torch.float64)
    for library in (True, False):
        with library_kernels(library):
            whole, last = op(x, *weights, **options)
            first, state = op(x[:, :2], *weights, **options)
            second, end = op(x[:, 2:], *weights, state, **options)
        torch.testing.assert_close(torch.cat([first, second], 1), whole, rtol=1e-13, atol=1e-13)
        torch.testing.assert_close(end, last, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("name", OPS)
def test_the_length_of_a_block_of_steps_changes_no_result(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    op, num_gates, _ = OPS[name]
    inputs = _inputs(num_gates, 2 if op is lstm else 1, torch.float64)
    with library_kernels(False):
        whole = _run(name, inputs)
        for steps in (1, 2, 3):
            monkeypatch.setattr(scan, "BLOCK", 0)
            monkeypatch.setattr(scan, "LEAST_STEPS", steps)
            for a, b in zip(_run(name, inputs), whole, strict=True):
                torch.testing.assert_close(a, b, rtol=1e-13, atol=1e-13)


def test_our_kernels_refuse_to_be_differentiated_twice() -> None:
    inputs = _inputs(3, 0, torch.float64)
    with library_kernels(False):
        outputs = gru(inputs[0], inputs[1], inputs[2], inputs[3])[0]
    (gradient,) = torch.autograd.grad(outputs.pow(2).sum(), inputs[0], create_graph=True)
    with pytest.raises(NotImplementedError, match="differentiated once"):
        gradient.sum().backward()


# --- populations --------------------------------------------------------------------------------------------------


def _members(case: Case, dtype: torch.dtype) -> list[Architecture]:
    models = []
    for seed in range(MEMBERS):
        model = case.build()
        torch.manual_seed(seed)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.3 * torch.randn_like(parameter))
        models.append(model.to(dtype))
    return models


def _loss(outputs: Tensor) -> Tensor:
    weights = torch.linspace(-1, 2, outputs.numel(), dtype=outputs.dtype).view(outputs.shape)
    return (outputs * weights).sum()


def _differences(case: Case, dtype: torch.dtype, library: bool, shared: bool) -> float:
    """Largest difference, relative to the largest number, between a population and its members one by one."""
    models = _members(case, dtype)
    inputs = torch.stack([sequences(dtype) * (1 if shared else 1 + i) for i in range(MEMBERS)])
    stacked, _ = stack_module_state(models)
    x = inputs[0] if shared else inputs

    def one(parameters: dict[str, Tensor], x: Tensor) -> Tensor:
        return _loss(functional_call(models[0], parameters, (x,)))

    with library_kernels(False):
        losses = torch.vmap(one, in_dims=(0, None if shared else 0))(stacked, x)
        losses.sum().backward()
    worst = 0.0
    for index, model in enumerate(models):
        with library_kernels(library):
            loss = _loss(model(inputs[index]))
        loss.backward()
        pairs = [(losses[index].detach(), loss.detach())]
        pairs += [(_gradient(stacked[name])[index], _gradient(p)) for name, p in model.named_parameters()]
        for a, b in pairs:
            worst = max(worst, float((a - b).abs().max() / b.abs().max().clamp(min=1)))
    return worst


def _gradient(parameter: Tensor) -> Tensor:
    assert parameter.grad is not None
    return parameter.grad


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_a_population_is_its_members_one_by_one(name: str, shared: bool) -> None:
    assert _differences(CASES[name], torch.float64, library=False, shared=shared) <= 1e-12
    assert _differences(CASES[name], torch.float32, library=True, shared=shared) <= 1e-5


@pytest.mark.parametrize("name", OPS)
def test_gradients_taken_inside_vmap_are_those_taken_outside(name: str) -> None:
    op, num_gates, options = OPS[name]
    x, *weights = (value.detach() for value in _inputs(num_gates, 0, torch.float64))
    members = [torch.stack([weight * (1 + i) for i in range(MEMBERS)]) for weight in weights]

    def loss(*weights: Tensor) -> Tensor:
        return _loss(op(x, *weights, **options)[0])

    with library_kernels(False):
        inside = torch.vmap(torch.func.grad(loss, argnums=(0, 1, 2)))(*members)
        leaves = [member.clone().requires_grad_() for member in members]
        outside = torch.autograd.grad(torch.vmap(loss)(*leaves).sum(), leaves)
    for a, b in zip(inside, outside, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-13, atol=1e-13)


# --- which kernel ran ---------------------------------------------------------------------------------------------


def test_library_kernels_holds_inside_its_block_only_even_after_an_error() -> None:
    x = torch.zeros(1, 2, 1)
    assert uses_library("lstm", x)
    assert not uses_library("gru", x)
    assert not uses_library("gru", x[:, :1])
    with torch.no_grad():
        assert uses_library("gru", x[:, :1])
        assert not uses_library("gru", x)
    with library_kernels(False):
        assert not uses_library("lstm", x)
        with library_kernels(True):
            assert uses_library("gru", x)
        assert not uses_library("lstm", x)
    with pytest.raises(ZeroDivisionError), library_kernels(False):
        raise ZeroDivisionError
    assert uses_library("lstm", x)


@pytest.mark.parametrize("name", OPS)
@pytest.mark.parametrize("library", [None, True, False])
def test_what_is_named_is_what_runs(name: str, library: bool | None) -> None:
    op, num_gates, options = OPS[name]
    x, *weights = _inputs(num_gates, 0, torch.float32)
    torchs = f"rnn_{options['activation']}" if op is rnn else op.__name__
    ours = op.__name__
    with nullcontext() if library is None else library_kernels(library):
        named = kernel_name(torchs, ours, x)
        with profile(activities=[ProfilerActivity.CPU]) as trace:
            op(x, *weights, **options)
    ran = any(event.name == f"aten::{torchs}" for event in trace.events() or [])
    assert ran is (named.startswith(f"torch.{torchs}") and name != "gru-before")
    assert named.startswith("torch") is (library if library is not None else op is not gru)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_lstm_says_onednn_where_and_only_where_onednn_runs(dtype: torch.dtype) -> None:
    inputs = _inputs(4, 0, dtype)
    with profile(activities=[ProfilerActivity.CPU]) as trace:
        lstm(inputs[0], inputs[1], inputs[2], inputs[3])
    ran = any("mkldnn_rnn_layer" in event.name for event in trace.events() or [])
    assert ran is (kernel_name("lstm", "lstm", inputs[0]) == "torch.lstm (oneDNN)") is (dtype is torch.float32)


def test_switched_off_onednn_is_not_named() -> None:
    x = torch.zeros(1, 2, 1)
    torch._C._set_mkldnn_enabled(False)
    try:
        assert kernel_name("lstm", "lstm", x) == "torch.lstm"
    finally:
        torch._C._set_mkldnn_enabled(True)
    with library_kernels(False):
        assert kernel_name("rnn_tanh", "rnn", x) == "seqbench.ops.rnn"
