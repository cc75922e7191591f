"""Continue images beyond their edges, and blur them: used by test-time views and by benign changes."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor
from torchvision.transforms.v2 import functional as transform


def framed(pixels: Tensor, rows: int, columns: int) -> Tensor:
    """Return images ``n c h w`` with ``rows`` and ``columns`` added on each side.

    They are reflections, or, where an image is too small for that, its edge repeated.
    """
    height, width = pixels.shape[2:]
    mode = "reflect" if rows < height and columns < width else "replicate"
    return F.pad(pixels, (columns, columns, rows, rows), mode=mode)


def softened(pixels: Tensor, sigma: float) -> Tensor:
    """Return the 3 x 3 Gaussian blur of images ``n c h w`` of any size; ``sigma`` is in pixels."""
    # torchvision reflects at the edge, which an image of one row or column does not allow.
    blurred: Tensor = transform.gaussian_blur(framed(pixels, 1, 1), [3, 3], [sigma, sigma])
    return blurred[..., 1:-1, 1:-1]
