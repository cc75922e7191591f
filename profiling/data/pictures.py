"""Images without labels, wherever they lie: nothing is asked about classes or about parts for testing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from pathprint.models.errors import ImageError
from pathprint.models.preprocessing import decode
from pathprint.profiling.data.array_file import is_array_file, read_images
from pathprint.profiling.data.containers import image_files, stored_file
from pathprint.profiling.data.digits import read_digits
from pathprint.profiling.data.files import Files
from pathprint.profiling.data.lists import listed_files
from pathprint.profiling.data.places import DIGITS, LIST, place_of
from pathprint.profiling.data.rows import RowNames
from pathprint.profiling.data.stored import reason
from pathprint.profiling.errors import DataError


@dataclass(frozen=True)
class Pictures:
    """Images without labels, read one at a time.

    Attributes:
        name: what the user called them.
        names: of each image: its path below the folder or in the archive, its line in a list of files, or the name
            and the row of an array. The order is that of every other process that opens the images.
        content: the bytes that hold image ``i``: those of its file, or of its array. Raises DataError.
        decode: make image ``i`` of the bytes that hold it. Raises DataError, whatever is wrong with the image.
    """

    name: str
    names: Sequence[str]
    content: Callable[[int], bytes]
    decode: Callable[[int, bytes], Image.Image]

    def __len__(self) -> int:
        return len(self.names)

    def image(self, index: int) -> Image.Image:
        """Return an image, decoded.

        Raises:
            DataError: it cannot be read or decoded, whatever is wrong with it.
        """
        return self.decode(index, self.content(index))


def open_pictures(spec: str) -> Pictures:
    """Return all images that ``spec`` names.

    Everything that ``open_dataset`` takes, whose held-out images are taken, too; a folder or an archive with images
    in it at any depth; an image file; ``@FILE`` for a text file with the path of an image in each line. What is left
    out is logged.

    Raises:
        DataError: there is nothing, or no image.
        MissingExtraError: what reads it is not installed.
    """
    pictures = _opened(spec)
    if not len(pictures):
        raise DataError(f"{spec} holds no images; PNG, JPEG, BMP and WebP are read.")
    return pictures


def _opened(spec: str) -> Pictures:
    if spec == DIGITS:
        return pictures_of_arrays(DIGITS, {DIGITS: read_digits()[0]})
    place = place_of(spec)
    if spec.startswith(LIST):
        return pictures_of_files(spec, listed_files(Path(place.path)))
    if is_array_file(place):
        return pictures_of_arrays(spec, read_images(stored_file(place.path)))
    return pictures_of_files(spec, image_files(place, labelled=False))


def pictures_of_files(name: str, files: Files) -> Pictures:
    """Return the images in image files; those that are left out are logged."""
    files.left_out.report(name)
    names = files.names if isinstance(files.names, RowNames) else tuple(map(printable, files.names))
    return Pictures(name, names, files.read, lambda index, content: decoded(f"{name}: {names[index]}", content))


def printable(name: str) -> str:
    """Return a name that can be written down: bytes that are no UTF-8 become ``\\udc..``."""
    return name if name.isascii() else name.encode("utf-8", "backslashreplace").decode("utf-8")


def pictures_of_arrays(name: str, arrays: dict[str, npt.NDArray[np.uint8]]) -> Pictures:
    """Return the images in uint8 arrays ``n h w`` or ``n h w 3``, by the arrays' names."""
    names = RowNames(tuple((array, len(images)) for array, images in arrays.items()))
    held = tuple(arrays.values())

    def pixels(index: int) -> npt.NDArray[np.uint8]:
        array, row = names.place(index)
        return np.ascontiguousarray(held[array][row])

    return Pictures(name, names, lambda i: pixels(i).tobytes(), lambda i, content: Image.fromarray(pixels(i)))


def decoded(where: str, content: bytes) -> Image.Image:
    """Return the image in the bytes of a file.

    Raises:
        DataError: they are no image that is accepted; names ``where`` and why.
    """
    try:
        return decode(content)
    except ImageError as error:
        raise DataError(f"{where}: {error}") from error
    except Exception as error:  # damage that no parser of Pillow foresees must not end a job
        raise DataError(f"{where}: the image cannot be decoded ({type(error).__name__}: {reason(error)}).") from error
