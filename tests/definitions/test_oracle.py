"""Tests of the walk, on networks small enough to follow by hand."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from .effective_path import OraclePath, extract, trace
from .examples import Apply, line, linear
from .selection import Reference


def walk(
    function: Callable[[Tensor], Tensor],
    x: Tensor,
    seed: int = 0,
    theta: float = 0.5,
) -> set[int]:
    """Return the flat input elements on the path of a network without layers."""
    found = extract(trace(Apply(function), x), theta, seed_class=seed)
    return set(np.flatnonzero(found.inputs))


def of_linear(
    row: list[float],
    bias: float = 0.0,
    theta: float = 0.5,
    reference: Reference = "sum",
) -> OraclePath:
    """Return the path of one linear unit whose inputs are all 1."""
    network = nn.Sequential(nn.Flatten(), linear([row], [bias]))
    return extract(trace(network, torch.ones(1, 1, len(row))), theta, reference)


def test_linear_unit_takes_the_fewest_largest_contributions() -> None:
    (layer,) = (path := of_linear([2, 3, 1])).layers
    assert layer.name == "1"
    assert layer.neurons.tolist() == [True]
    assert layer.weights.tolist() == [[False, True, False]]
    assert path.inputs.tolist() == [[[False, True, False]]]
    assert (layer.effort, layer.unexplained, layer.coherence) == (1, 0, 1.0)


def test_linear_unit_takes_more_for_a_larger_theta() -> None:
    assert of_linear([2, 3, 1], theta=0.8).layers[0].weights.tolist() == [[True, True, False]]
    assert of_linear([2, 3, 1], theta=0.9).layers[0].weights.tolist() == [[True, True, True]]


def test_negative_output_is_explained_by_negative_contributions() -> None:
    assert of_linear([-3, 1, -1]).layers[0].weights.tolist() == [[True, False, False]]


def test_equal_contributions_are_taken_lowest_index_first() -> None:
    (layer,) = of_linear([0, 1, 1, 1, 1]).layers
    assert layer.weights.tolist() == [[False, True, True, False, False]]


def test_unit_that_its_bias_alone_explains_chooses_nothing_and_is_counted() -> None:
    (layer,) = (path := of_linear([-3, 1, 0], bias=10)).layers
    assert (layer.unexplained, layer.effort) == (1, 0)
    assert not layer.weights.any() and not path.inputs.any()


def test_unexplained_unit_can_keep_its_largest_contribution() -> None:
    network = nn.Sequential(nn.Flatten(), linear([[-3, 1, 0]], [10]))
    path = extract(trace(network, line(1, 1, 1)), unexplained="argmax")
    assert path.layers[0].weights.tolist() == [[False, True, False]]
    assert path.layers[0].unexplained == 1


def test_reference_decides_what_has_to_be_reached() -> None:
    def chosen(reference: Reference, bias: float) -> list[int]:
        (layer,) = of_linear([4, -3, 1], bias, 0.9, reference).layers
        return list(np.flatnonzero(layer.weights))

    assert chosen("sum", 0) == [0]  # 0.9 of 2
    assert chosen("positive", 0) == [0, 2]  # 0.9 of 5
    assert chosen("output", 4) == [0, 2]  # 0.9 of 6: all that are eligible fall short


def test_seed_is_the_predicted_class_unless_one_is_asked_for() -> None:
    recorded = trace(nn.Sequential(nn.Flatten(), linear([[1, 0], [0, 2]])), line(1, 1))
    assert extract(recorded).layers[0].neurons.tolist() == [False, True]
    assert extract(recorded, seed_class=0).layers[0].neurons.tolist() == [True, False]


def test_padding_is_no_contribution_of_a_convolution() -> None:
    layer = nn.Conv2d(1, 1, 3, padding=1, bias=False)
    nn.init.ones_(layer.weight)
    image = torch.arange(1.0, 10).reshape(1, 3, 3)
    path = extract(trace(nn.Sequential(layer, nn.Flatten()), image), seed_class=0)
    # The corner reads 1 2 / 4 5, the lower right of its window; 5 + 4 reach half of 12.
    assert np.argwhere(path.inputs[0]).tolist() == [[1, 0], [1, 1]]
    assert np.argwhere(path.layers[0].weights[0, 0]).tolist() == [[2, 1], [2, 2]]


def test_addition_follows_the_operand_that_explains_the_sum() -> None:
    assert walk(lambda x: x[..., 0] + x[..., 1], line(5, 2)) == {0}
    assert walk(lambda x: x[..., 0] + x[..., 1], line(5, 2), theta=0.9) == {0, 1}
    assert walk(lambda x: x[..., 0] + x[..., 1], line(5, -8)) == {1}
    assert walk(lambda x: x[..., 0] + x[..., 1], line(3, 3)) == {0}
    assert walk(lambda x: torch.add(x[..., 0], x[..., 1], alpha=3), line(5, 2)) == {1}
    assert walk(lambda x: x + x[..., :1], line(2, 3, 9), seed=1) == {1}  # broadcast


def test_max_pool_follows_its_first_maximum() -> None:
    assert walk(lambda x: functional.max_pool2d(x, (1, 3)), line(1, 4, 4)) == {1}
    assert walk(lambda x: functional.max_pool1d(x[0], 2, ceil_mode=True), line(1, 4, 5), 1) == {2}
    pool = nn.MaxPool2d(3, stride=2, padding=1)
    assert walk(pool, torch.arange(32.0).reshape(2, 4, 4), seed=5) == {16 + 7}


def test_average_pools_share_among_their_window() -> None:
    assert walk(lambda x: functional.avg_pool2d(x, (1, 3)), line(1, 5, 3)) == {1}
    assert walk(lambda x: x.mean(dim=(2, 3)), line(1, 5, 3), theta=0.8) == {1, 2}
    assert walk(lambda x: functional.avg_pool2d(x, (1, 3), 1, (0, 1)), line(7, 1, 1)) == {0}
    # Windows of unequal and overlapping length: elements 0..1, 1..3, 3..4.
    assert walk(nn.AdaptiveAvgPool2d((1, 3)), line(1, 2, 3, 9, 8), seed=1, theta=1.0) == {1, 2, 3}
    assert walk(nn.AdaptiveAvgPool2d((1, 3)), line(1, 2, 3, 9, 8), seed=2) == {3}


def test_activation_function_stops_where_its_output_is_zero() -> None:
    assert walk(nn.ReLU(), line(-1, 2), seed=0) == set()
    assert walk(nn.ReLU(), line(-1, 2), seed=1) == {1}
    assert walk(nn.ReLU6(), line(9, 2), seed=0) == {0}
    assert walk(lambda x: (x - 3) / 2, line(3, 4), seed=0) == set()


def test_branches_are_followed_to_where_they_came_from() -> None:
    def network(x: Tensor) -> Tensor:
        left, right = x.chunk(2, dim=3)
        return torch.cat([right, functional.relu(left)], dim=3)

    assert [walk(network, line(1, 2, 3, 4), seed) for seed in range(4)] == [{2}, {3}, {0}, {1}]
