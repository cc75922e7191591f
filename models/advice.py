"""What to write in place of an operation that has no path, where there is something to write."""

from __future__ import annotations

from collections.abc import Iterable

_MASKS = (
    "A comparison passes no value on: let it choose between values, as in torch.where(x > 0, x, y), or multiply by it."
)
_SOFTMAX = "A softmax inside of the network is traced where it weighs values: in an attention, or as a factor."
_PRODUCTS = (
    "A matrix product is traced if one factor is a constant, or if the first is the softmax of an attention "
    "and the second its values, with equal leading axes."
)
_ORDER = "Of sorted values only the largest has a path: x.amax(dim)."
_RECURRENT = "A recurrent layer has no path; what it reads and returns would have to be written out."
_TRANSPOSED = (
    "A transposed convolution has no rule; put zeros between the inputs (reshape and pad) and apply an ordinary one."
)

_ADVICE = {
    **dict.fromkeys(("eq", "ge", "gt", "le", "lt", "ne", "logical_not", "logical_and", "logical_or"), _MASKS),
    **dict.fromkeys(("softmax", "_softmax"), _SOFTMAX),
    **dict.fromkeys(("matmul", "bmm", "mm", "einsum"), _PRODUCTS),
    **dict.fromkeys(("topk", "sort", "median", "kthvalue"), _ORDER),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), _TRANSPOSED),
    **dict.fromkeys(("lstm", "gru", "rnn_tanh"), _RECURRENT),
}
"""By the middle part of an operation's name: ``gt`` of ``aten.gt.Scalar``."""


def advice(operations: Iterable[str]) -> str:
    """Return a sentence for each kind of ``operations`` that something is known of, each once; empty without any."""
    kinds = (operation.split(".")[1] for operation in operations if operation.count(".") > 1)
    return " ".join(dict.fromkeys(_ADVICE[kind] for kind in kinds if kind in _ADVICE))
