"""The GPU kernel: what most networks consist of in Triton, everything else as the reference does it.

Its tests interpret the Triton functions on the CPU (``TRITON_INTERPRET=1``) where there is no CUDA device;
``pytest -m gpu`` runs the rest where there is one. docs/experiments/gpu.md has what was measured.

What costs time is to wait for the device, and each start of a function on it. So a walk waits once, at its end, and
is always made of the same starts, whatever is wanted: these can be recorded, and repeated all at once
(``repeating``), if the kernel is made to. Masks of weighted layers are in C order.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from math import prod
from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor

from pathprint.profiling.arrays import Indices
from pathprint.profiling.paths.kernels.gpu import adding, maximum, side_by_side, spread
from pathprint.profiling.paths.kernels.gpu import tiles as cut
from pathprint.profiling.paths.kernels.gpu.repeating import Repeated
from pathprint.profiling.paths.kernels.gpu.tiles import Tiles, tiles_of
from pathprint.profiling.paths.kernels.interface import Walked
from pathprint.profiling.paths.kernels.reference import ReferenceKernel
from pathprint.profiling.paths.path import LayerPath, Marked, Unread
from pathprint.profiling.paths.policy import Policy, Selection
from pathprint.profiling.paths.steps.addition import Addition
from pathprint.profiling.paths.steps.average import Average
from pathprint.profiling.paths.steps.elementwise import Elementwise
from pathprint.profiling.paths.steps.maximum import Maximum
from pathprint.profiling.paths.steps.movement import Movement
from pathprint.profiling.paths.steps.step import Step
from pathprint.profiling.paths.steps.weighted import Weighted

_ADDED = 1024
"""Sums, or outputs of a max-pool, that one program looks at."""
_REFERENCES = {"sum": 0, "output": 1, "positive": 2}
_COHERENCE = 2.0**-42


class _Layer(NamedTuple):
    """A weighted layer as the Triton functions read it.

    Attributes:
        weight, taps: in the order that the function asks for which takes the layer.
        bias: ``(outputs,)``.
        shape: positions, outputs, outputs of a group, number of inputs, number of weights.
        field: channels of a group, taps of a window.
        strides: of input channels and positions, in C order.
        channels_last: how output units are numbered.
    """

    weight: Tensor
    taps: Tensor
    bias: Tensor
    shape: tuple[int, int, int, int, int]
    field: tuple[int, int]
    strides: tuple[int, int]
    channels_last: bool
    tiles: Tiles

    @property
    def channels(self) -> int:
        """Number of input channels."""
        _, outputs, group_outputs, *_ = self.shape
        return self.field[0] * outputs // group_outputs


class GpuKernel(ReferenceKernel):
    """A ``Kernel`` in Triton; thresholds phi, lists of synapses and rare kinds of steps are left to the reference.

    Args:
        recording: record walks as CUDA graphs, and repeat these. Untried: only small networks have been walked so
            on a device, and its speed and its need for memory have not been measured.
    """

    name = "gpu"

    def __init__(self, recording: bool = False) -> None:
        self._recording = recording
        self._layers: WeakKeyDictionary[Step, _Layer] = WeakKeyDictionary()
        self._plain: WeakKeyDictionary[Step, bool] = WeakKeyDictionary()

    def repeated(self, steps: Sequence[Step], policy: Policy, walked: Walked) -> Walked | None:
        if not (self._recording and torch.cuda.is_available()):
            return None
        return Repeated(walked) if all(self._never_waits(step, policy) for step in steps) else None

    def _never_waits(self, step: Step, policy: Policy) -> bool:
        """Say whether a step always makes the same starts, whatever is wanted."""
        if isinstance(step, Weighted):
            selection = policy.at(step.layer.name)
            return selection.phi is None and not selection.synapses and self._weighted_layer(step).tiles.fit
        if isinstance(step, Addition):
            return self._is_plain(step)
        if isinstance(step, Average):
            return self._average_layer(step).tiles.fit
        return isinstance(step, Elementwise | Maximum | Movement)

    def weighted(  # type: ignore[override]  # wider than the reference, as the interface allows
        self, step: Weighted, x: Tensor, y: Tensor | None, wanted: Tensor, selection: Selection
    ) -> tuple[LayerPath | Unread, Tensor]:
        layer = self._weighted_layer(step)
        if selection.phi is not None or selection.synapses or not layer.tiles.fit:
            return super().weighted(step, x, y, wanted, selection)
        rows = x
        if layer.field[0] > 1 and not step.channels_last:
            rows = x.movedim(1, -1)
        marks = wanted.reshape(len(wanted), -1)
        inputs, used, sums = _choose(layer, rows.contiguous(), y, marks, selection)
        return Unread(step.layer, marks, used, sums), inputs.view(torch.bool).reshape(x.shape)

    def average(self, step: Average, x: Tensor, y: Tensor, wanted: Tensor, selection: Selection) -> Tensor:
        layer = self._average_layer(step)
        if not layer.tiles.fit:
            return super().average(step, x, y, wanted, selection)
        marks = wanted.reshape(len(wanted), -1)
        inputs, _, _ = _choose(layer, x.contiguous(), y, marks, selection)
        return inputs.view(torch.bool).reshape(x.shape)

    def maximum(self, step: Maximum, x: Tensor, wanted: Tensor) -> Tensor:
        marks, inputs = wanted.reshape(len(wanted), -1).contiguous(), _marks(len(x), step.size, x.device)
        places, window = step.taps.shape
        with torch.cuda.device(x.get_device()):
            maximum.choose_largest[(-(-marks.shape[1] // _ADDED), len(x))](
                *(x.contiguous(), step.taps, marks, inputs),
                *(marks.shape[1], places, step.size, step.positions, window),
                tile=_ADDED,
            )
        return inputs.view(torch.bool).reshape(x.shape)

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

    def move(self, step: Movement, wanted: Tensor) -> tuple[Tensor, ...]:
        if self._is_identity(step):
            return (wanted.reshape(len(wanted), *step.shapes[0]),)
        marks = wanted.reshape(len(wanted), -1)
        return tuple(
            _moved(marks, source.to(marks.device), shape)
            for source, shape in zip(step.sources, step.shapes, strict=True)
        )

    def read(self, layers: Sequence[LayerPath | Unread]) -> tuple[LayerPath, ...]:
        unread = [layer.sums for layer in layers if isinstance(layer, Unread)]
        sums = iter(torch.stack(unread).cpu().numpy() if unread else ())
        return tuple(_read(layer, next(sums)) if isinstance(layer, Unread) else layer for layer in layers)

    def _is_plain(self, step: Addition) -> bool:
        """Say whether each unit is the sum of the two operands' units of its own number."""
        plain = self._plain.get(step)
        if plain is None:
            plain = self._plain[step] = all(
                _ascends(source, size) for source, size in zip(step.sources, step.sizes, strict=True)
            )
        return plain

    def _is_identity(self, step: Movement) -> bool:
        """Say whether every unit keeps its number, as in a change of shape."""
        same = self._plain.get(step)
        if same is None:
            sources, sizes = step.sources, [prod(shape) for shape in step.shapes]
            same = self._plain[step] = len(sources) == 1 and _ascends(sources[0], sizes[0])
        return same

    def _weighted_layer(self, step: Weighted) -> _Layer:
        """Return the layer as the functions read it, laid out when it is first asked for."""
        layer = self._layers.get(step)
        if layer is None:
            outputs, window = len(step.weight), step.taps.shape[1]
            weight = step.weight.reshape(outputs, -1, window).transpose(1, 2)
            shape = len(step.taps), outputs, outputs // step.groups, step.size, step.weight.numel()
            strides = step.input_strides
            layer = self._layers[step] = _layer(weight, step.bias, step.taps, shape, strides, step.channels_last)
        return layer

    def _average_layer(self, step: Average) -> _Layer:
        """Return the pool as a convolution of each row with ones."""
        layer = self._layers.get(step)
        if layer is None:
            weight = torch.ones(step.rows, step.taps.shape[1], 1, device=step.taps.device)
            shape = len(step.taps), step.rows, 1, step.size, weight.numel()
            layer = self._layers[step] = _layer(weight, None, step.taps, shape, (step.positions, 1), False)
        return layer


def _layer(
    weight: Tensor,
    bias: Tensor | None,
    taps: Tensor,
    shape: tuple[int, int, int, int, int],
    strides: tuple[int, int],
    channels_last: bool,
) -> _Layer:
    """Lay out a layer, given weights ``(outputs, window, channels of a group)`` and taps ``(positions, window)``."""
    tiles = tiles_of(weight[0].numel())
    placed = (weight, taps) if tiles.spread else (weight.movedim(0, -1), taps.T)
    known = torch.zeros_like(weight[:, 0, 0]) if bias is None else bias
    placed_weight, placed_taps, placed_bias = (part.contiguous() for part in (*placed, known))
    return _Layer(
        placed_weight,
        placed_taps,
        placed_bias,
        shape,
        (weight.shape[2], weight.shape[1]),
        strides,
        channels_last,
        tiles,
    )


def _ascends(source: Tensor, size: int) -> bool:
    return torch.equal(source.long(), torch.arange(size, device=source.device))


def _moved(marks: Tensor, source: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return marks, bool ``(n, *shape)``, of the units that marked ones came from; -1 is no unit."""
    size = prod(shape)
    # What is not marked goes to a unit of its own, which is then left out: so nothing has to be listed.
    to = torch.where(marks & (source >= 0), source, size)
    found = torch.zeros(len(marks), size + 1, dtype=torch.bool, device=marks.device)
    return found.scatter_(1, to, True)[:, :size].reshape(-1, *shape)


@cache
def _number(value: float, device: torch.device) -> Tensor:
    """Return a number as the functions on the device read it: plain ones would be rounded to float32."""
    return torch.full((1,), value, dtype=torch.float64, device=device)


def _in_memory(value: Tensor, channels_last: bool) -> Tensor:
    """Return an activation or mask as its numbers are to lie in memory; copy it only if they lie otherwise."""
    return (value.movedim(1, -1) if channels_last else value).contiguous()


def _marks(n: int, size: int, device: torch.device) -> Tensor:
    return torch.zeros(n, size, dtype=torch.uint8, device=device)


def _choose(
    layer: _Layer, x: Tensor, y: Tensor | None, wanted: Tensor, selection: Selection
) -> tuple[Tensor, Tensor, Tensor]:
    """Return marks of chosen inputs and used weights, uint8 ``(n, …)``, and sums, ``(n, 4)``; see ``side_by_side``.

    Args:
        x: ``(n, input positions, channels)``, or in C order where a group has one channel.
    """
    (*_, size, weights), (per_group, window), tiles = layer.shape, layer.field, layer.tiles
    (n, units), device = wanted.shape, wanted.device
    blocks = -(-units // tiles.block)
    inputs, used = _marks(n, size, device), _marks(n, weights, device)
    sums = torch.zeros(n, 4, dtype=torch.int64, device=device)
    listed = torch.empty(n, blocks, tiles.block, dtype=torch.int32, device=device)
    rows = (x, layer.weight, layer.bias, layer.taps, x if y is None else y.reshape(n, -1).contiguous())
    numbers = (units, *layer.shape)
    settings = {
        "fan_in": window * per_group,
        "per_group": per_group,
        "window": window,
        "reference": _REFERENCES[selection.reference],
        "argmax": selection.unexplained == "argmax",
        "signed": y is not None,
        "channels_last": layer.channels_last,
        **tiles.settings,
    }
    marks = (wanted.contiguous(), listed, _number(selection.theta, device), inputs, used, sums)
    with torch.cuda.device(x.get_device()):  # Triton launches on the current one; -1 changes nothing
        strides = (*(layer.strides if per_group == 1 else (1, layer.channels)), *layer.strides)
        if tiles.spread:
            row = window * per_group
            spread.choose[blocks, n](*rows, *marks, *numbers, row, *strides, **settings, steps=cut.STEPS)
        else:
            side_by_side.choose[blocks, n](*rows, *marks, *numbers, *strides, 1, **settings)
    return inputs, used, sums


def _read(layer: Unread, sums: Indices) -> LayerPath:
    """Return the path through a layer, given its sums, which were brought from the device."""
    synapses, explained, coherence, counts = sums.T
    return LayerPath(
        shape=layer.shape,
        neurons=Marked(layer.neurons, counts),
        weights=Marked(layer.weights),
        synapses=synapses,
        unexplained=counts - explained,
        coherence=coherence * _COHERENCE / np.maximum(counts, 1),
    )
