"""Sixteen numbers at a time in compiled code: numba has no vector type, so here is a small one.

Every function below can only be called from compiled code. Each becomes one or a few instructions,
those of the processor that it runs on: LLVM splits a vector where the processor's are shorter.
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
"""Its result has other parameters than what it decorates, which type checkers cannot see."""

LANES = 16
"""Numbers in a vector."""
BYTES = 64
"""Bytes that ``marks`` looks at."""

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
add = _elementwise(lambda builder, a, b: builder.fadd(a, b))
maximum = _elementwise(lambda builder, a, b: builder.select(builder.fcmp_ordered(">", a, b), a, b))


@intrinsic
def splat(typing: Any, number: Any) -> Any:
    """Return a vector of one float32 ``number``."""
    return _vector(types.float32), lambda context, builder, signature, args: _splat(builder, args[0])


@intrinsic
def pointer(typing: Any, array: Any) -> Any:
    """Return a pointer to the elements of ``array``; index it like an array.

    Pointers are not counted as references, which an array in an inner loop is, at every turn. The
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
    """Have ``source[at]`` brought to the caches; nothing waits for it, and it need not exist."""

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

    Places that are not inside are loaded all the same, so they must exist.
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


@intrinsic
def absolute(typing: Any, a: Any) -> Any:
    """Return the absolute values."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        all_but_sign = ir.Constant(_INTS, [_INT(0x7FFFFFFF)] * LANES)
        return builder.bitcast(builder.and_(builder.bitcast(args[0], _INTS), all_but_sign), _VECTOR)

    return _vector(_vector), generate


@intrinsic
def negative(typing: Any, a: Any) -> Any:
    """Return the values with their signs turned."""
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


equal = _comparison("==")
"""Return one bit per lane, the first lane lowest: whether it equals a float32 number."""
at_least = _comparison(">=")
"""Return one bit per lane, the first lane lowest: whether it is at least a float32 number."""


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
largest = _reduction("fmax", ())
smallest = _reduction("fmin", ())


@intrinsic
def lowest(typing: Any, bits: Any) -> Any:
    """Return the number of the lowest bit that is set, of a uint64 that is not 0."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], _BIT(1))

    return types.int64(types.uint64), generate


@intrinsic
def marks(typing: Any, mask: Any, at: Any) -> Any:
    """Return one bit for each of ``mask[at : at + BYTES]``, uint8: whether it is not 0."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.VectorType(_BYTE, BYTES)
        some = builder.load(_address(context, builder, args[0], (signature.args[1], args[1]), kind), align=1)
        return builder.bitcast(builder.icmp_unsigned("!=", some, ir.Constant(kind, [_BYTE(0)] * BYTES)), _LONG)

    return types.uint64(mask, at), generate


@inlined
def bits_at(mask: Any, at: int, size: int) -> Any:
    """Return one bit for each of ``mask[at : at + BYTES]``, as far as they are within ``size``."""
    if at + BYTES <= size:
        return marks(mask, at)
    bits = np.uint64(0)
    for k in range(at, size):
        if mask[k]:
            bits |= np.uint64(1) << np.uint64(k - at)
    return bits


@inlined
def list_marked(mask: Any, size: int, found: Any, n: int) -> int:
    """Append to ``found``, which holds ``n``, where ``mask`` is not 0; return how many it holds then."""
    for at in range(0, size, BYTES):
        bits = bits_at(mask, at, size)
        while bits:
            found[n] = at + lowest(bits)
            bits &= bits - np.uint64(1)
            n += 1
    return n
