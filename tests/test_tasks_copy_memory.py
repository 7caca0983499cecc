import math

import pytest
import torch

from seqbench.schema import UsageError
from seqbench.tasks.copy_memory import CopyMemory

VARIANTS = {
    "arjovsky": {"scored": "all"},
    "default": {},
    "exprnn": {"answer": "on_marker", "scored": "all"},
    "tcn": {"num_markers": 4, "scored": "all"},
    "s4": {"answer": "on_marker", "num_markers": 3},
}


def small(**sizes: object) -> CopyMemory:
    return CopyMemory(**{"delay": 4, "num_symbols": 3, "alphabet": 5, **sizes})  # type: ignore[arg-type]


@pytest.mark.parametrize("sizes", VARIANTS.values(), ids=VARIANTS)
def test_each_symbol_stands_lag_steps_before_its_answer(sizes: dict):
    task = small(**sizes)
    batch = task.batch("train", 0, 6, 0, "cpu")
    lags = task.lags(batch)
    recalled = batch.positions >= 7
    seen = batch.inputs.gather(1, batch.positions - lags)
    first_class = 0 if sizes.get("scored") == "all" else 1
    assert torch.equal(seen[recalled], (batch.targets + first_class)[recalled])
    assert lags[recalled].unique().tolist() == [7]
    assert recalled.sum(1).tolist() == [3] * 6


@pytest.mark.parametrize(("name", "tail"), [
    ("arjovsky", [0, 0, 0, 6, 0, 0, 0]),
    ("default", [0, 0, 0, 6, 0, 0, 0]),
    ("exprnn", [0, 0, 0, 0, 6, 0, 0]),
    ("tcn", [0, 0, 0, 6, 6, 6, 6]),
    ("s4", [0, 0, 0, 0, 6, 6, 6]),
])  # fmt: skip
def test_what_follows_the_symbols_is_the_published_layout_and_holds_no_information(name: str, tail: list[int]):
    batch = small(**VARIANTS[name]).batch("train", 0, 4, 0, "cpu")
    assert batch.inputs[:, 3:].tolist() == [tail] * 4
    assert batch.inputs[:, :3].min() >= 1
    assert batch.inputs[:, :3].max() <= 5


def test_all_steps_are_scored_as_blanks_or_symbols_when_asked():
    task = small(scored="all")
    batch = task.batch("train", 0, 4, 0, "cpu")
    assert task.output.size == 6
    assert batch.positions.tolist() == [list(range(10))] * 4
    assert torch.equal(batch.targets, torch.cat([torch.zeros(4, 7, dtype=torch.int64), batch.inputs[:, :3]], 1))


def test_at_is_the_same_task_with_another_delay():
    task = small(**VARIANTS["tcn"]).at(9)
    assert (task.delay, task.length, task.num_markers, task.scored) == (9, 15, 4, "all")


def test_symbols_are_uniform_over_the_alphabet():
    symbols = small().batch("train", 0, 20_000, 0, "cpu").targets
    share = symbols.flatten().bincount() / symbols.numel()
    assert share.tolist() == pytest.approx([0.2] * 5, abs=4 * math.sqrt(0.2 * 0.8 / 60_000))


@pytest.mark.parametrize("scored", ["answers", "all"])
def test_the_memoryless_baseline_is_what_a_simulated_memoryless_model_scores(scored: str):
    task = small(num_symbols=2, alphabet=3, scored=scored)
    batch = task.batch("train", 0, 20_000, 0, "cpu")
    blank_is_a_class = scored == "all"
    sure, guess = -torch.inf, torch.rand(*batch.positions.shape, 3, generator=torch.Generator().manual_seed(1)) * 1e-6
    outputs = torch.full((*batch.positions.shape, task.output.size), sure)
    recall = batch.positions >= 6
    outputs[..., -3:] = torch.where(recall[..., None], guess, sure)
    if blank_is_a_class:
        outputs[..., 0] = torch.where(recall, sure, 0.0)
    scores = {name: average.mean() for name, average in task.score(outputs, batch).items()}
    claimed = task.baselines()[0].values
    assert set(claimed) == set(task.metrics) == set(scores)
    for name, tries in {"answer_accuracy": 40_000, "sequence_accuracy": 20_000}.items():
        p = claimed[name]
        assert scores[name] == pytest.approx(p, abs=4 * math.sqrt(p * (1 - p) / tries))
    assert scores["answer_cross_entropy"] == pytest.approx(claimed["answer_cross_entropy"], rel=1e-5)
    assert task.loss(outputs, batch).mean().item() == pytest.approx(
        claimed["step_cross_entropy" if blank_is_a_class else "answer_cross_entropy"], rel=1e-5
    )
    if blank_is_a_class:
        assert scores["step_cross_entropy"] == pytest.approx(claimed["step_cross_entropy"], rel=1e-5)
        error = 4 * math.sqrt(2 / 9 / 40_000) * 2 / 8  # of 2 guesses in 8 steps
        assert scores["step_accuracy"] == pytest.approx(claimed["step_accuracy"], abs=error)


def test_the_published_memoryless_numbers_follow_from_the_formulas():
    values = CopyMemory(delay=1000, scored="all").baselines()[0].values
    assert values["step_cross_entropy"] == pytest.approx(0.020387, abs=5e-7)
    assert values["step_accuracy"] == pytest.approx(0.9914, abs=5e-5)


def test_a_perfect_model_is_solved_and_one_wrong_answer_costs_its_sequence():
    task = small()
    batch = task.batch("train", 0, 4, 0, "cpu")
    outputs = 50.0 * torch.nn.functional.one_hot(batch.targets, 5).float()
    perfect = {name: average.mean() for name, average in task.score(outputs, batch).items()}
    assert perfect == {"answer_accuracy": 1.0, "sequence_accuracy": 1.0, "answer_cross_entropy": pytest.approx(0.0)}
    outputs[2, 1] = outputs[2, 1].roll(1)
    scores = task.score(outputs, batch)
    assert scores["answer_accuracy"].mean() == pytest.approx(11 / 12)
    assert scores["sequence_accuracy"].mean() == pytest.approx(3 / 4)


def test_blanks_never_enter_the_answer_metrics():
    task = small(scored="all")
    batch = task.batch("train", 0, 4, 0, "cpu")
    always_blank = torch.zeros(4, 10, 6)
    always_blank[..., 0] = 9.0
    scores = task.score(always_blank, batch)
    assert scores["answer_accuracy"].mean() == 0.0
    assert scores["step_accuracy"].mean() == pytest.approx(0.7)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("scored", ["answers", "all"])
def test_loss_and_score_of_a_population_are_those_of_its_members(scored: str, dtype: torch.dtype):
    task = small(scored=scored)
    batch = task.batch("train", 0, 4, 0, "cpu")
    outputs = torch.randn(3, *batch.positions.shape, task.output.size, dtype=dtype)
    losses = torch.vmap(lambda o: task.loss(o, batch))(outputs)
    assert losses.dtype == dtype
    torch.testing.assert_close(losses, torch.stack([task.loss(o, batch) for o in outputs]))
    together = torch.vmap(lambda o: task.score(o, batch))(outputs)
    for name in task.metrics:
        each = torch.stack([task.score(o, batch)[name].total for o in outputs])
        torch.testing.assert_close(together[name].total, each)


def test_fixed_sets_have_their_sizes_in_any_cut_and_differ():
    task = small()
    cut = [len(batch.inputs) for batch in task.examples("validation", 200, "cpu")]
    assert cut == [200, 200, 112]
    test = torch.cat([batch.inputs for batch in task.examples("test", 999, "cpu")])
    assert len(test) == 2000
    assert not torch.equal(test[:512], next(task.examples("validation", 512, "cpu")).inputs)


@pytest.mark.parametrize(("sizes", "message"), [
    ({"delay": -1}, r"task\.delay must be an integer of at least 1; got -1"),
    ({"delay": 0}, r"task\.delay must be"),
    ({"num_symbols": 0}, r"task\.num_symbols must be"),
    ({"alphabet": 1}, r"task\.alphabet must be an integer of at least 2"),
    ({"answer": "after"}, r"task\.answer must be after_marker or on_marker; got 'after'"),
    ({"num_markers": 5}, r"task\.num_markers must be an integer from 1 to 4; got 5"),
    ({"num_markers": 4, "answer": "on_marker"}, r"from 1 to 3; got 4"),
    ({"scored": "some"}, r"task\.scored must be answers or all"),
])  # fmt: skip
def test_sizes_that_make_no_sense_are_refused_by_key(sizes: dict, message: str):
    with pytest.raises(UsageError, match=message):
        small(**sizes)
