"""Everything that can go wrong in profiling and detection, as one tree.

ProfilingError
├── DataError            a data set cannot be found, read or matched to the network's classes
├── SplitError           image sets would overlap, or there are too few images for a role
├── PlanError            a graph has a step that no rule can trace
├── OptionsError         an option is out of its range, or images do not fit the network
├── SignatureError       signatures do not fit each other, the network or the options
├── FitError             the detector cannot be fitted on what was given
├── CalibrationError     too few clean images to promise a false-positive rate
├── BundleError          an artefact is damaged, incomplete or does not belong together
├── OutputError          a place to write to is taken, cannot be written to, or is full
├── JobError             a job cannot go on: another plan, another job in its place, or workers that are lost
├── ServiceError         a service cannot be reached, or gives no verdict
└── MissingExtraError    an optional dependency is not installed
"""

from __future__ import annotations

from pathlib import Path


class ProfilingError(Exception):
    """Base of every error of the ``profiling`` package."""


class DataError(ProfilingError):
    """A data set cannot be found, read or matched to the network's classes."""


class SplitError(ProfilingError):
    """Image sets would overlap, or a role would get too few images."""


class PlanError(ProfilingError):
    """A graph has a step that no rule can trace."""


class OptionsError(ProfilingError):
    """An option is out of its range, or images do not fit the network."""


class SignatureError(ProfilingError):
    """Signatures do not fit each other, the network or the extraction options."""


class FitError(ProfilingError):
    """The detector cannot be fitted on what was given."""


class CalibrationError(ProfilingError):
    """Too few clean images to promise the requested false-positive rate."""


class BundleError(ProfilingError):
    """An artefact is damaged, incomplete, or its parts do not belong together."""


class OutputError(ProfilingError):
    """A place to write to is taken by something else, cannot be written to, or is full."""


class JobError(ProfilingError):
    """A job cannot go on: it was begun with another plan, another job uses its place, or its workers are lost."""


class ServiceError(ProfilingError):
    """A service cannot be reached, or gives no verdict for a reason that lies in no image."""


class MissingExtraError(ProfilingError):
    """An optional dependency is needed and not installed."""


def unreadable(path: Path, error: OSError) -> DataError:
    """Return the error that says of a file that it cannot be read, and why."""
    return DataError(f"{path} cannot be read: {error.strerror}; make it readable.")
