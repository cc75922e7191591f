"""More bundles than one, made of the small real one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pathprint.profiling.detection.bundle import Bundle


def variant(bundle: Bundle, folder: Path, shift: float) -> Bundle:
    """Save a bundle whose threshold is ``shift`` higher, in place of what was in ``folder``; return it."""
    calibration = replace(bundle.detector.calibration, threshold=bundle.detector.calibration.threshold + shift)
    folder.parent.mkdir(parents=True, exist_ok=True)
    return replace(bundle, detector=replace(bundle.detector, calibration=calibration)).save(folder)


def damage(folder: Path) -> None:
    """Change one bit of a bundle's signatures, in a file of its own: whoever mapped the old one keeps that."""
    file = folder / "signatures.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.unlink()
    file.write_bytes(data)
