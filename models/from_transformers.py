"""How a network of Hugging Face's transformers takes images, in our terms (extra ``transformers``).

    module = AutoModelForImageClassification.from_pretrained(folder)
    preprocessing = preprocessing_of(AutoImageProcessor.from_pretrained(folder))
    network = pathprint.Network.capture(module, preprocessing, labels_of(module))

The logits, which transformers puts into an object, are found when the network is captured.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from pathprint.models.errors import NetworkWarning, PreprocessingError
from pathprint.models.preprocessing import Preprocessing

_BILINEAR = 2
"""Number of Pillow's and torchvision's bilinear interpolation."""
_UNKNOWN = ("do_pad", "do_flip_channel_order", "rescale_offset", "do_reduce_labels", "do_thumbnail")
"""Steps of processors that ``Preprocessing`` has not."""
_CROPPED_BELOW = 384
"""ConvNeXt's processor crops images below this size, and stretches those above it."""


@dataclass(frozen=True, slots=True)
class _Frame:
    """What a processor makes of an image: its size, the shorter side before the crop, and whether it is stretched."""

    size: tuple[int, int]
    resize: int
    stretch: bool


def labels_of(module: nn.Module) -> tuple[str, ...]:
    """Return the names of the classes of a model of transformers, in the order of its outputs."""
    names: Mapping[int, str] = module.config.id2label  # type: ignore[union-attr,assignment]  # of any model of theirs
    return tuple(str(names[number]) for number in sorted(names))


def preprocessing_of(processor: Any) -> Preprocessing:
    """Return what an image processor of transformers does to images.

    Another way to resize than the bilinear one is said as a ``NetworkWarning``.

    Raises:
        PreprocessingError: the processor does what cannot be expressed, such as padding; the error says what.
    """
    held: Mapping[str, Any] = processor.to_dict()
    strange = [step for step in _UNKNOWN if held.get(step)]
    if strange:
        raise _refused(f"does {', '.join(strange)}")
    frame = _frame(held)
    if held.get("do_resize", True):
        _say_resampling(held.get("resample"))
    mean, std = _normalisation(held)
    return Preprocessing(len(mean), frame.size, frame.resize, mean, std, frame.stretch)


def _frame(held: Mapping[str, Any]) -> _Frame:
    """Return the size of images, and how they get it."""
    size = dict(held.get("size") or {})
    if not held.get("do_resize", True):
        raise _refused("does not resize images")
    if held.get("do_center_crop"):
        return _cropped(size, _sides(dict(held.get("crop_size") or {})))
    if held.get("crop_pct") and "shortest_edge" in size:
        side = int(size["shortest_edge"])
        crop = side < _CROPPED_BELOW
        return _Frame((side, side), int(side / held["crop_pct"]) if crop else side, not crop)
    return _Frame(_sides(size), min(_sides(size)), True)


def _cropped(size: Mapping[str, int], crop: tuple[int, int]) -> _Frame:
    """Return the frame of images that are scaled to ``size`` before ``crop`` is cut out of their middle."""
    if "shortest_edge" in size and crop[0] == crop[1]:
        return _Frame(crop, int(size["shortest_edge"]), False)
    height, width = _sides(size)
    if height * crop[1] != width * crop[0]:
        raise _refused(f"scales images to {height}x{width} and cuts {crop[0]}x{crop[1]} out of them")
    return _Frame(crop, min(height, width), True)


def _sides(size: Mapping[str, int]) -> tuple[int, int]:
    """Return height and width."""
    if not {"height", "width"} <= size.keys():
        raise _refused(f"gives images no one size, but {dict(size)}")
    return int(size["height"]), int(size["width"])


def _normalisation(held: Mapping[str, Any]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation for pixels in [0, 1], whatever factor the processor scales levels with."""
    factor = 255 * float(held.get("rescale_factor", 1 / 255)) if held.get("do_rescale", True) else 255.0
    if held.get("do_normalize", True):
        mean, std = held["image_mean"], held["image_std"]
    else:
        mean, std = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    return tuple(float(value) / factor for value in mean), tuple(float(value) / factor for value in std)


def _say_resampling(resample: Any) -> None:
    if resample is not None and int(resample) != _BILINEAR:
        warnings.warn(
            f"the processor resizes images with Pillow's filter {int(resample)}, and Pathprint with the bilinear one "
            f"({_BILINEAR}); answers may differ a little on images of other sizes.",
            NetworkWarning,
            stacklevel=3,
        )


def _refused(what: str) -> PreprocessingError:
    return PreprocessingError(
        f"the processor {what}, which cannot be expressed; declare a pathprint.Preprocessing of your own."
    )
