"""The HTTP service: images in, verdicts with reasons out, over a bundle that ``profiling`` made."""

from __future__ import annotations

import os

# Idle OpenMP threads sleep instead of spinning (see profiling/cli/main.py). Read when torch is loaded,
# so it must be set before anything in this package imports torch.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
