import pytest
import torch

from seqbench.ops import library_kernels, observing
from tests.architecture_checks import CASES, TIME, sequences
from tests.unrolled import unrolled

RECURRENT = [name for name, case in CASES.items() if case.cls.__name__ != "Transformer"]


@pytest.mark.parametrize("library", [True, False], ids=["library", "ours"])
@pytest.mark.parametrize("cuts", [range(TIME), [1, 3], [TIME - 1]], ids=["every step", "some", "the last"])
@pytest.mark.parametrize("name", RECURRENT)
def test_the_gradient_of_an_observed_state_is_the_total_derivative(name: str, cuts: list[int], library: bool):
    model, x = CASES[name].build(), sequences()
    outputs, states = unrolled(model, x)
    weight = torch.randn(outputs.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    expected = {
        state: torch.autograd.grad((outputs * weight).sum(), at, retain_graph=True, materialize_grads=True)
        for state, at in states.items()
    }
    with library_kernels(library), observing(cuts) as seen:
        found = model(x)
    torch.testing.assert_close(found, outputs, rtol=0, atol=1e-12)
    assert list(seen.states) == list(states)
    for state, at in seen.states.items():
        gradients = torch.autograd.grad((found * weight).sum(), at, retain_graph=True, materialize_grads=True)
        for cut, gradient in zip(cuts, gradients, strict=True):
            assert (gradient - expected[state][cut]).abs().max() <= 1e-10


def test_a_gradient_kept_on_the_output_is_only_the_direct_term():
    model, x = CASES["gru-after"].build(), sequences()
    outputs = model(x)
    outputs.retain_grad()
    outputs[:, -1].sum().backward()
    with observing([1]) as seen:
        found = model(x)
    (total,) = torch.autograd.grad(found[:, -1].sum(), seen.states["h1"][0])
    assert outputs.grad is not None
    assert (outputs.grad[:, 1] == 0).all()
    assert total.abs().max() > 1e-3


@pytest.mark.parametrize("name", CASES)
def test_observing_changes_no_output_and_names_the_kernel_that_trains(name: str):
    case = CASES[name]
    model, x = case.build().float(), sequences(torch.float32)
    alone = model(x)
    with observing([2], attention=True, gates=True):
        watched = model(x)
    torch.testing.assert_close(watched, alone, rtol=1e-5, atol=1e-6)
    assert model.kernel == case.default_kernel


def test_a_sequence_that_ends_before_the_last_cut_is_not_observed():
    model = CASES["gru-after"].build()
    with observing([TIME]) as seen:
        model(sequences())
    assert seen.states == {}


@pytest.mark.parametrize("name", [name for name in RECURRENT if name.split("-")[0] in ("gru", "lstm")])
def test_the_gates_are_those_of_the_equations(name: str):
    model, x = CASES[name].build(), sequences()
    with observing(gates=True) as seen:
        outputs = model(x)
    last, hidden = seen.gates[-1], outputs
    if "lstm" in name:
        _, states = unrolled(model, x)
        c = torch.stack(states[f"c{len(seen.gates)}"], 1)
        torch.testing.assert_close(last["output"] * torch.tanh(c), hidden)
    else:
        past = torch.cat([torch.zeros_like(hidden[:, :1]), hidden[:, :-1]], 1)
        candidate = (hidden - last["keep"] * past) / (1 - last["keep"])
        assert candidate.abs().max() <= 1  # a tanh: an openness that is not u would leave it
    assert all(((gate > 0) & (gate < 1)).all() for gates in seen.gates for gate in gates.values())


@pytest.mark.parametrize("name", [name for name in CASES if name.split("-")[0] in ("attention", "transformer")])
def test_attention_weights_sum_to_one_over_what_is_seen(name: str):
    with observing(attention=True) as seen, torch.no_grad():
        CASES[name].build()(sequences())
    for weights in seen.attention:
        torch.testing.assert_close(weights.sum(-1), torch.ones_like(weights[..., 0]))
        assert (weights.triu(1) == 0).all()
