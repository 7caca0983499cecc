"""An unfinished training as plain values and arrays, and back: it goes on bitwise as if nothing had happened.

Everything that a later step reads is here: parameters, Adam's moments, the modules' buffers, the random state for
modules that draw in ``forward``, what was measured and judged so far. Batches need no state: they are functions of
their index. A module that keeps what it learns in plain Python attributes cannot be continued; buffers can. Nor is
one reproducible, continued or not, that draws from Python's or NumPy's generators: torch's are those that are seeded.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from seqbench.run import Training

FORMAT = 1
_PER_MEMBER = ("first_met", "num_met", "taken")
_SECONDS = ("train_s", "evaluate_s", "observe_s")

Facts = dict[str, Any]
Arrays = dict[str, np.ndarray]


def capture(training: Training) -> tuple[Facts, Arrays]:
    """What ``restore`` needs: facts for strict JSON, arrays of numbers."""
    adam, step = training.trainer.optimizer, training.step
    tensors = {
        "parameters": training.population.parameters,
        "mean": adam.mean,
        "square": adam.square,
        "history": training.trainer.history[:step],
        "active": training.trainer.active,
        "best_parameters": training.best_parameters,
        **_buffers(training),
        **_random_states(training),
    }
    arrays = {name: _array(tensor) for name, tensor in tensors.items()}
    arrays["best"] = training.best.copy()
    arrays["evaluation_step"] = np.array([at for at, _ in training.curves], np.int64)
    for name in training.curves[0][1] if training.curves else ():
        arrays[f"curve/{name}"] = np.stack([values[name] for _, values in training.curves])
    for index, result in enumerate(training.results):
        arrays |= {f"result/{index}/{name}": values for name, values in result.arrays.items()}
    facts: Facts = {"format": FORMAT, "step": step, "looked": training.looked, "count": adam.count}
    facts |= {name: getattr(training, name) for name in _SECONDS}
    facts |= {name: list(getattr(training, name)) for name in _PER_MEMBER}
    facts["results"] = [[result.status, result.reason, result.axes] for result in training.results]
    return facts, arrays


def restore(training: Training, facts: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Put a training that has just been built where ``capture`` found another of the same cell and seeds.

    Raises:
        KeyError, ValueError, RuntimeError: the checkpoint is of another format or of another model.
    """
    if facts["format"] != FORMAT:
        raise ValueError(f"a checkpoint must have format {FORMAT}; got {facts['format']}")
    trainer, adam, step = training.trainer, training.trainer.optimizer, int(facts["step"])
    targets = {
        "parameters": training.population.parameters,
        "mean": adam.mean,
        "square": adam.square,
        "history": trainer.history[:step],
        "active": trainer.active,
        "best_parameters": training.best_parameters,
        **_buffers(training),
    }
    for name, target in targets.items():
        _copy(target, arrays[name])
    adam.count, training.step, training.looked = int(facts["count"]), step, int(facts["looked"])
    for name in _SECONDS:
        setattr(training, name, float(facts[name]))
    for name in _PER_MEMBER:
        setattr(training, name, list(facts[name]))
    training.best = np.array(arrays["best"])
    names = [name for name in arrays if name.startswith("curve/")]
    training.curves = [
        (int(at), {name.removeprefix("curve/"): arrays[name][row] for name in names})
        for row, at in enumerate(arrays["evaluation_step"])
    ]
    _restore_results(training, facts["results"], arrays)
    _restore_random_states(training, arrays)


def _restore_results(training: Training, told: list[Any], arrays: Mapping[str, np.ndarray]) -> None:
    for index, (status, reason, axes) in enumerate(told):
        found = {name: arrays[f"result/{index}/{name}"] for name in axes}
        named = {name: tuple(axis) for name, axis in axes.items()}
        training.results[index] = replace(
            training.results[index], status=status, reason=reason, arrays=found, axes=named
        )


def _buffers(training: Training) -> dict[str, Tensor]:
    """What modules hold beside trainable parameters, by member and name."""

    def frozen(network: nn.Module) -> dict[str, Tensor]:
        return {
            name: value
            for name, value in (*network.named_buffers(), *network.named_parameters())
            if not value.requires_grad
        }

    members = enumerate(training.population.networks)
    return {f"buffer/{index}/{name}": value for index, member in members for name, value in frozen(member).items()}


def _random_states(training: Training) -> dict[str, Tensor]:
    states = {"random": torch.get_rng_state()}
    device = training.population.device
    return states if device.type != "cuda" else states | {"random_cuda": torch.cuda.get_rng_state(device)}


def _restore_random_states(training: Training, arrays: Mapping[str, np.ndarray]) -> None:
    torch.set_rng_state(torch.from_numpy(arrays["random"].copy()))
    if training.population.device.type == "cuda":
        torch.cuda.set_rng_state(torch.from_numpy(arrays["random_cuda"].copy()), training.population.device)


def _array(tensor: Tensor) -> np.ndarray:
    """The bytes of a tensor, in a type that NumPy has."""
    plain = tensor.detach().cpu()
    plain = plain.view(torch.int16) if plain.dtype == torch.bfloat16 else plain
    return plain.numpy().copy()


@torch.no_grad()
def _copy(target: Tensor, array: np.ndarray) -> None:
    source = torch.from_numpy(np.array(array))
    source = source.view(torch.bfloat16) if target.dtype == torch.bfloat16 else source
    if source.shape != target.shape or source.dtype != target.dtype:
        raise ValueError(
            f"a checkpoint must have the model's shapes; got {tuple(source.shape)} for {tuple(target.shape)}"
        )
    target.copy_(source)
