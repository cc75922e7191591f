"""The table of supported operations, each with the step it makes (method, section 2)."""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor, fx
from torch.fx.node import map_arg
from torch.nn import functional

from .geometry import IntArray, Lookup
from .steps import Call, Step
from .windowed import adaptive_average_pool, average_pool, convolution, linear, max_pool, mean


def numbered(call: Call, source: fx.Node, first: int = 1) -> Tensor:
    """Return a tensor shaped like the source that holds the number of each element."""
    return torch.arange(first, first + call.size(source)).reshape(call.shape(source))


def spread(call: Call, source: fx.Node, first: int = 1) -> IntArray:
    """Return the element of ``source`` behind each output unit, broadcast as needed."""
    numbers: IntArray = numbered(call, source, first).broadcast_to(call.out).numpy()
    return numbers.reshape(-1, 1)


def add(call: Call) -> Step | None:
    """Add: the two operands' elements, or the one element where the other is a constant."""
    first, second = call.arguments["self"], call.arguments["other"]
    if first not in call.active or second not in call.active:
        return arithmetic(call)
    rows = np.hstack([spread(call, first), spread(call, second, 1 + call.size(first))])
    scale = np.array([[1.0, float(call.arguments["alpha"])]])
    return call.step("share", (first, second), Lookup(rows), weight=scale)


def arithmetic(call: Call) -> Step | None:
    """Add, subtract, multiply or divide by a constant: the same element."""
    operands = [call.arguments["self"], call.arguments["other"]]
    sources = [operand for operand in operands if operand in call.active]
    divisor = "div" in str(call.producer.target) and operands[1] in call.active
    if len(sources) > 1 or divisor:
        return None
    return call.step("element", (sources[0],), Lookup(spread(call, sources[0])))


def element(call: Call) -> Step:
    """Activation functions and affine BatchNorm: the same element, if the output is not 0."""
    return call.step("element", (call.source,), Lookup(spread(call, call.source)))


def identity(call: Call) -> Step:
    """Pass through: the same element, whatever its value."""
    return call.step("movement", (call.source,), Lookup(spread(call, call.source)))


def movement(call: Call) -> Step | None:
    """Move data: run the operation itself on the numbers of the elements."""
    numbers: dict[fx.Node, Tensor] = {}
    first = 1
    for source in call.producer.all_input_nodes:
        if source in call.active:
            numbers[source] = numbered(call, source, first)
            first += call.size(source)
    if "tensors" not in call.arguments and list(numbers) != [call.source]:
        return None  # where to move depends on activations
    moved = pad(call, numbers) if "pad" in call.arguments else rerun(call, numbers)
    if moved is None:
        return None
    if call.node is not call.producer:
        moved = moved[picked(call)]
    return call.step("movement", tuple(numbers), Lookup(moved.reshape(-1, 1).numpy()))


def picked(call: Call) -> int:
    """Return which output of its operation the node is."""
    item = call.node.args[1]
    assert isinstance(item, int)
    return item


def pad(call: Call, numbers: Mapping[fx.Node, Tensor]) -> Tensor | None:
    """Pad with a constant: whatever its value, no element is behind it."""
    if call.arguments.get("mode", "constant") != "constant":
        return None
    return functional.pad(numbers[call.source], call.arguments["pad"])


def rerun(call: Call, numbers: Mapping[fx.Node, Tensor]) -> Tensor:
    """Run the operation on element numbers; constants keep their value only as an index."""

    def replacement(node: fx.Node) -> Tensor:
        if node in numbers:
            return numbers[node]
        constant: Tensor = call.values[node]
        return torch.zeros_like(constant).long() if constant.is_floating_point() else constant

    assert callable(call.producer.target)
    args, kwargs = map_arg((call.producer.args, call.producer.kwargs), replacement)
    moved: Tensor = call.producer.target(*args, **kwargs)
    return moved


RECTIFIERS = ("relu", "relu6", "hardtanh", "leaky_relu", "clamp", "clamp_min", "clamp_max")
SMOOTH = ("sigmoid", "silu", "gelu", "tanh", "hardswish", "hardsigmoid")
BATCH_NORM = "_native_batch_norm_legit_no_training"
IDENTITIES = ("clone", "detach", "alias", "contiguous", "dropout", "_to_copy")
RESHAPES = ("view", "_unsafe_view", "reshape", "flatten", "unsqueeze", "squeeze", "expand")
PERMUTATIONS = ("permute", "transpose", "t", "roll", "flip", "channel_shuffle", "pixel_shuffle")
PARTS = ("slice", "select", "index", "index_select", "split", "split_with_sizes", "chunk", "unbind")
JOINS = ("cat", "stack", "repeat", "pad", "constant_pad_nd")

STEPS: Mapping[str, Callable[[Call], Step | None]] = {
    **dict.fromkeys(("linear", "addmm"), linear),
    **dict.fromkeys(("conv1d", "conv2d", "conv3d"), convolution),
    **dict.fromkeys(("max_pool1d", "max_pool2d", "max_pool3d"), max_pool),
    **dict.fromkeys(("max_pool2d_with_indices", "max_pool3d_with_indices"), max_pool),
    **dict.fromkeys(("avg_pool1d", "avg_pool2d", "avg_pool3d"), average_pool),
    **{f"adaptive_avg_pool{axes}d": adaptive_average_pool for axes in (1, 2, 3)},
    "mean": mean,
    "add": add,
    **dict.fromkeys(("sub", "mul", "div"), arithmetic),
    **dict.fromkeys((BATCH_NORM, *RECTIFIERS, *SMOOTH), element),
    **dict.fromkeys(IDENTITIES, identity),
    **dict.fromkeys((*RESHAPES, *PERMUTATIONS, *PARTS, *JOINS), movement),
}
"""By name of the operation. A function returns None where it finds a form it does not support."""
