"""What can be counted without noise: a change of one of these numbers is a change of the code, whatever the machine.

Of each architecture one training step on the adding problem; of each task one batch; of the command line the modules
that ``--help`` loads; of a tiny sweep the files it leaves and the processes it starts. Every count says what it depends
on: the code alone, or the build of torch too, and Python's.

    python bench/counts.py            # JSON on the standard output, some seconds
"""

import contextlib
import io
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any
from unittest.mock import patch

import engine
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from seqbench import cli
from seqbench.cost.rate import declared_flops
from seqbench.record.environment import environment
from seqbench.sweep.cell import prepare

LENGTH, BATCH_SIZE = 32, 8
SYNCS = {
    *("_local_scalar_dense", "nonzero", "is_nonzero", "equal", "masked_select", "_unique2", "_linalg_check_errors"),
    "repeat_interleave",
}
"""Operators that wait for a GPU, by what they return: a number for Python, or a shape that depends on data."""
READS = {"tolist", "cpu", "numpy", "__array__"}
"""Methods of a tensor that wait for a GPU too, and on a CPU run no operator."""
TINY = (
    *("task=smoke/adding_8", "model=rnn,gru", "train=smoke", "train.steps=2", "seeds=2"),
    *("lanes=1", "device=cpu", "report=false", "cost=false"),
)

Counts = dict[str, dict[str, Any]]


class Operators(TorchDispatchMode):
    """Counts the operators that torch runs inside, those of backward included.

    Attributes:
        number: of operators. syncs: of those in ``SYNCS``, and of those that take a mask as an index.
        bytes: of all results that are not views of, or the same as, an argument.
    """

    def __init__(self) -> None:
        super().__init__()
        self.number = self.syncs = self.bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run one operator and count it."""
        result = func(*args, **(kwargs or {}))
        self.number += 1
        name, masks = func.overloadpacket.__name__, (torch.bool, torch.uint8)
        indexed = name.startswith("index") and any(
            isinstance(leaf, Tensor) and leaf.dtype in masks for leaf in tree_leaves(args[1:2])
        )
        self.syncs += name in SYNCS or indexed
        given = {pointer for pointer, _ in _storages((args, kwargs))}
        self.bytes += sum(size for pointer, size in set(_storages(result)) if pointer not in given)
        return result


class Reads(TorchFunctionMode):
    """Counts the calls inside of what is in ``READS``.

    Attributes:
        number: of calls.
    """

    def __init__(self) -> None:
        super().__init__()
        self.number = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Make one call and count it."""
        self.number += getattr(func, "__name__", "") in READS
        return func(*args, **(kwargs or {}))


def _storages(tree: Any) -> Iterator[tuple[int, int]]:
    for leaf in tree_leaves(tree):
        if isinstance(leaf, Tensor) and leaf.layout == torch.strided:
            storage = leaf.untyped_storage()
            yield storage.data_ptr(), storage.nbytes()


def autograd_nodes(losses: Tensor) -> int:
    """Functions in the graph that ``backward`` walks from ``losses``."""
    seen, waiting = set(), [losses.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen:
            seen.add(node)
            waiting += [function for function, _ in node.next_functions]
    return len(seen)


def python_calls(call: Callable[[], object]) -> int:
    """Calls of Python functions that ``call`` makes."""
    number = 0

    def count(frame: Any, event: str, argument: Any) -> None:
        nonlocal number
        number += event == "call"

    sys.setprofile(count)
    try:
        call()
    finally:
        sys.setprofile(None)
    return number


def of_architecture(name: str) -> Iterator[tuple[str, int | None, str]]:
    """Counts of one architecture: name, value, what it depends on."""
    sizes = (f"task.length={LENGTH}", f"train.batch_size={BATCH_SIZE}", "train.clip=1.0", "train.steps=8")
    trainer = engine.trainer("task=adding_problem", f"model={name}", *sizes)
    population, body = trainer.population, trainer.population.member(0).body
    batches = [trainer.batches(index) for index in range(4)]
    trainer.update(0, batches[0])  # what is made at the first call is not of the step
    yield "parameters", population.num_parameters, "code"
    yield "declared FLOPs", declared_flops(body, BATCH_SIZE, LENGTH), "code"
    yield "autograd nodes", autograd_nodes(population.losses(batches[1])), "torch"
    with Operators() as operators, Reads() as reads:
        trainer.update(2, batches[2])
    yield "operators", operators.number, "torch"
    yield "bytes allocated", operators.bytes, "torch"
    yield "host syncs", operators.syncs + reads.number, "torch"
    yield "Python calls", python_calls(lambda: trainer.update(3, batches[3])), "torch"


def of_task(name: str) -> Iterator[tuple[str, int | None, str]]:
    """Counts of one batch of a task."""
    task = engine.task(f"task={name}")
    task.batch("train", 0, BATCH_SIZE, 0, "cpu")
    with Operators() as operators:
        task.batch("train", 1, BATCH_SIZE, 0, "cpu")
    yield "operators", operators.number, "torch"
    yield "bytes allocated", operators.bytes, "torch"


def of_help() -> Iterator[tuple[str, int | None, str]]:
    """Modules that ``--help`` loads, beside those of Python itself."""
    code = "import sys; from seqbench import cli; cli.main(['--help']); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0]: 0 for name in done.stderr.split()}
    own = [name for name in done.stderr.split() if name.partition(".")[0] == "seqbench"]
    yield "modules of seqbench", len(own), "code"
    # Packages may load modules of their own at every start of Python: those are there without us too.
    bare = subprocess.run([sys.executable, "-c", "import sys; print(*sys.modules)"], capture_output=True, text=True)
    there = {name.partition(".")[0] for name in bare.stdout.split()} | sys.stdlib_module_names | {"seqbench"}
    yield "other packages", len(set(loaded) - there), "code"


def of_sweep() -> Iterator[tuple[str, int | None, str]]:
    """Files that a tiny sweep leaves in its store, and processes that it starts, of Python's and other programs'."""
    started, watching = 0, True
    start = BaseProcess.start

    def counted(process: BaseProcess) -> None:
        nonlocal started
        started += 1
        start(process)

    def heard(event: str, _: object) -> None:
        nonlocal started
        started += watching and event == "subprocess.Popen"

    sys.addaudithook(heard)  # none can be taken away
    with tempfile.TemporaryDirectory() as folder, patch.object(BaseProcess, "start", counted):
        with contextlib.redirect_stdout(io.StringIO()):
            code = cli.main([*TINY, f"store={folder}/runs"])
        if code != 0:
            raise RuntimeError(f"the tiny sweep must end with 0; got {code}")
        files = [path.relative_to(folder) for path in Path(folder).rglob("*") if path.is_file()]
    watching = False
    yield "files in the store", len(files), "code"
    yield "processes", started, "code"


def counts() -> Counts:
    """All counts: "of: what" -> value and what it depends on beside the code."""
    parts: dict[str, Iterator[tuple[str, int | None, str]]] = {
        **{f"model {name}": of_architecture(name) for name in engine.choices("model")},
        **{f"task {name}": of_task(name) for name in engine.choices("task") if "/" not in name},
        "--help": of_help(),
        "tiny sweep": of_sweep(),
    }
    found = {f"{of}: {what}": (value, on) for of, part in parts.items() for what, value, on in part}
    return {name: {"value": value, "depends_on": on} for name, (value, on) in found.items() if value is not None}


if __name__ == "__main__":
    prepare()
    json.dump({"environment": environment(), "counts": counts()}, sys.stdout, indent=1)
