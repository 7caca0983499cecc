import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from seqbench.config import compose
from seqbench.derived import derived, packed
from seqbench.observation import add, observe
from seqbench.run import Result, Training
from seqbench.schema import Cell, Solved
from seqbench.sweep.cell import build_task, build_trainer, instruments
from tests.architecture_checks import CASES
from tests.toys import COPY, cell, train


def trained(
    made: Cell, observed: bool = True, seeds: tuple[int, ...] = (0,), solved: Solved | None = None
) -> list[Result]:
    task = build_task(made)
    task.solved = solved or task.solved
    torch.manual_seed(3)
    return Training(build_trainer(made, task, seeds), instruments(made) if observed else ()).run()


def of_architecture(name: str, **changes: object) -> Cell:
    case = CASES[name]
    model = {"target": f"{case.cls.__module__}:{case.cls.__name__}", "version": 1, "learning_rate": 0.01}
    node = model | {"embed": "direct", "embed_size": None, "width": 4} | case.sizes
    return replace(cell(**changes), model=node, task=COPY)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", CASES)
def test_training_with_and_without_instruments_is_bitwise_equal(name: str):
    made = of_architecture(name)
    (watched,), (alone,) = trained(made), trained(made, observed=False)
    assert {"gradient_profile", "parameter_norms", "saliency"} <= set(json.loads(str(watched.arrays["derived"])))
    assert json.loads(str(alone.arrays["derived"])) == {}
    assert [name for name in alone.arrays if "/" in name and not name.startswith("validation/")] == []
    for key in ("losses_sha256", "parameters_sha256", "test", "validation"):
        assert watched.summary[key] == alone.summary[key]


def test_modules_that_count_their_calls_in_a_buffer_and_draw_in_forward_are_not_disturbed():
    toy = cell("Mean")
    made = replace(toy, model={**toy.model, "target": "tests.test_checkpoint:Noisy"})
    (watched,), (alone,) = trained(made), trained(made, observed=False)
    assert watched.summary["parameters_sha256"] == alone.summary["parameters_sha256"]


def test_records_lie_a_factor_of_two_apart_from_the_first_step_to_the_last():
    (result,) = trained(cell(budget=700, train=train(evaluate_every=100)))
    assert result.arrays["gradient_profile/step"].tolist() == [0, 300, 600, 700]
    assert result.arrays["gradient_profile/input"].shape[0] == 4
    assert result.axes["gradient_profile/input"] == ("observation", "answer", "lag")
    assert derived(result.arrays, "gradient_profile")["last_step"] == 700


def test_a_short_run_is_observed_before_and_after_training_alone():
    (result,) = trained(cell(budget=250, train=train(evaluate_every=50)))
    assert result.arrays["gradient_profile/step"].tolist() == [0, 250]


def test_the_shortest_run_of_the_reference_study_is_observed_through_three_hundredths_of_its_sequences_at_most():
    (made,) = compose(["task=long/copy_15", "model=transformer", "device=cpu"]).cells
    task, rows, steps = build_task(made), [], 75
    network = build_trainer(made, task, (0,)).population.member(0)
    network.body.register_forward_pre_hook(lambda _, given: rows.append(len(given[0])))
    arrays: dict[str, np.ndarray] = {}
    looking = instruments(made)
    observe(looking, network, task, "start", 0, arrays, {})
    observe(looking, network, task, "end", steps, arrays, {})
    assert arrays["gradient_profile/step"].tolist() == [0, steps]
    assert "saliency/by_lag" in arrays
    assert 0 < sum(rows) <= 0.03 * steps * made.train.batch_size


def test_a_member_that_is_done_is_observed_once_more_at_its_own_last_step():
    (result, _) = trained(cell(budget=60), seeds=(0, 1), solved=Solved(metric="mse", threshold=1e9))
    assert result.summary["steps"] == 15
    assert result.arrays["gradient_profile/step"].tolist() == [0, 15]


def test_a_member_that_diverged_is_not_observed_after_that():
    (result,) = trained(cell("Exploding", budget=20))
    assert result.status == "diverged"
    assert result.arrays["gradient_profile/step"].tolist() == [0]
    assert derived(result.arrays, "gradient_profile")["last_step"] == 0
    assert len(result.arrays["weight_norm"]) == len(result.arrays["evaluation_step"])


def test_the_update_to_weight_ratio_stands_beside_the_weights_of_every_evaluation():
    (result,) = trained(cell(budget=20))
    at = result.arrays["evaluation_step"] - 1
    ratios = result.arrays["update_norm"][at] / result.arrays["weight_norm"]
    assert result.summary["update_to_weight_median"] == pytest.approx(np.median(ratios))
    assert 0 < np.median(ratios) < 0.1


def test_only_axes_of_moments_grow():
    arrays, axes = {}, {}
    for value in (1, 2):
        add(arrays, axes, "a", ("observation", "lag"), np.full((1, 2), value))
        add(arrays, axes, "b", ("lag",), np.full(2, value))
    assert arrays["a"].tolist() == [[1, 1], [2, 2]]
    assert arrays["b"].tolist() == [2, 2]


def test_what_an_instrument_derives_comes_back_from_the_array_and_is_strict_json():
    found = {"b": {"share": np.float32(0.5), "verdict": "h\u00e9althy", "none": None}, "a": {"list": [1, 2.5]}}
    arrays = {"derived": packed(found)}
    assert arrays["derived"].shape == ()
    assert derived(arrays, "b") == {"share": 0.5, "verdict": "h\u00e9althy", "none": None}
    assert derived(arrays, "a") == {"list": [1, 2.5]}
    assert derived(arrays, "c") == {}


@pytest.mark.parametrize("odd", [float("nan"), np.float64("inf"), object(), np.zeros(2), {1, 2}])
def test_instrument_that_derives_something_else_is_named(odd: object):
    with pytest.raises(ValueError, match=r"must be finite numbers.*mine gave something else"):
        packed({"mine": {"value": odd}})


@pytest.mark.parametrize("text", ["", "[]", "{", "3", '{"a": 3}', "[" * 100_000])
def test_text_that_is_not_what_instruments_derive_counts_as_none(text: str):
    assert derived({"derived": np.array(text)}, "a") == {}
