"""Where images and labels come from: scikit-learn's digits, folders, zip archives, ``.npz`` files."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from pathprint.models.errors import ImageError
from pathprint.models.preprocessing import Preprocessing, decode
from pathprint.profiling.arrays import Bits, Indices
from pathprint.profiling.data.identity import Keys64, keys_of, picture
from pathprint.profiling.data.places import DIGITS, place_of
from pathprint.profiling.errors import DataError
from pathprint.profiling.progress import track

_TRAIN = {"train", "training"}
_HELD_OUT = {"test", "val", "valid", "validation"}
_BLOCK = 4096
"""Images that are compared between two signs of progress."""
_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".webp"}


@dataclass(frozen=True)
class Dataset:
    """Labelled images, read one at a time.

    Attributes:
        name: what the user called it.
        labels: index into ``classes`` of each image, ``(n,)``.
        held_out: marks the images that the data set itself sets apart for testing; None if it
            does not say.
        content: the bytes that hold image ``i``: those of its file, or of its array.
        image: image ``i``, decoded.
    """

    name: str
    labels: Indices
    classes: tuple[str, ...]
    held_out: Bits | None
    content: Callable[[int], bytes]
    image: Callable[[int], Image.Image]

    def __len__(self) -> int:
        return len(self.labels)

    def pixels(self, indices: Indices | Sequence[int], preprocessing: Preprocessing) -> Tensor:
        """Return the images at ``indices`` as pixels ``n c h w`` in [0, 1], made by the service's own code.

        Raises:
            DataError: an image cannot be decoded.
        """
        return torch.stack([preprocessing.pixels(self.image(int(i))) for i in indices])

    @cached_property
    def keys(self) -> Keys64:
        """A number for each image that goes by its decoded pixels, uint64 ``(n,)``: equal pixels, equal keys.

        An image that cannot be decoded goes by the bytes that hold it.
        """
        # Decoding releases the interpreter, so threads help.
        with ThreadPoolExecutor() as pool:
            blocks = [range(start, min(start + _BLOCK, len(self))) for start in range(0, len(self), _BLOCK)]
            told = track(blocks, "comparing images") if len(blocks) > 1 else blocks
            return np.concatenate([keys_of(pool.map(self._picture, block)) for block in told] or [keys_of(())])

    @cached_property
    def content_keys(self) -> Keys64:
        """A number for each image that goes by the bytes that hold it, uint64 ``(n,)``, as older versions kept it."""
        return keys_of(self.content(i) for i in range(len(self)))

    def _picture(self, index: int) -> bytes:
        try:
            return picture(self.image(index))
        except DataError:
            return self.content(index)

    def matched_to(self, labels: Sequence[str], class_map: Mapping[str, int] | None = None) -> Dataset:
        """Return the data set with the network's class numbers as its labels.

        A class gets the number that ``class_map`` has for it, or else that of the network's label of
        its name. Without ``class_map``, if a name is missing and both have as many classes, classes
        are matched by order.

        Args:
            labels: the network's labels, in the order of its classes.

        Raises:
            DataError: a class has no counterpart, or ``class_map`` has a number that is no class.
        """
        found = {name: index for index, name in enumerate(labels)} | dict(class_map or {})
        missing = [name for name in self.classes if name not in found]
        if missing and class_map is None and len(labels) == len(self.classes):
            found = {name: index for index, name in enumerate(self.classes)}
        elif missing:
            raise DataError(
                f"{self.name}: the network has no class called {', '.join(map(repr, missing[:5]))}; name the folders "
                'as the network\'s labels, or pass --class-map FILE with JSON {"folder": class number}.'
            )
        numbers = np.array([found[name] for name in self.classes], dtype=np.int64)
        if len(numbers) and (numbers.min() < 0 or numbers.max() >= len(labels)):
            raise DataError(f"{self.name}: class numbers must lie in 0 .. {len(labels) - 1}.")
        return replace(self, labels=numbers[self.labels], classes=tuple(labels))


def open_dataset(spec: str) -> Dataset:
    """Return the data set that ``spec`` names.

    ``digits``; a folder or ``.zip`` of class folders, or of ``train`` and ``test`` (or ``val``)
    with class folders inside; ``FILE.zip:FOLDER`` for one folder of an archive; an ``.npz`` with
    ``x_train y_train x_test y_test`` or ``x y``.

    Raises:
        DataError: there is nothing, or it has none of these forms.
    """
    if spec == DIGITS:
        return _digits()
    place = place_of(spec)
    path = place.path
    if path.suffix == ".npz":
        return _arrays(path)
    if path.suffix == ".zip":
        return _archive(path, place.inside, spec)
    if path.is_dir():
        return _folder(path)
    raise DataError(f"{path} is not a folder, a .zip or an .npz file; pass one of these, or digits.")


def matched_data(
    data: Dataset | str | Path, labels: Sequence[str], class_map: Mapping[str, int] | None = None
) -> Dataset:
    """Return ``data``, opened if it is a text or a path, with the network's class numbers as its labels.

    Raises:
        DataError: there is no data, or a class of it has no counterpart among ``labels``.
    """
    opened = data if isinstance(data, Dataset) else open_dataset(str(data))
    return opened.matched_to(labels, class_map)


def _digits() -> Dataset:
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = np.round(bunch.images * 255 / 16).astype(np.uint8)
    classes = tuple(str(digit) for digit in range(10))
    return _of_arrays("digits", images, bunch.target.astype(np.int64), classes, None)


def _of_arrays(
    name: str, images: npt.NDArray[np.uint8], labels: Indices, classes: tuple[str, ...], held_out: Bits | None
) -> Dataset:
    return Dataset(
        name,
        labels,
        classes,
        held_out,
        content=lambda index: images[index].tobytes(),
        image=lambda index: Image.fromarray(np.ascontiguousarray(images[index])),
    )


def _arrays(path: Path) -> Dataset:
    try:
        with np.load(path, allow_pickle=False) as file:
            held = {name: file[name] for name in file.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} is not a readable .npz file of arrays (without pickle): {error}") from error
    pairs = [("x_train", "y_train"), ("x_test", "y_test")] if "x_train" in held else [("x", "y")]
    pairs = [pair for pair in pairs if pair[0] in held and pair[1] in held]
    if not pairs:
        raise DataError(
            f"{path} holds {', '.join(held) or 'nothing'}; it must hold the arrays x and y, "
            "or x_train, y_train, x_test and y_test."
        )
    images = np.concatenate([_bytes(held[x], f"{path}:{x}") for x, _ in pairs])
    labels = np.concatenate([held[y].reshape(-1) for _, y in pairs])
    if len(images) != len(labels) or labels.dtype.kind not in "iu" or not len(labels) or labels.min() < 0:
        raise DataError(f"{path}: {len(images)} images and {len(labels)} labels; each image needs one integer >= 0.")
    held_out = np.repeat([x == "x_test" for x, _ in pairs], [len(held[x]) for x, _ in pairs])
    classes = tuple(str(index) for index in range(int(labels.max()) + 1))
    partition = held_out if len(pairs) == 2 else None
    return _of_arrays(str(path), images, labels.astype(np.int64), classes, partition)


def _bytes(images: npt.NDArray[Any], where: str) -> npt.NDArray[np.uint8]:
    """Return images as uint8 ``n h w`` or ``n h w c``."""
    if images.ndim not in (3, 4) or (images.ndim == 4 and images.shape[3] not in (1, 3)):
        raise DataError(f"{where} has shape {images.shape}; n h w, n h w 1 or n h w 3 is expected.")
    if images.dtype.kind == "f" and len(images) and images.min() >= 0 and images.max() <= 1:
        images = np.round(images * 255).astype(np.uint8)
    if images.dtype != np.uint8:
        raise DataError(f"{where} is {images.dtype}; uint8 in 0 .. 255 or float in [0, 1] is expected.")
    return images[..., 0] if images.ndim == 4 and images.shape[3] == 1 else images


def _folder(path: Path) -> Dataset:
    files = sorted(file.relative_to(path).as_posix() for file in path.rglob("*") if file.suffix.lower() in _SUFFIXES)
    return _files(str(path), files, lambda name: (path / name).read_bytes())


def _archive(path: Path, inside: str, spec: str) -> Dataset:
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} is not a readable zip archive: {error}") from error
    names = sorted(name for name in archive.namelist() if PurePosixPath(name).suffix.lower() in _SUFFIXES)
    root = f"{inside}/" if inside else _wrapping(names)
    files = [name.removeprefix(root) for name in names if name.startswith(root)]
    return _files(spec, files, lambda name: archive.read(root + name))


def _wrapping(names: list[str]) -> str:
    """Return the one folder that holds a whole archive, with a slash; empty if none does, or if it is ``train``, …"""
    first = PurePosixPath(names[0]).parts[0] if names else ""
    holds_all = bool(first) and all(name.startswith(f"{first}/") and name.count("/") > 1 for name in names)
    return f"{first}/" if holds_all and first not in _TRAIN | _HELD_OUT else ""


def _files(name: str, files: list[str], content: Callable[[str], bytes]) -> Dataset:
    """Return the data set of image files ``class/…`` or ``train/class/…`` and ``test/class/…``."""
    parts = [PurePosixPath(file).parts for file in files]
    tops = {part[0] for part in parts}
    partitioned = bool(tops) and tops <= _TRAIN | _HELD_OUT
    depth = 1 if partitioned else 0
    if not files or any(len(part) < depth + 2 for part in parts):
        raise DataError(
            f"{name}: no class folders with images ({', '.join(sorted(_SUFFIXES))}) were found; images must lie in "
            "CLASS/, or in train/CLASS/ and test/CLASS/."
        )
    classes = tuple(sorted({part[depth] for part in parts}))
    labels = np.array([classes.index(part[depth]) for part in parts], dtype=np.int64)
    held_out = np.array([part[0] in _HELD_OUT for part in parts])
    two_sided = partitioned and held_out.any() and not held_out.all()

    def image(index: int) -> Image.Image:
        try:
            return decode(content(files[index]))
        except ImageError as error:
            raise DataError(f"{name}: {files[index]}: {error}") from error

    partition = held_out if two_sided else None
    return Dataset(name, labels, classes, partition, lambda index: content(files[index]), image)
