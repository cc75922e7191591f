"""The GPU kernel: convolutions and linear layers in Triton, everything else as the reference does it.

It has never run on a GPU: its tests interpret the Triton functions on the CPU (``TRITON_INTERPRET=1``).
``pytest -m gpu`` compares it with the oracle where there is a CUDA device.

Activations are read channels last, as they lie in memory; masks are in C order.
"""

from __future__ import annotations

from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor

from pathprint.profiling.paths.kernels.gpu import choosing
from pathprint.profiling.paths.kernels.reference import ReferenceKernel
from pathprint.profiling.paths.kernels.selecting import chunks, select, totals_of
from pathprint.profiling.paths.kernels.weighing import bias_of, receptive_fields
from pathprint.profiling.paths.path import LayerPath, Members, join_layer
from pathprint.profiling.paths.policy import Selection
from pathprint.profiling.paths.steps.weighted import Weighted

_FEW = 64
"""How many contributions to a unit are looked up one by one; those of the few units that need more are sorted."""
_LONGEST_TILE = 4096
"""Places of a receptive field that one program holds in registers."""
_PLACES = 512
"""Places that a program holds of all its units together, unless one unit has more. Compiled for compute
capability 8.0, 512 places take 158 registers a thread; 2048 do not fit the 255 that there are."""
_MARKED = 1 << 28
"""Bytes for the marks of inputs and weights of all images that are walked at once."""
_REFERENCES = {"sum": 0, "output": 1, "positive": 2}


class _Layer(NamedTuple):
    """A weighted layer as ``choosing`` reads it: weights tap by tap, ``(outputs, window, per_group)``."""

    weight: Tensor
    bias: Tensor


class _Units(NamedTuple):
    """Wanted units of a batch in C order: image and number of each, int64 ``(m,)``; ``members`` on the host."""

    image: Tensor
    unit: Tensor
    members: Members


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

    def _choose(
        self, step: Weighted, x: Tensor, y: Tensor | None, wanted: Tensor, selection: Selection
    ) -> tuple[LayerPath, Tensor]:
        """Choose for all images at once; their marks must fit ``_MARKED`` bytes."""
        units = _listed(wanted)
        found = _run(step, self._layer(step), x, y, units, selection)
        _choose_many(step, x, y, units, found, selection)
        synapses, explained, coherence = _per_image(units, found)
        layer = LayerPath(
            shape=step.layer,
            neurons=units.members,
            weights=_listed(found.used).members,
            synapses=synapses.astype(np.int64),
            unexplained=units.members.counts - explained.astype(np.int64),
            coherence=coherence / np.maximum(units.members.counts, 1),
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
    """Return where a mask ``(n, ...)`` is not 0; only these places are copied to the host, not the mask."""
    flat = mask.reshape(len(mask), -1)
    image, unit = flat.nonzero(as_tuple=True)
    ends = torch.bincount(image, minlength=len(flat)).cumsum(0).cpu().numpy()
    offsets = np.concatenate([[0], ends]).astype(np.int64)
    return _Units(image, unit, Members(offsets, unit.cpu().numpy(), flat.shape[1]))


def _rows(value: Tensor, step: Weighted) -> Tensor:
    """Return an activation as contiguous ``(n, positions, channels)``; copy it only if it lies otherwise."""
    return (value if step.channels_last else value.movedim(1, -1)).contiguous()


def _nothing_found(step: Weighted, n: int, units: Tensor) -> _Found:
    return _Found(
        torch.zeros(n, step.size, dtype=torch.uint8, device=units.device),
        torch.zeros(n, step.weight.numel(), dtype=torch.uint8, device=units.device),
        torch.zeros(len(units), dtype=torch.int32, device=units.device),
        torch.zeros(len(units), dtype=torch.int32, device=units.device),
        torch.zeros(len(units), dtype=torch.float64, device=units.device),
        torch.zeros(len(units), dtype=torch.int32, device=units.device),
    )


def _run(step: Weighted, layer: _Layer, x: Tensor, y: Tensor | None, units: _Units, selection: Selection) -> _Found:
    """Choose up to ``_FEW`` contributions for every wanted unit."""
    count, fan_in = len(units.unit), step.layer.fan_in
    found = _nothing_found(step, len(x), units.unit)
    if count == 0:  # there is no empty grid
        return found
    tile = min(_LONGEST_TILE, max(16, 1 << (fan_in - 1).bit_length()))
    per_program = max(1, _PLACES // tile)
    theta = torch.full((1,), selection.theta, dtype=torch.float64, device=x.device)
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
            num_warps=8 if tile > _LONGEST_TILE // 2 else 4,
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


def _per_image(units: _Units, found: _Found) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the sums over each image's units of chosen, explained and coherence, ``(n,)`` each.

    The order of summation is fixed (no atomics), so equal images give equal sums.
    """
    values = torch.stack([found.chosen, found.explained, found.coherence], 1)
    sums = torch.stack([part.sum(0) for part in torch.split(values, units.members.counts.tolist())])
    synapses, explained, coherence = sums.T.cpu().numpy()
    return synapses, explained, coherence
