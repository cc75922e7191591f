"""Everything that can go wrong with a network, as one tree.

ModelError
├── CaptureError                 the module cannot be turned into a canonical graph
│   └── UnsupportedOperationError    it uses operations without a rule
├── PixelsError                  pixels are of another type, shape or range than the network takes
├── UnknownNetworkError          no network of that name
├── FactoryError                 a user's function that should make a network raised, or made something else
├── WeightsError                 the weights are missing, unreadable, or do not fit the network
├── PreprocessingError           the declared preprocessing is out of range or fits no image
├── NetworkFileError             a stored network is missing, damaged, of another version, or not a network
└── ImageError                   the bytes are not an image that we accept
"""

from __future__ import annotations

from collections.abc import Iterable

from pathprint.models.advice import advice


class ModelError(Exception):
    """Base of every error of the ``models`` package."""


class NetworkWarning(UserWarning):
    """Says what was left out of a module or a file of weights, and what was taken."""


class CaptureError(ModelError):
    """The module could not be captured as a canonical graph."""


class UnsupportedOperationError(CaptureError):
    """The network uses operations that no rule covers; all of them are listed."""

    def __init__(self, problems: Iterable[tuple[str, str]]) -> None:
        """``problems`` are (operation, layer) pairs in graph order; repeated ones are listed once."""
        self.problems = tuple(dict.fromkeys(problems))
        listed = "; ".join(f"{operation} in {layer or 'the top level'}" for operation, layer in self.problems)
        super().__init__(
            f"the network uses {len(self.problems)} operation(s) that cannot be traced: {listed}. "
            "Replace them, or add a rule as docs/extending.md describes."
            + f" {advice(operation for operation, _ in self.problems)}".rstrip()
        )


class PixelsError(ModelError):
    """Pixels are of another type, shape or range than the network takes."""


class UnknownNetworkError(ModelError):
    """No network has that name."""


class FactoryError(ModelError):
    """A user's function that should make a network raised, or made something else."""


class WeightsError(ModelError):
    """The weights of a network are missing, cannot be read, or do not fit the network."""


class PreprocessingError(ModelError):
    """The preprocessing that was declared for a network is out of range, or fits no image."""


class NetworkFileError(ModelError):
    """A stored network is missing, damaged, of another version, or not a network."""


class ImageError(ModelError):
    """The bytes are not an image that we accept. ``code`` is stable and machine-readable."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)
