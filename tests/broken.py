"""A zoo of architectures, each of which does one thing wrong, with the status and message that its run must end with.

In a message ``<n>`` stands for a number that may vary, ``<place>`` for a line of this file or of toys.py, ``<any>`` for
what torch or the machine says. What is legal and looks wrong is here too: it ends ``completed`` with no message.
"""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tests.toys import Mean

ZOO: dict[str, tuple[str, str]] = {}
"""Name of a class -> status and message."""


def ends(status: str, message: str = "") -> Callable[[type], type]:
    """Enter a class into the zoo."""

    def enter(cls: type) -> type:
        ZOO[cls.__name__] = (status, message)
        return cls

    return enter


def fails(rule: str, expected: str, got: str) -> Callable[[type], type]:
    """Enter a class that breaks a rule of the contract."""
    return ends("failed", f"contract {rule}: expected {expected}; got {got}")


SHAPE = "a tensor (batch, time, width) = (3, 6, width)"


# ------------------------------------------------------------------ legal, however odd


@ends("completed")
class Strided(Mean):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).mT.contiguous().mT


@ends("completed")
class Noisy(Mean):
    """Draws from the global generator while it trains, as dropout does."""

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.dropout(super().forward(x), 0.5, self.training)


@ends("completed")
class Chatty(Mean):
    """Prints more than a pipe holds, also past Python's own streams."""

    def forward(self, x: Tensor) -> Tensor:
        print("noise " * 20_000)
        os.write(1, b"noise\n")
        os.write(2, b"noise\n")
        return super().forward(x)


@ends("completed")
class Leaky(Mean):
    """Keeps 4 MB of every step."""

    kept: list[Tensor] = []  # noqa: RUF012 - it outlives the module, that is the fault

    def forward(self, x: Tensor) -> Tensor:
        self.kept.append(torch.ones(2**20))
        return super().forward(x)


# ------------------------------------------------------------------ what forward returns


@fails("forward", SHAPE, "(3, 4)")
class WrongRank(Mean):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).mean(1)


@fails("forward", "a tensor (batch, time, width) = (3, 6, 8)", "(3, 6, 4)")
class WrongWidth(Mean):
    width = 8


@fails("forward", SHAPE, "(3, 5, 4)")
class WrongTime(Mean):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)[:, 1:]


@fails("forward", SHAPE, "(2, 6, 4)")
class WrongBatch(Mean):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)[:2]


@fails("forward", SHAPE, "(6, 3, 4)")
class TimeFirst(Mean):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).transpose(0, 1)


@fails("forward", SHAPE, "a tuple")
class ReturnsTuple(Mean):
    def forward(self, x: Tensor) -> Any:
        return super().forward(x), None


@fails("forward", SHAPE, "a NoneType")
class ReturnsNone(Mean):
    def forward(self, x: Tensor) -> Any:
        super().forward(x)


@fails("forward", SHAPE, "a ndarray")
class ReturnsArray(Mean):
    def forward(self, x: Tensor) -> Any:
        return super().forward(x).detach().numpy()


@fails("forward", "the dtype of the input, torch.float32", "torch.int64")
class ReturnsIntegers(Mean):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).long()


@fails("forward", "the dtype of the input, torch.float32", "torch.float64")
class ReturnsDoubles(Mean):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).double()


@fails("forward", "the device of the input, cpu", "meta")
class OnAnotherDevice(Mean):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).to("meta")


@fails("forward", "finite outputs at initialisation", "NaN or infinity")
class Infinite(Mean):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) / 0.0


@fails("evaluation", "finite outputs in evaluation mode", "NaN or infinity")
class InfiniteInEvaluation(Mean):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) / float(self.training)


@fails("evaluation", "equal outputs for equal inputs in evaluation mode", "others")
class Whimsical(Mean):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + torch.rand(1)


@ends(
    "failed",
    "contract forward: expected the same axes for every batch; got an architecture's forward must return a tensor "
    "(batch, time, width=4), here (64, 6, ...); got (32, 6, 4). Return every step's output, batch first, and nothing "
    "else.",
)
class WrongOnlyInValidation(Mean):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)[:32]


# ------------------------------------------------------------------ parameters, gradients, input


@fails("gradient", "a gradient for every parameter", "none for body.map.weight, body.map.bias")
class Detached(Mean):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).detach()


@fails("gradient", "outputs that depend on the input", "none that does")
class Deaf(Mean):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.detach())


@fails("parameters", "at least one trainable parameter in the architecture", "none")
class Untrainable(Mean):
    def __init__(self, input_size: int, length: int, width: int = 4) -> None:
        super().__init__(input_size, length, width)
        self.requires_grad_(False)


@fails("parameters", "all trainable ones torch.float32", "torch.float64")
class MixedPrecisions(Mean):
    def __init__(self, input_size: int, length: int, width: int = 4) -> None:
        super().__init__(input_size, length, width)
        self.scale = nn.Parameter(torch.ones(1, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * self.scale.float()


@fails("parameters", "all of them made by __init__", "others made by forward: late.weight, late.bias")
class LateParameters(Mean):
    def forward(self, x: Tensor) -> Tensor:
        if not hasattr(self, "late"):
            self.late = nn.Linear(x.shape[-1], 4)
        return super().forward(x) + self.late(x)


@fails("parameters", "all of them made by __init__", "lazy ones: map.weight, map.bias")
class LazyParameters(Mean):
    def __init__(self, input_size: int, length: int) -> None:
        super().__init__(input_size, length)
        self.map = nn.LazyLinear(4)


@fails("initialisation", "finite parameters", "NaN or infinity in map.weight")
class NotANumber(Mean):
    def __init__(self, input_size: int, length: int) -> None:
        super().__init__(input_size, length)
        nn.init.constant_(self.map.weight, float("nan"))


@fails("input", "the input of forward unchanged", "a changed one")
class InPlace(Mean):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.mul_(2.0))


# ------------------------------------------------------------------ what a class declares


@fails("causal", "past outputs unchanged when the future changes", "changed ones")
class LooksAhead(Mean):
    causal = True

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).flip(1)


@fails("causal", "True, False, or no such attribute", "'yes' (str)")
class CausalInWords(Mean):
    causal = "yes"


@fails("batch independence", "a sequence's outputs blind to the others", "changed ones")
class MixesSequences(Mean):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x - x.mean(0))


@fails("causal", "past outputs unchanged when the future changes", "changed ones")
class LooksAheadAndMixes(LooksAhead):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x - x.mean(0))


@fails("step", "the outputs of forward", "others at time step 1")
class WrongStep(Mean):
    def step(self, x_t: Tensor, state: Any) -> tuple[Tensor, Any]:
        return torch.tanh(self.map(x_t)), state


@fails("step", "(output, state)", "a Tensor")
class StepWithoutState(Mean):
    def step(self, x_t: Tensor, state: Any) -> Tensor:
        return torch.tanh(self.map(x_t))


@fails("flops", "a whole number of at least 0", "'many' (str)")
class FlopsInWords(Mean):
    def flops(self, batch: int, length: int) -> Any:
        return "many"


@fails("state_size", "a whole number of at least 0", "4.5 (float)")
class FractionOfState(Mean):
    def state_size(self, length: int) -> Any:
        return 4.5


@ends("failed", "ZeroDivisionError: integer division or modulo by zero (<place>)")
class FlopsRaise(Mean):
    def flops(self, batch: int, length: int) -> int:
        return 1 // 0


@fails("width", "a whole number of at least 1, or no such attribute", "4.0 (float)")
class FractionOfWidth(Mean):
    width = 4.0


@fails(
    "width",
    "an attribute width, or a forward that takes a sequence of 3 steps",
    "RuntimeError: The size of tensor a (3) must match the size of tensor b (6) at non-singleton dimension 1 (<place>)",
)
class OneLengthOnly(Mean):
    def __init__(self, input_size: int, length: int) -> None:
        super().__init__(input_size, length)
        self.places = nn.Parameter(torch.zeros(length, 4))

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + self.places


@fails("class", "a torch.nn.Module", "NoModule")
class NoModule:
    def __init__(self, input_size: int, length: int) -> None:
        self.width = 4


# ------------------------------------------------------------------ exceptions, exits, ends of processes


@ends("failed", "ValueError: these sizes do not fit (<place>)")
class RaisesInInit(Mean):
    def __init__(self, input_size: int, length: int) -> None:
        raise ValueError("these sizes do not fit")


@ends("failed", 'TypeError: can only concatenate str (not "int") to str (<place>)')
class TypeErrorInInit(Mean):
    def __init__(self, input_size: int, length: int) -> None:
        super().__init__(input_size, int("4" + length))  # type: ignore[operator] - that is the fault


@ends("failed", "AttributeError: cannot assign module before Module.__init__() call (<place>)")
class NoSuperInit(nn.Module):
    def __init__(self, input_size: int, length: int) -> None:
        self.map = nn.Linear(input_size, 4)


@ends(
    "failed",
    "TypeError: cannot assign 'numpy.ndarray' object to buffer 'words' (torch Tensor or None required) (<place>)",
)
class BufferOfObjects(Mean):
    def __init__(self, input_size: int, length: int) -> None:
        super().__init__(input_size, length)
        self.register_buffer("words", np.array(["a", None], dtype=object))  # type: ignore[arg-type] - that is the fault


@ends("failed", "RuntimeError: the layer \\x1b[2Jbroke over two lines \\udcff (<place>)")
class RaisesInForward(Mean):
    def forward(self, x: Tensor) -> Tensor:
        raise RuntimeError("the layer \x1b[2Jbroke\nover two lines \udcff")


@ends("failed", 'NotImplementedError: Module [NoForward] is missing the required "forward" function')
class NoForward(nn.Module):
    def __init__(self, input_size: int, length: int) -> None:
        super().__init__()
        self.map = nn.Linear(input_size, 4)


@ends("failed", "RuntimeError: not in evaluation mode (<place>)")
class RaisesInEvaluation(Mean):
    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            raise RuntimeError("not in evaluation mode")
        return super().forward(x)


@ends("failed", "RuntimeError: not for 64 sequences (<place>)")
class RaisesInValidation(Mean):
    def forward(self, x: Tensor) -> Tensor:
        if len(x) > 4:
            raise RuntimeError(f"not for {len(x)} sequences")
        return super().forward(x)


@ends("failed", "RecursionError: maximum recursion depth exceeded<any> (<place>)")
class Endless(Mean):
    def forward(self, x: Tensor) -> Tensor:
        return self.forward(x)


class _UnreadableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError


@ends("failed", "_UnreadableError: (an exception whose text cannot be read) (<place>)")
class RaisesTheUnreadable(Mean):
    def forward(self, x: Tensor) -> Tensor:
        raise _UnreadableError


@ends("failed", "KeyboardInterrupt (<place>)")
class Interrupts(Mean):
    def forward(self, x: Tensor) -> Tensor:
        raise KeyboardInterrupt


@ends("failed", "EOFError: EOF when reading a line (<place>)")
class AsksForInput(Mean):
    def forward(self, x: Tensor) -> Tensor:
        input("width? ")
        return super().forward(x)


@ends("failed", "the code of the model or task called exit(3) (<place>)")
class Exits(Mean):
    def forward(self, x: Tensor) -> Tensor:
        sys.exit(3)


@ends("failed", "the worker process ended with exit code 0 and left no record")
class ExitsAtOnce(Mean):
    def forward(self, x: Tensor) -> Tensor:
        os._exit(0)


@ends("killed", "the worker process was ended by SIGKILL, possibly out of memory")
class KillsItself(Mean):
    def forward(self, x: Tensor) -> Tensor:
        os.kill(os.getpid(), signal.SIGKILL)
        return x


@ends("killed", "the worker process was ended by SIGSEGV")
class Crashes(Mean):
    def forward(self, x: Tensor) -> Tensor:
        ctypes.string_at(0)
        return x


@ends(
    "oom",
    "RuntimeError: <any>can't allocate memory: you tried to allocate 1152921504606846976 bytes. Error code 12 (<any>) "
    "(<place>)",
)
class WantsEverything(Mean):
    def forward(self, x: Tensor) -> Tensor:
        return torch.empty(2**60, dtype=torch.uint8)


@ends("timeout", "the check before training gave no answer in 2 seconds")
class Sleeps(Mean):
    def forward(self, x: Tensor) -> Tensor:
        time.sleep(600)
        return x


# ------------------------------------------------------------------ what is everybody's


@fails("process", "the global random seed to stay as it was", "0")
class SeedsInForward(Mean):
    def forward(self, x: Tensor) -> Tensor:
        torch.manual_seed(0)
        return super().forward(x)


@fails("process", "the global random seed to stay as it was", "42")
class SeedsInInit(Mean):
    def __init__(self, input_size: int, length: int) -> None:
        torch.manual_seed(42)
        super().__init__(input_size, length)


@fails("process", "the global number of threads to stay 1", "2")
class ThreadsInInit(Mean):
    def __init__(self, input_size: int, length: int) -> None:
        torch.set_num_threads(2)
        super().__init__(input_size, length)


@fails("process", "the global number of threads to stay 1", "3")
class ThreadsInForward(Mean):
    def forward(self, x: Tensor) -> Tensor:
        torch.set_num_threads(3)
        return super().forward(x)


@fails("process", "the global default dtype to stay torch.float32", "torch.float64")
class DefaultDtype(Mean):
    def __init__(self, input_size: int, length: int) -> None:
        torch.set_default_dtype(torch.float64)
        super().__init__(input_size, length)


@fails("process", "the global default device to stay cpu", "meta")
class DefaultDevice(Mean):
    def __init__(self, input_size: int, length: int) -> None:
        torch.set_default_device("meta")
        super().__init__(input_size, length)


@fails("process", "the global gradient mode to stay True", "False")
class SwitchesGradientsOff(Mean):
    def forward(self, x: Tensor) -> Tensor:
        torch.set_grad_enabled(False)
        return super().forward(x)


@fails("process", "the global flushing of denormal numbers to stay True", "False")
class KeepsDenormals(Mean):
    def forward(self, x: Tensor) -> Tensor:
        torch.set_flush_denormal(False)
        return super().forward(x)


@fails("process", "the global working folder to stay <any>", "/")
class ChangesFolder(Mean):
    def __init__(self, input_size: int, length: int) -> None:
        os.chdir("/")
        super().__init__(input_size, length)


@fails("process", "no hook on all modules", "one in torch.nn.modules.module._global_forward_hooks")
class HooksEveryModule(Mean):
    def __init__(self, input_size: int, length: int) -> None:
        super().__init__(input_size, length)
        nn.modules.module.register_module_forward_hook(lambda module, inputs, output: None)


@fails("process", "torch's own functions to stay", "another torch.tanh")
class PatchesTorch(Mean):
    def forward(self, x: Tensor) -> Tensor:
        torch.tanh = torch.sigmoid
        return super().forward(x)


@fails("process", "torch's own functions to stay", "another torch.nn.Linear.forward")
class PatchesLinear(Mean):
    def forward(self, x: Tensor) -> Tensor:
        nn.Linear.forward = lambda self, input: input @ self.weight.T
        return super().forward(x)


# ------------------------------------------------------------------ only while it trains


class _Later(Mean):
    """Counts the calls of training: the preflight makes at most 10 of them with one module."""

    calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += self.training
        return super().forward(x) if self.calls < 16 else self.later(x)

    def later(self, x: Tensor) -> Tensor:
        raise NotImplementedError


@ends("diverged", "loss was nan at step 15; last finite loss <n>")
class DivergesLater(_Later):
    def later(self, x: Tensor) -> Tensor:
        return Mean.forward(self, x) * float("nan")


@ends("failed", "RuntimeError: broke at last (<place>)")
class RaisesLater(_Later):
    def later(self, x: Tensor) -> Tensor:
        raise RuntimeError("broke at last")


@ends("failed", "the worker process ended with exit code 7 and left no record")
class ExitsLater(_Later):
    def later(self, x: Tensor) -> Tensor:
        print("my last words")
        sys.stdout.flush()
        os._exit(7)


@ends("timeout", "still running after train.timeout_s=2 seconds")
class SleepsLater(_Later):
    def later(self, x: Tensor) -> Tensor:
        time.sleep(600)
        return x
