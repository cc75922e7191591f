"""Pixels as numbers: what ``numpy.save`` wrote comes back exactly, and nothing else is taken for it."""

from __future__ import annotations

import io
import pickle
import struct
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pathprint.app.api.numbers import array_of_npy, pixels_of_npy
from pathprint.app.problems.kinds import ProblemError
from pathprint.models.preprocessing import Preprocessing

PREPROCESSING = Preprocessing(3, (4, 5), 4, (0.5,) * 3, (0.25,) * 3)
FLOATS = np.random.default_rng(0).random((3, 4, 5), dtype=np.float32)
BYTES = np.random.default_rng(0).integers(0, 256, (4, 5, 3), dtype=np.uint8)


def saved(array: np.ndarray[Any, Any], version: tuple[int, int] | None = None) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, version)
    return buffer.getvalue()


def npy(header: str, data: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    length = struct.pack("<H" if version == b"\x01\x00" else "<I", len(header))
    return b"\x93NUMPY" + version + length + header.encode() + data


def code_of(data: bytes) -> str:
    with pytest.raises(ProblemError) as found:
        pixels_of_npy(data, PREPROCESSING)
    return found.value.code


@given(
    arrays.arrays(
        st.sampled_from(["u1", "<f4", ">f4"]),
        arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
        elements={"allow_nan": False},
    ),
    st.booleans(),
    st.sampled_from([(1, 0), (2, 0)]),
)
def test_what_numpy_saved_comes_back(array: np.ndarray[Any, Any], fortran: bool, version: tuple[int, int]) -> None:
    array = np.asfortranarray(array) if fortran else array
    found = array_of_npy(saved(array, version))
    assert found.shape == array.shape
    assert np.array_equal(found, array)


@settings(max_examples=300)
@given(st.data())
def test_damage_makes_a_problem_or_another_array_and_nothing_else(data: st.DataObject) -> None:
    file = bytearray(saved(FLOATS))
    for _ in range(data.draw(st.integers(1, 4))):
        file[data.draw(st.integers(0, len(file) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(file)))
    for damaged in (file, file[:cut], file + file[:cut]):
        try:
            pixels = pixels_of_npy(bytes(damaged), PREPROCESSING)
        except ProblemError as error:
            assert error.code in ("invalid_npy", "wrong_shape", "value_out_of_range")
        else:
            assert (pixels.shape, pixels.dtype) == ((3, 4, 5), torch.float32)
            assert 0 <= pixels.min() <= pixels.max() <= 1


@pytest.mark.parametrize("array", [FLOATS, FLOATS.astype(">f4"), np.asfortranarray(FLOATS)])
def test_floats_are_taken_bit_by_bit(array: np.ndarray[Any, Any]) -> None:
    assert np.array_equal(pixels_of_npy(saved(array), PREPROCESSING).numpy(), FLOATS)


def test_bytes_are_what_an_image_of_these_pixels_is() -> None:
    from PIL import Image

    assert torch.equal(pixels_of_npy(saved(BYTES), PREPROCESSING), PREPROCESSING.pixels(Image.fromarray(BYTES)))


F4 = "{'descr': '<f4', 'fortran_order': False, 'shape': %s, }"
HUGE = "(3, 99999999, 99999999)"
INVALID = {
    "nothing": b"",
    "magic alone": b"\x93NUMPY",
    "no numpy": b"\x89PNG" + bytes(100),
    "version 3": saved(FLOATS, (3, 0)),
    "version 9": npy(F4 % "(0,)", version=b"\x09\x00"),
    "float64": saved(FLOATS.astype("f8")),
    "float16": saved(FLOATS.astype("f2")),
    "int64": saved(BYTES.astype("i8")),
    "bool": saved(BYTES > 0),
    "complex": saved(FLOATS.astype("c8")),
    "text": saved(np.array(["abc"])),
    "objects": pickle.dumps(None).join([npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"), b""]),
    "structured": saved(np.zeros(2, dtype=[("a", "<f4")])),
    "petabytes": npy(F4 % HUGE, bytes(240)),
    "empty and too large": npy(F4 % "(0, 999999999, 999999999, 999999999)"),
    "empty and too large in the end": npy(F4 % "(999999999, 999999999, 999999999, 0)"),
    "negative side": npy(F4 % "(-3, 4, 5)", bytes(240)),
    "100 sides": npy(F4 % f"({'1,' * 100})", bytes(4)),
    "code": npy("{'descr': '<f4', 'fortran_order': False, 'shape': (__import__('os').getpid(),), }", bytes(240)),
    "deep": npy("(" * 9000),
    "minus": npy("-" * 60_000 + "1"),
    "header beyond the end": b"\x93NUMPY\x01\x00\xff\xff{",
    "one number too few": saved(FLOATS)[:-4],
    "one byte too many": saved(FLOATS) + b"\0",
}


@pytest.mark.parametrize("case", INVALID)
def test_a_file_of_another_kind_is_invalid(case: str) -> None:
    assert code_of(INVALID[case]) == "invalid_npy"


@pytest.mark.parametrize(
    "array",
    [
        FLOATS[None],
        FLOATS[:1],
        FLOATS.transpose(1, 2, 0).copy(),
        BYTES[:, :, 0],
        BYTES.transpose(2, 0, 1).copy(),
        BYTES[:3],
        np.float32(0.5) * np.ones(()),
        FLOATS[:, :, :0],
    ],
)
def test_another_shape_is_refused_with_the_right_one(array: np.ndarray[Any, Any]) -> None:
    with pytest.raises(ProblemError) as found:
        pixels_of_npy(saved(np.asarray(array, array.dtype if array.dtype == np.uint8 else "f4")), PREPROCESSING)
    assert found.value.code == "wrong_shape"
    assert ("(4, 5, 3)" if array.dtype == np.uint8 else "(3, 4, 5)") in found.value.detail


@pytest.mark.parametrize("value", [-1e-7, 1.0000001, 255, np.nan, np.inf, -np.inf])
def test_a_number_outside_of_0_to_1_is_refused(value: float) -> None:
    array = FLOATS.copy()
    array[1, 2, 3] = value
    assert code_of(saved(array)) == "value_out_of_range"


def test_the_ends_of_the_range_are_taken() -> None:
    array = np.zeros_like(FLOATS)
    array[0] = 1
    assert torch.equal(pixels_of_npy(saved(array), PREPROCESSING), torch.from_numpy(array))
