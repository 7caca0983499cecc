"""What single architectures promise beyond the rules of test_models.py."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from seqbench.models import attention
from seqbench.models.attention import Attention
from seqbench.models.gru import GRU
from seqbench.models.lstm import LSTM
from seqbench.models.rnn import RNN
from seqbench.models.transformer import Transformer, rotated, turns
from seqbench.ops import library_kernels
from seqbench.schema import UsageError
from tests.architecture_checks import BATCH, CASES, FEATURES, TIME, WIDTH, sequences

# --- rnn, lstm, gru -----------------------------------------------------------------------------------------------


def test_identity_start_is_that_of_the_irnn() -> None:
    for layer in RNN(FEATURES, TIME, width=WIDTH, depth=2, activation="relu", init="identity").layers:
        assert torch.equal(layer.weight_hidden, torch.eye(WIDTH))
        assert torch.equal(layer.bias, torch.zeros(WIDTH))
        assert layer.weight_input.abs().max() > 0


@pytest.mark.parametrize("cls", [RNN, LSTM, GRU])
def test_parameters_start_uniform_within_one_over_root_width(cls: type) -> None:
    torch.manual_seed(0)
    for parameter in cls(40, TIME, width=100).parameters():
        assert parameter.abs().max() <= 0.1 + 1e-7  # 0.1 in single precision
        assert parameter.detach().std().item() == pytest.approx(
            0.1 / 3**0.5, rel=0.15
        )  # of the uniform distribution on +-0.1


def test_forget_bias_starts_where_it_is_told_and_nothing_else_does() -> None:
    torch.manual_seed(0)
    plain = LSTM(FEATURES, TIME, width=WIDTH, depth=2)
    torch.manual_seed(0)
    told = LSTM(FEATURES, TIME, width=WIDTH, depth=2, forget_bias=1.0)
    for before, after in zip(plain.layers, told.layers, strict=True):
        i, f, g, o = after.bias.chunk(4)
        assert torch.equal(f, torch.ones(WIDTH))
        assert torch.equal(torch.cat([i, g, o]), before.bias.reshape(4, WIDTH)[[0, 2, 3]].flatten())
        assert torch.equal(after.weight_hidden, before.weight_hidden)


@pytest.mark.parametrize(("cls", "library"), [(RNN, nn.RNN), (LSTM, nn.LSTM), (GRU, nn.GRU)])
def test_two_layers_with_torch_weights_are_the_torch_module(cls: type, library: Callable[..., nn.RNNBase]) -> None:
    torch.manual_seed(0)
    theirs = library(FEATURES, WIDTH, 2, batch_first=True)
    ours = cls(FEATURES, TIME, width=WIDTH, depth=2)
    with torch.no_grad():
        for i, layer in enumerate(ours.layers):
            getattr(theirs, f"bias_hh_l{i}").zero_()
            layer.weight_input.copy_(getattr(theirs, f"weight_ih_l{i}"))
            layer.weight_hidden.copy_(getattr(theirs, f"weight_hh_l{i}"))
            layer.bias.copy_(getattr(theirs, f"bias_ih_l{i}"))
    x = sequences(torch.float32)
    with library_kernels(True):
        assert torch.equal(ours(x), theirs(x)[0])


def test_update_gate_is_the_librarys_negated() -> None:
    """With z near 1 the state is the candidate, with z near 0 it stays: h_t = (1 - z) h_(t-1) + z n."""
    model = CASES["gru-after"].build()
    stored = model.layers[0].bias[WIDTH : 2 * WIDTH]  # type: ignore[index]
    with torch.no_grad():
        stored.fill_(60.0)  # b_z = -60: z = 0
        assert model(sequences()).abs().max() < 1e-12
        stored.fill_(-60.0)  # b_z = 60: z = 1
        assert model(sequences()).abs().max() > 0.1


def test_reset_before_and_after_are_different_functions() -> None:
    assert not torch.allclose(CASES["gru-after"].build()(sequences()), CASES["gru-before"].build()(sequences()))


# --- attention ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["attention-dot", "attention-additive"])
def test_answers_at_positions_are_those_of_every_step(name: str) -> None:
    model = CASES[name].build()
    positions = torch.tensor([[4, 0, 2], [1, 1, 3]])
    every, some = model(sequences()), model(sequences(), positions=positions)
    expected = torch.stack([every[b, positions[b]] for b in range(BATCH)])
    torch.testing.assert_close(some, expected, rtol=1e-13, atol=1e-13)


def test_first_step_attends_to_the_zero_state_alone() -> None:
    model = CASES["attention-dot"].build()
    h = model(sequences())[:, 0]
    with torch.no_grad():
        model.combine.weight[:, :WIDTH] += 1.0  # type: ignore[index]
    assert torch.equal(model(sequences())[:, 0], h)


def test_additive_attention_over_the_limit_is_refused_with_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Attention(FEATURES, TIME, width=WIDTH, score="additive", attention_width=8)
    x, positions = torch.zeros(4, 32, FEATURES), torch.zeros(4, 16, dtype=torch.int64)
    need = 4 * 16 * 32 * 8 * 4
    monkeypatch.setattr(attention, "ADDITIVE_LIMIT_BYTES", need)
    assert model(x, positions=positions).shape == (4, 16, WIDTH)
    with pytest.raises(UsageError, match=r"model\.score=additive may take at most 0\.0 GiB .*; this batch needs"):
        model(x)
    monkeypatch.setattr(attention, "ADDITIVE_LIMIT_BYTES", need - 1)
    with pytest.raises(UsageError, match=r"Use model\.score=dot"):
        model(x, positions=positions)


def test_additive_limit_is_two_gibibytes_and_the_message_counts_in_them() -> None:
    model = Attention(FEATURES, TIME, width=1, score="additive", attention_width=1024)
    x = torch.zeros(64, 100, FEATURES)
    message = r"at most 2\.0 GiB .* this batch needs 2\.4 GiB.*model\.attention_width \(now 1024\)"
    with pytest.raises(UsageError, match=message):
        model(x)


# --- transformer --------------------------------------------------------------------------------------------------


def test_bare_transformer_is_a_weighted_sum_of_one_linear_map() -> None:
    """One head without position, norm, residual and MLP: h_t = sum over j of alpha_tj W u_j + b."""
    model = CASES["transformer-bare"].build()
    p = {name: value.numpy() for name, value in model.state_dict().items()}
    w_q, w_k, w_v = np.split(p["blocks.0.qkv.weight"], 3)
    b_q, b_k, b_v = np.split(p["blocks.0.qkv.bias"], 3)
    w, b = p["blocks.0.out.weight"] @ w_v, p["blocks.0.out.weight"] @ b_v + p["blocks.0.out.bias"]
    x = sequences()
    outputs = model(x).detach().numpy()
    for sequence, h in zip(x.numpy(), outputs, strict=True):
        u = sequence @ p["project.weight"].T + p["project.bias"]
        for t in range(TIME):
            scores = np.array([(w_q @ u[t] + b_q) @ (w_k @ u[j] + b_k) / WIDTH**0.5 for j in range(t + 1)])
            alpha = np.exp(scores) / np.exp(scores).sum()
            np.testing.assert_allclose(h[t], sum(a * (w @ u[j]) for j, a in enumerate(alpha)) + b, rtol=1e-12)


def test_without_positions_the_order_of_the_past_does_not_matter() -> None:
    x = sequences()
    shuffled = x[:, [2, 0, 3, 1, 4]]
    for position, same in (("none", True), ("rope", False), ("sinusoidal", False), ("learned", False)):
        torch.manual_seed(0)
        model = Transformer(FEATURES, TIME, width=WIDTH, depth=1, heads=1, position=position).double()
        assert torch.allclose(model(x)[:, -1], model(shuffled)[:, -1], rtol=1e-12) is same, position


def test_rope_scores_depend_on_the_distance_alone() -> None:
    torch.manual_seed(0)
    q, k = torch.randn(2, 1, 1, 1, 1, 8, dtype=torch.float64)

    def score(t: int, j: int) -> float:
        return float((rotated(q, t) * rotated(k, j)).sum())

    assert score(30, 20) == pytest.approx(score(10, 0), rel=1e-12)
    assert score(30, 20) != pytest.approx(score(30, 21), rel=1e-3)


def test_rope_in_half_precision_is_rope_rounded() -> None:
    x = torch.randn(1, 5, 2, 1, 8, generator=torch.Generator().manual_seed(0)).bfloat16()
    assert torch.equal(rotated(x, 3), rotated(x.float(), 3).bfloat16())


def test_angles_of_far_steps_are_exact() -> None:
    """The fastest pair turns by one radian a step, whatever the precision of the model."""
    cos, sin = turns(100_000, 100_001, 8, torch.zeros(1))
    assert cos[0, 0].item() == pytest.approx(np.cos(100_000.0), rel=1e-12)
    assert sin[0, 0].item() == pytest.approx(np.sin(100_000.0), rel=1e-12)


def test_learned_positions_end_with_the_longest_sequence_and_others_do_not() -> None:
    x = torch.zeros(1, TIME + 1, FEATURES)
    with pytest.raises(UsageError, match=r"model\.position=learned has 5 positions.*got 6 steps\. Use model\.position"):
        Transformer(FEATURES, TIME, width=WIDTH, position="learned")(x)
    for position in ("rope", "sinusoidal", "none"):
        model = Transformer(FEATURES, TIME, width=8, heads=2, position=position)
        assert model(x).shape == (1, TIME + 1, 8)


def test_positions_that_turn_pairs_need_an_even_size() -> None:
    for sizes in ({"width": 6, "heads": 2, "position": "rope"}, {"width": 5, "heads": 1, "position": "sinusoidal"}):
        with pytest.raises(UsageError, match=r"model\.position must be learned or none for an odd size"):
            Transformer(FEATURES, TIME, **sizes)
    assert Transformer(FEATURES, TIME, width=6, heads=2, position="sinusoidal").width == 6


def test_mlp_ratio_zero_has_no_mlp_parameters() -> None:
    names = [name for name, _ in Transformer(FEATURES, TIME, width=8, heads=2, mlp_ratio=0).named_parameters()]
    assert not [name for name in names if "mlp" in name]
