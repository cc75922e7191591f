"""Profiling takes the first correct images of each class, and looks at no more than it needs."""

from dataclasses import replace

from PIL import Image

from profiling import building
from profiling.datasets import Dataset
from profiling.paths.extraction import Extractor
from profiling.splits import profile_images


def test_profiling_stops_where_every_class_is_full(extractor: Extractor, digits: Dataset) -> None:
    seen: list[int] = []

    def reading(index: int) -> tuple[bytes, Image.Image]:
        seen.append(index)
        return digits.read(index)

    images = profile_images(digits)
    found = building.profile(extractor, replace(digits, read=reading), images, per_class=20)
    assert found.images.tolist() == [20] * 10  # more than one chunk holds of each
    assert building.CHUNK < len(seen) < len(images)
    assert seen == images[: len(seen)].tolist()
