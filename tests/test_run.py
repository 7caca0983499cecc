from dataclasses import replace

import numpy as np
import pytest
import torch

from seqbench.run import Result, Training
from seqbench.schedule import evaluation_steps
from seqbench.schema import Cell, Solved
from seqbench.sweep.cell import build_task, build_trainer
from tests.toys import cell


def trained(made: Cell, seeds: tuple[int, ...] = (0,), solved: Solved | None = None, **options: object) -> list[Result]:
    task = build_task(made)
    if solved:
        task.solved = solved
    return Training(build_trainer(made, task, seeds), **options).run()  # type: ignore[arg-type]


def test_a_run_has_a_score_curves_and_the_raw_steps():
    (result,) = trained(cell("Mean"))
    assert result.status == "completed"
    assert result.summary["steps"] == result.summary["budget"] == 10
    assert result.arrays["evaluation_step"].tolist() == [5, 10]
    assert result.arrays["step"].tolist() == list(range(1, 11))
    assert result.summary["score"] == pytest.approx(result.summary["test"]["mse"])
    assert result.summary["skill"] == pytest.approx(1 - 6 * result.summary["test"]["mse"], abs=1e-6)
    assert set(result.axes) == set(result.arrays)


def test_solved_needs_three_evaluations_in_a_row_and_stops_early():
    (result,) = trained(cell("Mean", budget=100), solved=Solved(metric="mse", threshold=1e9))
    assert result.summary["solved"] is True
    assert (result.summary["steps_to_solve"], result.summary["steps"]) == (5, 15)


def test_two_evaluations_are_not_enough():
    (result,) = trained(cell("Mean", budget=10), solved=Solved(metric="mse", threshold=1e9))
    assert result.summary["solved"] is False
    assert result.summary["steps_to_solve"] is None


def test_a_crossing_that_falls_back_starts_the_count_again():
    made = cell("Mean", budget=30)
    task = build_task(made)
    task.solved = Solved(metric="mse", threshold=0.5)
    training = Training(build_trainer(made, task, (0,)))
    for step, mse in zip((5, 10, 15, 20, 25), (0.1, 0.1, 0.9, 0.1, 0.1), strict=True):
        training._judge(0, step, {"mse": mse})
    assert (training.num_met[0], training.first_met[0]) == (2, 20)
    training._judge(0, 30, {"mse": 0.1})
    assert (training.first_met[0], bool(training.trainer.active[0])) == (20, False)


def test_an_infinite_loss_is_a_divergence_with_its_step():
    (result,) = trained(cell("Exploding"))
    assert result.status == "diverged"
    assert "at step 4; last finite loss" in (result.reason or "")
    assert result.summary["solved"] is False
    assert (result.summary["score"], result.summary["skill"]) == (None, None)


def test_an_update_that_is_not_finite_is_a_divergence_too():
    made = cell("Mean")
    training = Training(build_trainer(made, build_task(made), (0,)))
    history = np.zeros((3, 4), dtype=np.float32)
    history[1, 2] = np.inf
    training._diverge(0, 5, history)
    assert "update norm was inf at step 7" in (training.results[0].reason or "")


def test_without_a_notion_of_solved_the_best_validation_checkpoint_is_tested():
    toy = cell("Mean", budget=40)
    made = replace(toy, model={**toy.model, "learning_rate": 2.0})  # so large that training gets worse again
    task = build_task(made)
    task.solved = None
    (result,) = Training(build_trainer(made, task, (0,))).run()
    curve = result.arrays["validation/mse"]
    assert curve[-1] > 1.01 * curve.min()
    assert result.summary["validation"]["mse"] == pytest.approx(curve.min(), rel=1e-6)
    assert result.summary["selection"] == "best validation checkpoint"
    assert result.summary["solved"] is None


RNN = {"target": "seqbench.models.rnn:RNN", "width": 8, "learning_rate": 0.01}
TRANSFORMER = {"target": "seqbench.models.transformer:Transformer", "width": 8, "heads": 2, "learning_rate": 0.01}


@pytest.mark.parametrize("model", [cell("Mean").model, RNN, TRANSFORMER], ids=["mean", "rnn", "transformer"])
def test_three_members_train_together_as_they_do_alone(model: dict):
    made = replace(cell(budget=20), model=model)
    together = trained(made, seeds=(0, 1, 2))
    for seed, member in enumerate(together):
        (alone,) = trained(made, seeds=(seed,))
        np.testing.assert_allclose(member.arrays["loss"], alone.arrays["loss"], rtol=1e-5)
        np.testing.assert_allclose(member.arrays["gradient_norm"], alone.arrays["gradient_norm"], rtol=1e-3)
        assert member.summary["score"] == pytest.approx(alone.summary["score"], rel=1e-4)
        assert member.summary["population"] == "vmap"
        assert alone.summary["population"] == "single"


def test_evaluation_steps_grow_by_at_most_a_tenth_once_they_grow():
    steps = evaluation_steps(5000, 50, 1.1)
    gaps = np.diff(steps)
    assert steps[-1] == 5000
    assert all(gap <= max(50, 0.1 * step) for step, gap in zip(steps, gaps, strict=False))


def test_running_leaves_the_global_random_state_alone():
    before = torch.get_rng_state()
    trained(cell("Mean"))
    assert torch.equal(before, torch.get_rng_state())
