import io
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from rich.console import Console
from torch import Tensor, nn

from seqbench import contract
from seqbench.config import compose
from seqbench.contract import process
from seqbench.contract.of_models import check_causality_in_evaluation_mode
from seqbench.contract.of_tasks import check_weight_decides_what_counts
from seqbench.layers import build_network
from seqbench.registry import build
from seqbench.schema import Cell, UsageError
from seqbench.spec import Average, Batch
from seqbench.tasks.copy_memory import CopyMemory
from tests.toys import cell

CONF = Path(__file__).parent.parent / "conf"
MODELS = sorted(path.stem for path in (CONF / "model").glob("*.yaml"))
TASKS = sorted(str(path.relative_to(CONF / "task").with_suffix("")) for path in (CONF / "task").rglob("*.yaml"))
# The GPU's lengths take too long here.
LIGHT_TASKS = [task for task in TASKS if not task.endswith(("_200", "_500", "_1000"))]


def broken(model: str) -> str:
    """What the full verification says of an architecture of toys.py."""
    stream = io.StringIO()
    assert contract.verify(cell(model), Console(file=stream, width=200)) == 1
    return stream.getvalue()


def test_there_are_models_and_tasks_to_check():
    assert {"rnn", "lstm", "gru", "attention", "transformer"} <= set(MODELS)
    assert {"copy_memory", "adding_problem", "time_series"} <= set(TASKS)


@pytest.mark.parametrize("task", LIGHT_TASKS)
@pytest.mark.parametrize("model", MODELS)
def test_every_model_on_every_task_passes_the_preflight(model: str, task: str):
    (made,) = compose([f"task={task}", f"model={model}"]).cells
    contract.check_cell(made, build(made.task, "task"))


@pytest.mark.parametrize("model", MODELS)
def test_every_model_passes_every_check(model: str):
    stream = io.StringIO()
    (made,) = compose(["task=adding_problem", "task.length=12", f"model={model}"]).cells
    assert contract.verify(made, Console(file=stream, width=200)) == 0, stream.getvalue()


@pytest.mark.parametrize("task", TASKS)
def test_every_task_passes_every_check(task: str):
    made = cell("Mean", task=dict(compose([f"task={task}"]).cells[0].task))
    for check in contract.TASK_CHECKS:
        check(build(made.task, "task"))


class LossOfAll(CopyMemory):
    """Its loss counts what has no weight."""

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        return super().loss(outputs, batch._replace(weight=torch.ones_like(batch.weight)))


class ScoreOfAll(CopyMemory):
    """Its scores count what has no weight."""

    def score(self, outputs: Tensor, batch: Batch) -> dict[str, Average]:
        return super().score(outputs, batch._replace(weight=torch.ones_like(batch.weight)))


@pytest.mark.parametrize(
    ("task", "says"), [(LossOfAll, "loss blind to weight 0"), (ScoreOfAll, "scores blind to weight 0; got a change in")]
)
def test_what_has_no_weight_must_not_count(task: type[CopyMemory], says: str):
    with pytest.raises(contract.ContractError, match=says):
        check_weight_decides_what_counts(task(delay=3))


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("Transposed", "expected a tensor (batch, time, width) = (3, 6, width); got (6, 3, 4)"),
        ("Acausal", "expected past outputs unchanged when the future changes; got changed ones"),
        ("Detached", "expected a gradient for every parameter; got none for body.map.weight, body.map.bias"),
        ("Seeding", "expected the global random seed to stay as it was; got 0"),
        ("Mixing", "expected a sequence's outputs blind to the others; got changed ones"),
    ],
)
def test_a_broken_architecture_is_told_what_is_wrong(model: str, says: str):
    assert says in broken(model)


@pytest.mark.parametrize("setting", [name for name, _ in process._SETTINGS.items()])
def test_a_changed_setting_is_told_and_put_back(setting: str, tmp_path: Path):
    read, write = process._SETTINGS[setting]
    before = read()
    others = {
        "number of threads": before + 1 if isinstance(before, int) else None,
        "default device": torch.device("meta"),
        "default dtype": torch.float64,
        "precision of matrix products": "medium",
        "working folder": str(tmp_path),
    }
    other = others.get(setting, not before)
    message = f"expected the global {setting} to stay .*; got "
    with pytest.raises(contract.ContractError, match=message), process.unchanged_process():
        write(other)
    assert read() == before


def test_a_changed_setting_is_put_back_where_an_exception_is_the_news():
    def change_and_raise() -> None:
        torch.set_num_threads(3)
        raise RuntimeError("of its own")

    with pytest.raises(RuntimeError, match="of its own"), process.unchanged_process():
        change_and_raise()
    assert torch.get_num_threads() == 1


def test_hooks_and_replaced_functions_are_put_back():
    def harm() -> None:
        nn.modules.module.register_module_forward_hook(lambda module, inputs, output: None)
        torch.tanh, nn.Linear.forward = torch.sigmoid, lambda self, input: input

    tanh, forward = torch.tanh, nn.Linear.forward
    with pytest.raises(contract.ContractError, match="no hook on all modules"), process.unchanged_process():
        harm()
    assert torch.tanh is tanh
    assert nn.Linear.forward is forward
    assert not nn.modules.module._global_forward_hooks


def test_drawing_random_numbers_is_legal_and_leaves_the_stream_where_it_was():
    torch.manual_seed(7)
    with process.unchanged_process():
        torch.rand(3)
    drawn = torch.rand(1)
    torch.manual_seed(7)
    assert torch.equal(drawn, torch.rand(1))


def test_a_value_the_class_does_not_take_is_a_usage_error():
    made = cell("Mean")
    wrong = replace(made, model={**made.model, "hight": 3})
    with pytest.raises(UsageError, match=r"Mean.__init__ takes input_size, length, width; .* hight"):
        contract.check_cell(wrong, build(made.task, "task"))


def test_a_class_without_a_length_is_told_what_every_class_takes():
    made = cell("Lengthless")
    with pytest.raises(UsageError) as caught:
        contract.check_cell(made, build(made.task, "task"))
    assert str(caught.value) == (
        "Lengthless.__init__ must take input_size and length, as every model's does; it takes input_size, width. "
        "Add length to it."
    )


def test_a_good_architecture_of_a_users_own_passes():
    made: Cell = cell("Mean")
    assert contract.verify(made, Console(file=io.StringIO())) == 0


def test_what_does_not_declare_causal_is_said_to_be_unchecked():
    stream = io.StringIO()
    assert contract.verify(cell("Mean"), Console(file=stream, width=200)) == 0
    assert "skipped model causality in evaluation mode: the class does not declare causal = True" in stream.getvalue()


def test_batch_statistics_are_told_and_are_no_fault_and_other_mixing_while_training_is_one():
    stream = io.StringIO()
    assert contract.verify(cell("Normalised"), Console(file=stream, width=200)) == 0
    assert "ok      model causality in evaluation mode" in stream.getvalue()
    assert "skipped model both in training mode: BatchNorm1d mixes sequences and time steps" in stream.getvalue()
    said = broken("MixingInTraining")
    assert "ok      model batch independence in evaluation mode" in said
    assert "BROKEN  model both in training mode: contract batch independence: " in said
    stream = io.StringIO()
    assert contract.verify(cell("Dropping"), Console(file=stream, width=200)) == 0
    assert "ok      model both in training mode" in stream.getvalue()


def test_sequences_of_one_step_have_no_future_to_change():
    made = cell("Mean")
    task = build(made.task, "task")
    batch = task.batch("train", 0, 2, 0, "cpu")
    network = build_network({**made.model, "target": "seqbench.models.gru:GRU"}, task, made.plugins, 0)
    short = batch._replace(inputs=batch.inputs[:, :1])
    assert check_causality_in_evaluation_mode(network, task, batch) is None
    assert check_causality_in_evaluation_mode(network, task, short) == "the task's sequences have one step"


def test_a_task_that_is_not_finished_is_a_usage_error():
    unfinished = {"target": "tests.toys:Unfinished", "version": 1, "budget": 10}
    with pytest.raises(UsageError, match=r"Unfinished cannot be built from its YAML values: .*abstract"):
        build(unfinished, "task", ("tests",))
