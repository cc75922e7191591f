"""A network and its detector as other libraries hold them: pixels are arrays, and ``fit`` may be called at any time.

The adapters ``for_art``, ``for_pytorch_ood`` and ``for_sklearn`` differ in what their libraries call things.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pathprint.models.errors import PixelsError
from pathprint.models.network import Network, check_range
from pathprint.profiling.arrays import Floats, Indices
from pathprint.profiling.data.in_memory import images_in_memory
from pathprint.profiling.detection.bundle import Bundle, load_bundle
from pathprint.profiling.detection.detector import Detector, Verdict
from pathprint.profiling.detection.together import AT_ONCE, examine_together
from pathprint.profiling.errors import DataError, OptionsError
from pathprint.profiling.features.tiers import DEFAULT_TIER, Tier
from pathprint.profiling.jobs.defaults import PROFILE_PER_CLASS
from pathprint.profiling.jobs.fit import fit
from pathprint.profiling.jobs.profile import profile

Protected = Network | Bundle | str | Path
"""What an adapter is made of: a network, to which `fit` makes a detector, or a bundle or its folder, which has one."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a detector is made from arrays; the fields are the arguments of ``pathprint.profile`` and ``pathprint.fit``.

    Attributes:
        classifier: ``one-class`` needs no attacks.
        attacks: names of the attacks to fit on; None for the default suite. Only for classifiers that need attacks.
        target_fpr: largest share of clean images to flag.
    """

    classifier: str = "one-class"
    tier: Tier = DEFAULT_TIER
    attacks: Sequence[str] | None = None
    target_fpr: float = 0.05
    images_per_class: int = PROFILE_PER_CLASS
    fit_images: int = 400
    calibration_images: int = 1000
    seed: int = 0


def named(options: Options | None) -> list[str]:
    """Return the names of the options that somebody gave; ``options`` itself where they are what they are by default.

    Args:
        options: None where none were given.
    """
    if options is None:
        return []
    usual = Options()
    differing = [one.name for one in fields(options) if getattr(options, one.name) != getattr(usual, one.name)]
    return differing or ["options"]


def bundle_in(protected: object, given: Sequence[str] = ()) -> Bundle | None:
    """Return the bundle that an adapter was made of, or None if it was made of a network.

    Args:
        given: names of the options of ``fit`` that were given beside it.

    Raises:
        BundleError: the folder holds no bundle that can be read.
        OptionsError: ``protected`` is something else, or it is a bundle and options were given.
    """
    if given and isinstance(protected, str | Path | Bundle):
        names = ", ".join(f"`{name}`" for name in given)
        raise OptionsError(
            f"{names}: without effect on a bundle, whose detector is finished; leave out what has no effect, or give "
            "the pathprint.Network, to which `fit` makes a detector with these options."
        )
    if isinstance(protected, str | Path):
        return load_bundle(protected)
    if isinstance(protected, Bundle):
        return protected
    if isinstance(protected, Network):
        return None
    raise OptionsError(
        f"{type(protected).__name__} cannot be protected; give a pathprint.Network, which `fit` makes a detector for, "
        "or a bundle or its folder, which has a detector."
    )


def fitted(network: Network, pixels: Tensor, labels: Indices | None, options: Options) -> Bundle:
    """Return a bundle that is profiled, fitted and calibrated on clean images.

    Half of the images are profiled, 35 % of the others are fitted on, and 35 % calibrate the threshold. The rest, 15 %
    of all, stays unseen. The detector takes images of the network's size as they are: a resize and a crop that the
    network's preprocessing declares have been done to arrays already.

    Args:
        pixels: ``n c h w`` in [0, 1].
        labels: class number of each image, ``(n,)``; None for the network's own answers.

    Raises:
        PixelsError: the pixels are not in [0, 1], or do not have the network's input shape.
        DataError, SplitError: there are no images, a label is no class, or a role would have no image.
        OptionsError: there is no such tier or attack, or attacks are named for a classifier that needs no attacks.
        FitError, CalibrationError: there are too few images, or the network is right hardly more often than by chance.
    """
    network.check_form(pixels)
    check_range(pixels)
    known = np.zeros(len(pixels), dtype=np.int64) if labels is None else labels
    images = images_in_memory(pixels, known, network.labels)
    made = profile(
        uncropped(network),
        images,
        images_per_class=options.images_per_class,
        predicted=labels is None,
        seed=options.seed,
    )
    return fit(
        made,
        images,
        attacks=options.attacks,
        classifier=options.classifier,
        tier=options.tier,
        target_fpr=options.target_fpr,
        fit_images=options.fit_images,
        calibration_images=options.calibration_images,
        seed=options.seed,
    )


def uncropped(network: Network) -> Network:
    """Return the network with a preprocessing that leaves images of its size as they are."""
    eyes = network.preprocessing
    return replace(network, preprocessing=replace(eyes, resize=min(eyes.size)))


def verdicts(detector: Detector, pixels: Tensor) -> list[Verdict]:
    """Return the verdict on each image of pixels ``n c h w``; there may be no image.

    Raises:
        PixelsError: the pixels are not in [0, 1], or do not have the network's input shape.
    """
    detector.network.check_form(pixels)
    parts = torch.split(pixels.detach().to(detector.network.device), AT_ONCE) if len(pixels) else ()
    return [verdict for part in parts for verdict in examine_together(detector, list(part))]


def scores(found: Sequence[Verdict]) -> Floats:
    """Return the score of each verdict, ``(n,)``; larger is more suspicious."""
    return np.array([verdict.score for verdict in found], dtype=np.float64)


def as_pixels(values: Any, shape: tuple[int, int, int]) -> Tensor:
    """Return numbers as float32 pixels ``n c h w`` of ``shape``; rows ``(n, c*h*w)`` are laid out as images.

    Raises:
        PixelsError: they are no numbers, or have another shape.
    """
    try:
        array: npt.NDArray[np.float32] = np.ascontiguousarray(values, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise PixelsError(f"the images are no array of numbers: {error}.") from error
    if array.ndim == 2 and array.shape[1] == np.prod(shape):
        array = array.reshape(-1, *shape)
    if array.shape[1:] != shape:
        raise PixelsError(
            f"the images have shape {array.shape}; the network takes (n, {', '.join(map(str, shape))}), or rows of "
            f"{int(np.prod(shape))} values."
        )
    return torch.from_numpy(array)


def class_numbers(labels: Any, classes: Sequence[str]) -> Indices:
    """Return class numbers, ``(n,)``, of labels as libraries hold them: numbers, one-hot rows ``(n, k)``, or names.

    Raises:
        DataError: they are of another form, or a name is no class of the network.
    """
    array: npt.NDArray[Any] = np.asarray(labels)
    if array.ndim == 2 and array.shape[1] == len(classes) > 1 and _is_one_hot(array):
        numbers: Indices = array.argmax(1).astype(np.int64)
        return numbers
    flat = array.reshape(-1) if array.ndim == 2 and array.shape[1] == 1 else array
    if flat.ndim == 1 and flat.dtype.kind in "biu":
        return flat.astype(np.int64)
    if flat.ndim == 1 and flat.dtype.kind == "f" and (flat == np.round(flat)).all():
        return flat.astype(np.int64)
    if flat.ndim == 1 and all(isinstance(label, str) for label in flat):
        return _named(flat, classes)
    raise DataError(
        f"labels of shape {array.shape} and type {array.dtype} say no classes; give class numbers, one-hot rows of "
        f"{len(classes)} values, or the names of classes."
    )


def _is_one_hot(rows: npt.NDArray[Any]) -> bool:
    return bool(((rows == 0) | (rows == 1)).all() and ((rows == 1).sum(1) == 1).all())


def _named(names: npt.NDArray[Any], classes: Sequence[str]) -> Indices:
    numbers = {name: number for number, name in enumerate(classes)}
    strange = sorted({str(name) for name in names} - set(numbers))
    if strange:
        raise DataError(f"the label {strange[0]!r} is no class of the network; its classes are {', '.join(classes)}.")
    return np.array([numbers[str(name)] for name in names], dtype=np.int64)
