"""Numbers in sentences: rounded, but never so that they say what is not so."""

from __future__ import annotations

_DECIMALS = (2, 3, 4, 6, 9)


def apart(one: float, other: float) -> tuple[str, str]:
    """Return two numbers with as many decimals, two at least, as it takes to tell them apart."""
    told = ((f"{one:z.{decimals}f}", f"{other:z.{decimals}f}") for decimals in _DECIMALS)
    return next((pair for pair in told if one == other or float(pair[0]) != float(pair[1])), (repr(one), repr(other)))


def percent(share: float) -> str:
    """Return a share in percent; one that is nearly none or nearly all is not told as none or all."""
    if 0 < share < 0.0005:
        return "under 0.1%"
    if 0.9995 < share < 1:
        return "over 99.9%"
    return f"{share:.1%}"
