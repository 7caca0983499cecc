"""What every architecture must do, as functions that raise AssertionError; tests and mutants share them."""

import copy
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from seqbench.models.attention import Attention
from seqbench.models.gru import GRU
from seqbench.models.lstm import LSTM
from seqbench.models.rnn import RNN
from seqbench.models.transformer import Transformer
from seqbench.ops import library_kernels
from seqbench.spec import Architecture
from tests import reference

BATCH, TIME, FEATURES, WIDTH = 2, 5, 3, 4


@dataclass(frozen=True, kw_only=True)
class Case:
    """An architecture with one choice of its options, its NumPy loop and the library's kernel for it in float32."""

    cls: type[Architecture]
    sizes: dict[str, Any]
    loop: Callable[..., np.ndarray]
    kernel: str

    @property
    def our_kernel(self) -> str:
        """The kernel where the library's recurrences are switched off."""
        return re.sub(r"torch\.(rnn|lstm|gru)\S*( \(oneDNN\))?", r"seqbench.ops.\1", self.kernel)

    @property
    def default_kernel(self) -> str:
        """The kernel where nothing is asked for: on the CPU, the library's for all but the GRU."""
        return re.sub(r"torch\.gru\b", "seqbench.ops.gru", self.kernel)

    def build(self, cls: type[Architecture] | None = None) -> Architecture:
        """The model, or the same one of another class, in double precision, no parameter at a special value."""
        torch.manual_seed(0)
        model = (cls or self.cls)(FEATURES, TIME, **{"width": WIDTH} | self.sizes).double()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.5 * torch.randn_like(parameter))
        return model


def _case(cls: type[Architecture], kernel: str, **sizes: Any) -> Case:
    return Case(cls=cls, sizes=sizes, loop=getattr(reference, cls.__name__.lower()), kernel=kernel)


_SDPA = "torch.scaled_dot_product_attention"
CASES = {
    "rnn": _case(RNN, "torch.rnn_tanh"),
    "rnn-relu-deep": _case(RNN, "torch.rnn_relu", activation="relu", depth=2, init="identity"),
    "lstm": _case(LSTM, "torch.lstm (oneDNN)"),
    "lstm-deep": _case(LSTM, "torch.lstm (oneDNN)", depth=2, forget_bias=1.0),
    "gru-after": _case(GRU, "torch.gru", reset="after"),
    "gru-before": _case(GRU, "seqbench.ops.gru", reset="before"),
    "gru-after-deep": _case(GRU, "torch.gru", reset="after", depth=2),
    "attention-dot": _case(Attention, f"torch.gru + {_SDPA}"),
    "attention-dot-before-deep": _case(Attention, f"seqbench.ops.gru + {_SDPA}", reset="before", depth=2),
    "attention-additive": _case(Attention, "torch.gru + torch.softmax", score="additive", attention_width=3),
    "transformer": _case(Transformer, _SDPA, width=8, heads=2, depth=2, mlp_ratio=2, position="rope"),
    "transformer-sinusoidal": _case(Transformer, _SDPA, heads=1, depth=1, mlp_ratio=0.5, position="sinusoidal"),
    "transformer-learned": _case(Transformer, _SDPA, heads=4, depth=1, mlp_ratio=1, position="learned"),
    "transformer-bare": _case(
        Transformer, _SDPA, heads=1, depth=1, mlp_ratio=0, position="none", norm=False, residual=False
    ),
    "transformer-no-residual": _case(
        Transformer, _SDPA, heads=2, depth=2, mlp_ratio=1, position="none", residual=False
    ),
}


def sequences(dtype: torch.dtype = torch.float64, batch: int = BATCH) -> Tensor:
    """The input of all checks."""
    return torch.randn(batch, TIME, FEATURES, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).to(dtype)


def check_equations(model: Architecture, case: Case) -> None:
    """In double precision, on torch's kernels and on ours, the outputs are those of the NumPy loop within 1e-10."""
    x = sequences()
    expected = case.loop({name: value.numpy() for name, value in model.state_dict().items()}, x.numpy(), **case.sizes)
    for library in (True, False):
        with library_kernels(library), torch.no_grad():
            outputs = model(x).numpy()
        assert outputs.shape == expected.shape == (BATCH, TIME, model.width)
        error = np.abs(outputs - expected).max()
        assert error <= 1e-10, f"library_kernels({library}): off by {error:.2e}"


def check_single_precision(model: Architecture, case: Case) -> None:
    """Single precision agrees with double on both kernels, and ``kernel`` names the one that ran."""
    for library, kernel in ((True, case.kernel), (False, case.our_kernel)):
        with library_kernels(library), torch.no_grad():
            double = model(sequences())
            single = copy.deepcopy(model).float()
            outputs = single(sequences(torch.float32))
        assert outputs.dtype == torch.float32
        torch.testing.assert_close(outputs.double(), double, rtol=1e-4, atol=1e-5)
        assert single.kernel == kernel, f"{single.kernel!r} is not {kernel!r}"


def check_causal(model: Architecture, case: Case) -> None:
    """Outputs before step t are bitwise the same whatever comes from t on; those from t on are not."""
    x = sequences()
    for t in range(1, TIME):
        changed = x.clone()
        changed[:, t:] = 3.0 - changed[:, t:]
        for library in (True, False):
            with library_kernels(library), torch.no_grad():
                before, after = model(x), model(changed)
            assert torch.equal(before[:, :t], after[:, :t]), f"step {t} reaches an earlier output"
            assert not torch.isclose(before[:, t], after[:, t]).all(), f"step {t} does not reach its own output"


def check_batch_independent(model: Architecture, case: Case) -> None:
    """The outputs of a sequence are bitwise the same whatever the others are, and do differ between sequences."""
    x = sequences(batch=3)
    changed = torch.cat([x[:1], 3.0 - x[1:]])
    for library in (True, False):
        with library_kernels(library), torch.no_grad():
            before, after = model(x), model(changed)
        assert torch.equal(before[0], after[0])
        assert not torch.isclose(before[1:], after[1:]).all()


def check_step(model: Architecture, case: Case) -> None:
    """Steps taken one by one give what ``forward`` gives, and carry ``state_size`` numbers per sequence."""
    x = sequences()
    for library in (True, False):
        with library_kernels(library), torch.no_grad():
            expected, state = model(x), None
            for t in range(TIME):
                output, state = model.step(x[:, t], state)
                torch.testing.assert_close(output, expected[:, t], rtol=1e-12, atol=1e-12)
                carried = _numbers(state)
                assert carried == BATCH * model.state_size(t + 1), f"step {t}: {carried} numbers"


def _numbers(state: Any) -> int:
    return state.numel() if isinstance(state, Tensor) else sum(_numbers(part) for part in state)


def check_flops(model: Architecture, case: Case) -> None:
    """``flops`` is what torch counts of the matrix products, on plain kernels: it counts nothing in fused ones."""
    for batch in (2, 3):
        counter = FlopCounterMode(display=False)
        with library_kernels(False), sdpa_kernel(SDPBackend.MATH), torch.no_grad(), counter:
            model(sequences(batch=batch))
        assert model.flops(batch, TIME) == counter.get_total_flops()


def check_gradients(model: Architecture, case: Case) -> None:
    """On both kernels, gradients by input and every parameter are those of finite differences."""
    names, values = zip(*((name, value.detach()) for name, value in model.named_parameters()), strict=True)
    inputs = tuple(value.clone().requires_grad_() for value in (sequences(batch=1)[:, :3], *values))

    def outputs(x: Tensor, *parameters: Tensor) -> Tensor:
        return functional_call(model, dict(zip(names, parameters, strict=True)), (x,))

    for library in (True, False):
        with library_kernels(library):
            good = torch.autograd.gradcheck(outputs, inputs, raise_exception=False, fast_mode=True)
        assert good, f"library_kernels({library})"


def check_every_parameter_learns(model: nn.Module, case: Case) -> None:
    """Every parameter gets a gradient that is not zero."""
    model(sequences()).pow(3).sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 1e-9, name


def check_state_dict(model: Architecture, case: Case) -> None:
    """Parameters saved to bytes and loaded into a model of another seed give bitwise the same outputs."""
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **{name: value.numpy() for name, value in model.state_dict().items()})
    torch.manual_seed(7)
    other = case.cls(FEATURES, TIME, **{"width": WIDTH} | case.sizes).double()
    x = sequences()
    assert not torch.equal(other(x), model(x))
    file.seek(0)
    with np.load(file, allow_pickle=False) as saved:
        other.load_state_dict({name: torch.from_numpy(saved[name]) for name in saved.files}, strict=True)
    assert torch.equal(other(x), model(x))


CHECKS = {
    "equations": check_equations,
    "single precision": check_single_precision,
    "causal": check_causal,
    "batch independent": check_batch_independent,
    "step": check_step,
    "flops": check_flops,
    "gradients": check_gradients,
    "every parameter learns": check_every_parameter_learns,
    "state dict": check_state_dict,
}
