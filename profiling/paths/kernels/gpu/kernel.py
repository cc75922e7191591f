"""The GPU kernel: convolutions, linear layers and sums in Triton, everything else as the reference does it.

Its tests interpret the Triton functions on the CPU (``TRITON_INTERPRET=1``) where there is no CUDA device;
``pytest -m gpu`` runs the rest where there is one. docs/experiments/gpu.md has what was measured.

Activations are read channels last, as they lie in memory; masks of weighted layers are in C order. What costs time
is to wait for the device, and each start of a function on it. So marks stay on the device, and a weighted layer waits
twice: for the number of its wanted units, and for the sums over them.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor

from pathprint.profiling.arrays import Floats
from pathprint.profiling.paths.kernels.gpu import adding, choosing, summing
from pathprint.profiling.paths.kernels.reference import ReferenceKernel
from pathprint.profiling.paths.kernels.selecting import chunks, select, totals_of
from pathprint.profiling.paths.kernels.weighing import bias_of, receptive_fields
from pathprint.profiling.paths.path import LayerPath, Marked, join_layer
from pathprint.profiling.paths.policy import Selection
from pathprint.profiling.paths.steps.addition import Addition
from pathprint.profiling.paths.steps.weighted import Weighted

_FEW = 64
"""How many contributions to a unit are looked up one by one; those of the few units that need more are sorted."""
_LONGEST_TILE = 4096
"""Places of a receptive field that one program holds in registers."""
_PLACES = 256
"""Places that a program holds of all its units together, unless one unit has more."""
_PER_WARP = 256
"""Places for each warp: 8 a thread. Where one warp is enough, the largest is found without waiting for others."""
_MARKED = 1 << 30
"""Bytes for the marks of inputs and weights of all images that are walked at once."""
_ADDED = 1024
"""Sums that one program looks at."""
_SUMMED = 4096
"""Units that are added to an image's sums at once."""
_REFERENCES = {"sum": 0, "output": 1, "positive": 2}


class _Layer(NamedTuple):
    """A weighted layer as ``choosing`` reads it: weights tap by tap, ``(outputs, window, per_group)``."""

    weight: Tensor
    bias: Tensor


class _Units(NamedTuple):
    """Wanted units of a batch: their marks, C order; image and number of each, ``(m,)``; where each image ends."""

    marks: Tensor
    image: Tensor
    unit: Tensor
    ends: Tensor


class _Found(NamedTuple):
    """What was chosen for wanted units.

    Attributes:
        inputs, used: marks, uint8 ``(n, input units)`` and ``(n, weights)``.
        chosen, explained, coherence: of each unit, ``(m,)``; see ``choosing.choose``.
        short: whether it needs more contributions than were looked up.
    """

    inputs: Tensor
    used: Tensor
    chosen: Tensor
    explained: Tensor
    coherence: Tensor
    short: Tensor


class GpuKernel(ReferenceKernel):
    """A ``Kernel`` in Triton for weighted layers; thresholds phi and lists of synapses are left to the reference."""

    name = "gpu"

    def __init__(self) -> None:
        self._layers: WeakKeyDictionary[Weighted, _Layer] = WeakKeyDictionary()
        self._plain: WeakKeyDictionary[Addition, bool] = WeakKeyDictionary()

    def weighted(
        self, step: Weighted, x: Tensor, y: Tensor | None, wanted: Tensor, selection: Selection
    ) -> tuple[LayerPath, Tensor]:
        if selection.phi is not None or selection.synapses:
            return super().weighted(step, x, y, wanted, selection)
        at_once = max(1, _MARKED // (step.size + step.weight.numel()))
        starts = range(0, len(x), at_once)
        parts = [slice(start, start + at_once) for start in starts]
        choices = [self._choose(step, x[p], None if y is None else y[p], wanted[p], selection) for p in parts]
        layers, inputs = zip(*choices, strict=True)
        return join_layer(list(layers)), torch.cat(inputs)

    def add(
        self, step: Addition, operands: tuple[Tensor, Tensor], wanted: Tensor, selection: Selection
    ) -> tuple[Tensor, Tensor]:
        if not self._is_plain(step):
            return super().add(step, operands, wanted, selection)
        last = operands[0].dim() == 4 and operands[0].is_contiguous(memory_format=torch.channels_last)
        first, second, mask = (_in_memory(value, last) for value in (*operands, wanted))
        chosen = torch.empty_like(mask), torch.empty_like(mask)
        numbers = [_number(value, mask.device) for value in (selection.theta, *step.scales)]
        with torch.cuda.device(mask.get_device()):
            adding.choose_operands[(-(-mask.numel() // _ADDED),)](
                *(mask, first, second, *chosen, numbers[0], mask.numel(), *numbers[1:]),
                positive=selection.reference == "positive",
                argmax=selection.unexplained == "argmax",
                tile=_ADDED,
            )
        return (chosen[0].movedim(-1, 1), chosen[1].movedim(-1, 1)) if last else chosen

    def _is_plain(self, step: Addition) -> bool:
        """Say whether each unit is the sum of the two operands' units of its own number."""
        plain = self._plain.get(step)
        if plain is None:
            own = torch.arange(step.sizes[0], device=step.sources[0].device)
            plain = self._plain[step] = all(torch.equal(source.long(), own) for source in step.sources)
        return plain

    def _choose(
        self, step: Weighted, x: Tensor, y: Tensor | None, wanted: Tensor, selection: Selection
    ) -> tuple[LayerPath, Tensor]:
        """Choose for all images at once; their marks must fit ``_MARKED`` bytes."""
        units = _listed(wanted)
        found = _run(step, self._layer(step), x, y, units, selection)
        sums = _per_image(units, found)
        if sums[:, -1].any():
            _choose_many(step, x, y, units, found, selection)
            sums = _per_image(units, found)
        counts = sums[:, 3].astype(np.int64)
        layer = LayerPath(
            shape=step.layer,
            neurons=Marked(units.marks, counts),
            weights=Marked(found.used),
            synapses=sums[:, 0].astype(np.int64),
            unexplained=counts - sums[:, 1].astype(np.int64),
            coherence=sums[:, 2] / np.maximum(counts, 1),
        )
        return layer, found.inputs.view(torch.bool).reshape(x.shape)

    def _layer(self, step: Weighted) -> _Layer:
        """Return the layer's weights as the kernel reads them, laid out when they are first asked for."""
        layer = self._layers.get(step)
        if layer is None:
            outputs, window = len(step.weight), step.taps.shape[1]
            weight = step.weight.reshape(outputs, -1, window).transpose(1, 2).contiguous()
            bias = torch.zeros_like(weight[:, 0, 0]) if step.bias is None else step.bias
            layer = self._layers[step] = _Layer(weight, bias)
        return layer


def _listed(mask: Tensor) -> _Units:
    """Return where a mask ``(n, ...)`` is true."""
    marks = mask.reshape(len(mask), -1)
    image, unit = marks.nonzero(as_tuple=True)
    ends = torch.searchsorted(image, torch.arange(len(marks), device=image.device), right=True)
    return _Units(marks, image, unit, ends)


@cache
def _number(value: float, device: torch.device) -> Tensor:
    """Return a number as the functions on the device read it: plain ones would be rounded to float32."""
    return torch.full((1,), value, dtype=torch.float64, device=device)


def _in_memory(value: Tensor, channels_last: bool) -> Tensor:
    """Return an activation or mask as its numbers are to lie in memory; copy it only if they lie otherwise."""
    return (value.movedim(1, -1) if channels_last else value).contiguous()


def _rows(value: Tensor, step: Weighted) -> Tensor:
    """Return an activation as contiguous ``(n, positions, channels)``; copy it only if it lies otherwise."""
    return (value if step.channels_last else value.movedim(1, -1)).contiguous()


def _nothing_found(step: Weighted, n: int, units: Tensor) -> _Found:
    sizes, numbers = (step.size, step.weight.numel()), (torch.int32, torch.int32, torch.float64, torch.int32)
    return _Found(
        *(torch.zeros(n, size, dtype=torch.uint8, device=units.device) for size in sizes),
        *(torch.empty(len(units), dtype=dtype, device=units.device) for dtype in numbers),
    )


def _run(step: Weighted, layer: _Layer, x: Tensor, y: Tensor | None, units: _Units, selection: Selection) -> _Found:
    """Choose up to ``_FEW`` contributions for every wanted unit."""
    count, fan_in = len(units.unit), step.layer.fan_in
    found = _nothing_found(step, len(x), units.unit)
    if count == 0:  # there is no empty grid
        return found
    tile = min(_LONGEST_TILE, max(16, 1 << (fan_in - 1).bit_length()))
    per_program = max(1, _PLACES // tile)
    theta = _number(selection.theta, x.device)
    rows, outputs = _rows(x, step), len(step.weight)
    with torch.cuda.device(x.get_device()):  # Triton launches on the current one; -1 changes nothing
        choosing.choose[(-(-count // per_program),)](
            *(rows, layer.weight, layer.bias, step.taps, rows if y is None else _rows(y, step)),
            *(units.image, units.unit, theta, *found),
            *(count, len(step.taps), outputs, outputs // step.groups, step.size),
            *(step.channels, step.channels // step.groups, step.taps.shape[1], *step.input_strides),
            reference=_REFERENCES[selection.reference],
            argmax=selection.unexplained == "argmax",
            signed=y is not None,
            channels_last=step.channels_last,
            few=_FEW,
            units=per_program,
            tile=tile,
            one_tile=tile >= fan_in,
            num_warps=min(8, max(1, tile * per_program // _PER_WARP)),
        )
    return found


def _choose_many(
    step: Weighted, x: Tensor, y: Tensor | None, units: _Units, found: _Found, selection: Selection
) -> None:
    """Enter in ``found`` what is chosen for the units that need more than ``_FEW`` contributions, by sorting them."""
    many = found.short.nonzero()[:, 0]
    if not len(many):
        return
    flat, weight = x.reshape(len(x), -1), step.weight.reshape(-1)
    outputs = None if y is None else y.reshape(len(y), -1)
    for some in chunks(many, step.layer.fan_in):
        image, unit = units.image[some], units.unit[some]
        taps, weights = receptive_fields(step, unit)
        values = flat[image[:, None], taps.clamp(min=0)].where(taps >= 0, 0)
        sign = torch.ones_like(image) if outputs is None else torch.where(outputs[image, unit] < 0, -1, 1)
        # Ordered as the kernel does, so that what it marked is chosen here too.
        ordered_by = (values * weight[weights] * sign[:, None]).double()
        exact = values.double() * weight[weights].double() * sign[:, None]
        bias = bias_of(step, unit) * sign
        chosen = select(ordered_by, totals_of(exact, bias, selection), selection)
        row = image[:, None].expand_as(chosen)[chosen]
        found.inputs[row, taps[chosen]] = 1
        found.used[row, weights[chosen]] = 1
        found.chosen[some] = chosen.sum(1, dtype=torch.int32)


def _per_image(units: _Units, found: _Found) -> Floats:
    """Return the sums over each image's units of chosen, explained, coherence, their number, and short, ``(n, 5)``."""
    sums = torch.empty(len(units.ends), summing.COLUMNS, dtype=torch.float64, device=units.ends.device)
    with torch.cuda.device(sums.get_device()):
        summing.sum_images[(len(sums),)](
            units.ends, found.chosen, found.explained, found.coherence, found.short, sums, tile=_SUMMED, num_warps=8
        )
    return sums.cpu().numpy()
