"""The only device-aware code: how the contributions of wanted units are weighed and chosen.

``Kernel`` is the interface. ``reference`` (torch, any device) always works; ``cpu`` (numba) is
taken for tensors on the CPU where numba imports.
"""

from __future__ import annotations

from profiling.errors import OptionsError
from profiling.paths.kernels.interface import Choice, Kernel
from profiling.paths.kernels.reference import ReferenceKernel

__all__ = ["Choice", "Kernel", "ReferenceKernel", "available", "kernel_named"]


def available() -> dict[str, Kernel]:
    """Return every kernel that works here by name, the preferred one first."""
    kernels: dict[str, Kernel] = {}
    try:
        from profiling.paths.kernels.cpu import CpuKernel

        kernels["cpu"] = CpuKernel()
    except ImportError:
        pass  # numba is missing: the reference computes the same, only slower
    return {**kernels, "reference": ReferenceKernel()}


def kernel_named(name: str = "auto") -> Kernel:
    """Return the kernel called ``name``; ``auto`` is the fastest one that works here.

    Raises:
        OptionsError: there is no such kernel here.
    """
    kernels = available()
    if name == "auto":
        return next(iter(kernels.values()))
    if name not in kernels:
        raise OptionsError(f"there is no kernel {name!r} here; available: auto, {', '.join(kernels)}.")
    return kernels[name]
