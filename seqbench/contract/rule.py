"""What a broken rule says, and what no model may do to the process it runs in."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

BATCH = 3
"""Sequences of the batch that checks run on."""


class ContractError(Exception):
    """A task or an architecture breaks a rule: its name, what was expected, what came."""

    def __init__(self, rule: str, expected: str, got: str) -> None:
        super().__init__(f"contract {rule}: expected {expected}; got {got}")


def expect(true: bool, rule: str, expected: str, got: object) -> None:
    """Raise ContractError unless ``true``."""
    if not true:
        raise ContractError(rule, expected, str(got))


@contextmanager
def unchanged_process(who: str) -> Iterator[None]:
    """Check that the global random state, thread count, default dtype and gradient mode are left as they were."""
    before = _process_state()
    yield
    after = _process_state()
    for name in before:
        same = torch.equal(before[name], after[name]) if name == "random state" else before[name] == after[name]
        expect(same, f"{who} leaves the process alone", f"the global {name} unchanged", "a changed one")


def _process_state() -> dict:
    return {
        "random state": torch.get_rng_state(),
        "number of threads": torch.get_num_threads(),
        "default dtype": torch.get_default_dtype(),
        "gradient mode": torch.is_grad_enabled(),
    }
