import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from seqbench.derived import derived
from seqbench.instruments.attention_maps import AttentionMaps, attention_by_lag
from seqbench.instruments.gates import Gates
from seqbench.instruments.parameter_norms import ParameterNorms, groups
from seqbench.instruments.saliency import Saliency, saliency
from seqbench.layers import Network
from seqbench.models.gru import GRU
from seqbench.models.lstm import LSTM
from seqbench.probe import Probe, at_lags, share_at_lag, take
from seqbench.registry import build
from seqbench.run import Result, Training
from seqbench.schema import Cell
from seqbench.spec import Instrument, Task
from seqbench.sweep.cell import build_task, build_trainer, instruments
from tests.architecture_checks import CASES
from tests.toys import COPY, cell, train

ATTENDING = [name for name in CASES if name.split("-")[0] in ("attention", "transformer")]


def small(name: str) -> tuple[Network, Task, Probe]:
    task, case = build(COPY, "task"), CASES[name]
    torch.manual_seed(0)
    network = Network(case.cls(10, task.length, **{"width": 4} | case.sizes), task.input, task.output.size)
    return network, task, take(task, 3, torch.device("cpu"))


def measured(instrument: Instrument, network: Network, task: Task) -> dict[str, np.ndarray]:
    return {name: values for name, (_, values) in instrument.measure(network, task).items()}


def solved(model: dict, task: dict) -> Result:
    """A run of copy memory that is trained until it is solved."""
    node = {"version": 1, "embed": "direct", "embed_size": None, "learning_rate": 0.01, **model}
    made: Cell = replace(
        cell(budget=2000, train=train(batch_size=32, evaluate_every=25, evaluate_batch=256)),
        model=node,
        task=COPY | {"budget": 2000} | task,
    )
    with torch.random.fork_rng(devices=[]):
        (result,) = Training(build_trainer(made, build_task(made), (0,)), instruments(made)).run()
    assert result.summary["solved"]
    return result


def test_a_transformer_that_solved_copy_memory_attends_and_is_sensitive_to_the_step_that_matters():
    model = {"target": "seqbench.models.transformer:Transformer", "width": 32, "depth": 2, "heads": 2}
    result = solved(model, {"delay": 5, "num_symbols": 3, "alphabet": 4})
    assert derived(result.arrays, "attention_maps")["share_at_lag"] >= 0.9
    assert derived(result.arrays, "saliency")["share_at_lag"] >= 0.9
    assert set(result.arrays["saliency/by_lag"].argmax(-1)) == {8}  # M + T


def test_a_gru_with_attention_that_solved_copy_memory_attends_to_the_step_that_matters():
    model = {"target": "seqbench.models.attention:Attention", "width": 32}
    result = solved(model, {"delay": 15, "num_symbols": 5})
    assert derived(result.arrays, "attention_maps")["share_at_lag"] >= 0.9
    lags = result.arrays["attention_maps/by_lag"][0].argmax(-1)
    assert (np.abs(lags - 20) <= 1).mean() >= 0.9


class Delay(nn.Module):
    """Each output is the input ``lag`` steps before it."""

    lag = 6
    width = 10

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        return self.scale * nn.functional.pad(x, (0, 0, self.lag, 0))[:, : x.shape[1]]


@pytest.mark.parametrize(("lag", "share"), [(6, 1.0), (5, 1.0), (4, 0.0), (0, 0.0)])
def test_the_saliency_of_a_delay_line_is_at_its_delay_and_nowhere_else(lag: int, share: float):
    task = build(COPY, "task")  # two symbols, a delay of four: the evidence lies six steps back
    body = Delay()
    body.lag = lag
    network = Network(body, task.input, task.output.size)
    instrument = Saliency(4)
    found = measured(instrument, network, task)
    assert set(found["largest_lag"].ravel()) == {lag}
    assert (found["by_lag"] > 0).sum(-1).tolist() == [1, 1]
    assert instrument.summary(found, network)["share_at_lag"] == share


@pytest.mark.parametrize("name", CASES)
def test_saliency_equals_a_loop_over_sequences_and_answers(name: str):
    network, task, probe = small(name)
    network.double()
    found = saliency(network, task, probe)
    for row in range(probe.size):
        for number, answer in enumerate(probe.answers):
            e = network.embed(probe.batch.inputs[row : row + 1]).requires_grad_()
            logits = network.from_embedded(e, probe.batch.positions[row : row + 1])[0, answer]
            score = logits[probe.batch.targets[row, answer]] - logits.mean()
            norms = torch.autograd.grad(score, e)[0][0].norm(dim=-1)
            position = int(probe.positions[row, number])
            torch.testing.assert_close(found[row, number, : position + 1], norms[: position + 1].flip(0))
            assert (found[row, number, position + 1 :] == 0).all()


def test_a_lag_counts_within_one_step_and_only_where_memory_is_asked_for():
    found, wanted = torch.tensor([[6, 7, 3, 0]]), torch.tensor([[6, 6, 6, 0]])
    every = torch.ones(1, 4, dtype=torch.bool)
    assert share_at_lag(found, wanted, every) == pytest.approx(2 / 3)
    assert share_at_lag(found, wanted, torch.tensor([[True, False, False, True]])) == 1.0
    assert share_at_lag(found, torch.zeros_like(wanted), every) is None
    assert share_at_lag(found, None, every) is None


@pytest.mark.parametrize("name", ATTENDING)
def test_attention_by_lag_keeps_every_weight(name: str):
    network, _, probe = small(name)
    layers = attention_by_lag(network, probe)
    for layer in layers:
        torch.testing.assert_close(layer.sum(-1), torch.ones_like(layer[..., 0]))
        if name.startswith("attention"):
            assert (layer[..., 0] == 0).all()  # a step attends to what came before it


@pytest.mark.parametrize(("first", "lag"), [(0, 3), (-1, 4)])
def test_the_first_key_is_as_far_back_as_the_architecture_says(first: int, lag: int):
    values = torch.zeros(1, 1, 6)
    values[..., 0] = 1.0
    assert at_lags(values, torch.tensor([[3]]), first)[0, 0].argmax() == lag


def test_there_are_no_maps_without_attention_and_no_gates_without_a_gated_recurrence():
    network, task, _ = small("rnn")
    assert AttentionMaps(2).measure(network, task) == {}
    assert Gates(2).measure(network, task) == {}


@pytest.mark.parametrize(("cls", "gate", "offset"), [(LSTM, "forget", 8), (GRU, "keep", 8)])
def test_the_time_constant_of_a_constant_gate_is_its_own(cls: type, gate: str, offset: int):
    task = build(COPY, "task")
    body = cls(10, task.length, width=8)
    with torch.no_grad():
        for parameter in body.parameters():
            parameter.zero_()
        bias = next(iter(body.layers)).bias
        bias[offset : offset + 8] = math.log(9)  # the second gate: sigmoid 0.9
    network = Network(body, task.input, task.output.size)
    instrument = Gates(4)
    found = measured(instrument, network, task)
    np.testing.assert_allclose(found[f"{gate}1_by_unit"], 0.9, rtol=1e-6)
    np.testing.assert_allclose(found[f"{gate}1_by_step"], 0.9, rtol=1e-6)
    np.testing.assert_allclose(found["time_constant1"], -1 / math.log(0.9), rtol=1e-5)
    summary = instrument.summary(found, network)
    assert summary["openness"][f"{gate}1"] == pytest.approx(0.9)
    assert summary["time_constant1"]["median"] == pytest.approx(9.49, abs=0.01)


def test_the_time_constant_of_a_gate_that_never_closes_is_infinite():
    task = build(COPY, "task")
    body = LSTM(10, task.length, width=8, forget_bias=100.0)
    network, instrument = Network(body, task.input, task.output.size), Gates(4)
    found = measured(instrument, network, task)
    assert found["time_constant1"].tolist() == [math.inf] * 8
    assert instrument.summary(found, network)["time_constant1"] == {"median": None, "longest": None}


def test_norms_of_the_groups_add_up_to_those_of_the_network():
    network, task, probe = small("lstm-deep")
    found = measured(ParameterNorms(3), network, task)
    task.loss(network(probe.batch), probe.batch).mean().backward()
    gradient = torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None])
    weight = torch.cat([p.detach().flatten() for p in network.parameters()])
    assert np.sqrt((found["gradient"] ** 2).sum()) == pytest.approx(gradient.norm().item(), rel=1e-5)
    assert np.sqrt((found["weight"] ** 2).sum()) == pytest.approx(weight.norm().item(), rel=1e-5)
    names = list(dict.fromkeys(groups(network)))
    assert found["gradient"].shape == (1, len(names))
    assert found["gradient"][0, names.index("head")] == pytest.approx(
        torch.cat([p.grad.flatten() for p in network.head.parameters() if p.grad is not None]).norm().item(), rel=1e-5
    )


def test_groups_are_tensors_and_linear_maps_with_their_bias():
    assert list(dict.fromkeys(groups(small("lstm")[0]))) == [
        "body.layers.0.weight_input",
        "body.layers.0.weight_hidden",
        "body.layers.0.bias",
        "head",
    ]
