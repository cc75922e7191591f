"""How many threads torch should use: for tiny images, waiting for threads costs more than the work."""

from __future__ import annotations

import torch

from models.preprocessing import Preprocessing

_SMALL = 32 * 32


def settle_threads(preprocessing: Preprocessing) -> None:
    """Use one thread for networks with inputs below 32 x 32."""
    height, width = preprocessing.size
    if height * width < _SMALL:
        torch.set_num_threads(1)
