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
    """What the user says about a network's input; ``None`` is for the default.

    Attributes:
        size: height and width.
        resize: length that the shorter side is scaled to before the centre crop.
        mean, std: per channel, in pixels of [0, 1].
    """

    size: tuple[int, int] | None = None
    resize: int | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None

    def over(self, default: Preprocessing) -> Preprocessing:
        """Return ``default`` with what is declared in its place.

        Raises:
            PreprocessingError: a number is out of range, or mean and std are not of one or three channels each.
        """
        mean, std = self.mean or default.mean, self.std or default.std
        fits = len(mean) == len(std) and len(mean) in (1, 3) and all(map(math.isfinite, (*mean, *std)))
        if not fits or min(std) <= 0:
            raise PreprocessingError(
                f"the mean {mean} and the standard deviation {std} do not fit: give one number each for grey images, "
                "or three for RGB (--mean 0.5,0.5,0.5 --std 0.25,0.25,0.25), standard deviations above 0."
            )
        size = self.size or default.size
        resize = self.resize or (default.resize if size == default.size else default_resize(size))
        if min(size) < 1 or resize < min(size):
            raise PreprocessingError(f"--resize {resize} is smaller than the size {size[0]}x{size[1]} cut out of it.")
        return Preprocessing(len(mean), size, resize, mean, std)


def default_for(input_shape: tuple[int, ...]) -> Preprocessing:
    """Return the preprocessing for network inputs ``(c, h, w)`` about which nothing else is known.

    RGB as the torchvision weights of ImageNet have it; grey images scaled to [-1, 1].

    Raises:
        PreprocessingError: there are neither one nor three channels.
    """
    channels, height, width = input_shape
    if channels not in (1, 3):
        raise PreprocessingError(f"the network takes {channels} channels; only 1 (grey) and 3 (RGB) are images.")
    mean, std = (IMAGENET_MEAN, IMAGENET_STD) if channels == 3 else ((0.5,), (0.5,))
    return Preprocessing(channels, (height, width), default_resize((height, width)), mean, std)


def default_resize(size: tuple[int, int]) -> int:
    """Return what the shorter side is scaled to: 256 for 224 and in proportion above; small inputs are not cropped."""
    side = min(size)
    return side if side < _IMAGENET_SIDE else round(side * _IMAGENET_RESIZE / _IMAGENET_SIDE)
