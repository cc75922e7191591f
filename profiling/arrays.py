"""Names of the array types that modules exchange."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
Counts = npt.NDArray[np.int64]
Bits = npt.NDArray[np.bool_]
Arrays = Mapping[str, np.ndarray[Any, np.dtype[Any]]]
"""Arrays of any dtype, by name."""
