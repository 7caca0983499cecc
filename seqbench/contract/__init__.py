"""The checks that any task or architecture must pass, ours or a user's: named, each with what was expected and came.

Tests run them over every pair of ``conf/``, the preflight of every sweep runs the quick ones, and
``python -m seqbench verify model=mine`` prints them all.
"""

from collections.abc import Callable, Iterator

from rich.console import Console

from seqbench.contract.of_models import FULL_MODEL_CHECKS, QUICK_MODEL_CHECKS
from seqbench.contract.of_tasks import TASK_CHECKS
from seqbench.contract.rule import BATCH, ContractError, unchanged_process
from seqbench.layers import build_network
from seqbench.registry import build
from seqbench.schema import Cell, UsageError
from seqbench.spec import Task

__all__ = ["TASK_CHECKS", "ContractError", "check_cell", "verify"]


def check_cell(cell: Cell, task: Task) -> None:
    """The quick checks that every cell passes before it is trained: one tiny batch, forward and backward.

    Raises:
        ContractError: naming the rule that is broken.
    """
    with unchanged_process("model"):
        network = build_network(cell.model, task, cell.plugins, 0)
        batch = task.batch("train", 0, BATCH, 0, "cpu")
        for check in QUICK_MODEL_CHECKS:
            check(network, task, batch)


def verify(cell: Cell, console: Console) -> int:
    """Run every check on the cell's task and architecture and print a line for each; 0 if all hold, else 1."""
    failures = 0
    for rule, holds in _all_checks(cell):
        try:
            skipped = holds()
            told = f"skipped {rule}: {skipped}" if skipped else f"ok      {rule}"
            console.print(told, markup=False, highlight=False)
        except (ContractError, UsageError) as error:
            failures += 1
            console.print(f"BROKEN  {rule}: {error}", markup=False, highlight=False, soft_wrap=True)
        except Exception as error:
            failures += 1
            console.print(f"BROKEN  {rule}: {error!r}", markup=False, highlight=False, soft_wrap=True)
    labels = f"{cell.labels['model']} on {cell.labels['task']}"
    console.print(f"{labels}: all checks hold." if not failures else f"{labels}: {failures} checks broken.")
    return 1 if failures else 0


def _all_checks(cell: Cell) -> Iterator[tuple[str, Callable[[], str | None]]]:
    task: Task = build(cell.task, "task", cell.plugins)
    for check in TASK_CHECKS:
        yield f"task {_rule(check)}", lambda check=check: check(task)
    batch = task.batch("train", 0, BATCH, 0, "cpu")
    for check in (*QUICK_MODEL_CHECKS, *FULL_MODEL_CHECKS):

        def run(check: Callable = check) -> str | None:
            with unchanged_process("model"):
                return check(build_network(cell.model, task, cell.plugins, 0), task, batch)

        yield f"model {_rule(check)}", run


def _rule(check: Callable) -> str:
    return check.__name__.removeprefix("check_").replace("_", " ")
