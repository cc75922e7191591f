"""From the input tensor of a request to the images in it."""

from __future__ import annotations

import hashlib
from itertools import accumulate, chain
from math import prod
from operator import mul
from typing import Any

import numpy as np

from pathprint.app.api.judging import Numbers
from pathprint.app.api.numbers import Array, check_shape, pixels_of_bytes, pixels_of_floats
from pathprint.app.api.open_inference.framing import malformed, member_problem, strings_of
from pathprint.app.api.open_inference.schemas import InferInput
from pathprint.app.api.uploads import check_number, from_base64
from pathprint.app.runtime.decoding import NUMBERS, Upload
from pathprint.models.preprocessing import Preprocessing

_TYPES: dict[str, np.dtype[Any]] = {"FP32": np.dtype("<f4"), "UINT8": np.dtype("u1")}
_PLACE = "inputs.0"


def marks_of(preprocessing: Preprocessing, images: int) -> int:
    """Return how many commas and opening brackets so many images have in JSON at most, however they are nested."""
    products: list[int] = list(accumulate((images, *preprocessing.input_shape), mul))
    return 2 * sum(products)


def images_of(
    tensor: InferInput, binary: memoryview, preprocessing: Preprocessing, most: int
) -> list[Upload | Numbers]:
    """Return the images in a tensor, in order.

    Args:
        binary: the tensor's bytes, if its numbers are not in the JSON.
        most: largest number of images.

    Raises:
        ProblemError: the tensor is of another shape, size or kind than it says or the model takes.
    """
    sides = () if tensor.datatype == "BYTES" else preprocessing.input_shape
    shape = tuple(tensor.shape)
    images = shape[0] if shape else 0
    check_shape(shape, (images, *sides), f"{tensor.datatype} input", f"{_PLACE}.shape")
    check_number(images, most)
    if tensor.datatype == "BYTES":
        return [Upload(data, None) for data in _files(tensor, binary)]
    array = _array(tensor, binary).reshape(shape)
    return [_numbers(array[image], f"image {image}") for image in range(images)]


def _numbers(array: Array, place: str) -> Numbers:
    pixels = pixels_of_bytes(array) if array.dtype == np.uint8 else pixels_of_floats(array, place)
    return Numbers(pixels, NUMBERS, hashlib.sha256(array.tobytes()).hexdigest())


def _files(tensor: InferInput, binary: memoryview) -> list[bytes]:
    if tensor.data is None:
        return strings_of(binary, tensor.shape[0])
    if tensor.parameters.content_type != "base64":
        raise member_problem(f"{_PLACE}.parameters.content_type", 'must be "base64" for BYTES in JSON')
    return [from_base64(text) for text in _flat(tensor.data, tensor.shape, {str})]


def _array(tensor: InferInput, binary: memoryview) -> Array:
    """Return the numbers of a tensor, flat."""
    kind = _TYPES[tensor.datatype]
    if tensor.data is None:
        wanted = prod(tensor.shape) * kind.itemsize
        if len(binary) != wanted:
            raise malformed(f"the shape needs {wanted:,} bytes of {tensor.datatype}, not {len(binary):,}")
        return np.frombuffer(binary, kind)
    if kind == np.uint8:
        return _bytes(_flat(tensor.data, tensor.shape, {int}))
    try:
        return np.array(_flat(tensor.data, tensor.shape, {int, float}), kind)
    except OverflowError:  # a whole number that no float can hold
        raise member_problem(f"{_PLACE}.data", "a number is not in [0, 1]", "value_out_of_range") from None


def _bytes(values: list[Any]) -> Array:
    if min(values) < 0 or max(values) > 255:
        raise member_problem(f"{_PLACE}.data", "a number is not in 0 .. 255", "value_out_of_range")
    return np.array(values, np.uint8)


def _flat(data: list[Any], shape: list[int], kinds: set[type]) -> list[Any]:
    """Return the values of ``data``, which is flat or nested as the shape says.

    Raises:
        ProblemError: it has another number of values or another nesting, or values of other ``kinds``.
    """
    values, level = data, 0
    while level + 1 < len(shape) and values and isinstance(values[0], list):
        level += 1
        if len(values) != prod(shape[:level]) or any(
            not isinstance(row, list) or len(row) != shape[level] for row in values
        ):
            raise member_problem(f"{_PLACE}.data", "is nested in another way than the shape")
        values = list(chain.from_iterable(values))
    if level not in (0, len(shape) - 1) or len(values) != prod(shape):
        raise member_problem(f"{_PLACE}.data", f"must hold {prod(shape):,} values, as the shape says")
    if not set(map(type, values)) <= kinds:
        names = " or ".join(sorted(kind.__name__ for kind in kinds))
        raise member_problem(f"{_PLACE}.data", f"a value is not of the type {names}")
    return values
