"""``adding.add_up`` for marks on a GPU: all layers and kinds in one go.

Marks are read as they lie on the device, so that no list of units is made or copied. Parts are added in a fixed order,
so equal images have equal sums.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
import triton.language as tl
from torch import Tensor

from pathprint.profiling.arrays import Floats, Indices
from pathprint.profiling.paths.path import Marked
from pathprint.profiling.signatures import gpu_looking_up
from pathprint.profiling.signatures.adding import RANKS, Tables

_TILE = 4096
"""Units that one program looks for members in."""
_UNITS = 32
"""Members that it looks up at once, for all voters."""
_WARPS = 4
_NUMBERS = {np.dtype("uint8"): tl.uint8, np.dtype("uint16"): tl.uint16, np.dtype("uint32"): tl.uint32}


class OnDevice(NamedTuple):
    """What signatures say of some layers and kinds, on the device.

    Attributes:
        counts: of each layer and kind, unsigned ``(size, k)``.
        tables: odds, frequency, log frequency, float64 ``(k + 1, levels)``.
        column, start: the layer and kind, and the first unit, of each part, int32 ``(parts,)``.
        lengths: number of parts of each layer and kind, int64 ``(columns,)``.
        sizes, counts_at: size and address of each one's counts, int64 ``(columns,)``.
    """

    counts: tuple[Tensor, ...]
    tables: tuple[Tensor, ...]
    column: Tensor
    start: Tensor
    lengths: Tensor
    sizes: Tensor
    counts_at: Tensor


def placed(counts: Sequence[Indices], tables: Tables, device: torch.device) -> OnDevice:
    """Return the counts ``(size, k)`` of each layer and kind, and the tables, on ``device``."""
    moved = tuple(torch.from_numpy(own).to(device) for own in counts)
    parts = [-(-len(own) // _TILE) for own in counts]
    numbers = [
        np.repeat(np.arange(len(parts), dtype=np.int32), parts),
        np.concatenate([np.arange(count, dtype=np.int32) * _TILE for count in parts]),
        np.array(parts, dtype=np.int64),
        np.array([len(own) for own in counts], dtype=np.int64),
        np.array([own.data_ptr() for own in moved], dtype=np.int64),
    ]
    column, start, lengths, sizes, at = (torch.from_numpy(number).to(device) for number in numbers)
    return OnDevice(moved, tuple(torch.from_numpy(t).to(device) for t in tables), column, start, lengths, sizes, at)


def add_up(sets: Sequence[Marked], signatures: OnDevice, rows: Indices) -> tuple[Floats, Floats]:
    """Return sizes ``(n, columns)``, and sums ``(columns, n, voters + 6)``; see ``adding.add_up``.

    Args:
        sets: the members in each layer and kind.
        rows: signature rows of the voters, ``(n, v)``; k for a class without a signature.
    """
    device, (n, voters) = signatures.column.device, rows.shape
    marks_at = torch.tensor([marked.marks.data_ptr() for marked in sets], dtype=torch.int64).to(device)
    parts, width = len(signatures.column), voters + 3 * RANKS + 1
    sums = torch.empty(parts, n, width, dtype=torch.float64, device=device)
    listed = torch.empty(parts, n, _TILE, dtype=torch.int32, device=device)
    with torch.cuda.device(sums.get_device()):
        gpu_looking_up.add_up[(parts, n)](
            *(marks_at, signatures.counts_at, signatures.sizes, signatures.column, signatures.start),
            *(torch.from_numpy(rows.astype(np.int32)).to(device), *signatures.tables, listed, sums),
            *(signatures.counts[0].shape[1], signatures.tables[0].shape[1]),
            number=_NUMBERS[np.dtype(str(signatures.counts[0].dtype).removeprefix("torch."))],
            voters=voters,
            ranks=RANKS,
            width=width,
            tile=_TILE,
            units=_UNITS,
            votes=1 << (voters - 1).bit_length(),
            num_warps=_WARPS,
        )
    total = torch.segment_reduce(sums.reshape(parts, -1), "sum", lengths=signatures.lengths, axis=0, unsafe=True)
    found = total.reshape(len(sets), n, width).cpu().numpy()
    return found[..., -1].T, found[..., :-1]
