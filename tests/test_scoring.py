import math

import pytest
import torch

from seqbench.scoring import answer_average, cross_entropy, pieces, sequence_mean, squared_error
from seqbench.spec import Batch

WEIGHT = torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
VALUES = torch.tensor([[1.0, 7.0, 5.0], [2.0, 2.0, 2.0]])


def test_a_sequence_mean_counts_only_weighted_answers_and_is_zero_without_any():
    assert sequence_mean(VALUES, WEIGHT).tolist() == [3.0, 0.0]


def test_an_average_keeps_total_and_count_in_double_precision():
    average = answer_average(VALUES, WEIGHT)
    assert (average.total.item(), average.count.item(), average.total.dtype) == (6.0, 2.0, torch.float64)


def test_cross_entropy_equals_the_library_and_the_hand_computed_case():
    outputs = torch.tensor([[[0.0, math.log(3.0)]]])
    assert cross_entropy(outputs, torch.tensor([[1]])).item() == pytest.approx(math.log(4 / 3), rel=1e-6)
    outputs, targets = torch.randn(2, 3, 4), torch.randint(4, (2, 3))
    expected = torch.nn.functional.cross_entropy(outputs.flatten(0, 1), targets.flatten(), reduction="none")
    torch.testing.assert_close(cross_entropy(outputs, targets).flatten(), expected)


def test_squared_error_is_the_mean_over_components():
    assert squared_error(torch.tensor([[[1.0, 3.0]]]), torch.zeros(1, 1, 2)).tolist() == [[5.0]]


def test_pieces_are_in_order_and_the_short_last_one_is_included():
    column = torch.arange(5)[:, None]
    whole = Batch(inputs=column, positions=column, targets=column, weight=torch.ones(5, 1))
    cut = list(pieces(whole, 2, "cpu"))
    assert [piece.inputs.flatten().tolist() for piece in cut] == [[0, 1], [2, 3], [4]]
    assert all(piece.lengths is None for piece in cut)


def test_small_weights_count_in_proportion():
    assert sequence_mean(torch.tensor([[1.0, 5.0]]), torch.tensor([[0.01, 0.03]])).item() == pytest.approx(4.0)
