"""The only device-aware code: how the contributions of wanted units are weighed and chosen.

``Kernel`` is the interface. ``reference`` (torch, any device) always works; ``cpu`` (numba) is
taken for networks on the CPU where numba imports, ``gpu`` (Triton) for those on a CUDA device
where Triton imports, which PyTorch's Linux wheels for CUDA bring along.
"""

from __future__ import annotations

import torch

from pathprint.profiling.errors import OptionsError
from pathprint.profiling.paths.kernels.interface import Kernel
from pathprint.profiling.paths.kernels.reference import ReferenceKernel

__all__ = ["Kernel", "ReferenceKernel", "available", "kernel_named"]


def available(device: torch.device | str = "cpu") -> dict[str, Kernel]:
    """Return every kernel that works here for networks on ``device`` by name, the preferred one first."""
    kernels: dict[str, Kernel] = {}
    kind = torch.device(device).type
    try:  # without numba or Triton the reference computes the same, only slower
        if kind == "cpu":
            from pathprint.profiling.paths.kernels.cpu.kernel import CpuKernel

            kernels["cpu"] = CpuKernel()
        elif kind == "cuda" and torch.cuda.is_available():
            from pathprint.profiling.paths.kernels.gpu.kernel import GpuKernel

            kernels["gpu"] = GpuKernel()
    except ImportError:
        pass
    return {**kernels, "reference": ReferenceKernel()}


def kernel_named(name: str = "auto", device: torch.device | str = "cpu") -> Kernel:
    """Return the kernel called ``name`` for networks on ``device``; ``auto`` is the fastest one that works.

    Raises:
        OptionsError: there is no such kernel here for this device.
    """
    kernels = available(device)
    if name == "auto":
        return next(iter(kernels.values()))
    if name not in kernels:
        raise OptionsError(
            f"there is no kernel {name!r} here for networks on {device}; available: auto, {', '.join(kernels)}."
        )
    return kernels[name]
