"""Where images and labels come from: scikit-learn's digits, folders, zip archives, ``.npz`` files."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from pathprint.models.errors import ImageError
from pathprint.models.preprocessing import Preprocessing, decode
from pathprint.profiling.arrays import Bits, Indices
from pathprint.profiling.data.archives import archive_files
from pathprint.profiling.data.array_file import read_arrays
from pathprint.profiling.data.classes import class_numbers, told
from pathprint.profiling.data.files import Files, joined
from pathprint.profiling.data.folders import folder_files
from pathprint.profiling.data.identity import Keys64, as_keys, digest, look, picture
from pathprint.profiling.data.layout import layout
from pathprint.profiling.data.places import DIGITS, place_of
from pathprint.profiling.errors import DataError
from pathprint.profiling.progress import track

log = logging.getLogger("pathprint.data")
_BLOCK = 4096
"""Images that are compared between two signs of progress."""


@dataclass(frozen=True)
class Dataset:
    """Labelled images, read one at a time.

    Attributes:
        name: what the user called it.
        labels: index into ``classes`` of each image, ``(n,)``.
        held_out: marks the images that the data set itself sets apart for testing; None if it
            does not say.
        matched: ``labels`` are a network's class numbers, and ``classes`` are its labels.
        content: the bytes that hold image ``i``: those of its file, or of its array.
        image: image ``i``, decoded.
        place: where image ``i`` lies in the data set, for people.
    """

    name: str
    labels: Indices
    classes: tuple[str, ...]
    held_out: Bits | None
    content: Callable[[int], bytes]
    image: Callable[[int], Image.Image]
    matched: bool = False
    place: Callable[[int], str] = "image {}".format

    def __len__(self) -> int:
        return len(self.labels)

    def pixels(self, indices: Indices | Sequence[int], preprocessing: Preprocessing) -> Tensor:
        """Return the images at ``indices`` as pixels ``n c h w`` in [0, 1], made by the service's own code.

        Raises:
            DataError: an image cannot be decoded.
        """
        return torch.stack([preprocessing.pixels(self.image(int(i))) for i in indices])

    @property
    def keys(self) -> Keys64:
        """A number for each image that goes by its decoded pixels, uint64 ``(n,)``: equal pixels, equal keys.

        An image that cannot be decoded goes by the bytes that hold it.
        """
        return self._seen[0]

    @property
    def looks(self) -> Keys64:
        """A number for each image that goes by its look, uint64 ``(n,)``; of images that cannot be decoded, the key."""
        return self._seen[1]

    @cached_property
    def _seen(self) -> tuple[Keys64, Keys64]:
        """Keys and looks, for which every image is decoded once."""
        # Decoding releases the interpreter, so threads help.
        with ThreadPoolExecutor() as pool:
            blocks = [range(start, min(start + _BLOCK, len(self))) for start in range(0, len(self), _BLOCK)]
            followed = track(blocks, "comparing images") if len(blocks) > 1 else blocks
            found = [pair for block in followed for pair in pool.map(self._identity, block)]
        return as_keys(key for key, _ in found), as_keys(seen for _, seen in found)

    @cached_property
    def content_keys(self) -> Keys64:
        """A number for each image that goes by the bytes that hold it, uint64 ``(n,)``, as older versions kept it."""
        return as_keys(digest(self.content(i)) for i in range(len(self)))

    def _identity(self, index: int) -> tuple[bytes, bytes]:
        try:
            image = self.image(index)
        except DataError:
            return (digest(self.content(index)),) * 2
        return digest(picture(image)), digest(look(image))

    def matched_to(self, labels: Sequence[str], class_map: Mapping[str, int] | None = None) -> Dataset:
        """Return the data set with the network's class numbers as its labels.

        ``classes.class_numbers`` says how. A data set that has been matched to ``labels`` stays as it is.

        Args:
            labels: the network's labels, in the order of its classes.
            class_map: class number of each class of the data whose name is not that of the network's class.

        Raises:
            DataError: a class has no counterpart, or several, or ``class_map`` has a number that is no class.
        """
        if self.matched and self.classes == tuple(labels):
            return self
        numbers = class_numbers(self.name, self.classes, labels, class_map)
        log.info("%s", told(self.name, self.classes, numbers, labels))
        return replace(self, labels=np.array(numbers, dtype=np.int64)[self.labels], classes=tuple(labels), matched=True)


def open_dataset(spec: str) -> Dataset:
    """Return the data set that ``spec`` names.

    ``digits``; a folder or a zip archive of class folders, of ``train`` and ``test`` with class folders inside, or of
    class folders with ``train`` and ``test`` inside; ``PLACE:FOLDER`` for one folder of these; an ``.npz`` file with
    ``x_train y_train x_test y_test`` or ``x y``. What is left out is logged.

    Raises:
        DataError: there is nothing, or it has none of these forms.
    """
    if spec == DIGITS:
        return _digits()
    place = place_of(spec)
    if place.path.is_dir():
        return _of_files(spec, folder_files(place.path / place.inside))
    match place.path.suffix.lower():
        case ".npz":
            return _of_array_file(place.path)
        case ".zip":
            return _of_files(spec, archive_files(place.path, place.inside))
    raise DataError(f"{place.path} is not a folder, a .zip or an .npz file; pass one of these, or digits.")


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


def _of_array_file(path: Path) -> Dataset:
    found = read_arrays(path)
    found.left_out.report(str(path))
    return _of_arrays(str(path), found.images, found.labels, found.classes, found.held_out)


def _of_files(name: str, files: Files) -> Dataset:
    """Return the data set of the image files in class folders."""
    try:
        found = layout(name, files.names)
    except DataError:
        files.left_out.report(name)  # which may be the reason
        raise
    replace(files.left_out, loose=joined(found.loose)).report(name)
    names, labels = np.unique([image.label for image in found.images], return_inverse=True)
    held_out = np.array([image.held_out for image in found.images]) if found.two_sided else None

    def content(index: int) -> bytes:
        return files.read(found.images[index].file)

    def image(index: int) -> Image.Image:
        try:
            return decode(content(index))
        except ImageError as error:
            where = f"{name}: {'/'.join(found.images[index].file)}"
            raise DataError(f"{where}: {error} Replace it, or take it out of the data.") from error

    return Dataset(
        name,
        labels.astype(np.int64).reshape(-1),
        tuple(map(str, names)),
        held_out,
        content,
        image,
        place=lambda index: "/".join(found.images[index].file),
    )
