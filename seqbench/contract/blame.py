"""Whose fault an exception is, and where in the code of a task or an architecture it came from."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seqbench.contract.rule import ContractError, one_line
from seqbench.layers import OutputError
from seqbench.schema import UsageError

_OURS = ("seqbench.models", "seqbench.tasks")


@contextmanager
def code_answers(plugins: tuple[str, ...]) -> Iterator[None]:
    """Let a UsageError through only where a user typed something wrong; what the code of a class did is its own.

    A module that fails while it is imported and a TypeError inside ``__init__`` come out as they were raised, an
    output of a wrong shape as a ContractError. A class whose arguments do not fit its YAML file, or that refuses one
    of its values with a UsageError, stays a usage error.
    """
    try:
        yield
        return
    except UsageError as error:
        fault = _fault_of_code(error, plugins)
        if fault is None:
            raise
    raise fault


def _fault_of_code(error: UsageError, plugins: tuple[str, ...]) -> BaseException | None:
    cause = error.__cause__
    if cause is not None and (isinstance(cause, SyntaxError) or place(cause, plugins)):
        return cause
    if isinstance(error, OutputError):
        return ContractError("forward", "the same axes for every batch", str(error))
    return None


def told(error: BaseException, plugins: tuple[str, ...] = ()) -> str:
    """One line: the exception, its text, and the line of the task's or architecture's code that it came from."""
    if isinstance(error, ContractError | UsageError):
        return str(error)
    try:
        text = one_line(str(error))
    except Exception:
        text = "(an exception whose text cannot be read)"
    said = f"{type(error).__name__}: {text}" if text else type(error).__name__
    if isinstance(error, SystemExit):
        said = f"the code of the model or task called exit({'' if error.code is None else text})"
    where = place(error, plugins)
    return f"{said} ({where})" if where else said


def place(error: BaseException, plugins: tuple[str, ...] = ()) -> str | None:
    """``file:line``, innermost in the modules of ``plugins`` and our tasks and models; None where it passed none."""
    found = None
    for frame, line in traceback.walk_tb(error.__traceback__):
        module = str(frame.f_globals.get("__name__"))
        if any(module == name or module.startswith(f"{name}.") for name in (*_OURS, *plugins)):
            found = f"{_shown(module, frame.f_code.co_filename)}:{line}"
    return found


def _shown(module: str, filename: str) -> str:
    """The part of a path that says which module it is: the same on every machine."""
    parts = Path(filename).parts
    return "/".join(parts[-(module.count(".") + 1 + (Path(filename).stem == "__init__")) :])
