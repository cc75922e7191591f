"""Where images and labels come from: scikit-learn's digits, folders, zip archives, ``.npz`` files."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from pathprint.models.preprocessing import Preprocessing
from pathprint.profiling.arrays import Bits, Indices
from pathprint.profiling.data.array_file import is_array_file, read_arrays
from pathprint.profiling.data.class_folders import in_class_folders
from pathprint.profiling.data.classes import class_numbers, told
from pathprint.profiling.data.containers import image_files, stored_file
from pathprint.profiling.data.digits import read_digits
from pathprint.profiling.data.files import Files
from pathprint.profiling.data.identity import Keys64, keys_of, picture
from pathprint.profiling.data.pictures import Pictures, pictures_of_arrays, pictures_of_files
from pathprint.profiling.data.places import DIGITS, LIST, place_of
from pathprint.profiling.data.stored import StoredFile
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
        names: of each image: its path below the folder or in the archive, or the name and the row of an array.
        matched: ``labels`` are a network's class numbers, and ``classes`` are its labels.
        known_keys: what ``keys`` is to be, where that is known already.
        content: the bytes that hold image ``i``: those of its file, or of its array.
        image: image ``i``, decoded.
    """

    name: str
    labels: Indices
    classes: tuple[str, ...]
    held_out: Bits | None
    content: Callable[[int], bytes]
    image: Callable[[int], Image.Image]
    names: Sequence[str]
    matched: bool = False
    known_keys: Keys64 | None = None

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
        if self.known_keys is not None:
            return self.known_keys
        # Decoding releases the interpreter, so threads help.
        with ThreadPoolExecutor() as pool:
            blocks = [range(start, min(start + _BLOCK, len(self))) for start in range(0, len(self), _BLOCK)]
            followed = track(blocks, "comparing images", len) if len(blocks) > 1 else blocks
            return np.concatenate([keys_of(pool.map(self._picture, block)) for block in followed] or [keys_of(())])

    @cached_property
    def content_keys(self) -> Keys64:
        """A number for each image that goes by the bytes that hold it, uint64 ``(n,)``, as older versions kept it."""
        return keys_of(self.content(i) for i in range(len(self)))

    def _picture(self, index: int) -> bytes:
        try:
            return picture(self.image(index))
        except DataError:
            return self.content(index)

    def only(self, positions: Indices, keys: Keys64 | None = None) -> Dataset:
        """Return the data set of the images at ``positions`` alone, whose keys may be known already."""
        held_out = None if self.held_out is None else self.held_out[positions]
        return replace(
            self,
            labels=self.labels[positions],
            held_out=held_out,
            content=lambda index: self.content(int(positions[index])),
            image=lambda index: self.image(int(positions[index])),
            known_keys=keys,
        )

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

    ``digits``; a folder or a zip or tar archive of class folders, of ``train`` and ``test`` with class folders inside,
    or of class folders with ``train`` and ``test`` inside; ``PLACE:FOLDER`` for one folder of these; tar archives of
    WebDataset and Parquet files of Hugging Face, one, several by a pattern, or a folder of them; an ``.npz`` file with
    ``x_train y_train x_test y_test`` or ``x y``; a URL of any of these. What is left out is logged.

    Every process that opens ``spec`` has its images in one order.

    Raises:
        DataError: there is nothing, or it has none of these forms.
        MissingExtraError: what reads it is not installed.
    """
    if spec == DIGITS:
        return _digits()
    if spec.startswith(LIST):
        raise DataError(f"{spec} is a list of files, which does not say their classes; pass class folders.")
    place = place_of(spec)
    if is_array_file(place):
        return _of_array_file(spec, stored_file(place.path))
    return _of_files(spec, image_files(place, labelled=True))


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
    images, labels = read_digits()
    classes = tuple(str(digit) for digit in range(10))
    return _labelled(pictures_of_arrays(DIGITS, {DIGITS: images}), labels, classes, None)


def _labelled(pictures: Pictures, labels: Indices, classes: tuple[str, ...], held_out: Bits | None) -> Dataset:
    """Return pictures with what is known of each."""
    return Dataset(pictures.name, labels, classes, held_out, pictures.content, pictures.image, pictures.names)


def _of_array_file(name: str, file: StoredFile) -> Dataset:
    found = read_arrays(file)
    found.left_out.report(name)
    return _labelled(pictures_of_arrays(name, found.images), found.labels, found.classes, found.held_out)


def _of_files(name: str, files: Files) -> Dataset:
    """Return the data set of image files, whose folders are their classes if nothing else says these."""
    placed = files if files.labels else in_class_folders(name, files)
    assert placed.labels
    labels = placed.labels
    return _labelled(pictures_of_files(name, placed), labels.numbers, labels.classes, labels.held_out)
