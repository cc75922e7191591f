"""A vector of sixteen float32 numbers for compiled code: numba has no vector type.

The functions below can only be called from compiled code. Each becomes one or a few instructions of
the processor that it runs on; LLVM splits a vector where the processor's own are shorter.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.datamodel import models
from numba.core.errors import TypingError
from numba.extending import intrinsic as typed_intrinsic
from numba.extending import register_model

from pathprint.profiling.compiled.caching import inlined

intrinsic: Any = typed_intrinsic
"""Numba's decorator, untyped: it changes the parameters of a function, which type checkers cannot see."""

LANES = 16
"""float32 numbers in a vector."""
BYTES = 64
"""Bytes that ``marks`` looks at."""
FEW_MARKS = 2
"""Marks of ``BYTES`` that are listed without asking whether they are set."""

_BIT, _BYTE, _SHORT, _INT, _LONG = (ir.IntType(bits) for bits in (1, 8, 16, 32, 64))
_FLOAT = ir.FloatType()
_VECTOR = ir.VectorType(_FLOAT, LANES)
_INTS = ir.VectorType(_INT, LANES)
_FREE_ORDER = ("nnan", "nsz", "reassoc")


class _Vector(types.Type):
    def __init__(self) -> None:
        super().__init__(name="float32x16")


@register_model(_Vector)
class _Model(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _VECTOR)


_vector = _Vector()
_zeros = ir.Constant(_VECTOR, [_FLOAT(0.0)] * LANES)


def _address(context: Any, builder: Any, pointer: Any, index: tuple[Any, Any], kind: Any) -> Any:
    """Return a pointer to ``kind`` at ``pointer[index]``; the index is (numba type, value)."""
    at = context.cast(builder, index[1], index[0], types.intp)
    return builder.bitcast(builder.gep(pointer, [at]), kind.as_pointer())


def _splat(builder: Any, number: Any) -> Any:
    single = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), number, _INT(0))
    return builder.shuffle_vector(single, ir.Constant(_VECTOR, ir.Undefined), ir.Constant(_INTS, [_INT(0)] * LANES))


def _elementwise(operation: Callable[[Any, Any, Any], Any]) -> Any:
    @intrinsic
    def function(typing: Any, a: Any, b: Any) -> Any:
        return _vector(_vector, _vector), lambda context, builder, signature, args: operation(builder, *args)

    return function


multiply = _elementwise(lambda builder, a, b: builder.fmul(a, b))
"""Return the products of two vectors, lane by lane."""
subtract = _elementwise(lambda builder, a, b: builder.fsub(a, b))
"""Return the differences of two vectors, lane by lane."""
divide = _elementwise(lambda builder, a, b: builder.fdiv(a, b))
"""Return the quotients of two vectors, lane by lane."""
add = _elementwise(lambda builder, a, b: builder.fadd(a, b))
"""Return the sums of two vectors, lane by lane."""
maximum = _elementwise(lambda builder, a, b: builder.select(builder.fcmp_ordered(">", a, b), a, b))
"""Return the larger of two vectors, lane by lane; ``b`` where a lane of either is nan."""


@intrinsic
def splat(typing: Any, number: Any) -> Any:
    """Return a vector with float32 ``number`` in every lane."""
    return _vector(types.float32), lambda context, builder, signature, args: _splat(builder, args[0])


@intrinsic
def pointer(typing: Any, array: Any) -> Any:
    """Return a pointer to the elements of ``array``; index it like an array.

    Numba counts references to an array at every turn of an inner loop, but not to a pointer. The
    array must be an argument of the compiled function, so that the caller keeps it alive.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return context.make_array(signature.args[0])(context, builder, args[0]).data

    if array.layout != "C":
        raise TypingError("only contiguous arrays can be pointed to.")
    return types.CPointer(array.dtype)(array), generate


@intrinsic
def after(typing: Any, source: Any, count: Any) -> Any:
    """Return a pointer to ``source[count]``."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.gep(args[0], [context.cast(builder, args[1], signature.args[1], types.intp)])

    return source(source, count), generate


@intrinsic
def fetch(typing: Any, source: Any, at: Any) -> Any:
    """Have the processor bring ``source[at]`` to its caches; nothing waits for it, and it need not exist."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _address(context, builder, args[0], (signature.args[1], args[1]), _BYTE)
        kind = ir.FunctionType(ir.VoidType(), [place.type, _INT, _INT, _INT])
        prefetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(prefetch, [place, _INT(0), _INT(3), _INT(1)])
        return context.get_dummy_value()

    return types.void(source, at), generate


@intrinsic
def load(typing: Any, source: Any, at: Any) -> Any:
    """Return ``source[at : at + LANES]``, float32."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load(_address(context, builder, args[0], (signature.args[1], args[1]), _VECTOR), align=4)

    return _vector(source, at), generate


@intrinsic
def store(typing: Any, target: Any, at: Any, vector: Any) -> Any:
    """Set ``target[at : at + LANES]``, float32."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store(args[2], _address(context, builder, args[0], (signature.args[1], args[1]), _VECTOR), align=4)
        return context.get_dummy_value()

    return types.void(target, at, vector), generate


@intrinsic
def gather(typing: Any, source: Any, first: Any, places: Any, at: Any, inside: Any) -> Any:
    """Return ``source[first + places[at + lane]]``, float32; 0 where the lane's bit of ``inside`` is 0.

    All sixteen places are loaded, whatever ``inside`` says, so all of them must exist.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kinds = signature.args
        values = _address(context, builder, args[0], (kinds[1], args[1]), _FLOAT)
        offsets = _address(context, builder, args[2], (kinds[3], args[3]), _INT)
        found = ir.Constant(_VECTOR, ir.Undefined)
        for lane in range(LANES):
            offset = builder.sext(builder.load(builder.gep(offsets, [_LONG(lane)])), _LONG)
            found = builder.insert_element(found, builder.load(builder.gep(values, [offset])), _INT(lane))
        bits = builder.bitcast(context.cast(builder, args[4], kinds[4], types.uint16), ir.VectorType(_BIT, LANES))
        return builder.select(bits, found, _zeros)

    return _vector(source, first, places, at, inside), generate


_EIGHT = ir.VectorType(_FLOAT, 8)
_HALVES = ([0, 1, 8, 9, 4, 5, 12, 13], [2, 3, 10, 11, 6, 7, 14, 15])
_PAIRS = ([0, 8, 1, 9, 4, 12, 5, 13], [2, 10, 3, 11, 6, 14, 7, 15])
_QUARTERS = ([0, 1, 2, 3, 8, 9, 10, 11], [4, 5, 6, 7, 12, 13, 14, 15])


def _shuffled(builder: Any, a: Any, b: Any, order: list[int]) -> Any:
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(_INT, 8), [_INT(lane) for lane in order]))


def _transposed(builder: Any, rows: list[Any]) -> list[Any]:
    """Return the columns of eight rows of eight, in three rounds of shuffles between pairs of rows."""
    pairs = [_shuffled(builder, rows[r], rows[r + 1], order) for r in (0, 2, 4, 6) for order in _PAIRS]
    fours = [
        _shuffled(builder, pairs[r + k], pairs[r + k + 2], order) for r in (0, 4) for k in (0, 1) for order in _HALVES
    ]
    return [_shuffled(builder, fours[k], fours[k + 4], order) for order in _QUARTERS for k in range(4)]


@intrinsic
def transpose(typing: Any, source: Any, at: Any, step: Any, target: Any, to: Any) -> Any:
    """Turn rows of eight numbers into columns: number ``r`` of row ``k`` goes to ``target[to + r * LANES + k]``.

    There are eight rows; row ``k`` starts at ``source[at + k * step]``.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kinds = signature.args
        first = context.cast(builder, args[1], kinds[1], types.intp)
        stride = context.cast(builder, args[2], kinds[2], types.intp)
        begin = context.cast(builder, args[4], kinds[4], types.intp)
        rows = []
        for k in range(8):
            place = builder.add(first, builder.mul(stride, _LONG(k)))
            rows.append(builder.load(builder.bitcast(builder.gep(args[0], [place]), _EIGHT.as_pointer()), align=4))
        for k, column in enumerate(_transposed(builder, rows)):
            place = builder.gep(args[3], [builder.add(begin, _LONG(k * LANES))])
            builder.store(column, builder.bitcast(place, _EIGHT.as_pointer()), align=4)
        return context.get_dummy_value()

    return types.void(source, at, step, target, to), generate


@intrinsic
def less(typing: Any, a: Any, b: Any) -> Any:
    """Return a uint64 with one bit per lane, the first lane lowest: whether ``a`` is less than ``b`` there."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        found = builder.fcmp_ordered("<", args[0], args[1])
        return builder.zext(builder.bitcast(found, _SHORT), _LONG)

    return types.uint64(_vector, _vector), generate


@intrinsic
def absolute(typing: Any, a: Any) -> Any:
    """Return the absolute value of each lane."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        all_but_sign = ir.Constant(_INTS, [_INT(0x7FFFFFFF)] * LANES)
        return builder.bitcast(builder.and_(builder.bitcast(args[0], _INTS), all_but_sign), _VECTOR)

    return _vector(_vector), generate


@intrinsic
def negative(typing: Any, a: Any) -> Any:
    """Return each lane with its sign turned."""
    return _vector(_vector), lambda context, builder, signature, args: builder.fneg(args[0])


@intrinsic
def where_larger(typing: Any, a: Any, b: Any, one: Any, other: Any) -> Any:
    """Return the lanes of ``one`` where ``a`` is larger than ``b``, elsewhere those of ``other``."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.select(builder.fcmp_ordered(">", args[0], args[1]), args[2], args[3])

    return _vector(_vector, _vector, _vector, _vector), generate


@intrinsic
def where_equal(typing: Any, a: Any, b: Any, one: Any, other: Any) -> Any:
    """Return the lanes of ``one`` where ``a`` equals ``b``, elsewhere those of ``other``."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.select(builder.fcmp_ordered("==", args[0], args[1]), args[2], args[3])

    return _vector(_vector, _vector, _vector, _vector), generate


def _comparison(operator: str) -> Any:
    @intrinsic
    def function(typing: Any, a: Any, number: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            found = builder.fcmp_ordered(operator, args[0], _splat(builder, args[1]))
            return builder.zext(builder.bitcast(found, _SHORT), _LONG)

        return types.uint64(_vector, types.float32), generate

    return function


at_least = _comparison(">=")
"""Return a uint64 with one bit per lane, the first lane lowest: whether the lane is at least a float32 number."""


def _reduction(name: str, start: tuple[Any, ...]) -> Any:
    @intrinsic
    def function(typing: Any, a: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            kind = ir.FunctionType(_FLOAT, [*(s.type for s in start), _VECTOR])
            reduce = cgutils.get_or_insert_function(builder.module, kind, f"llvm.vector.reduce.{name}.v16f32")
            return builder.call(reduce, [*start, *args], fastmath=_FREE_ORDER)

        return types.float32(_vector), generate

    return function


total = _reduction("fadd", (_FLOAT(0.0),))
"""Return the sum of the lanes, added in whatever order is fastest."""
largest = _reduction("fmax", ())
"""Return the largest lane."""


@intrinsic
def lowest(typing: Any, bits: Any) -> Any:
    """Return the position of the lowest set bit of a uint64; 64 if none is set."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], _BIT(0))

    return types.int64(types.uint64), generate


@intrinsic
def population(typing: Any, bits: Any) -> Any:
    """Return how many bits of a uint64 are set."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return types.int64(types.uint64), generate


@intrinsic
def marks(typing: Any, mask: Any, at: Any) -> Any:
    """Return one bit for each of ``mask[at : at + BYTES]``, uint8: whether it is not 0. All of them must exist."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.VectorType(_BYTE, BYTES)
        some = builder.load(_address(context, builder, args[0], (signature.args[1], args[1]), kind), align=1)
        return builder.bitcast(builder.icmp_unsigned("!=", some, ir.Constant(kind, [_BYTE(0)] * BYTES)), _LONG)

    return types.uint64(mask, at), generate


@inlined
def bits_at(mask: Any, at: int, size: int) -> Any:
    """Return one bit for each of ``mask[at : at + BYTES]``: whether it is not 0; 0 from ``mask[size]`` on."""
    if at + BYTES <= size:
        return marks(mask, at)
    bits = np.uint64(0)
    for k in range(at, size):
        if mask[k]:
            bits |= np.uint64(1) << np.uint64(k - at)
    return bits


@inlined
def list_marked(mask: Any, size: int, found: Any, n: int) -> int:
    """Append where ``mask`` is not 0 to ``found``, which has ``n`` entries; return how many it has afterwards.

    ``found`` must have room for ``FEW_MARKS`` more: so many are written of every ``BYTES`` marks, whether they are set
    or not, as a processor foresees a branch on their number badly.
    """
    for at in range(0, size, BYTES):
        bits = bits_at(mask, at, size)
        some = population(bits)
        for k in range(FEW_MARKS):
            found[n + k] = at + lowest(bits)
            bits &= bits - np.uint64(1)
        for k in range(FEW_MARKS, some):
            found[n + k] = at + lowest(bits)
            bits &= bits - np.uint64(1)
        n += some
    return n
