"""The checks that any task or architecture must pass, ours or a user's: named, each with what was expected and came.

Tests run them over every pair of ``conf/``, the preflight of every sweep runs the quick ones, and
``python -m seqbench verify model=mine`` prints them all.
"""

from collections.abc import Callable, Iterator

from rich.console import Console

from seqbench.contract.blame import code_answers, told
from seqbench.contract.of_classes import construct, first_forward
from seqbench.contract.of_models import FULL_MODEL_CHECKS, QUICK_MODEL_CHECKS
from seqbench.contract.of_tasks import TASK_CHECKS
from seqbench.contract.process import unchanged_process
from seqbench.contract.rule import BATCH, ContractError
from seqbench.registry import build
from seqbench.schema import Cell, UsageError
from seqbench.spec import Task

__all__ = ["TASK_CHECKS", "ContractError", "check_cell", "code_answers", "told", "verify"]


def check_cell(cell: Cell, task: Task) -> None:
    """The quick checks that every cell passes before it is trained: one tiny batch, forward and backward.

    Raises:
        UsageError: a value of the configuration makes no sense, or the class does not take it.
        ContractError: naming the rule that is broken.
        BaseException: whatever the architecture's own code raises.
    """
    batch = task.batch("train", 0, BATCH, 0, "cpu")
    network = first_forward(construct(cell, task), cell, task, batch)
    for check in QUICK_MODEL_CHECKS:
        with unchanged_process():
            check(network, task, batch)


def verify(cell: Cell, console: Console) -> int:
    """Run every check on the cell's task and architecture and print a line for each; 0 if all hold, else 1.

    Raises:
        UsageError: a value of the configuration makes no sense, or a class does not take it.
    """
    causes: dict[str, str] = {}  # what was told -> the first rule that it broke
    for rule, holds in _all_checks(cell):
        try:
            skipped = holds()
            said = f"skipped {rule}: {skipped}" if skipped else f"ok      {rule}"
        except (KeyboardInterrupt, UsageError):
            raise
        except BaseException as error:
            cause = told(error, cell.plugins)
            said = f"skipped {rule}: stopped by what breaks {causes[cause]!r}" if cause in causes else ""
            said = said or f"BROKEN  {rule}: {cause}"
            causes.setdefault(cause, rule)
        console.print(said, markup=False, highlight=False, soft_wrap=True)
    labels = f"{cell.labels['model']} on {cell.labels['task']}"
    broken = f"{len(causes)} check{'s'[: len(causes) > 1]} broken."
    console.print(f"{labels}: {broken if causes else 'all checks hold.'}", markup=False, highlight=False)
    return 1 if causes else 0


def _all_checks(cell: Cell) -> Iterator[tuple[str, Callable[[], str | None]]]:
    made: list[Task] = []

    def construct_task() -> None:
        with code_answers(cell.plugins):
            made.append(build(cell.task, "task", cell.plugins))

    yield "task construction", construct_task
    for task in made:
        for check in TASK_CHECKS:
            yield f"task {_rule(check)}", lambda check=check, task=task: check(task)
        yield from _model_checks(cell, task)


def _model_checks(cell: Cell, task: Task) -> Iterator[tuple[str, Callable[[], str | None]]]:
    def run(check: Callable | None) -> str | None:
        batch = task.batch("train", 0, BATCH, 0, "cpu")
        network = first_forward(construct(cell, task), cell, task, batch)
        with unchanged_process():
            return check(network, task, batch) if check else None

    yield "model construction", lambda: (construct(cell, task), None)[1]
    yield "model first forward", lambda: run(None)
    for check in (*QUICK_MODEL_CHECKS, *FULL_MODEL_CHECKS):
        yield f"model {_rule(check)}", lambda check=check: run(check)


def _rule(check: Callable) -> str:
    return check.__name__.removeprefix("check_").replace("_", " ")
