"""Architectures broken on purpose: each must fail the check that guards against it, and only it was changed."""

import importlib
import inspect
from dataclasses import dataclass
from types import ModuleType

import pytest

from seqbench.spec import Architecture
from tests.architecture_checks import CASES, CHECKS


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """One change of the source of one module, and the check that must notice it in one case.

    Attributes:
        case: key of CASES. rule: key of CHECKS.
        module: "models" (the architecture's own file) or the op it runs on.
        old, new: text that stands once in the source, and what it becomes.
    """

    case: str
    rule: str
    module: str
    old: str
    new: str


def _of(case: str, *mutants: tuple[str, str, str, str]) -> list[Mutant]:
    return [Mutant(case=case, rule=rule, module=module, old=old, new=new) for rule, module, old, new in mutants]


MUTANTS = [
    *_of(
        "rnn",
        ("equations", "rnn", "torch.tanh_ if", "torch.sigmoid_ if"),
        ("equations", "rnn", "weight_hidden, bias, torch", "weight_hidden, 0 * bias, torch"),
        ("equations", "rnn", "weight_hidden, h, out=following", "weight_hidden, initial, out=following"),
        ("equations", "rnn", "(following, weight_hidden, h", "(following, weight_hidden.mT, h"),
        ("equations", "rnn", "batch_last(x)", "batch_last(x.flip(1))"),
        ("causal", "rnn", "fused(x, h[None]", "fused(x + x.mean(1, True), h[None]"),
        ("batch independent", "rnn", "fused(x, h[None]", "fused(x - x.mean(0), h[None]"),
        ("gradients", "rnn", "1 - found * found", "1 - found"),
        ("gradients", "rnn", "torch.baddbmm(arrives, transposed, slope.mul_(grad_h))", "arrives.clone()"),
        ("gradients", "rnn", "columns(before(block, states, initial))", "columns(found)"),
        ("single precision", "models", 'f"rnn_{self.activation}"', '"lstm"'),
        ("step", "models", "initial, strict=True)", "(None,), strict=True)"),
        ("step", "models", "len(self.layers) * self.width", "self.width + length"),
        ("flops", "models", "batch * length *", "length *"),
    ),
    *_of(
        "rnn-relu-deep",
        ("equations", "rnn", 'torch.rnn_tanh if activation == "tanh"', 'torch.rnn_tanh if activation != "tanh"'),
        ("gradients", "rnn", "(found > 0)", "(found >= 0)"),
        ("every parameter learns", "models", "x, h = rnn(x, layer", "x, h = rnn(x.detach(), layer"),
        ("flops", "models", "self.layers.product_flops", "2 * self.layers.product_flops"),
    ),
    *_of(
        "lstm",
        ("equations", "lstm", "torch.mul(f, c, out", "torch.mul(i, c, out"),
        ("equations", "lstm", "addcmul_(i, g)", "add_(g)"),
        ("equations", "lstm", "g.tanh_()", "g.sigmoid_()"),
        ("equations", "lstm", ".mul_(o)", ".mul_(i)"),
        ("equations", "lstm", "torch.tanh(c, out=h_next)", "h_next.copy_(c)"),
        ("equations", "lstm", "(h[None], c[None]), weights", "(h[None] + 1, c[None]), weights"),
        ("gradients", "lstm", "grad_c = grad_c * forget[:, t]", "grad_c = grad_c * 1"),
        ("gradients", "lstm", "sigmoid_backward(past, f)", "sigmoid_backward(found, f)"),
        ("gradients", "lstm", "tanh_backward(o, tanh_c)", "o * tanh_c"),
        ("step", "models", "initial, strict=True)", "(None,), strict=True)"),
        ("step", "models", "2 * len(self.layers)", "len(self.layers)"),
        ("single precision", "models", 'kernel_name("lstm", "lstm", x)', '"torch.lstm"'),
        ("flops", "models", "batch * length * self", "batch * self"),
    ),
    *_of(
        "gru-after",
        ("equations", "gru", "torch.lerp(n, h, u, out=following)\n    return states, saved\n\n\ndef _loop_after_b",
         "torch.lerp(h, n, u, out=following)\n    return states, saved\n\n\ndef _loop_after_b"),
        ("equations", "gru", "n.addcmul_(r, inner)", "n.addcmul_(u, inner)"),
        ("equations", "gru", "(recurrent, weight, h,", "(recurrent, weight, initial,"),
        ("equations", "gru", "weights = [weight_input, weight_hidden", "weights = [weight_input, -weight_hidden"),
        ("gradients", "gru", "sigmoid_backward(of_n * inner, r)", "sigmoid_backward(of_n, r)"),
        ("gradients", "gru", "sigmoid_backward(past - n, u)\n", "sigmoid_backward(n - past, u)\n"),
        ("equations", "models", "layer.bias, h, self.reset)", 'layer.bias, h, "before")'),
        ("single precision", "models", 'if self.reset == "after" else', 'if self.reset == "before" else'),
        ("step", "models", "initial, strict=True)", "(None,), strict=True)"),
        ("flops", "models", "batch * length * self", "2 * batch * length * self"),
    ),
    *_of(
        "gru-before",
        ("equations", "gru", "torch.mul(r, h, out=kept)", "kept.copy_(h)"),
        ("equations", "gru", "torch.mul(r, h, out=kept)", "torch.mul(u, h, out=kept)"),
        ("equations", "models", "layer.bias, h, self.reset)", 'layer.bias, h, "after")'),
        ("gradients", "gru", ".addcmul_(grad_kept, reset)", ""),
        ("gradients", "gru", "gradients[:, 2 * H :], columns(kept))", "gradients[:, 2 * H :], columns(past))"),
        ("causal", "models", "return self._run(x, (", "return self._run(x.flip(1), ("),
    ),
    *_of(
        "attention-dot",
        ("causal", "models", "is_causal=seen is None", "is_causal=False"),
        ("equations", "models", "scale=1.0", "scale=0.5"),
        ("equations", "models", "torch.cat([torch.zeros_like(states[:, :1]), states[:, :-1]], 1)", "states"),
        ("equations", "models", "torch.cat([context, states], -1)", "torch.cat([states, context], -1)"),
        ("equations", "models", "return torch.tanh(self.combine(", "return (self.combine("),
        ("step", "models", "cat([past, before[-1]", "cat([past, after[-1]"),
        ("step", "models", "(len(self.layers) + length) * self.width", "length * self.width"),
        ("flops", "models", "scores = 2 * T * W if", "scores = T * W if"),
        ("gradients", "attention", "- (a * grad_a).sum(-1, keepdim=True)", ""),
        ("gradients", "attention", "grad_scores.mT @ q", "grad_scores.mT @ k"),
    ),
    *_of(
        "attention-additive",
        ("causal", "models", "device=past.device).tril()", "device=past.device)"),
        ("equations", "models", "torch.tanh(queries.unsqueeze(2)", "(queries.unsqueeze(2)"),
        ("equations", "models", "self.query(states), self.key(past)", "self.query(states), self.query(past)"),
        ("equations", "models", "torch.softmax(scores, -1)", "torch.softmax(scores, -2).nan_to_num()"),
        ("flops", "models", "2 * (2 * W * A + T * A)", "2 * (W * A + T * A)"),
    ),
    *_of(
        "transformer",
        ("causal", "models", "is_causal=past is None", "is_causal=False"),
        ("equations", "models", "scale=(W // self.heads) ** -0.5", "scale=W**-0.5"),
        ("equations", "models", "q, k = qk.permute(2, 0, 3, 1, 4)", "q, k = qk.permute(2, 0, 3, 1, 4).flip(0)"),
        ("equations", "models", "qk = rotated(qk", "qk = rotated(qk.flip(-1)"),
        ("equations", "models", "torch.complex(cos.to(wide.dtype), sin", "torch.complex(cos.to(wide.dtype), -2 * sin"),
        ("equations", "models", "10000.0 **", "1000.0 **"),
        ("equations", "models", "nn.GELU()", "nn.ReLU()"),
        ("equations", "models", "return self.norm(u), tuple", "return u, tuple"),
        ("equations", "models", "change = self.mlp(self.norm_mlp(u))", "change = self.mlp(u)"),
        ("step", "models", "torch.cat([past[0], k], 2)", "torch.cat([k, past[0]], 2)"),
        ("step", "models", "start=0 if past is None else past[0].shape[2]", "start=0"),
        ("step", "models", "2 * len(self.blocks) * length", "len(self.blocks) * length"),
        ("flops", "models", "4 * length * self.out.in_features", "2 * length * self.out.in_features"),
        ("batch independent", "models", "self.out(mixed.tr", "self.out((mixed + mixed.mean(0)).tr"),
    ),
    *_of(
        "transformer-sinusoidal",
        ("equations", "models", "torch.stack([sin, cos], -1).flatten(-2)", "torch.cat([sin, cos], -1)"),
        ("step", "models", "start = 0 if past[0] is None else past[0][0].shape[2]", "start = 0"),
    ),
    *_of("transformer-learned", ("step", "models", "self.places[start:end]", "self.places[: end - start]")),
    *_of(
        "transformer-no-residual",
        ("equations", "models", "change if self.residual else change\n        if", "change\n        if"),
    ),
    *_of(
        "transformer-bare",
        ("equations", "models", "self.norm = nn.LayerNorm(width) if norm", "self.norm = nn.LayerNorm(width) if True"),
    ),
]  # fmt: skip


def _changed(name: str, old: str, new: str) -> ModuleType:
    source = inspect.getsource(importlib.import_module(name))
    assert source.count(old) == 1, f"{old!r} stands {source.count(old)} times in {name}"
    module = ModuleType(name)
    exec(compile(source.replace(old, new), f"mutant of {name}", "exec"), module.__dict__)
    return module


def _mutated(mutant: Mutant) -> type[Architecture]:
    cls = CASES[mutant.case].cls
    if mutant.module == "models":
        return getattr(_changed(cls.__module__, mutant.old, mutant.new), cls.__name__)
    op = _changed(f"seqbench.ops.{mutant.module}", mutant.old, mutant.new)
    architecture = _changed(cls.__module__, f"class {cls.__name__}(", f"class {cls.__name__}(")
    function = "attend" if mutant.module == "attention" else mutant.module
    setattr(architecture, function, getattr(op, function))
    return getattr(architecture, cls.__name__)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: ascii(f"{m.case}: {m.old} -> {m.new}")[1:90])
def test_check_kills_the_mutant(mutant: Mutant) -> None:
    case = CASES[mutant.case]
    model = case.build(_mutated(mutant))
    with pytest.raises(AssertionError):
        CHECKS[mutant.rule](model, case)


def test_every_architecture_has_mutants_of_at_least_four_kinds() -> None:
    for cls in {case.cls for case in CASES.values()}:
        assert len({m.new for m in MUTANTS if CASES[m.case].cls is cls}) >= 4
    assert {mutant.rule for mutant in MUTANTS} >= set(CHECKS) - {"state dict"}


def test_a_module_built_again_unchanged_passes_every_check() -> None:
    for name in ("rnn", "lstm", "gru-before", "attention-dot", "transformer"):
        cls = CASES[name].cls
        same = Mutant(case=name, rule="", module="models", old=f"class {cls.__name__}(", new=f"class {cls.__name__}(")
        for check in CHECKS.values():
            check(CASES[name].build(_mutated(same)), CASES[name])
