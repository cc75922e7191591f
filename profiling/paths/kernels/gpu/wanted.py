"""List the wanted units of a block, so that a program spends its time on them alone. Triton."""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def list_block(wanted, listed, units, block: tl.constexpr):
    """List the wanted ones among the ``block`` units of this program, in ascending order; return how many they are.

    Args:
        wanted: bool ``(units,)``, of one image.
        listed: int32 ``(block,)``, of this program alone.
    """
    unit = tl.program_id(0) * block + tl.arange(0, block)
    here = tl.load(wanted + unit, mask=unit < units, other=0) != 0
    flags = here.to(tl.int32)
    tl.store(listed + tl.cumsum(flags, axis=0) - flags, unit, mask=here)
    tl.debug_barrier()  # what one thread stored another one loads
    return tl.sum(flags, axis=0)


@triton.jit
def split(unit, positions, outputs, channels_last: tl.constexpr):
    """Return output channel and output position of units."""
    if channels_last:
        o, e = unit % outputs, unit // outputs
    else:
        o, e = unit // positions, unit % positions
    return o, e


@triton.jit
def total_of(net, gross, bias, reference: tl.constexpr):
    """Return the reference total, float64: 0 sum, 1 sum and bias, 2 sum of positive contributions."""
    total = net
    if reference == 1:
        total = net + bias
    if reference == 2:
        total = (net + gross) * 0.5
    return total


@triton.jit
def share_of_ties(reached, target, level, ties):
    """Return how many of ``ties`` contributions of size ``level`` it takes to get from ``reached`` to ``target``.

    It is all of them where they fall short, and one at least. All but ``ties`` are float64.
    """
    whole = tl.where(level > 0, level, 1.0)
    count = tl.ceil((target - reached) / whole)
    count = tl.where(reached + (count - 1) * whole >= target, count - 1, count)  # the quotient was rounded
    count = tl.where(reached + count * whole < target, count + 1, count)
    return tl.minimum(tl.maximum(count, 1.0), ties.to(tl.float64)).to(tl.int32)


@triton.jit
def add_sums(sums, synapses, explained, coherence, units):
    """Add to an image's sums, int64 ``(4,)``. Integers: whatever the order of programs, sums are equal."""
    tl.atomic_add(sums, synapses.to(tl.int64))
    tl.atomic_add(sums + 1, explained.to(tl.int64))
    tl.atomic_add(sums + 2, coherence)
    tl.atomic_add(sums + 3, units.to(tl.int64))
