"""Continue images beyond their edges, and blur them: used by test-time views and by benign changes."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def framed(pixels: Tensor, rows: int, columns: int) -> Tensor:
    """Return images ``n c h w`` with ``rows`` and ``columns`` added on each side.

    They are reflections, or, where an image is too small for that, its edge repeated.
    """
    height, width = pixels.shape[2:]
    mode = "reflect" if rows < height and columns < width else "replicate"
    return F.pad(pixels, (columns, columns, rows, rows), mode=mode)


def softened(pixels: Tensor, sigma: float) -> Tensor:
    """Return the 3 x 3 Gaussian blur of images ``n c h w`` of any size; ``sigma`` is in pixels."""
    steps = torch.tensor([-1.0, 0.0, 1.0], dtype=pixels.dtype, device=pixels.device)
    bell = torch.softmax(-((steps / sigma) ** 2) / 2, dim=0)
    kernel = torch.outer(bell, bell).expand(pixels.shape[1], 1, 3, 3)
    return F.conv2d(framed(pixels, 1, 1), kernel, groups=pixels.shape[1])
