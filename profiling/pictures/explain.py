"""Say all that is behind the verdict of a bundle on an image."""

from __future__ import annotations

from pathlib import Path

from pathprint.profiling.detection.bundle import Bundle, load_bundle
from pathprint.profiling.detection.detect import AnImage, pixels_of
from pathprint.profiling.pictures.explained import Explained, explain_pixels


def explain(bundle: Bundle | str | Path, image: AnImage) -> Explained:
    """Return what is behind the verdict on an image: data to draw, which ``save`` draws.

    Args:
        bundle: what ``pathprint.fit`` returned, or the folder that it was saved in.
        image: an image file, or an image that Pillow has opened.

    Raises:
        BundleError: the bundle cannot be read.
        DataError: the file cannot be read or is not an accepted image; the message names it.
        ImageError: an opened image is of a kind that is not accepted.
    """
    detector = (bundle if isinstance(bundle, Bundle) else load_bundle(bundle)).detector
    return explain_pixels(detector, pixels_of(image, detector.network.preprocessing))
