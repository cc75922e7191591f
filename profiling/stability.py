"""Optional features: how much of an image's path survives gentle changes (docs/method.md).

Each view costs one more inference and walk.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as transform

from profiling.lookup import Floats
from profiling.paths.extraction import Extractor
from profiling.paths.path import ImagePaths, Indices, Members
from profiling.signatures import KINDS
from profiling.similarity import Feature, FeatureTable

_NOISE = 4 / 255
_SEED = 0


def blurred(pixels: Tensor) -> Tensor:
    """Return the mean of each image and its 3 x 3 Gaussian blur."""
    half: Tensor = (pixels + transform.gaussian_blur(pixels, [3, 3], [0.8, 0.8])) / 2
    return half


def shifted(pixels: Tensor) -> Tensor:
    """Return each image moved one pixel to the right, its edge repeated."""
    return torch.cat([pixels[..., :1], pixels[..., :-1]], dim=-1)


def noisy(pixels: Tensor) -> Tensor:
    """Return each image with the same small noise, whatever batch it comes in."""
    generator = torch.Generator().manual_seed(_SEED)
    noise = torch.randn(pixels.shape[1:], generator=generator).to(pixels.device)
    return (pixels + _NOISE * noise).clamp(0, 1)


VIEWS: dict[str, Callable[[Tensor], Tensor]] = {"blur": blurred, "shift": shifted, "noise": noisy}


def stability(extractor: Extractor, pixels: Tensor, paths: ImagePaths) -> FeatureTable:
    """Return, per view, each layer's Jaccard index with the original path, and the loss of margin.

    ``paths`` are those of ``pixels``. The walk in a view starts at the class predicted for the
    original, so that the same decision is explained.
    """
    columns: list[tuple[Feature, Floats]] = []
    for view, change in VIEWS.items():
        changed = extractor.extract(change(pixels), seeds=paths.seeds)
        loss = margin(paths.logits, paths.seeds) - margin(changed.logits, paths.seeds)
        columns.append((Feature(f"margin_loss_{view}", "logits", "", 0, 1), loss))
        for before, after in zip(paths.layers, changed.layers, strict=True):
            for kind in KINDS:
                kept = jaccard(before.members(kind), after.members(kind))
                columns.append((Feature(f"stability_{view}", before.shape.name, kind, 0, -1), kept))
    features, values = zip(*columns, strict=True)
    return FeatureTable(tuple(features), np.stack(values, axis=1))


def jaccard(a: Members, b: Members) -> Floats:
    """Return |A n B| / |A u B| per image; 1 where both are empty."""
    shared = np.intersect1d(a.images * a.size + a.indices, b.images * b.size + b.indices, assume_unique=True)
    both = np.bincount(shared // a.size, minlength=len(a.counts))
    union = a.counts + b.counts - both
    return np.where(union == 0, 1.0, both / np.maximum(union, 1))


def margin(logits: npt.NDArray[np.float32], classes: Indices) -> Floats:
    """Return the logit of each image's class minus the largest other logit."""
    rows = np.arange(len(logits))
    own: Floats = logits[rows, classes].astype(np.float64)
    others = logits.astype(np.float64)
    others[rows, classes] = -np.inf
    lead: Floats = own - others.max(1)
    return lead
