"""The table of supported operations, each with the step it makes (method, section 2)."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, fx
from torch.fx.node import map_arg
from torch.nn import functional

from .geometry import IntArray, Keys, Lookup, Windows, entire, single
from .steps import Call, Step
from .windowed import (
    adaptive_average_pool,
    adaptive_max_pool,
    average_pool,
    convolution,
    linear,
    max_pool,
    maximum,
    mean,
    weighted,
)


def name_of(node: fx.Node) -> str:
    """Return the name of an operation without namespace and overload: "conv2d"."""
    return str(node.target).removeprefix("aten.").split(".")[0]


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
    sign = -1.0 if name_of(call.producer) == "sub" else 1.0
    scale = np.array([[1.0, sign * float(call.arguments["alpha"])]])
    return call.step("share", (first, second), Lookup(rows), weight=scale)


def between(call: Call) -> Step:
    """Interpolate linearly between two activations: their elements, scaled."""
    first, second, weight = (call.arguments[name] for name in ("self", "end", "weight"))
    rows = np.hstack([spread(call, first), spread(call, second, 1 + call.size(first))])
    return call.step("share", (first, second), Lookup(rows), weight=np.array([[1 - weight, weight]]))


def arithmetic(call: Call) -> Step | None:
    """Add, subtract, multiply or divide by a constant: the same element."""
    operands = [call.arguments["self"], call.arguments["other"]]
    sources = [operand for operand in operands if operand in call.active]
    if len(sources) > 1:
        return None
    return call.step("element", (sources[0],), Lookup(spread(call, sources[0])))


def divide(call: Call) -> Step | None:
    """Divide: the divisor of an activation is a coefficient; a constant divided by one is a function of it."""
    dividend = call.arguments["self"]
    if dividend not in call.active:
        return arithmetic(call)
    return call.step("element", (dividend,), Lookup(spread(call, dividend)))


def multiply(call: Call) -> Step | None:
    """Multiply two activations: both elements; a broadcast operand is a coefficient."""
    operands = [call.arguments["self"], call.arguments["other"]]
    if any(operand not in call.active for operand in operands):
        return arithmetic(call)
    valued = [operand for operand in operands if not decides(call, operand)]
    if len(valued) == 1:  # a mask is a coefficient
        return call.step("element", (valued[0],), Lookup(spread(call, valued[0])))
    full = [operand for operand in dict.fromkeys(operands) if call.shape(operand) == call.out]
    if not full:
        return None
    rows, first = [], 1
    for operand in full:
        rows.append(spread(call, operand, first))
        first += call.size(operand)
    return call.step("element", tuple(full), Lookup(np.hstack(rows)))


def decides(call: Call, node: fx.Node) -> bool:
    """Tell whether a node's value is a mask, or made of masks and constants alone.

    It is, if every way back to the image meets a mask. The ways are followed with a list: deep networks have more nodes
    in a row than Python may call.
    """
    waiting, seen = [node], set[fx.Node]()
    while waiting:
        reached = waiting.pop()
        if reached in seen or is_mask(call.values[reached]):
            continue
        seen.add(reached)
        sources = [source for source in reached.all_input_nodes if source in call.active]
        if not sources:
            return False
        waiting += sources
    return True


def is_mask(value: object) -> bool:
    """Tell whether a value is a tensor of booleans; several values, such as those of a split, are none."""
    return isinstance(value, torch.Tensor) and value.dtype is torch.bool


def extreme(call: Call) -> Step | None:
    """Take the larger or smaller of two activations, the first of equal ones; with a constant, the same element."""
    operands = [call.arguments["self"], call.arguments["other"]]
    if any(operand not in call.active for operand in operands):
        return arithmetic(call)
    rows = np.hstack([spread(call, operands[0]), spread(call, operands[1], 1 + call.size(operands[0]))])
    first, second = (call.values[operand].broadcast_to(call.out).numpy().ravel() for operand in operands)
    better = first >= second if "max" in name_of(call.producer) else first <= second
    return call.step("maximum", tuple(operands), Lookup(rows), winners=np.where(better, *rows.T))


def selection(call: Call) -> Step | None:
    """Take one of two elements by a mask: a movement, whether the mask depends on the image or not."""
    filling = "mask" in call.arguments
    mask = call.values[call.arguments["mask" if filling else "condition"]]
    pair = [call.arguments[name] for name in (("value", "self") if filling else ("self", "other"))]
    sources, rows, first = list[fx.Node](), list[IntArray](), 1
    for operand in pair:
        if isinstance(operand, fx.Node) and operand in call.active:
            sources.append(operand)
            rows.append(spread(call, operand, first))
            first += call.size(operand)
        else:
            rows.append(np.zeros((int(np.prod(call.out)), 1), dtype=np.int64))
    taken = mask.broadcast_to(call.out).reshape(-1, 1).numpy()
    return call.step("movement", tuple(sources), Lookup(np.where(taken, *rows))) if sources else None


def largest(call: Call) -> Step | None:
    """Take the largest or smallest over axes, or of two activations: one name in the framework."""
    return extreme(call) if "other" in call.arguments else maximum(call)


def scaled_and_shifted(call: Call) -> Step | None:
    """Add a product of one activation and constants: the same element."""
    operands = [call.arguments[name] for name in ("self", "tensor1", "tensor2")]
    sources = [operand for operand in operands if operand in call.active]
    return call.step("element", (sources[0],), Lookup(spread(call, sources[0]))) if len(sources) == 1 else None


def product(call: Call) -> Step | None:
    """Multiply matrices: the attention weights are coefficients, the values are followed."""
    weights, values = call.producer.all_input_nodes
    if call.weight is not None:
        return constant_product(call, weights, values)
    if name_of(call.producer) == "einsum" and not is_product(call.arguments["equation"]):
        return None
    if not is_softmax(weights) or values not in call.active:
        return None
    return attend(call, call.values[weights].double(), values)


def constant_product(call: Call, first: fx.Node, second: fx.Node) -> Step:
    """Multiply by a constant: a linear layer, or if the constant comes first, a sum over the columns of n c t."""
    assert call.weight is not None
    mixes = is_constant(first)
    arguments = {**call.arguments, "self": second if mixes else first}
    there = replace(call, arguments=arguments, name=call.name or ("conv1d" if mixes else "linear"))
    if not mixes:
        return linear(there)
    *rest, size, columns = call.shape(second)
    tables = [*map(single, rest), entire(size, len(call.weight)), single(columns)]
    return weighted(there, Windows((*rest, size, columns), tables), inner=columns)


def factor(node: fx.Node, values: Mapping[fx.Node, Tensor]) -> Tensor | None:
    """Return the constant matrix of a product as a linear layer's weight (o, i), or a convolution's (o, i, 1)."""
    if name_of(node) not in ("matmul", "mm", "einsum"):
        return None
    first, second = node.all_input_nodes if len(node.all_input_nodes) == 2 else (node, node)
    if is_constant(second) and values[second].dim() == 2:
        flipped = (
            name_of(node) == "einsum" and str(node.args[0])[-1] == str(node.args[0]).split("-")[0].split(",")[1][0]
        )
        return values[second] if flipped else values[second].T
    return values[first].unsqueeze(2) if is_constant(first) and values[first].dim() == 2 else None


def is_constant(node: object) -> bool:
    """Tell whether a node depends on parameters, buffers and literals alone, by the names that export gives them."""
    assert isinstance(node, fx.Node)
    if node.op == "placeholder":
        return node.name.startswith(("p_", "b_", "c_"))
    return bool(node.all_input_nodes) and all(map(is_constant, node.all_input_nodes))


def is_product(equation: str) -> bool:
    """Tell whether an einsum is a matrix product of its operands: "bij,bjk->bik"."""
    left, right, out = equation.replace(" ", "").replace("->", ",").split(",")
    return right[:-1] == left[:-2] + left[-1] and out == left[:-1] + right[-1]


def is_softmax(node: fx.Node) -> bool:
    """Tell whether a node holds a softmax, moved or not."""
    while name_of(node) in (*IDENTITIES, *RESHAPES, *PERMUTATIONS):
        node = node.all_input_nodes[0]
    return name_of(node) in ("softmax", "_softmax")


def attention(call: Call) -> Step | None:
    """Attend by scaled dot products: the same, the weights being a softmax."""
    if call.arguments["is_causal"] or call.arguments["enable_gqa"]:
        return None
    query, key = (call.values[call.arguments[name]].double() for name in ("query", "key"))
    scale = call.arguments["scale"] or query.shape[-1] ** -0.5
    scores = query @ key.transpose(-2, -1) * scale
    mask = call.arguments["attn_mask"]
    if mask is not None and call.values[mask].dtype is torch.bool:
        scores = scores.masked_fill(~call.values[mask], -torch.inf)
    elif mask is not None:
        scores = scores + call.values[mask]
    return attend(call, scores.softmax(-1), call.arguments["value"])


def attend(call: Call, weights: Tensor, values: fx.Node) -> Step | None:
    """Weigh the values of all keys."""
    *batch, _, keys = weights.shape
    if call.shape(values)[:-1] != (*batch, keys):
        return None
    width = call.out[-1]
    reads = Keys(weights.shape[-2] * width, keys, width)
    rows = weights.reshape(-1, keys).numpy()
    return call.step("share", (values,), reads, weight=rows, inner=width, bias=np.zeros(len(rows)))


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
    several = "tensors" in call.arguments or "src" in call.arguments
    if not several and list(numbers) != [call.source]:
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
    """Pad with a constant: whatever its value, no element is behind it. Otherwise with elements."""
    mode = call.arguments.get("mode", "constant")
    if mode != "constant":
        return functional.pad(numbers[call.source].double(), call.arguments["pad"], mode).long()
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


def gated(call: Call) -> Step:
    """Gated linear unit, a product: the element and that of its gate."""
    halves = numbered(call, call.source).chunk(2, int(call.arguments["dim"]))
    return call.step("element", (call.source,), Lookup(torch.stack(halves, -1).reshape(-1, 2).numpy()))


def nearest(call: Call) -> Step:
    """Take the nearest element, or windows apart: the framework itself moves the numbers, in float64."""
    source = call.source
    assert callable(call.producer.target)
    args, kwargs = map_arg(
        (call.producer.args, call.producer.kwargs),
        lambda node: numbered(call, source).double() if node is source else call.values[node],
    )
    moved: Tensor = call.producer.target(*args, **kwargs)
    return call.step("movement", (source,), Lookup(moved.long().reshape(-1, 1).numpy()))


def resample(call: Call) -> Step:
    """Interpolate: run the operation on every picture of a single one, to see what each output reads of it."""
    axes = int(str(call.producer.target).split("upsample")[1].partition("d")[0][-1])
    shape = call.shape(call.source)
    planes, places = int(np.prod(shape[:-axes])), int(np.prod(shape[-axes:]))
    pictures = torch.eye(places, dtype=torch.float64).reshape(places, 1, *shape[-axes:])
    options = {name: value for name, value in call.arguments.items() if name != "input"}
    assert callable(call.producer.target)
    shares = call.producer.target(pictures, **options).reshape(places, -1).T.numpy()
    elements = np.where(shares != 0, np.arange(1, places + 1), 0)
    rows = np.vstack([np.where(elements > 0, elements + plane * places, 0) for plane in range(planes)])
    weight = np.tile(shares, (planes, 1))
    return call.step("share", (call.source,), Lookup(rows), weight=weight, bias=np.zeros(len(weight)))


RECTIFIERS = (
    "relu",
    "relu6",
    "hardtanh",
    "leaky_relu",
    "prelu",
    "rrelu",
    "threshold",
    "clamp",
    "clamp_min",
    "clamp_max",
)
SMOOTH = ("sigmoid", "silu", "gelu", "tanh", "hardswish", "hardsigmoid", "neg", "pow", "square")
SOFT = ("elu", "celu", "selu", "mish", "softplus", "log_sigmoid")
FUNCTIONS = (
    *("abs", "ceil", "cos", "erf", "exp", "expm1", "floor", "log", "log1p", "log2"),
    *("reciprocal", "round", "rsqrt", "sign", "sin", "sqrt"),
)
NEAREST = [f"{kind}{axes}d" for kind in ("upsample_nearest", "_upsample_nearest_exact") for axes in (1, 2, 3)]
BETWEEN = ("upsample_linear1d", "upsample_bilinear2d", "upsample_bicubic2d", "upsample_trilinear3d")
SMOOTHED = ("_upsample_bilinear2d_aa", "_upsample_bicubic2d_aa")
BATCH_NORM = "_native_batch_norm_legit_no_training"
NORMS = (BATCH_NORM, "layer_norm", "group_norm", "instance_norm", "rms_norm")
IDENTITIES = ("clone", "detach", "alias", "contiguous", "dropout", "_to_copy", "type_as")
RESHAPES = ("view", "_unsafe_view", "reshape", "flatten", "unsqueeze", "squeeze", "expand")
PERMUTATIONS = (
    "permute",
    "transpose",
    "t",
    "roll",
    "flip",
    "rot90",
    "channel_shuffle",
    "pixel_shuffle",
    "pixel_unshuffle",
)
PARTS = ("unfold", "slice", "select", "index", "index_select", "split", "split_with_sizes", "chunk", "unbind")
JOINS = (
    "cat",
    "stack",
    "slice_scatter",
    "select_scatter",
    "repeat",
    "tile",
    "repeat_interleave",
    "pad",
    "constant_pad_nd",
)

STEPS: Mapping[str, Callable[[Call], Step | None]] = {
    **dict.fromkeys(("linear", "addmm"), linear),
    **dict.fromkeys(("conv1d", "conv2d", "conv3d"), convolution),
    **dict.fromkeys(("max_pool1d", "max_pool2d", "max_pool3d"), max_pool),
    **dict.fromkeys(("max_pool2d_with_indices", "max_pool3d_with_indices"), max_pool),
    **{f"adaptive_max_pool{axes}d": adaptive_max_pool for axes in (1, 2, 3)},
    **dict.fromkeys(("avg_pool1d", "avg_pool2d", "avg_pool3d"), average_pool),
    **{f"adaptive_avg_pool{axes}d": adaptive_average_pool for axes in (1, 2, 3)},
    **dict.fromkeys(("mean", "sum"), mean),
    **dict.fromkeys(("add", "sub"), add),
    "mul": multiply,
    "addcmul": scaled_and_shifted,
    "div": divide,
    **dict.fromkeys(("maximum", "minimum"), extreme),
    **dict.fromkeys(("where", "masked_fill"), selection),
    "rsub": arithmetic,
    "lerp": between,
    **dict.fromkeys(("matmul", "mm", "bmm", "einsum"), product),
    "scaled_dot_product_attention": attention,
    **dict.fromkeys((*NORMS, *RECTIFIERS, *SMOOTH, *SOFT, *FUNCTIONS), element),
    **dict.fromkeys((*NEAREST, "im2col"), nearest),
    **dict.fromkeys((*BETWEEN, *SMOOTHED), resample),
    **dict.fromkeys(("amax", "amin", "max", "min"), largest),
    "glu": gated,
    **dict.fromkeys(IDENTITIES, identity),
    **dict.fromkeys((*RESHAPES, *PERMUTATIONS, *PARTS, *JOINS), movement),
}
"""By name of the operation. A function returns None where it finds a form it does not support."""
