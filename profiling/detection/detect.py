"""Give verdicts on images with a bundle, one image at a time."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from PIL import Image
from torch import Tensor

from pathprint.models.errors import ImageError
from pathprint.models.preprocessing import Preprocessing, decode
from pathprint.profiling.detection.bundle import Bundle, load_bundle
from pathprint.profiling.detection.detector import Verdict
from pathprint.profiling.errors import DataError, unreadable

AnImage = str | Path | Image.Image
"""An image file, or an image that Pillow has opened."""


def detect(bundle: Bundle | str | Path, images: AnImage | Iterable[AnImage]) -> list[Verdict]:
    """Return the verdict on each image.

    Args:
        bundle: what ``pathprint.fit`` returned, or the folder that it was saved in.
        images: image files, or images that Pillow has opened; one of them, or several.

    Raises:
        BundleError: the bundle cannot be read.
        DataError: a file cannot be read or is not an accepted image; the message names the file.
        ImageError: an opened image is of a kind that is not accepted.
    """
    detector = (bundle if isinstance(bundle, Bundle) else load_bundle(bundle)).detector
    preprocessing = detector.network.preprocessing
    several = [images] if isinstance(images, str | Path | Image.Image) else images
    return [detector.examine(pixels_of(image, preprocessing)[None])[0] for image in several]


def pixels_of(image: AnImage, preprocessing: Preprocessing) -> Tensor:
    """Return the pixels ``c h w`` in [0, 1] of an image.

    Raises:
        DataError: a file cannot be read or is not an accepted image.
        ImageError: an opened image is of a kind that is not accepted.
    """
    return preprocessing.pixels(image) if isinstance(image, Image.Image) else read_pixels(Path(image), preprocessing)


def read_pixels(path: Path, preprocessing: Preprocessing) -> Tensor:
    """Return the pixels ``c h w`` in [0, 1] of an image file, decoded as the service decodes it.

    Raises:
        DataError: the file cannot be read or is not an accepted image.
    """
    try:
        return preprocessing.pixels(decode(path.read_bytes()))
    except ImageError as error:
        raise DataError(f"{path}: {error}") from error
    except OSError as error:
        raise unreadable(path, error) from error
