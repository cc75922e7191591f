"""Which images a profile was made from: a record that no count depends on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Origin:
    """The data of a profile, or of one of the profiles that it was merged from.

    Attributes:
        data: the data set as the user named it.
        seed: of the order of the images.
        class_map: class number of each folder of the data; None if the folders' names are the classes' names.
        images: number of images that were counted.
        version: of the package that counted them; empty where that is not known.
    """

    data: str
    seed: int
    class_map: Mapping[str, int] | None
    images: int
    version: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the record as JSON-able data."""
        return asdict(self)

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Origin:
        """Return the record stored by ``to_dict``."""
        folders = data["class_map"]
        numbers = None if folders is None else {str(name): int(number) for name, number in folders.items()}
        return Origin(str(data["data"]), int(data["seed"]), numbers, int(data["images"]), str(data["version"]))
