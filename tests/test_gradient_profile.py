import numpy as np
import pytest
import torch

from seqbench.instruments.gradient_profile import GradientProfile, gradient_profile
from seqbench.layers import Network, build_network
from seqbench.registry import build
from seqbench.spec import Task
from tests.toys import ADDING, cell


def network_and_task(model: str = "Mean", length: int = 6) -> tuple[Network, Task]:
    task = build(ADDING | {"length": length}, "task")
    return build_network(cell(model).model, task, ("tests",), 0), task


def test_the_profile_equals_finite_differences():
    network, task = network_and_task()
    network.double()
    batch = task.batch("train", 0, 3, 0, "cpu")
    batch = batch._replace(inputs=batch.inputs.double(), targets=batch.targets.double(), weight=batch.weight.double())
    lags = [0, 2, 5]
    profile = gradient_profile(network, task, batch, [0], lags)[0]
    for column, lag in enumerate(lags):
        squares = []
        for sample in range(3):
            slopes = []
            for feature in range(2):
                values = []
                for sign in (1e-6, -1e-6):
                    moved = batch.inputs.clone()
                    moved[sample, 5 - lag, feature] += sign
                    outputs = network.from_embedded(moved, batch.positions)
                    values.append(task.loss(outputs, batch)[sample].item())
                slopes.append((values[0] - values[1]) / 2e-6)
            squares.append(np.square(slopes).sum())
        assert profile[column] == pytest.approx(np.sqrt(np.mean(squares)), rel=1e-6)


@pytest.mark.parametrize("rate", [0.5, 0.9, 1.0])
def test_a_linear_recurrence_decays_at_its_own_rate(rate: float):
    class Decay(torch.nn.Module):
        """h_t = rate * h_(t-1) + x_t, so d h_T / d x_(T-k) = rate^k."""

        width = 2

        def __init__(self) -> None:
            super().__init__()
            self.scale = torch.nn.Parameter(torch.ones(()))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            h, states = torch.zeros_like(x[:, 0]), []
            for x_t in x.unbind(1):
                h = rate * h + self.scale * x_t
                states.append(h)
            return torch.stack(states, 1)

    task = build(ADDING | {"length": 20}, "task")
    measured = GradientProfile(4).measure(Network(Decay(), task.input, 1), task, "start")
    profile, lags = measured["profile_start"][1][0], measured["profile_lag"][1]
    np.testing.assert_allclose(profile / profile[0], rate**lags, rtol=1e-4)


def test_measuring_leaves_parameters_gradients_and_random_state_alone():
    network, task = network_and_task()
    for parameter in network.parameters():
        parameter.grad = torch.full_like(parameter, 7.0)
    before, state = [p.clone() for p in network.parameters()], torch.get_rng_state()
    GradientProfile(4).measure(network, task, "start")
    assert all(torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))
    assert all((p.grad == 7.0).all() for p in network.parameters())
    assert torch.equal(state, torch.get_rng_state())
    assert network.training


def test_steps_before_the_sequence_are_nan():
    network, task = network_and_task()
    batch = next(iter(task.examples("validation", 2, "cpu")))
    batch = batch._replace(positions=torch.full_like(batch.positions, 2))
    profile = gradient_profile(network, task, batch, [0], [0, 2, 3])
    assert np.isfinite(profile[0, :2]).all()
    assert np.isnan(profile[0, 2])
