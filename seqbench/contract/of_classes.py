"""The first checks of an architecture: its class can be built, its first forward pass gives what the network reads."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from seqbench import registry
from seqbench.contract.blame import code_answers, told
from seqbench.contract.process import unchanged_process
from seqbench.contract.rule import ContractError, expect
from seqbench.layers import Embed, Network, embedded_size
from seqbench.schema import Cell
from seqbench.spec import Architecture, Batch, Task, generator

SHORT = 3
"""Steps of the sequence that finds the width of a class that does not declare it."""


def construct(cell: Cell, task: Task) -> nn.Module:
    """The architecture of a cell with its initial parameters.

    Raises:
        UsageError: a value of the YAML file makes no sense, or the class does not take it.
        ContractError: the class is no architecture, or building it changes the process.
    """
    node = cell.model
    features = embedded_size(task.input, node.get("embed", "direct"), node.get("embed_size"))
    with unchanged_process(generator("cpu", "init", 0).initial_seed()), code_answers(cell.plugins):
        body = registry.build(node, "model", cell.plugins, input_size=features, length=task.length)
    expect(isinstance(body, nn.Module), "class", "a torch.nn.Module", type(body).__name__)
    lazy = [name for name, p in body.named_parameters() if is_lazy(p)]
    expect(not lazy, "parameters", "all of them made by __init__", f"lazy ones: {', '.join(lazy)}")
    bad = [name for name, p in body.named_parameters() if not torch.isfinite(p).all()]
    expect(not bad, "initialisation", "finite parameters", f"NaN or infinity in {', '.join(bad)}")
    dtypes = {p.dtype for p in body.parameters() if p.requires_grad} - {torch.float32}
    expect(not dtypes, "parameters", "all trainable ones torch.float32", ", ".join(sorted(map(str, dtypes))))
    _check_attributes(body, task)
    return body


def first_forward(body: nn.Module, cell: Cell, task: Task, batch: Batch) -> Network:
    """The network around ``body``, whose outputs have the axes, the dtype and the device that a head reads.

    Raises:
        ContractError: they have not, or the forward pass changes its input, its parameters' names or the process.
    """
    embed = cell.model.get("embed", "direct"), cell.model.get("embed_size")
    x = Embed(task.input, *embed)(batch.inputs).detach()  # (batch, time, features)
    given, before = x.clone(), {name for name, _ in body.named_parameters()}
    with unchanged_process():
        out = body(given)
    late = [name for name, _ in body.named_parameters() if name not in before]
    expect(not late, "parameters", "all of them made by __init__", f"others made by forward: {', '.join(late)}")
    _check_output(out, x, getattr(body, "width", None))
    expect(torch.equal(given, x), "input", "the input of forward unchanged", "a changed one")
    if getattr(body, "width", None) is None:
        _check_short(body, x, cell.plugins)
    return Network(body, task.input, task.output.size, *embed)


def _check_output(out: Any, x: Tensor, width: int | None) -> None:
    rule, axes = "forward", (*x.shape[:2], "width" if width is None else width)
    expected = f"a tensor (batch, time, width) = ({', '.join(map(str, axes))})"
    expect(isinstance(out, Tensor), rule, expected, f"a {type(out).__name__}")
    good = out.ndim == 3 and out.shape[:2] == x.shape[:2] and width in (None, out.shape[2])
    expect(good, rule, expected, tuple(out.shape))
    expect(out.dtype == x.dtype, rule, f"the dtype of the input, {x.dtype}", out.dtype)
    expect(out.device == x.device, rule, f"the device of the input, {x.device}", out.device)
    expect(bool(torch.isfinite(out).all()), rule, "finite outputs at initialisation", "NaN or infinity")


def _check_short(body: nn.Module, x: Tensor, plugins: tuple[str, ...]) -> None:
    """What declares no width must run on a short sequence, which is how the network finds it."""
    short = x.new_zeros(2, SHORT, x.shape[2])
    try:
        with torch.no_grad():
            body(short)
    except Exception as error:
        rule = f"an attribute width, or a forward that takes a sequence of {SHORT} steps"
        raise ContractError("width", rule, told(error, plugins)) from error


def _check_attributes(body: nn.Module, task: Task) -> None:
    """What a class declares has the type that the network and the record read."""
    width = getattr(body, "width", None)
    count = "a whole number of at least 1, or no such attribute"
    expect(width is None or (_whole(width) and width >= 1), "width", count, _shown(width))
    for name in ("causal", "reads_positions"):
        value = getattr(body, name, None)
        expect(value is None or isinstance(value, bool), name, "True, False, or no such attribute", _shown(value))
    for name, arguments in (("flops", (1, task.length)), ("state_size", (task.length,))):
        method = declared_method(body, name)
        try:
            value = method(*arguments) if method else 0
        except NotImplementedError:
            continue
        expect(_whole(value) and value >= 0, name, "a whole number of at least 0", _shown(value))


def declared_method(body: nn.Module, name: str) -> Callable | None:
    """A method of the class's own; None where it has none but ``Architecture``'s, which only says what it would be."""
    found = getattr(type(body), name, None)
    own = callable(found) and found is not getattr(Architecture, name)
    return getattr(body, name) if own else None


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _shown(value: object) -> str:
    return f"{value!r} ({type(value).__name__})"
