"""Steps whose units read a window: linear, convolution, pools and mean (method, section 2)."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from torch.nn import functional

from .geometry import Windows, adaptive, entire, grouped, single, sliding
from .steps import Call, Step


def per_axis(value: Any, axes: int, default: Any = 1) -> list[int]:
    """Return one number per axis of an argument that may be a number, a short list or empty."""
    numbers = [value] if isinstance(value, int) else list(value or ())
    if not numbers:
        return per_axis(default, axes)
    return numbers * axes if len(numbers) == 1 else numbers


def weighted(call: Call, windows: Windows, inner: int) -> Step:
    """Weigh every element of the receptive field with the (o, k) flattened weight."""
    assert call.weight is not None
    weight = call.weight.double().numpy()
    bias = np.zeros(len(weight)) if call.bias is None else call.bias.double().numpy()
    return call.step(
        "weighted",
        (call.source,),
        windows,
        weight=weight.reshape(len(weight), -1),
        bias=bias,
        inner=inner,
        weight_shape=weight.shape,
    )


def linear(call: Call) -> Step:
    """Linear: every output reads the whole last axis."""
    shape = call.shape(call.source)
    tables = [*map(single, shape[:-1]), entire(shape[-1], call.out[-1])]
    return weighted(call, Windows(shape, tables), inner=1)


def convolution(call: Call) -> Step:
    """Convolution: every output reads a window in the channels of its group."""
    assert call.weight is not None
    shape, out, kernel = call.shape(call.source), call.out, call.weight.shape[2:]
    axes = len(kernel)
    channels = grouped(shape[-axes - 1], out[-axes - 1], call.arguments["groups"])
    moving = map(sliding, shape[-axes:], out[-axes:], conv_extents(call, kernel))
    tables = [*map(single, shape[: -axes - 1]), channels, *moving]
    return weighted(call, Windows(shape, tables), inner=math.prod(out[-axes:]))


def conv_extents(call: Call, kernel: Sequence[int]) -> list[tuple[int, int, int, int]]:
    """Return kernel, stride, padding in front and dilation of each axis."""
    axes = len(kernel)
    stride = per_axis(call.arguments["stride"], axes)
    dilation = per_axis(call.arguments["dilation"], axes)
    padding = call.arguments["padding"]
    if padding == "same":  # the framework puts an odd element of padding at the end
        padding = [d * (k - 1) // 2 for d, k in zip(dilation, kernel, strict=True)]
    padding = [0] * axes if padding == "valid" else per_axis(padding, axes)
    return list(zip(kernel, stride, padding, dilation, strict=True))


def pool_windows(call: Call, axes: int) -> Windows:
    """Return the windows of a max-pool or average pool."""
    shape, arguments = call.shape(call.source), call.arguments
    kernel = per_axis(arguments["kernel_size"], axes)
    stride = per_axis(arguments["stride"], axes, default=kernel)
    padding = per_axis(arguments["padding"], axes)
    dilation = per_axis(arguments.get("dilation"), axes)
    extents = zip(kernel, stride, padding, dilation, strict=True)
    moving = map(sliding, shape[-axes:], call.out[-axes:], extents)
    return Windows(shape, [*map(single, shape[:-axes]), *moving])


def pool_axes(call: Call) -> int:
    """Return the 2 of "max_pool2d"."""
    return int(str(call.producer.target).split("pool")[1][0])


def max_pool(call: Call) -> Step | None:
    """Max-pool: the framework's own arg-max."""
    if call.node is not call.producer and call.node.args[1] != 0:
        return None  # something uses the indices as values
    options = {**call.arguments, "stride": call.arguments["stride"] or None}
    del options["self"]
    return arg_max(call, options, f"max_pool{pool_axes(call)}d", pool_windows(call, pool_axes(call)))


def adaptive_max_pool(call: Call) -> Step | None:
    """Adaptive max-pool: likewise, over windows that may have unequal sizes."""
    if call.node.args[1] != 0:
        return None
    name = f"adaptive_max_pool{pool_axes(call)}d"
    return arg_max(call, {"output_size": call.arguments["output_size"]}, name, adaptive_windows(call))


def arg_max(call: Call, options: dict[str, Any], name: str, windows: Windows) -> Step:
    """Ask the framework which element of every window is the largest."""
    found = getattr(functional, name)(call.values[call.source], **options, return_indices=True)
    winners, axes = found[1].numpy(), pool_axes(call)
    # The framework counts within one channel; elements count through the whole tensor, from 1.
    area, planes = math.prod(call.shape(call.source)[-axes:]), winners.shape[:-axes]
    start = area * np.arange(math.prod(planes)).reshape(planes + (1,) * axes)
    return call.step("maximum", (call.source,), windows, winners=(winners + start + 1).ravel())


def average_pool(call: Call) -> Step:
    """Average pool: the inputs of the window; their common divisor changes no choice."""
    return call.step("share", (call.source,), pool_windows(call, pool_axes(call)))


def adaptive_average_pool(call: Call) -> Step:
    """Adaptive average pool: the inputs of windows that may have unequal sizes."""
    return call.step("share", (call.source,), adaptive_windows(call))


def adaptive_windows(call: Call) -> Windows:
    """Return the windows that divide the input."""
    axes, shape = pool_axes(call), call.shape(call.source)
    return Windows(shape, [*map(single, shape[:-axes]), *map(adaptive, shape[-axes:], call.out[-axes:])])


def mean(call: Call) -> Step:
    """Mean: one window over all reduced axes; units count alike whether these are kept or not."""
    shape = call.shape(call.source)
    reduced = {axis % len(shape) for axis in call.arguments.get("dim") or range(len(shape))}
    tables = [entire(n) if axis in reduced else single(n) for axis, n in enumerate(shape)]
    return call.step("share", (call.source,), Windows(shape, tables))


def maximum(call: Call) -> Step | None:
    """Maximum or minimum over axes: the first largest or smallest of one window over all of them."""
    if call.node is not call.producer and call.node.args[1] != 0:
        return None  # something uses the indices as values
    shape = call.shape(call.source)
    reduced = [axis % len(shape) for axis in per_axis(call.arguments["dim"], 1)]
    kept = [axis for axis in range(len(shape)) if axis not in reduced]
    tables = [entire(n) if axis in reduced else single(n) for axis, n in enumerate(shape)]
    order, count = kept + sorted(reduced), math.prod(shape[axis] for axis in kept)
    values = call.values[call.source].numpy().transpose(order).reshape(count, -1)
    numbers = np.arange(1, 1 + values.size).reshape(shape).transpose(order).reshape(count, -1)
    places = values.argmin(1) if "min" in str(call.producer.target) else values.argmax(1)
    winners = numbers[np.arange(count), places]
    return call.step("maximum", (call.source,), Windows(shape, tables), winners=winners)
