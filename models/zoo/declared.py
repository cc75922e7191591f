"""Preprocessing that the user declares for a network that comes without one."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pathprint.models.errors import PreprocessingError
from pathprint.models.preprocessing import Preprocessing

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_IMAGENET_SIDE, _IMAGENET_RESIZE = 224, 256


@dataclass(frozen=True, slots=True)
class Declared:
    """What the user says about a network's input; ``None`` keeps the default.

    Attributes:
        size: height and width.
        resize: shorter side of the frame that an image is scaled to cover before the centre crop.
        mean, std: one per channel, for pixels in [0, 1].
        stretch: scale images to the frame exactly, which changes their proportions.
    """

    size: tuple[int, int] | None = None
    resize: int | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    stretch: bool | None = None

    def over(self, default: Preprocessing) -> Preprocessing:
        """Return ``default`` with the declared values in place of its own.

        If another size is declared without ``resize``, ``default_resize`` of that size is taken. If stretching is
        declared without ``resize``, images are stretched to the size itself, and nothing is cut off.

        Raises:
            PreprocessingError: a number is out of range, mean and std do not have one or three channels each, or the
            resized image is smaller than what is cut out of it.
        """
        mean, std = self.mean or default.mean, self.std or default.std
        fits = len(mean) == len(std) and len(mean) in (1, 3) and all(map(math.isfinite, (*mean, *std)))
        if not fits or min(std) <= 0:
            raise PreprocessingError(
                f"the mean {mean} and the standard deviation {std} do not fit: give one number each for grey images, "
                "or three for RGB in `mean` and `std`, standard deviations above 0."
            )
        size = self.size or default.size
        stretch = default.stretch if self.stretch is None else self.stretch
        usual = default.resize if size == default.size else default_resize(size)
        resize = self.resize or (min(size) if self.stretch else usual)
        return Preprocessing(len(mean), size, resize, mean, std, stretch)


def default_for(input_shape: tuple[int, ...]) -> Preprocessing:
    """Return the preprocessing for network inputs ``(c, h, w)`` about which nothing else is known.

    RGB pixels get the mean and standard deviation of torchvision's ImageNet weights; grey ones are scaled to [-1, 1].

    Raises:
        PreprocessingError: the inputs have neither one nor three channels.
    """
    channels, height, width = input_shape
    if channels not in (1, 3):
        raise PreprocessingError(
            f"the network takes {channels} channels; images have 1 (grey) or 3 (RGB), so export or build it for these."
        )
    mean, std = (IMAGENET_MEAN, IMAGENET_STD) if channels == 3 else ((0.5,), (0.5,))
    return Preprocessing(channels, (height, width), default_resize((height, width)), mean, std)


def default_resize(size: tuple[int, int]) -> int:
    """Return the shorter side of the frame that an image is scaled to cover before ``size`` is cut out of its centre.

    It is 256 for a size of 224, as for ImageNet, and in proportion for larger sizes; smaller inputs are not cropped.
    """
    side = min(size)
    return side if side < _IMAGENET_SIDE else round(side * _IMAGENET_RESIZE / _IMAGENET_SIDE)
