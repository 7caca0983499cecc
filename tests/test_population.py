import pytest
import torch
from torch import nn

from seqbench.layers import build_network
from seqbench.population import Adam, Population
from seqbench.registry import build
from tests.toys import cell


def make(model: str, seeds: tuple[int, ...]) -> Population:
    made = cell(model)
    task = build(made.task, "task")
    return Population([build_network(made.model, task, ("tests",), seed) for seed in seeds], task, "cpu")


def batches(population: Population, seeds: tuple[int, ...]) -> list:
    return [population.task.batch("train", 0, 4, seed, "cpu") for seed in seeds]


def test_adam_equals_torch_adam():
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(1, 7, generator=generator)
    ours, theirs = start.clone(), nn.Parameter(start.clone())
    reference = torch.optim.Adam([theirs], lr=0.01, betas=(0.9, 0.99), eps=1e-8)
    adam = Adam(ours, [0.01], 0.9, 0.99, 1e-8)
    for _ in range(5):
        gradient = torch.randn(1, 7, generator=generator)
        before = ours.clone()
        norm = adam.step(gradient)
        theirs.grad = gradient
        reference.step()
        torch.testing.assert_close(ours, theirs.data, rtol=1e-6, atol=1e-7)
        torch.testing.assert_close(norm, (ours - before).norm(dim=1), rtol=1e-4, atol=0)


def test_adam_gives_each_member_its_learning_rate_and_leaves_inactive_ones_alone():
    parameters = torch.zeros(3, 2)
    adam = Adam(parameters, [0.1, 0.2, 0.4], 0.9, 0.999, 1e-8)
    gradients = torch.tensor([[1.0, 1.0], [1.0, 1.0], [float("nan"), 1.0]])
    adam.step(gradients, torch.tensor([True, True, False]))
    torch.testing.assert_close(parameters[:2], torch.tensor([[-0.1, -0.1], [-0.2, -0.2]]))
    assert torch.equal(parameters[2], torch.zeros(2))


def test_parameters_and_gradients_are_views_of_the_members_rows():
    population = make("Mean", (0,))
    network = population.member(0)
    population.backward(population.losses(batches(population, (0,))))
    flat = torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None])
    torch.testing.assert_close(population.gradients.norm(), flat.norm())
    population.parameters.zero_()
    assert all(not p.any() for p in network.parameters())


@pytest.mark.parametrize(("model", "mode"), [("Mean", "vmap"), ("Branching", "loop")])
def test_three_members_equal_three_single_models(model: str, mode: str):
    seeds = (0, 1, 2)
    together = make(model, seeds)
    assert together.mode == mode
    losses = together.losses(batches(together, seeds))
    together.backward(losses)
    for index, seed in enumerate(seeds):
        alone = make(model, (seed,))
        loss = alone.losses(batches(alone, (seed,)))
        alone.backward(loss)
        torch.testing.assert_close(losses[index], loss[0], rtol=1e-5, atol=0)
        torch.testing.assert_close(together.gradients[index], alone.gradients[0], rtol=1e-4, atol=1e-6)


def test_scores_of_members_equal_those_of_single_models():
    seeds = (0, 1, 2)
    together = make("Mean", seeds)
    batch = batches(together, (9,))[0]
    for index, seed in enumerate(seeds):
        alone = make("Mean", (seed,)).scores(batch)["mse"]
        torch.testing.assert_close(together.scores(batch)["mse"].total[index], alone.total[0], rtol=1e-5, atol=0)


def test_a_diverged_member_leaves_the_others_untouched():
    seeds = (0, 1)
    population = make("Mean", seeds)
    with torch.no_grad():
        population.parameters[0] = float("nan")
    losses = population.losses(batches(population, seeds))
    population.backward(losses)
    assert torch.isnan(losses[0])
    assert torch.isfinite(population.gradients[1]).all()
