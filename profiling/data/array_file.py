"""Images and integer labels in the arrays of an ``.npz`` file."""

from __future__ import annotations

import logging
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pathprint.profiling.arrays import Bits, Indices
from pathprint.profiling.data.files import ending
from pathprint.profiling.data.left_out import LeftOut
from pathprint.profiling.data.places import Place
from pathprint.profiling.data.stored import StoredFile
from pathprint.profiling.errors import DataError

log = logging.getLogger("pathprint.data")
_WHOLE = ("x", "y")
_PARTED = ("x_train", "y_train", "x_test", "y_test")
_DARK = 64
"""No image of a usual data set is so dark that its brightest value is below a quarter of the range."""


@dataclass(frozen=True)
class Arrays:
    """Labelled images.

    Attributes:
        images: uint8 ``n h w`` or ``n h w 3``, by the names of their arrays.
        labels: position in ``classes`` of each image, ``(n,)``.
        classes: the integer labels that occur, as text, in ascending order.
        held_out: marks the images of ``x_test``; None if there are none.
    """

    images: dict[str, npt.NDArray[np.uint8]]
    labels: Indices
    classes: tuple[str, ...]
    held_out: Bits | None
    left_out: LeftOut


def is_array_file(place: Place) -> bool:
    """Say whether a place is one ``.npz`` file; a folder may be called so, too."""
    return not place.files and ending(place.path) == ".npz" and not Path(place.path).is_dir()


def read_arrays(path: StoredFile) -> Arrays:
    """Return the images in ``x`` and ``y``, or in ``x_train``, ``y_train``, ``x_test`` and ``y_test``.

    Raises:
        DataError: the file cannot be read, an array is missing or of the wrong shape, type or range.
    """
    held, others = _held(path)
    parts = [_part(path, held, x, y) for x, y in zip(list(held)[::2], list(held)[1::2], strict=True)]
    shapes = {images.shape[1:] for images, _ in parts}
    if len(shapes) > 1:
        first, second = (" x ".join(map(str, images.shape[1:])) for images, _ in parts)
        raise DataError(f"{path}: images of x_train are {first}, those of x_test {second}; all need one shape.")
    images = {name: images for name, (images, _) in zip(list(held)[::2], parts, strict=True)}
    _check_brightness(path, max(int(part.max()) for part in images.values()))
    numbers, labels = np.unique(np.concatenate([labels for _, labels in parts]), return_inverse=True)
    held_out = np.repeat([False, True], [len(labels) for _, labels in parts]) if len(parts) == 2 else None
    classes = tuple(str(int(number)) for number in numbers)
    return Arrays(images, labels.astype(np.int64).reshape(-1), classes, held_out, LeftOut(arrays=others))


def read_images(path: StoredFile) -> dict[str, npt.NDArray[np.uint8]]:
    """Return the images in ``x``, or in ``x_train`` and ``x_test``, by the names of these arrays; no labels are needed.

    Raises:
        DataError: the file cannot be read, it has no array of these names, or one is of the wrong shape, type or range.
    """
    held, others = _loaded(path, ("x", "x_train", "x_test"), ("y", "y_train", "y_test"))
    if not held:
        raise DataError(f"{path} holds {', '.join(others) or 'nothing'}; it must hold the array x, x_train or x_test.")
    LeftOut(arrays=others).report(str(path))
    return {name: _bytes(array, f"{path}:{name}") for name, array in held.items()}


def _held(path: StoredFile) -> tuple[dict[str, npt.NDArray[Any]], tuple[str, ...]]:
    """Return the arrays that are used, images and labels in turn, and the names of the others."""
    held, others = _loaded(path, _PARTED, ())
    if not held:
        held, others = _loaded(path, _WHOLE, ())
    if tuple(held) not in (_WHOLE, _PARTED, _PARTED[:2]):
        raise DataError(
            f"{path} holds {', '.join((*held, *others)) or 'nothing'}; it must hold the arrays x and y, "
            "or x_train, y_train, x_test and y_test."
        )
    return held, others


def _loaded(
    path: StoredFile, names: tuple[str, ...], known: tuple[str, ...]
) -> tuple[dict[str, npt.NDArray[Any]], tuple[str, ...]]:
    """Return the arrays among ``names``, and the names of the others that are not ``known``."""
    if not _is_zip(path):
        raise DataError(
            f"{path} is not an .npz file, or is damaged; numpy.savez(FILE, x=images, y=labels) writes such a file."
        )
    try:
        with path.open() as opened, np.load(opened, allow_pickle=False) as file:
            held = {name: file[name] for name in names if name in file.files}
            return held, tuple(name for name in file.files if name not in (*held, *known))
    except DataError:
        raise
    except Exception as error:  # numpy and the decompressors below it raise many types on damaged files
        raise DataError(f"{path} is not a readable .npz file of arrays (without pickle): {error}") from error


def _is_zip(path: StoredFile) -> bool:
    with path.open() as file:
        return zipfile.is_zipfile(file)


def _part(
    path: StoredFile, held: Mapping[str, npt.NDArray[Any]], x: str, y: str
) -> tuple[npt.NDArray[np.uint8], Indices]:
    images, labels = _bytes(held[x], f"{path}:{x}"), held[y].reshape(-1)
    if len(images) != len(labels) or labels.dtype.kind not in "iu" or not len(labels) or labels.min() < 0:
        raise DataError(
            f"{path}: {x} has {len(images)} images and {y} {len(labels)} labels of type {labels.dtype}; each image "
            "needs one integer >= 0."
        )
    if int(labels.max()) > np.iinfo(np.int64).max:
        raise DataError(f"{path}:{y} has the label {labels.max()}; class numbers are smaller.")
    return images, labels.astype(np.int64)


def _bytes(images: npt.NDArray[Any], where: str) -> npt.NDArray[np.uint8]:
    """Return images as uint8 ``n h w`` or ``n h w 3``."""
    if images.ndim not in (3, 4) or (images.ndim == 4 and images.shape[3] not in (1, 3)) or 0 in images.shape[1:]:
        raise DataError(f"{where} has shape {images.shape}; n h w, n h w 1 or n h w 3 is expected.")
    limit = {"f": 1, "i": 255, "u": 255}.get(images.dtype.kind)
    if limit is None:
        raise DataError(f"{where} is {images.dtype}; integers in 0 .. 255 or float in [0, 1] are expected.")
    if images.size and not (images.min() >= 0 and images.max() <= limit):  # false for nan as well
        raise DataError(
            f"{where} is {images.dtype} with values from {images.min():g} to {images.max():g}; "
            "integers in 0 .. 255 or float in [0, 1] are expected."
        )
    scaled = np.round(images * 255) if limit == 1 else images
    whole = scaled.astype(np.uint8)
    return whole[..., 0] if whole.ndim == 4 and whole.shape[3] == 1 else whole


def _check_brightness(path: StoredFile, brightest: int) -> None:
    """Warn of images that seem to be scaled to another range than 0 .. 255."""
    if brightest < _DARK:
        log.warning(
            "%s: the brightest value of all images is %d of 255, as if they were scaled to another range; if they are, "
            "scale them to 0 .. 255.",
            path,
            brightest,
        )
