"""Profiling takes the first correct images of each class, and looks at no more than it needs."""

from dataclasses import replace

import numpy as np
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
    found = building.profile(extractor, replace(digits, read=reading), images, per_class=5)
    assert found.images.tolist() == [5] * 10
    right = [
        i
        for i in images
        if extractor.network.predict(digits.pixels([i], extractor.network.preprocessing)) == digits.labels[i]
    ]
    last = max(right.index(n) for c in range(10) for n in [i for i in right if digits.labels[i] == c][:5])
    assert np.flatnonzero(images == right[last])[0] < len(seen) <= 2 * building.CHUNK < len(images)
