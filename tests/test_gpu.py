"""What only a GPU can show; skipped, and named at the end of the run, where there is none."""

import numpy as np
import pytest
import torch

from seqbench.config import compose
from seqbench.evaluate import evaluate
from seqbench.schema import Cell
from seqbench.sweep.cell import build_population, build_task, build_trainer, instruments

MODELS = ("rnn", "lstm", "gru", "attention", "transformer")


def on(device: str, model: str) -> Cell:
    (made,) = compose(["task=adding_problem", "task.length=20", f"model={model}", f"device={device}"]).cells
    return made


@pytest.mark.gpu
@pytest.mark.parametrize("model", MODELS)
def test_initial_scores_on_a_gpu_agree_with_the_cpu(model: str):
    found = []
    for device in ("cpu", "cuda"):
        made = on(device, model)
        task = build_task(made)
        # the validation set and the initial parameters are drawn on the CPU: both devices see the same
        found.append(evaluate(build_population(made, task, (0,)), task.examples("validation", 256, device))["mse"][0])
    assert found[1] == pytest.approx(found[0], rel=1e-4)


@pytest.mark.gpu
@pytest.mark.parametrize("model", MODELS)
def test_a_population_of_three_trains_on_a_gpu(model: str):
    made = on("cuda", model)
    trainer = build_trainer(made, build_task(made), (0, 1, 2))
    for index in range(5):
        trainer.step(index)
    assert torch.isfinite(trainer.history[:5]).all()


@pytest.mark.gpu
@pytest.mark.parametrize("model", MODELS)
def test_gradients_seen_on_a_gpu_agree_with_the_cpu(model: str):
    found = []
    for device in ("cpu", "cuda"):
        made = on(device, model)
        task = build_task(made)
        network = build_population(made, task, (0,)).member(0)
        seen = {}
        for instrument in instruments(made):
            measured = instrument.measure(network, task)
            seen |= {f"{instrument.name}/{name}": values for name, (_, values) in measured.items()}
        found.append(seen)
    assert set(found[0]) == set(found[1])
    for name, values in found[0].items():
        if values.dtype.kind == "f":
            np.testing.assert_allclose(found[1][name], values, rtol=1e-2, atol=1e-6, err_msg=name)
