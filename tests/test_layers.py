"""The embedding, the network around an architecture, and what a user's own module needs to be trained."""

import inspect
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from seqbench.layers import Embed, Gates, Network, RecurrentLayers, build_network
from seqbench.schema import UsageError
from seqbench.spec import Batch, Space, Task, reals, tokens

GRU = {"target": "seqbench.models.gru:GRU", "version": 1, "learning_rate": 0.01, "width": 4}


class Smooth(nn.Module):
    """A user's architecture: nothing but __init__ and forward."""

    def __init__(self, input_size: int, length: int, width: int = 6) -> None:
        super().__init__()
        self.linear = nn.Linear(input_size, width)

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(self.linear(x)).cumsum(1)


class Masked(nn.Module):
    """One that looks at lengths, and says what it got."""

    width = 2

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        self.lengths = lengths
        return x


class AtPositions(nn.Module):
    """One that answers at positions only."""

    width = 2
    reads_positions = True

    def forward(self, x: Tensor, positions: Tensor | None = None) -> Tensor:
        assert positions is not None
        return torch.stack([positions.to(x.dtype), -positions.to(x.dtype)], -1)


class _Toy(Task):
    """As much of a task as a network reads; the rest is not to be called."""

    def __init__(self, task_input: Space) -> None:
        self.input, self.output, self.length = task_input, tokens(7), 5

    def _not_read(self, *_: Any, **__: Any) -> Any:
        raise AssertionError("a network reads a task's spaces and length only")

    at = batch = examples = loss = score = baselines = _not_read


def _batch(inputs: Tensor, lengths: Tensor | None = None) -> Batch:
    positions = torch.tensor([[4, 1], [0, 4]])
    return Batch(inputs, positions, torch.zeros(2, 2), torch.ones(2, 2), lengths)


# --- Embed --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_direct_symbols_are_one_hot_in_the_models_precision(dtype: torch.dtype) -> None:
    symbols = torch.tensor([[0, 3], [2, 1]])
    embed = Embed(tokens(4)).to(dtype)
    assert torch.equal(embed(symbols), nn.functional.one_hot(symbols, 4).to(dtype))
    assert embed(symbols).dtype == dtype
    assert embed.features == 4
    assert not list(embed.parameters())
    assert not embed.state_dict()


def test_direct_numbers_are_left_as_they_are() -> None:
    x = torch.randn(2, 5, 3)
    embed = Embed(reals(3))
    assert embed(x) is x
    assert embed.features == 3


def test_a_symbol_outside_the_alphabet_is_an_error() -> None:
    with pytest.raises(IndexError):
        Embed(tokens(4))(torch.tensor([[4]]))


def test_learned_embeddings_are_a_table_and_a_linear_map() -> None:
    symbols, table = torch.tensor([[0, 3], [2, 1]]), Embed(tokens(4), "learned", 6)
    assert table.table is not None
    assert torch.equal(table(symbols)[1, 0], table.table.weight[2])
    x, linear = torch.randn(2, 5, 3), Embed(reals(3), "learned", 6)
    assert linear.linear is not None
    torch.testing.assert_close(linear(x), x @ linear.linear.weight.T + linear.linear.bias)
    assert table.features == linear.features == 6


@pytest.mark.parametrize(
    ("embed", "size", "message"),
    [
        ("one_hot", None, "model.embed must be direct or learned; got 'one_hot'."),
        ("direct", 8, "model.embed_size must be null where model.embed=direct; got 8."),
        ("learned", None, "model.embed_size must be a whole number of at least 1; got None."),
        ("learned", 0, "model.embed_size must be a whole number of at least 1; got 0."),
    ],
)
def test_an_embedding_that_makes_no_sense_names_its_key(embed: str, size: int | None, message: str) -> None:
    with pytest.raises(UsageError) as error:
        build_network(GRU | {"embed": embed, "embed_size": size}, _Toy(tokens(4)))
    assert str(error.value) == message


# --- Network ------------------------------------------------------------------------------------------------------


def test_answers_are_the_heads_map_of_the_bodys_output_at_their_positions() -> None:
    network, x = Network(Smooth(3, 5), reals(3), 7), torch.randn(2, 5, 3)
    batch = _batch(x)
    states = network.body(x)
    expected = torch.stack([network.head(states[b, batch.positions[b]]) for b in range(2)])
    assert torch.equal(network(batch), expected)
    assert network(batch).shape == (2, 2, 7)


def test_forward_is_embed_then_from_embedded() -> None:
    network, symbols = Network(Smooth(4, 5), tokens(4), 7), torch.randint(4, (2, 5))
    batch = _batch(symbols)
    assert torch.equal(network(batch), network.from_embedded(network.embed(symbols), batch.positions))


def test_a_module_of_fifteen_lines_trains() -> None:
    assert len(inspect.getsource(Smooth).splitlines()) <= 15
    task = _Toy(tokens(4))
    network = build_network({"target": "tests.test_layers:Smooth"}, task, plugins=("tests",))
    assert network.width == 6
    network(_batch(torch.randint(4, (2, 5)))).sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_lengths_go_to_the_modules_that_take_them() -> None:
    lengths, x = torch.tensor([5, 3]), torch.randn(2, 5, 2)
    body = Masked()
    Network(body, reals(2), 7)(_batch(x, lengths))
    assert body.lengths is lengths
    assert Network(Smooth(2, 5), reals(2), 7)(_batch(x, lengths)).shape == (2, 2, 7)


def test_positions_go_to_the_modules_that_read_them() -> None:
    network = Network(AtPositions(), reals(3), 7)
    batch = _batch(torch.randn(2, 5, 3))
    expected = network.head(torch.stack([batch.positions, -batch.positions], -1).float())
    assert torch.equal(network(batch), expected)


@pytest.mark.parametrize(
    ("returns", "got"),
    [
        (lambda x: (x, x), "tuple"),
        (lambda x: x[:, -1], r"\(2, 3\)"),
        (lambda x: x.transpose(0, 1), r"\(3, 2, 3\)"),
    ],
)
def test_an_output_of_another_shape_is_refused_with_the_one_wanted(returns: Any, got: str) -> None:
    class Wrong(Smooth):
        def forward(self, x: Tensor) -> Any:
            return returns(x)

    message = rf"forward must return a tensor \(batch, time, width\), here \(2, 3, \.\.\.\); got {got}\. Return every"
    with pytest.raises(UsageError, match=message):
        Network(Wrong(3, 5), reals(3), 7)


def test_a_declared_width_that_is_not_the_outputs_is_refused() -> None:
    class Wrong(Smooth):
        width = 5

    with pytest.raises(UsageError, match=r"\(batch, time, width=5\), here \(2, 5, \.\.\.\); got \(2, 5, 6\)"):
        Network(Wrong(3, 5), reals(3), 7)(_batch(torch.randn(2, 5, 3)))


# --- build_network ------------------------------------------------------------------------------------------------


def _parameters(network: nn.Module) -> Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in network.parameters()])


def test_parameters_are_a_function_of_the_seed_alone() -> None:
    task = _Toy(tokens(4))
    first = _parameters(build_network(GRU, task, seed=3))
    torch.rand(5)
    assert torch.equal(_parameters(build_network(GRU, task, seed=3)), first)
    assert not torch.equal(_parameters(build_network(GRU, task, seed=4)), first)


def test_the_body_starts_the_same_with_any_embedding_of_its_size() -> None:
    direct = build_network(GRU, _Toy(tokens(4)))
    learned = build_network(GRU | {"embed": "learned", "embed_size": 4}, _Toy(tokens(9)))
    assert torch.equal(_parameters(direct.body), _parameters(learned.body))


def test_building_leaves_the_random_state_alone() -> None:
    before = torch.get_rng_state()
    build_network({"target": "tests.test_layers:Smooth"}, _Toy(tokens(4)), plugins=("tests",))
    assert torch.equal(torch.get_rng_state(), before)


# --- recurrent weights --------------------------------------------------------------------------------------------


def test_recurrent_layers_have_torchs_layout_and_one_bias_a_gate() -> None:
    layers = RecurrentLayers(3, 5, depth=2, num_gates=4)
    shapes = [{name: tuple(p.shape) for name, p in layer.named_parameters()} for layer in layers]
    assert shapes == [
        {"weight_input": (20, 3), "weight_hidden": (20, 5), "bias": (20,)},
        {"weight_input": (20, 5), "weight_hidden": (20, 5), "bias": (20,)},
    ]
    assert layers.product_flops == 2 * (20 * 3 + 20 * 5 + 20 * 5 + 20 * 5)
    assert all(isinstance(layer, Gates) for layer in layers)
