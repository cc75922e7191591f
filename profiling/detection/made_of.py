"""The data that a bundle was made of, recorded in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class MadeOf:
    """The data that a detector was fitted on; a record that no verdict depends on.

    Attributes:
        data: the data set as the user named it; empty where that is not known.
        class_map: class number of each folder of the data; None if the folders' names are the classes' names.
        accuracy: how often the network was right on a few of the images: ``share``, ``images``, ``confidence``; None
            where that is not known.
        predicted: whether the classes of the images are the network's own answers.
        recalibrated: of each time that the threshold was set anew: ``time``; ``source`` and number of the ``images``
            that it was set on; ``before``, the checksum and calibration of the bundle until then.
    """

    data: str = ""
    class_map: Mapping[str, int] | None = None
    accuracy: Mapping[str, float] | None = None
    predicted: bool = False
    recalibrated: tuple[Mapping[str, Any], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the record as JSON-able data."""
        data = asdict(self)
        return data if self.recalibrated else {name: data[name] for name in data if name != "recalibrated"}

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> MadeOf:
        """Return the record stored by ``to_dict``."""
        folders = data["class_map"]
        numbers = folders and {str(name): int(number) for name, number in folders.items()}
        tried = data.get("accuracy")  # bundles of earlier versions lack it
        accuracy = tried and {str(name): float(tried[name]) for name in tried}
        recalibrated = tuple(dict(one) for one in data.get("recalibrated", ()))
        return MadeOf(str(data["data"]), numbers, accuracy, bool(data.get("predicted", False)), recalibrated)


UNKNOWN = MadeOf()
"""Of bundles that earlier versions made, and of those made without a named data set."""
