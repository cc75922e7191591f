"""The images and attacks that a detector's classifier was fitted on, recorded in the bundle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class SeenAttack:
    """One attack that the classifier was fitted on.

    Attributes:
        declaration: everything that determines the attacked images, as JSON-able data (``Attack.declaration``).
        successes: number of attacked images that the network answers wrongly.
    """

    declaration: Mapping[str, Any]
    successes: int

    @property
    def name(self) -> str:
        """The attack's name."""
        return str(self.declaration["name"])


@dataclass(frozen=True)
class Fitting:
    """What the classifier was fitted on; a record that no verdict depends on.

    Attributes:
        images: number of clean fit images: the first correctly classified ones of the role.
        attacks: the attacks on these images.
        seed: of the attacks.
    """

    images: int
    attacks: tuple[SeenAttack, ...]
    seed: int

    @property
    def names(self) -> list[str]:
        """The attacks' names."""
        return [attack.name for attack in self.attacks]

    def to_dict(self) -> dict[str, Any]:
        """Return the record as JSON-able data."""
        return asdict(self)

    @staticmethod
    def from_dict(data: dict[str, Any]) -> Fitting:
        """Return the record stored by ``to_dict``."""
        attacks = [SeenAttack(dict(attack["declaration"]), int(attack["successes"])) for attack in data["attacks"]]
        return Fitting(int(data["images"]), tuple(attacks), int(data["seed"]))
