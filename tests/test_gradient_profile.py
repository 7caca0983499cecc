import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from seqbench.decay import described
from seqbench.instruments.gradient_profile import GradientProfile, gradient_flow, has_states
from seqbench.layers import Network, build_network
from seqbench.models.rnn import RNN
from seqbench.probe import Probe, take
from seqbench.registry import build
from seqbench.spec import Batch, Task
from tests.architecture_checks import CASES
from tests.toys import ADDING, COPY, cell
from tests.unrolled import unrolled

LAGS = [0, 1, 3, 5]
STEP = 1e-3


def double(batch: Batch) -> Batch:
    return batch._make(t.double() if t is not None and t.is_floating_point() else t for t in batch)


def small(name: str, node: dict = COPY) -> tuple[Network, Task, Probe]:
    """One of the architectures at no special values, on a task of few steps, in double precision."""
    task, case = build(node, "task"), CASES[name]
    torch.manual_seed(0)
    body = case.cls(task.input.size, task.length, **{"width": 4} | case.sizes)
    network = Network(body, task.input, task.output.size).double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.4 * torch.randn_like(parameter))
    probe = take(task, 3, torch.device("cpu"))
    return network, task, replace(probe, batch=double(probe.batch), lags=LAGS)


def rms(values: list[float]) -> float:
    return math.sqrt(sum(v**2 for v in values) / len(values))


@pytest.mark.parametrize("name", [name for name in CASES if "relu" not in name])  # no kink may lie within the step
def test_the_input_profile_equals_finite_differences(name: str):
    network, task, probe = small(name)
    profile = gradient_flow(network, task, probe, has_states(network, probe))["input"]
    e = network.embed(probe.batch.inputs)
    each, copies = probe.one_answer_each(), len(probe.answers)

    def losses(moved: Tensor) -> Tensor:
        outputs = network.from_embedded(moved, probe.batch.positions)
        return task.loss(outputs.repeat(copies, 1, 1), each).reshape(copies, -1)  # (answers, batch)

    for answer in range(copies):
        for column, lag in enumerate(LAGS):
            t = int(probe.positions[0, answer]) - lag
            slopes = []
            for feature in range(e.shape[-1]):
                way = torch.zeros_like(e)
                way[:, t, feature] = STEP
                with torch.no_grad():  # fourth order: the error is below 1e-10
                    near = losses(e + way)[answer] - losses(e - way)[answer]
                    far = losses(e + 2 * way)[answer] - losses(e - 2 * way)[answer]
                slopes.append((8 * near - far) / (12 * STEP))
            expected = torch.stack(slopes).norm(dim=0).square().mean().sqrt().item()
            assert profile[answer, column] == pytest.approx(expected, rel=1e-8, abs=1e-9)


@pytest.mark.parametrize("name", CASES)
def test_every_profile_equals_a_loop_of_autograd_over_sequences_and_answers(name: str):
    network, task, probe = small(name)
    found = gradient_flow(network, task, probe, has_states(network, probe))
    recurrent = "transformer" not in name
    assert ("state_jacobian" in found) == recurrent
    for answer in range(len(probe.answers)):
        for column, lag in enumerate(LAGS):
            norms = [one_gradient(network, task, probe, row, answer, lag) for row in range(probe.size)]
            assert found["input"][answer, column] == pytest.approx(rms([n["e"] for n in norms]), rel=1e-8)
            if recurrent and answer == len(probe.answers) - 1:
                for state in norms[0].keys() - {"e"}:
                    expected = rms([n[state] for n in norms])
                    assert found[f"state_{state}"][column] == pytest.approx(expected, rel=1e-8, abs=1e-14)


def one_gradient(network: Network, task: Task, probe: Probe, row: int, answer: int, lag: int) -> dict[str, float]:
    """Norms of the gradients of one answer's loss in one sequence, from the model unrolled step by step."""
    batch = probe.batch._make(None if t is None else t[row : row + 1] for t in probe.batch)
    position = int(batch.positions[0, probe.answers[answer]])
    e = network.embed(batch.inputs).requires_grad_()
    if hasattr(network.body, "layers"):
        outputs, states = unrolled(network.body, e)
    else:
        outputs, states = network.body(e), {}
    alone = torch.zeros_like(batch.weight)
    alone[0, probe.answers[answer]] = 1
    loss = task.loss(network.head(outputs[:, batch.positions[0]]), batch._replace(weight=alone)).sum()
    wanted = {"e": e, **{name: at[position - lag] for name, at in states.items()}}
    found = torch.autograd.grad(loss, list(wanted.values()), materialize_grads=True)
    norms = dict(zip(wanted, found, strict=True))
    norms["e"] = norms["e"][0, position - lag]
    return {name: gradient.norm().item() for name, gradient in norms.items()}


@pytest.mark.parametrize("name", CASES)
def test_single_precision_on_the_kernel_that_trains_agrees_with_double(name: str):
    network, task, probe = small(name)
    exact = gradient_flow(network, task, probe, has_states(network, probe))
    network.float()
    instrument = GradientProfile(3)
    single = take(task, 3, torch.device("cpu"))
    found = gradient_flow(network, task, replace(single, lags=LAGS), has_states(network, probe=single))
    instrument.measure(network, task)
    assert instrument.kernel == CASES[name].default_kernel
    for key, values in found.items():
        assert values.dtype == np.float32
        np.testing.assert_allclose(values, exact[key], rtol=1e-4, atol=1e-8, err_msg=key)


@pytest.mark.parametrize("name", ["rnn", "lstm-deep", "gru-after", "gru-before", "transformer"])
def test_the_projected_jacobian_agrees_with_the_full_one_within_its_error(name: str):
    network, task, probe = small(name)
    many = replace(probe, batch=probe.batch._make(
        None if t is None else t[:1].repeat(4000, *[1] * (t.ndim - 1)) for t in probe.batch))  # fmt: skip
    found = gradient_flow(network, task, many, "transformer" not in name)
    full = full_jacobian(network, probe)
    for kind, exact in full.items():
        error = found[f"{kind}_error"]
        assert (error[1:] < 0.1 * exact[1:] + 1e-12).all()
        np.testing.assert_array_less(np.abs(found[kind] - exact), 4 * error + 1e-9)


def full_jacobian(network: Network, probe: Probe) -> dict[str, np.ndarray]:
    batch, answer = probe.batch, probe.answers[-1]
    e = network.embed(batch.inputs[:1]).requires_grad_()
    position = int(batch.positions[0, answer])
    output = network.at_answers(e, batch.positions[:1])[0, answer]
    rows = torch.stack([torch.autograd.grad(y, e, retain_graph=True)[0][0] for y in output])  # (width, time, features)
    sizes = rows.square().sum((0, 2)) / network.width
    found = {"output_jacobian": sizes[[position - lag for lag in LAGS]].sqrt().numpy()}
    if hasattr(network.body, "layers"):
        _, states = unrolled(network.body, e)
        last = torch.cat([at[position] for at in states.values()], 1)[0]
        squares = []
        for lag in LAGS:
            before = [at[position - lag] for at in states.values()]
            grads = [torch.autograd.grad(s, before, retain_graph=True, materialize_grads=True) for s in last]
            squares.append(sum(g.square().sum().item() for row in grads for g in row) / len(last))
        found["state_jacobian"] = np.sqrt(squares)
    return found


def linear_rnn(rate: float, length: int = 40, width: int = 16) -> tuple[Network, Task]:
    """A tanh RNN with W = rate * Q, Q orthogonal, whose inputs are so small that tanh is the identity."""
    task = build(ADDING | {"length": length}, "task")
    torch.manual_seed(0)
    body = RNN(width, length, width=width)
    layer = next(iter(body.layers))
    with torch.no_grad():
        torch.nn.init.orthogonal_(layer.weight_hidden).mul_(rate)
        torch.nn.init.orthogonal_(layer.weight_input)
        layer.bias.zero_()
        network = Network(body, task.input, 1, "learned", width)
        assert network.embed.linear is not None
        network.embed.linear.bias.zero_()
        network.embed.linear.weight.mul_(1e-3 / max(rate, 1.0) ** length)
    return network, task


@pytest.mark.parametrize("profile", ["input", "state_h1", "output_jacobian", "state_jacobian"])
def test_the_decay_length_of_nine_tenths_of_a_rotation_is_that_of_nine_tenths(profile: str):
    network, task = linear_rnn(0.9)
    instrument = GradientProfile(8)
    measured = {name: values for name, (_, values) in instrument.measure(network, task).items()}
    found = instrument.summary(measured | {"step": np.array([0])}, network)["end"][profile]
    assert found["decay_length"] == pytest.approx(-1 / math.log(0.9), rel=0.01)
    low, high = found["decay_interval"]
    assert low <= found["decay_length"] <= high < 10


@pytest.mark.parametrize(("rate", "verdict"), [(0.5, "vanishing"), (1.0, "healthy"), (1.5, "exploding")])
def test_verdicts_on_rotations_that_shrink_keep_and_grow(rate: float, verdict: str):
    network, task = linear_rnn(rate)
    instrument = GradientProfile(8)
    measured = {name: values for name, (_, values) in instrument.measure(network, task).items()}
    found = instrument.summary(measured | {"step": np.array([0])}, network)
    assert found["verdict"] == verdict
    for profile in ("input", "state_h1", "output_jacobian", "state_jacobian"):
        assert found["end"][profile]["verdict"] == verdict
        assert found["end"][profile]["change_decades"] == pytest.approx(39 * math.log10(rate), abs=0.1)


def test_measuring_leaves_parameters_gradients_buffers_modes_and_random_state_alone():
    task = build(ADDING, "task")
    network = build_network(cell("Mean").model, task, ("tests",), 0)
    network.register_buffer("calls", torch.ones(()))
    network.body.register_forward_pre_hook(lambda *_: network.get_buffer("calls").mul_(2) and None)
    network.head.eval()
    for parameter in network.parameters():
        parameter.grad = torch.full_like(parameter, 7.0)
    before, state = [p.clone() for p in network.parameters()], torch.get_rng_state()
    GradientProfile(4).measure(network, task)
    assert all(torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))
    assert all((p.grad == 7.0).all() for p in network.parameters())
    assert torch.equal(state, torch.get_rng_state())
    assert network.get_buffer("calls") == 1
    assert network.training
    assert not network.head.training


def test_steps_before_the_sequence_and_answers_that_do_not_count_are_nan():
    network, task, probe = small("gru-after", ADDING)
    moved = probe.batch._replace(positions=torch.full_like(probe.batch.positions, 2))
    found = gradient_flow(network, task, replace(probe, batch=moved), True)
    assert np.isfinite(found["input"][0, :2]).all()
    assert np.isnan(found["input"][0, 2:]).all()
    assert np.isnan(found["state_jacobian"][2:]).all()


def test_answers_at_different_steps_in_different_sequences_have_their_own_lags():
    network, task, probe = small("gru-after", ADDING)
    moved = probe.batch._replace(positions=torch.tensor([[5], [3], [4]]))
    probe = replace(probe, batch=moved, lags=[0, 2])
    found = gradient_flow(network, task, probe, True)
    for column, lag in enumerate([0, 2]):
        norms = [one_gradient(network, task, probe, row, 0, lag) for row in range(3)]
        assert found["input"][0, column] == pytest.approx(rms([n["e"] for n in norms]), rel=1e-8)
        assert found["state_h1"][column] == pytest.approx(rms([n["h1"] for n in norms]), rel=1e-8)


def test_gradients_too_small_to_square_in_single_precision_are_still_measured():
    network, task = linear_rnn(0.1)
    measured = GradientProfile(2).measure(network, task)
    lags, values = measured["state_lag"][1], measured["state_h1"][1][0]
    kept = values > 1e-36
    assert values[kept].min() < 1e-25  # its square, 1e-50, is zero in single precision
    np.testing.assert_allclose(np.diff(np.log10(values[kept])), -np.diff(lags[kept]), atol=1e-3)


def test_lags_lost_in_single_precision_are_counted_by_the_steps_they_stand_for():
    lags = np.array([0, 1, 2, 3, 4, 8, 16])
    found = described(lags, np.where(lags < 8, 1.0, 1e-8), 17)
    assert found["below_resolution"] == pytest.approx((6 + 4.5) / 17)
