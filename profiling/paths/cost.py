"""What an inference costs, so that work can be divided into parts of similar length."""

from __future__ import annotations

from math import prod

from pathprint.models.network import Network
from pathprint.profiling.paths.plan import plan


def multiply_adds(network: Network) -> int:
    """Return the number of multiply-adds of one inference, those of the weighted layers alone."""
    whole = plan(network)
    return sum(prod(whole.shapes[step.y]) // len(step.weight) * step.weight.numel() for step in whole.weighted)
