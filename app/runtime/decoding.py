"""From the bytes of an upload to the pixels that a network takes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from PIL import Image
from torch import Tensor

from pathprint.app.problems.kinds import ProblemError
from pathprint.app.runtime.media import detected
from pathprint.app.runtime.pricing import Price, price
from pathprint.app.runtime.transforms import transforms
from pathprint.models.preprocessing import Preprocessing, loaded, opened

NUMBERS = "application/octet-stream"
"""Media type of pixels that were sent as numbers."""


@dataclass(frozen=True, slots=True)
class Upload:
    """An image as it was sent.

    Attributes:
        declared: one of ``IMAGE_TYPES``; None if the client leaves it to the service to find out.
    """

    data: bytes
    declared: str | None


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """An image of which only the header has been read.

    Attributes:
        media_type: one of ``IMAGE_TYPES``, by the bytes themselves.
        price: what decoding it will cost.
    """

    image: Image.Image
    media_type: str
    data: bytes
    price: Price


@dataclass(frozen=True, slots=True)
class Decoded:
    """An image ready for the detector.

    Attributes:
        pixels: ``1 c h w`` in [0, 1].
        media_type: one of ``IMAGE_TYPES``, by the bytes themselves; ``NUMBERS`` for pixels that were sent as numbers.
        width, height: of the image turned upright, before it was scaled to the network's size.
        sha256: of the bytes that were sent; for numbers, of the float32 that they were taken for.
        transforms: what made the pixels of the image, in this order.
    """

    pixels: Tensor
    media_type: str
    width: int
    height: int
    sha256: str
    transforms: tuple[str, ...] = ()


def open_upload(upload: Upload) -> Opened:
    """Return an upload whose header has been read.

    Raises:
        ImageError: the header says that it is no image that we accept.
        ProblemError: it is of another format than the client declared.
    """
    image = opened(upload.data)
    found = detected(image)
    if upload.declared and found != upload.declared:
        raise ProblemError("media_type_mismatch", f"The image was declared as {upload.declared}, but it is {found}.")
    return Opened(image, found, upload.data, price(image, upload.data))


def decode_opened(file: Opened, preprocessing: Preprocessing) -> Decoded:
    """Return the decoded image, fitted to the network that ``preprocessing`` belongs to.

    Raises:
        ImageError: it is truncated or damaged.
    """
    image = loaded(file.image)
    digest = hashlib.sha256(file.data).hexdigest()
    done = transforms(image, preprocessing)
    return Decoded(preprocessing.pixels(image)[None], file.media_type, image.width, image.height, digest, done)


def received_pixels(pixels: Tensor) -> Decoded:
    """Return pixels ``c h w`` that a client sent as numbers in the form in which decoded images have them."""
    height, width = pixels.shape[-2:]
    digest = hashlib.sha256(pixels.contiguous().numpy().tobytes()).hexdigest()
    return Decoded(pixels[None], NUMBERS, width, height, digest)
