import math

import pytest
import torch

from seqbench.schema import UsageError
from seqbench.spec import Batch
from seqbench.tasks.adding_problem import AddingProblem

POSITIONS = ("one_per_half", "anywhere")


def draw(task: AddingProblem, size: int) -> Batch:
    return task.batch("train", 0, size, 0, "cpu")


@pytest.mark.parametrize("positions", POSITIONS)
def test_two_numbers_are_marked_and_the_answer_is_their_sum_at_the_last_step(positions: str):
    batch = draw(AddingProblem(5, positions), 50)
    numbers, markers = batch.inputs.unbind(-1)
    assert markers.sum(1).tolist() == [2.0] * 50
    assert markers.unique().tolist() == [0.0, 1.0]
    assert numbers.min() >= 0
    assert numbers.max() < 1
    torch.testing.assert_close(batch.targets[:, 0, 0], (numbers * markers).sum(1))
    assert batch.positions.tolist() == [[4]] * 50


@pytest.mark.parametrize(("positions", "pairs"), [
    ("one_per_half", {(0, 2), (0, 3), (0, 4), (1, 2), (1, 3), (1, 4)}),
    ("anywhere", {(i, j) for j in range(5) for i in range(j)}),
])  # fmt: skip
def test_every_allowed_pair_of_steps_is_equally_likely_and_no_other_occurs(positions: str, pairs: set):
    marked = draw(AddingProblem(5, positions), 20_000).inputs[..., 1].nonzero()[:, 1].reshape(-1, 2)
    found, counts = marked.unique(dim=0, return_counts=True)
    assert {tuple(pair) for pair in found.tolist()} == pairs
    p = 1 / len(pairs)
    assert (counts / 20_000).tolist() == pytest.approx([p] * len(pairs), abs=4 * math.sqrt(p * (1 - p) / 20_000))


@pytest.mark.parametrize("positions", POSITIONS)
def test_lags_lead_back_to_the_earlier_marker(positions: str):
    task = AddingProblem(7, positions)
    batch = draw(task, 50)
    earlier = (batch.positions - task.lags(batch)).flatten()
    markers = batch.inputs[..., 1]
    assert markers[torch.arange(50), earlier].tolist() == [1.0] * 50
    assert all(row[:at].sum() == 0 for row, at in zip(markers, earlier, strict=True))


def test_the_baselines_are_what_the_simulated_trivial_models_score():
    n = 50_000
    task = AddingProblem(4)
    batch = draw(task, n)
    constant, one_marker = (baseline.values["mse"] for baseline in task.baselines())
    always_one = task.score(torch.ones(n, 1, 1), batch)["mse"].mean()
    error = 4 * math.sqrt(7 / 180 / n)
    assert always_one == pytest.approx(constant, abs=error)
    assert always_one != pytest.approx(0.1767, abs=error)  # the number that is often quoted
    first = (batch.inputs[..., 0] * batch.inputs[..., 1])[:, :2].sum(1)
    knows_one = task.score((first + 0.5).reshape(n, 1, 1), batch)["mse"].mean()
    assert knows_one == pytest.approx(one_marker, abs=4 * math.sqrt(1 / 180 / n))


def test_the_standard_error_of_the_constant_baseline_is_the_documented_one():
    batch = draw(AddingProblem(2), 50_000)
    assert (batch.targets - 1).square().var().item() == pytest.approx(7 / 180, rel=0.03)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_loss_and_score_of_a_population_are_those_of_its_members(dtype: torch.dtype):
    task = AddingProblem(5)
    batch = draw(task, 4)
    outputs = torch.randn(3, 4, 1, 1, dtype=dtype)
    losses = torch.vmap(lambda o: task.loss(o, batch))(outputs)
    torch.testing.assert_close(losses, (outputs - batch.targets)[..., 0, 0].square())
    together = torch.vmap(lambda o: task.score(o, batch))(outputs)["mse"]
    torch.testing.assert_close(together.total / together.count, losses.double().mean(1), rtol=1e-6, atol=0)


def test_fixed_sets_have_their_sizes_in_any_cut():
    task = AddingProblem(5)
    assert [len(batch.inputs) for batch in task.examples("validation", 300, "cpu")] == [300, 212]
    assert sum(len(batch.inputs) for batch in task.examples("test", 300, "cpu")) == 2000


def test_at_is_the_same_task_at_another_length():
    task = AddingProblem(5, "anywhere").at(9)
    assert (task.length, task.positions) == (9, "anywhere")


@pytest.mark.parametrize(("sizes", "message"), [
    ({"length": 1}, r"task\.length must be an integer of at least 2; got 1"),
    ({"length": 5, "positions": "one_per_hal"}, r"task\.positions must be .*; got 'one_per_hal'. Write .*one_per_half"),
])  # fmt: skip
def test_sizes_that_make_no_sense_are_refused_by_key(sizes: dict, message: str):
    with pytest.raises(UsageError, match=message):
        AddingProblem(**sizes)
