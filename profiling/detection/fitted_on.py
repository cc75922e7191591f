"""What a detector's classifier has seen, so that nobody has to guess it from a bundle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class SeenAttack:
    """One attack that the classifier was fitted on.

    Attributes:
        declaration: all that decides what the attack makes, as JSON-able data (``Attack.declaration``).
        successes: images that it made and that the network answers wrongly.
    """

    declaration: Mapping[str, Any]
    successes: int

    @property
    def name(self) -> str:
        """The attack's name."""
        return str(self.declaration["name"])


@dataclass(frozen=True)
class Fitting:
    """What the classifier was fitted on. It decides no verdict.

    Attributes:
        images: clean fit images, correctly classified; the first so many of the role.
        attacks: what was done to each of them.
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
