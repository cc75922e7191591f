"""Pixels that are sent as numbers, so that the detector judges exactly these: nothing is resampled or rounded."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import prod
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pathprint.app.problems.document import ParameterProblem
from pathprint.app.problems.kinds import ProblemError
from pathprint.app.runtime.media import NPY_MAGIC
from pathprint.models.preprocessing import Preprocessing

Array: TypeAlias = NDArray[Any]
_HEADER = re.compile(
    rb"\{\s*'descr':\s*'(?P<type>[^']{1,8})',\s*'fortran_order':\s*(?P<fortran>True|False),"
    rb"\s*'shape':\s*\((?P<shape>\s*(?:\d{1,9}\s*,\s*){0,8}(?:\d{1,9}\s*)?)\),?\s*\}\s*"
)
"""The header that ``numpy.save`` writes. NumPy evaluates it as Python, which its documentation calls unsafe."""
_LENGTHS = {b"\x01\x00": 2, b"\x02\x00": 4}
"""By version of the format, how many bytes say how long the header is."""
_MOST = 65_536
_MOST_NUMBERS = 2**32
_TYPES = {b"|u1": "u1", b"<u1": "u1", b"<f4": "<f4", b">f4": ">f4"}


def pixels_of_npy(data: bytes, preprocessing: Preprocessing) -> Tensor:
    """Return the pixels ``c h w`` in [0, 1] of a ``.npy`` file of uint8 ``h w c`` or float32 ``c h w``.

    Raises:
        ProblemError: the file is damaged, of another type or shape, or holds numbers outside of [0, 1].
    """
    array = array_of_npy(data)
    channels, height, width = preprocessing.input_shape
    if array.dtype == np.uint8:
        check_shape(array.shape, (height, width, channels), "uint8 pixels (height, width, channels)")
        return pixels_of_bytes(array.transpose(2, 0, 1))
    check_shape(array.shape, (channels, height, width), "float32 pixels (channels, height, width)")
    return pixels_of_floats(array)


def pixels_of_bytes(array: Array) -> Tensor:
    """Return 8-bit pixels as float32 in [0, 1], as those of an image file are."""
    return torch.from_numpy(np.array(array, order="C")).float() / 255


def pixels_of_floats(array: Array, place: str = "the pixels") -> Tensor:
    """Return float32 pixels.

    Raises:
        ProblemError: one is not in [0, 1]; NaN is not.
    """
    pixels = np.array(array, dtype=np.float32, order="C")
    inside = (pixels >= 0) & (pixels <= 1)
    if not inside.all():
        count = int(pixels.size - inside.sum())
        detail = f"{count} of {pixels.size} numbers of {place} are not in [0, 1]; send pixels before any normalisation."
        raise ProblemError("value_out_of_range", detail)
    return torch.from_numpy(pixels)


def check_shape(found: tuple[int, ...], wanted: tuple[int, ...], what: str, parameter: str = "shape") -> None:
    """Check the shape of an array.

    Raises:
        ProblemError: it has another shape than the one that is ``wanted``.
    """
    if found != wanted:
        detail = f"must be {_written(wanted)} for {what}, not {_written(found)}"
        wrong = ParameterProblem(parameter=parameter, detail=detail)
        raise ProblemError("wrong_shape", f"The shape {detail}; nothing is resampled here.", errors=[wrong])


def _written(shape: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, shape))})"


@dataclass(frozen=True, slots=True)
class _Header:
    """What a ``.npy`` file says about its data, which begin at ``start``."""

    type: str
    fortran: bool
    shape: tuple[int, ...]
    start: int


def array_of_npy(data: bytes) -> Array:
    """Return the array of a ``.npy`` file of version 1 or 2, without running or unpickling anything in it.

    Raises:
        ProblemError: the file is damaged, or its numbers are neither uint8 nor float32.
    """
    header = _header(data)
    size = prod(header.shape) * np.dtype(header.type).itemsize
    if len(data) - header.start != size:
        raise _invalid(f"announces {size:,} bytes of numbers, but holds {len(data) - header.start:,}")
    flat = np.frombuffer(data, header.type, offset=header.start)
    if prod(side for side in header.shape if side) > _MOST_NUMBERS:  # beside a side of 0, which makes it empty
        raise _invalid("has a shape that is too large for any array")
    return flat.reshape(header.shape, order="F" if header.fortran else "C")


def _header(data: bytes) -> _Header:
    after = len(NPY_MAGIC) + 2
    digits = _LENGTHS.get(data[len(NPY_MAGIC) : after])
    if not data.startswith(NPY_MAGIC) or digits is None:
        raise _invalid("does not begin as one of version 1 or 2 does")
    start = after + digits + int.from_bytes(data[after : after + digits], "little")
    if start > min(len(data), _MOST):
        raise _invalid("ends within its header, or has too long a one")
    found = _HEADER.fullmatch(data, after + digits, start)
    if found is None:
        raise _invalid("has a header that numpy.save does not write for an array of numbers")
    if found["type"] not in _TYPES:
        raise _invalid("holds numbers that are neither uint8 nor float32; convert them first")
    shape = tuple(int(side) for side in found["shape"].split(b",") if side.strip())
    return _Header(_TYPES[found["type"]], found["fortran"] == b"True", shape, start)


def _invalid(what: str) -> ProblemError:
    return ProblemError("invalid_npy", f"The .npy file {what}.")
