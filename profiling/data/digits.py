"""The handwritten digits that come with scikit-learn."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pathprint.profiling.arrays import Indices


def read_digits() -> tuple[npt.NDArray[np.uint8], Indices]:
    """Return the images, uint8 ``(n, 8, 8)``, and the digit that each shows, ``(n,)``."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return np.round(bunch.images * 255 / 16).astype(np.uint8), bunch.target.astype(np.int64)
