"""The rules that hold for every architecture and every option."""

from pathlib import Path
from typing import Any, cast

import pytest
import torch
from omegaconf import OmegaConf

from seqbench.registry import arguments, build
from seqbench.schema import UsageError
from seqbench.spec import Architecture
from tests.architecture_checks import CASES, CHECKS, FEATURES, TIME

MODELS = ("rnn", "lstm", "gru", "attention", "transformer")
CONF = Path(__file__).parents[1] / "conf" / "model"


@pytest.mark.parametrize("rule", CHECKS)
@pytest.mark.parametrize("name", CASES)
def test_architecture_keeps_the_rule(name: str, rule: str) -> None:
    case = CASES[name]
    CHECKS[rule](case.build(), case)


@pytest.mark.parametrize("name", MODELS)
def test_configuration_names_every_size_and_builds(name: str) -> None:
    node = cast(dict[str, Any], OmegaConf.to_container(OmegaConf.load(CONF / f"{name}.yaml")))
    model = build(node, "model", input_size=FEATURES, length=TIME)
    assert isinstance(model, Architecture)
    assert model.width == 64
    assert model(torch.zeros(2, TIME, FEATURES)).shape == (2, TIME, 64)
    defaults = set(type(model).__init__.__annotations__) - {"input_size", "length", "return"}
    assert set(arguments(node, "model")) == defaults


@pytest.mark.parametrize(
    ("name", "size", "value", "rule"),
    [
        ("rnn", "width", 0, "model.width must be a whole number of at least 1; got 0."),
        ("rnn", "depth", -1, "model.depth must be a whole number of at least 1; got -1."),
        ("rnn", "activation", "sine", "model.activation must be tanh or relu; got 'sine'."),
        ("rnn", "init", "zero", "model.init must be default or identity; got 'zero'."),
        ("lstm", "width", 0, "model.width must be a whole number of at least 1; got 0."),
        ("lstm", "depth", 0, "model.depth must be a whole number of at least 1; got 0."),
        ("gru", "width", -4, "model.width must be a whole number of at least 1; got -4."),
        ("gru", "reset", "never", "model.reset must be before or after; got 'never'."),
        ("attention", "attention_width", 0, "model.attention_width must be a whole number of at least 1; got 0."),
        ("attention", "score", "cosine", "model.score must be dot or additive; got 'cosine'."),
        ("attention", "reset", "never", "model.reset must be before or after; got 'never'."),
        ("transformer", "heads", 3, "model.heads must be a divisor of model.width=4; got 3."),
        ("transformer", "heads", 0, "model.heads must be a whole number of at least 1; got 0."),
        ("transformer", "depth", 0, "model.depth must be a whole number of at least 1; got 0."),
        ("transformer", "mlp_ratio", -1, "model.mlp_ratio must be 0, or at least 1/width; got -1."),
        ("transformer", "mlp_ratio", 0.1, "model.mlp_ratio must be 0, or at least 1/width; got 0.1."),
        ("transformer", "position", "x", "model.position must be sinusoidal or learned or rope or none; got 'x'."),
    ],
)
def test_a_size_that_makes_no_sense_is_named(name: str, size: str, value: object, rule: str) -> None:
    node = {"target": f"seqbench.models.{name}:{CASES_BY_MODEL[name]}", "width": 4, size: value}
    with pytest.raises(UsageError) as error:
        build(node, "model", input_size=FEATURES, length=TIME)
    assert str(error.value) == rule


CASES_BY_MODEL = {case.cls.__name__.lower(): case.cls.__name__ for case in CASES.values()}
