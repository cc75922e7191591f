"""Optional features: how much an answer's margin shrinks in test-time views of the image (docs/method.md).

A view is the image, slightly changed. An adversarial perturbation is fitted to exact pixels, so a
mirror, a shift or noise harms it more than what the image shows. Each view costs one more inference
and no path. Where a batch is small, several views are asked about in one call of the network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from math import ceil, cos, radians, sin

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from pathprint.models.network import Network
from pathprint.profiling.arrays import Floats, Indices
from pathprint.profiling.data.pixels import framed, softened
from pathprint.profiling.errors import OptionsError
from pathprint.profiling.features.confidence import LAYER
from pathprint.profiling.features.table import Feature, FeatureTable
from pathprint.profiling.paths.kernels.precision import full_precision
from pathprint.profiling.paths.path import ImagePaths
from pathprint.profiling.threads import on_one_thread_each

_NOISE = 8 / 255
_SEED = 0
_FRAME = 0.07
_STEP = 1 / 32
_ANGLE = 8.0
_PIXELS = 4 * 224 * 224
"""Pixels of the images that a thread takes at a time: what a network makes of more does not fit its caches."""
_TOGETHER = 16
"""Images up to which the network is asked about several views in one call; for more, a call per view spares the
caches."""
_MEASURE = "margin_loss_"


def smaller(pixels: Tensor) -> Tensor:
    """Return each image an eighth smaller, its edges continued by reflection."""
    height, width = pixels.shape[2:]
    rows, columns = (max(round(_FRAME * side), 1) for side in (height, width))
    return F.interpolate(framed(pixels, rows, columns), (height, width), mode="bilinear", antialias=True)


def mirrored(pixels: Tensor) -> Tensor:
    """Return each image mirrored, and an eighth smaller."""
    return smaller(pixels.flip(3))


def right(pixels: Tensor) -> Tensor:
    """Return each image moved to the right by a 32nd of its width, its edge repeated."""
    step = max(round(_STEP * pixels.shape[3]), 1)
    return torch.cat([pixels[..., :1].expand(-1, -1, -1, step), pixels[..., :-step]], dim=3)


def down(pixels: Tensor) -> Tensor:
    """Return each image moved down by a 16th of its height, its edge repeated."""
    step = max(round(2 * _STEP * pixels.shape[2]), 1)
    return torch.cat([pixels[:, :, :1].expand(-1, -1, step, -1), pixels[:, :, :-step]], dim=2)


def up(pixels: Tensor) -> Tensor:
    """Return each image moved up by a 32nd of its height, its edge repeated."""
    step = max(round(_STEP * pixels.shape[2]), 1)
    return torch.cat([pixels[:, :, step:], pixels[:, :, -1:].expand(-1, -1, step, -1)], dim=2)


def tilted(pixels: Tensor) -> Tensor:
    """Return each image turned by eight degrees, its edges continued as in ``framed``."""
    height, width = pixels.shape[2:]
    frame = ceil(max(height, width) / 2 * sin(radians(_ANGLE))) + 1
    turned = _turned(framed(pixels, frame, frame))
    return turned[..., frame : frame + height, frame : frame + width]


def _turned(pixels: Tensor) -> Tensor:
    """Return each image turned anticlockwise about its middle; what comes from outside the image is black."""
    height, width = pixels.shape[2:]
    along, across = cos(radians(_ANGLE)), sin(radians(_ANGLE))
    # Coordinates run from -1 to 1 along either side, so that a turn also scales one side to the other.
    turn = pixels.new_tensor([[along, -across * height / width, 0], [across * width / height, along, 0]])
    grid = F.affine_grid(turn.expand(len(pixels), 2, 3), list(pixels.shape), align_corners=False)
    return F.grid_sample(pixels, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def noisy(pixels: Tensor) -> Tensor:
    """Return each image with Gaussian noise added, one and the same noise for every image of this size."""
    generator = torch.Generator().manual_seed(_SEED)
    noise = torch.randn(pixels.shape[1:], generator=generator).to(pixels.device)
    return (pixels + _NOISE * noise).clamp(0, 1)


def blurred(pixels: Tensor) -> Tensor:
    """Return the 3 x 3 Gaussian blur of each image."""
    return softened(pixels, 0.8)


@dataclass(frozen=True, slots=True)
class View:
    """A slight change of an image.

    Attributes:
        change: makes the view of pixels ``n c h w`` in [0, 1]; differentiable.
        words: what is done to the image, as in "mirroring the image costs '8' its lead".
    """

    change: Callable[[Tensor], Tensor]
    words: str


VIEWS: dict[str, View] = {
    "mirrored": View(mirrored, "mirroring and shrinking the image"),
    "smaller": View(smaller, "shrinking the image"),
    "right": View(right, "moving the image to the right"),
    "down": View(down, "moving the image down"),
    "up": View(up, "moving the image up"),
    "tilted": View(tilted, "tilting the image"),
    "noisy": View(noisy, "adding noise to the image"),
    "blurred": View(blurred, "blurring the image"),
}
"""Every view by name."""


def check_views(views: Sequence[str]) -> None:
    """Check that there are views of these names, each named once.

    Raises:
        OptionsError: there is no such view, or one is named twice; the message lists all names.
    """
    for view in views:
        if view not in VIEWS:
            raise OptionsError(f"there is no view {view!r}; allowed: {', '.join(VIEWS)}.")
    if len(set(views)) < len(views):
        raise OptionsError(f"a view is named twice: {', '.join(views)}; name each once.")


def view_of(feature: Feature) -> str | None:
    """Return the view that a feature asks about; None if it asks about none."""
    return feature.measure.removeprefix(_MEASURE) if feature.measure.startswith(_MEASURE) else None


def stability(network: Network, pixels: Tensor, paths: ImagePaths, views: Sequence[str]) -> FeatureTable:
    """Return by how much each view lowers the margin of each image's predicted class.

    Args:
        pixels: ``n c h w`` in [0, 1].
        paths: the paths of ``pixels``.
        views: names of the views, which are the columns in this order.
    """
    lead = margin(paths.logits, paths.seeds)
    seen = _answers(network, pixels.to(network.device), views)
    lost = [lead - margin(logits, paths.seeds) for logits in seen]
    return FeatureTable(features_of(tuple(views)), np.stack(lost, axis=1) if lost else np.zeros((len(pixels), 0)))


def _answers(network: Network, pixels: Tensor, views: Sequence[str]) -> list[npt.NDArray[np.float32]]:
    """Return the logits ``n k`` of each view of pixels that are on the network's device."""
    changes = [VIEWS[view].change for view in views]
    per_call = max(1, _TOGETHER // len(pixels))
    found: list[npt.NDArray[np.float32]] = []
    with torch.inference_mode(), full_precision(network.device):
        for first in range(0, len(changes), per_call):
            seen = torch.cat([change(pixels) for change in changes[first : first + per_call]])
            logits = _logits(network, seen).float().cpu()
            found += [part.numpy() for part in torch.split(logits, len(pixels))]
    return found


def _logits(network: Network, seen: Tensor) -> Tensor:
    """Return the logits ``n k`` of images; on a CPU each thread takes images of its own, few at a time."""
    threads = torch.get_num_threads() if network.device.type == "cpu" else 1
    if not 1 < threads <= len(seen):
        return network.logits(seen)

    def inference(some: Tensor) -> Tensor:
        with torch.inference_mode():  # holds for one thread only
            return network.logits(some)

    most = max(1, _PIXELS // (seen.shape[-1] * seen.shape[-2]))
    return torch.cat(on_one_thread_each(inference, torch.split(seen, min(most, -(-len(seen) // threads)))))


@cache
def features_of(views: tuple[str, ...]) -> tuple[Feature, ...]:
    """Return what is measured in views: one feature of each."""
    return tuple(Feature(f"{_MEASURE}{view}", LAYER, "", 0, 1) for view in views)


def margin(logits: npt.NDArray[np.float32], classes: Indices) -> Floats:
    """Return the logit of each image's class minus the largest other logit, ``(n,)``."""
    rows = np.arange(len(logits))
    own: Floats = logits[rows, classes].astype(np.float64)
    others = logits.astype(np.float64)
    others[rows, classes] = -np.inf
    lead: Floats = own - others.max(1)
    return lead
