"""Data sets of images that another library holds as arrays: pixels in [0, 1] and the numbers of their classes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from pathprint.models.preprocessing import to_8_bit
from pathprint.profiling.arrays import Indices
from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.data.pictures import pictures_of_arrays
from pathprint.profiling.errors import DataError

NAME = "arrays"


def images_in_memory(pixels: Tensor, labels: Indices, classes: Sequence[str]) -> Dataset:
    """Return the data set of pixels ``n c h w`` in [0, 1], of one or three channels, rounded to 8 bit.

    Args:
        labels: class of each image, as an index into ``classes``, ``(n,)``.

    Raises:
        DataError: there are no images, not as many labels as images, or a label is no class.
    """
    if not len(pixels):
        raise DataError("there are no images; give pixels n c h w of one image or more.")
    if labels.shape != (len(pixels),):
        raise DataError(f"{len(pixels)} images have labels of shape {labels.shape}; give one label for each image.")
    if not (labels.min() >= 0 and labels.max() < len(classes)):
        raise DataError(
            f"the labels reach from {labels.min()} to {labels.max()}, but the network has {len(classes)} classes; give "
            f"class numbers from 0 to {len(classes) - 1}."
        )
    levels = (to_8_bit(pixels.detach()) * 255).to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    held = np.ascontiguousarray(levels[..., 0] if levels.shape[-1] == 1 else levels)
    pictures = pictures_of_arrays(NAME, {NAME: held})
    return Dataset(
        NAME, labels.astype(np.int64), tuple(classes), None, pictures.content, pictures.image, pictures.names, True
    )
