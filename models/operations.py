"""The operations that a canonical graph may contain, by what they mean for a path.

This is an allow-list. Capture and the loading of a stored graph refuse every other operation, so a file can never name
one that we did not choose.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

import torch

RESHAPE = "aten.reshape.default"
VIEWS = frozenset({"aten.view.default", "aten._unsafe_view.default"})
"""Reshapes that need a certain memory layout; canonising turns them into ``RESHAPE``."""

CONVOLUTIONS = frozenset(f"aten.conv{axes}d.{form}" for axes in (1, 2, 3) for form in ("default", "padding"))
WEIGHTED = CONVOLUTIONS | {"aten.linear.default"}
MAXIMUM = frozenset({"aten.max_pool1d.default", "aten.max_pool2d.default", "aten.max_pool3d.default"})
MAXIMUM_AND_INDEX = frozenset(f"aten.adaptive_max_pool{axes}d.default" for axes in (1, 2, 3))
"""Max-pools with two outputs: the maxima and their positions."""

MEAN = frozenset(
    {
        "aten.avg_pool1d.default",
        "aten.avg_pool2d.default",
        "aten.avg_pool3d.default",
        "aten.adaptive_avg_pool1d.default",
        "aten.adaptive_avg_pool2d.default",
        "aten.adaptive_avg_pool3d.default",
        "aten.mean.dim",
    }
)
ADD = frozenset({"aten.add.Tensor", "aten.sub.Tensor"})
MULTIPLY = frozenset({"aten.mul.Tensor", "aten.div.Tensor"})
ATTEND = frozenset({"aten.matmul.default", "aten.bmm.default"})
"""Products of two activations; a path passes them only as attention weights times values. Capture makes layers of
products with a constant."""
ELEMENTWISE = frozenset(
    {
        "aten.relu.default",
        "aten.hardtanh.default",
        "aten.relu6.default",
        "aten.leaky_relu.default",
        "aten.gelu.default",
        "aten.elu.default",
        "aten.celu.default",
        "aten.selu.default",
        "aten.prelu.default",
        "aten.rrelu.default",
        "aten.threshold.default",
        "aten.softplus.default",
        "aten.log_sigmoid.default",
        "aten.mish.default",
        "aten.silu.default",
        "aten.hardswish.default",
        "aten.hardsigmoid.default",
        "aten.sigmoid.default",
        "aten.tanh.default",
        "aten.clamp.default",
        "aten.clamp_min.default",
        "aten.clamp_max.default",
        "aten.neg.default",
        "aten.pow.Tensor_Scalar",
        "aten.rsub.Scalar",
        "aten.square.default",
        "aten.abs.default",
        "aten.ceil.default",
        "aten.clamp.Tensor",  # with constant bounds
        # The larger or smaller of an element and a constant; that of two activations is written by ``where``.
        "aten.max.other",
        "aten.maximum.default",
        "aten.min.other",
        "aten.minimum.default",
        "aten.cos.default",
        "aten.erf.default",
        "aten.exp.default",
        "aten.expm1.default",
        "aten.floor.default",
        "aten.log.default",
        "aten.log1p.default",
        "aten.log2.default",
        "aten.pow.Tensor_Tensor",  # with a constant exponent
        "aten.reciprocal.default",
        "aten.round.default",
        "aten.rsqrt.default",
        "aten.sign.default",
        "aten.sin.default",
        "aten.sqrt.default",
    }
)
IN_PLACE = {
    f"aten.{name}.default": f"aten.{name}_.default"
    for name in (
        "relu",
        "hardtanh",
        "relu6",
        "leaky_relu",
        "silu",
        "hardswish",
        "sigmoid",
        "tanh",
        "clamp",
        "clamp_min",
    )
}
"""The in-place form of each operation that may overwrite its input when nothing else reads that input."""
NORMALISATION = frozenset(f"aten.{kind}_norm.default" for kind in ("batch", "layer", "group", "instance", "rms"))
MOVEMENT = frozenset(
    {
        RESHAPE,
        "aten.flatten.using_ints",
        "aten.permute.default",
        "aten.transpose.int",
        "aten.squeeze.dim",
        "aten.squeeze.dims",
        "aten.unsqueeze.default",
        "aten.expand.default",
        "aten.slice.Tensor",
        "aten.select.int",
        "aten.cat.default",
        "aten.constant_pad_nd.default",
        "aten.pad.default",
        "aten.roll.default",
        "aten.channel_shuffle.default",
        "aten.pixel_shuffle.default",
        "aten.pixel_unshuffle.default",
        "aten.flip.default",
        "aten.index.Tensor",
        "aten.index_select.default",
        "aten.narrow.int",
        "aten.repeat.default",
        "aten.repeat_interleave.self_int",
        "aten.tile.default",
        "aten.rot90.default",
        "aten.im2col.default",
        "aten.unfold.default",
        "aten.slice_scatter.default",
        "aten.select_scatter.default",
        "aten.stack.default",
        "aten.unflatten.int",
        *(f"aten.{kind}{axes}d.vec" for kind in ("upsample_nearest", "_upsample_nearest_exact") for axes in (1, 2, 3)),
    }
)
RESAMPLING = frozenset(
    {
        "aten.upsample_linear1d.vec",
        "aten.upsample_bilinear2d.vec",
        "aten.upsample_bicubic2d.vec",
        "aten.upsample_trilinear3d.vec",
        "aten._upsample_bilinear2d_aa.vec",
        "aten._upsample_bicubic2d_aa.vec",
    }
)
"""Interpolation between inputs; the nearest one is data movement."""
WHERE = frozenset({"aten.where.self", "aten.where.ScalarOther", "aten.where.ScalarSelf"})
"""Take one of two elements at each place by a mask."""
COMPARISONS = frozenset(
    f"aten.{comparison}.{form}" for comparison in ("eq", "ge", "gt", "le", "lt", "ne") for form in ("Scalar", "Tensor")
) | {
    *(f"aten.logical_{kind}.default" for kind in ("and", "not", "or", "xor")),
    "aten.bitwise_and.Tensor",
    "aten.bitwise_not.default",
    "aten.bitwise_or.Tensor",
    "aten.bitwise_xor.Tensor",
}
"""Operations that make masks, or masks of masks: they decide, and pass no value on."""
SPLITS = frozenset({"aten.split.Tensor", "aten.split_with_sizes.default", "aten.chunk.default", "aten.unbind.int"})
"""Data movement with several outputs; ``operator.getitem`` picks one of them."""

PICK = "operator.getitem"
SIZES = frozenset({"aten.sym_size.int", *(f"operator.{name}" for name in ("add", "floordiv", "mod", "mul", "sub"))})
"""Integers that depend on the batch size; they carry nothing of an image."""

FRESH = WEIGHTED | ADD | NORMALISATION
"""Operations whose output is never a view of something else."""

SOFTMAX = frozenset({"aten.softmax.int", "aten._softmax.default"})
COEFFICIENTS = (
    SOFTMAX
    | COMPARISONS
    | {
        "aten.baddbmm.default",
        "aten.linalg_vector_norm.default",
        "aten.std.correction",
        "aten.std.dim",
        "aten.var.correction",
        "aten.var.dim",
        "aten.where.Scalar",
    }
)
"""Operations on coefficients (attention weights, gates, divisors, masks), which a path does not follow; capture refuses
other uses."""

STRUCTURE = SPLITS | MAXIMUM_AND_INDEX | SIZES | COEFFICIENTS
"""Operations that are no step of a path: ``PICK`` takes one of their outputs, or a path follows none of them."""

STEPS: Mapping[str, str] = {
    PICK: "pick",
    **dict.fromkeys(WEIGHTED, "weighted"),
    **dict.fromkeys(MAXIMUM, "maximum"),
    **dict.fromkeys(MEAN, "average"),
    **dict.fromkeys(ADD, "addition"),
    **dict.fromkeys(ELEMENTWISE | NORMALISATION | MULTIPLY, "elementwise"),
    **dict.fromkeys(ATTEND, "attention"),
    **dict.fromkeys(MOVEMENT, "movement"),
    **dict.fromkeys(WHERE, "choice"),
    **dict.fromkeys(RESAMPLING, "resampling"),
}
"""The kind of step that a path takes through each operation: a file in ``profiling/paths/steps``."""

ALLOWED = frozenset(STEPS) | STRUCTURE

IDENTITIES = frozenset(
    {
        "aten.dropout.default",
        "aten.feature_dropout.default",
        "aten.alias.default",
        "aten.clone.default",
        "aten.contiguous.default",
        "aten.detach.default",
        "aten.detach_.default",
        "aten.lift_fresh_copy.default",
    }
)
"""Operations that return their first argument in evaluation mode; capture removes them."""

CREATION = frozenset(
    {"aten.new_zeros.default", "aten.new_ones.default", "aten.new_full.default", "aten.zeros_like.default"}
)
"""Operations that read an activation only for its type and shape, never for its values."""

CONSTANT = CREATION | {
    "aten._native_batch_norm_legit.no_stats",  # in convolutions that standardise their weights
    "aten._to_copy.default",
    "aten.arange.default",
    "aten.arange.start",
    "aten.arange.start_step",
    "aten.copy.default",
    "aten.cumsum.default",
    "aten.div.Tensor_mode",
    "aten.eye.default",
    "aten.eye.m",
    "aten.fill.Scalar",
    "aten.fill.Tensor",  # torch 2.11 turns aten.fill.Scalar into this
    "aten.full.default",
    "aten.masked_fill.Scalar",
    "aten.linspace.default",
    "aten.ones.default",
    "aten.pow.Scalar",
    "aten.tril.default",
    "aten.zero.default",
    "aten.zeros.default",
}
"""Further operations that may compute constants; capture evaluates them, so no graph contains them."""


ASSERTIONS = frozenset({"aten._assert_scalar.default", "aten._assert_tensor_metadata.default"})
"""Assertions that return nothing; capture drops them, as it checks the network itself."""


def resolve(operation: str) -> Callable[..., Any]:
    """Return the function called ``operation``.

    Raises:
        KeyError: it is not an allowed operation.
    """
    if operation not in ALLOWED:
        raise KeyError(operation)
    if operation.startswith("operator."):
        function: Callable[..., Any] = getattr(operator, operation.removeprefix("operator."))
        return function
    return _overload(operation)


def in_place(operation: str) -> Callable[..., Any]:
    """Return the variant of an operation in ``IN_PLACE`` that writes to its first argument."""
    return _overload(IN_PLACE[operation])


def _overload(operation: str) -> Callable[..., Any]:
    _, packet, overload = operation.split(".")
    resolved: Callable[..., Any] = getattr(getattr(torch.ops.aten, packet), overload)
    return resolved


def name_of(target: object) -> str:
    """Return our name of an fx call target: ``aten.conv2d.default``, ``operator.mul``."""
    if isinstance(target, torch._ops.OpOverload):
        return str(target)
    module = getattr(target, "__module__", "").removeprefix("_")
    return f"{module}.{getattr(target, '__name__', str(target))}"
