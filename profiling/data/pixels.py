"""Continue images beyond their edges, and blur them: shared by views of an image and benign controls."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor
from torchvision.transforms.v2 import functional as transform


def framed(pixels: Tensor, rows: int, columns: int) -> Tensor:
    """Return ``n c h w`` continued on all sides: by reflection, or by its edge where that reaches too far."""
    height, width = pixels.shape[2:]
    mode = "reflect" if rows < height and columns < width else "replicate"
    return F.pad(pixels, (columns, columns, rows, rows), mode=mode)


def softened(pixels: Tensor, sigma: float) -> Tensor:
    """Return the 3 x 3 Gaussian blur of each image, of any size."""
    # torchvision reflects at the edge, which an image of one row or column does not allow.
    blurred: Tensor = transform.gaussian_blur(framed(pixels, 1, 1), [3, 3], [sigma, sigma])
    return blurred[..., 1:-1, 1:-1]
