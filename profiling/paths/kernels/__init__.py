"""The only device-aware code: how the contributions of wanted units are weighed and chosen.

``Kernel`` is the interface. ``reference`` (torch, any device) always works; ``cpu`` (numba) is
taken for networks on the CPU where numba works, ``gpu`` (Triton) for those on a CUDA device
where Triton imports, which PyTorch's Linux wheels for CUDA bring along.
"""

from __future__ import annotations

import logging
import warnings
from functools import cache

import torch

from pathprint.profiling.errors import OptionsError
from pathprint.profiling.paths.kernels.interface import Kernel
from pathprint.profiling.paths.kernels.reference import ReferenceKernel

__all__ = ["Kernel", "ReferenceKernel", "available", "kernel_named"]

log = logging.getLogger("pathprint")


def available(device: torch.device | str = "cpu") -> dict[str, Kernel]:
    """Return every kernel that works here for networks on ``device`` by name, the preferred one first."""
    fast = _fast_kernel(torch.device(device).type)
    kernels = {"reference": ReferenceKernel()}
    return {fast.name: fast, **kernels} if fast is not None else {**kernels}


def _fast_kernel(kind: str) -> Kernel | None:
    """Return the compiled kernel for a kind of device; None if there is none, with a warning if it does not work."""
    try:
        if kind == "cpu":
            from pathprint.profiling.compiled.trial import try_out
            from pathprint.profiling.paths.kernels.cpu.kernel import CpuKernel

            try_out()
            return CpuKernel()
        if kind == "cuda" and torch.cuda.is_available():
            from pathprint.profiling.paths.kernels.gpu.kernel import GpuKernel

            return GpuKernel()
    except Exception as error:  # numba and LLVM raise dozens of unrelated types where they cannot compile
        _warn(kind, f"{type(error).__name__}: {error}")
    return None


@cache
def _warn(kind: str, reason: str) -> None:
    """Say once why a compiled kernel is not used."""
    warnings.warn(
        f"the compiled kernel for {kind} devices does not work here ({reason}), so paths are extracted by "
        "the reference kernel: they are equal, but extraction is many times slower.",
        RuntimeWarning,
        stacklevel=4,
    )


def kernel_named(name: str = "auto", device: torch.device | str = "cpu") -> Kernel:
    """Return the kernel called ``name`` for networks on ``device``; ``auto`` is the fastest one that works.

    Raises:
        OptionsError: there is no such kernel here for this device.
    """
    kernels = available(device)
    if name != "auto" and name not in kernels:
        raise OptionsError(
            f"there is no kernel {name!r} here for networks on {device}; available: auto, {', '.join(kernels)}."
        )
    chosen = next(iter(kernels.values())) if name == "auto" else kernels[name]
    log.info("paths of networks on %s are extracted by the kernel %r", device, chosen.name)
    return chosen
