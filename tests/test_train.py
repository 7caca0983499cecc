import pytest
import torch

from seqbench.registry import build
from seqbench.sweep.cell import build_trainer
from seqbench.train import Trainer, clip_
from tests.toys import cell, train


def trainer(**changes: object) -> Trainer:
    made = cell("Mean", train=train(**changes))
    return build_trainer(made, build(made.task, "task"), (0,))


def test_clip_scales_each_row_to_the_bound_and_says_where():
    gradients = torch.tensor([[3.0, 4.0], [0.3, 0.4]])
    clipped = clip_(gradients, gradients.norm(dim=1), 1.0)
    torch.testing.assert_close(gradients, torch.tensor([[0.6, 0.8], [0.3, 0.4]]))
    assert clipped.tolist() == [1.0, 0.0]


def test_clip_of_a_zero_gradient_is_zero_and_of_a_nan_row_leaves_the_other():
    gradients = torch.tensor([[0.0, 0.0], [float("nan"), 1.0], [3.0, 4.0]])
    clip_(gradients, gradients.norm(dim=1), 1.0)
    assert gradients[0].tolist() == [0.0, 0.0]
    torch.testing.assert_close(gradients[2], torch.tensor([0.6, 0.8]))


def test_the_recorded_gradient_norm_is_the_one_before_clipping():
    small = trainer(clip=1e-3)
    free = trainer(clip=None)
    small.step(0)
    free.step(0)
    torch.testing.assert_close(small.history[0, 1], free.history[0, 1], rtol=1e-6, atol=0)
    assert small.history[0, 1].item() > 1e-3
    assert (small.history[0, 3].item(), free.history[0, 3].item()) == (1.0, 0.0)
    assert small.population.gradients.norm().item() == pytest.approx(1e-3, rel=1e-4)


def test_a_step_equals_the_same_step_written_with_torch_optim():
    ours = trainer(clip=0.05)
    twin = trainer(clip=0.05)
    network, task = twin.population.member(0), twin.task
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for index in range(4):
        batch = task.batch("train", index, 4, 0, "cpu")
        optimizer.zero_grad(set_to_none=True)
        loss = task.loss(network(batch), batch).mean()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(network.parameters(), 0.05)
        optimizer.step()
        ours.step(index)
        torch.testing.assert_close(ours.history[index, 0, 0], loss.detach(), rtol=1e-5, atol=0)
        torch.testing.assert_close(ours.history[index, 1, 0], norm, rtol=1e-4, atol=0)


def test_equal_seeds_give_bitwise_equal_histories_and_parameters():
    first, second = trainer(), trainer()
    for index in range(5):
        first.step(index)
        torch.rand(3)
        second.step(index)
    assert torch.equal(first.history, second.history)
    assert torch.equal(first.population.parameters, second.population.parameters)
