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
class ViewChoice:
    """Which view a standard detector asks about, and why; a record that no verdict depends on.

    Attributes:
        view: the view that was chosen.
        figures: of each candidate, by name, figures of the fit images between 0 and 1. With attacks they are the mean
            AUC over attacks that were ``known`` in fitting, and over those whose family was left out, ``unseen``.
            Without attacks the figure is the share of clean images whose answer is ``kept`` in the view.
    """

    view: str
    figures: Mapping[str, Mapping[str, float]]

    @property
    def reason(self) -> str:
        """The choice, and the figures that it rests on, as a sentence without its full stop."""
        found = self.figures[self.view]
        chosen = f"of {len(self.figures)} views '{self.view}' was chosen on fit images"
        if "kept" in found:
            return f"{chosen}, as {found['kept']:.0%} of the clean ones keep their answer in it"
        unseen = f", {found['unseen']:.3f} on attacks whose family was left out" if "unseen" in found else ""
        return f"{chosen}, where it has the best mean AUC: {found['known']:.3f} on known attacks{unseen}"


@dataclass(frozen=True)
class Fitting:
    """What the classifier was fitted on; a record that no verdict depends on.

    Attributes:
        images: number of clean fit images: the first correctly classified ones of the role.
        attacks: the attacks on these images.
        seed: of the attacks.
        view_choice: why the detector asks about its one view; None for detectors that ask about none, or about all.
    """

    images: int
    attacks: tuple[SeenAttack, ...]
    seed: int
    view_choice: ViewChoice | None = None

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
        choice = data["view_choice"]
        chosen = choice and ViewChoice(str(choice["view"]), {view: dict(of) for view, of in choice["figures"].items()})
        return Fitting(int(data["images"]), tuple(attacks), int(data["seed"]), chosen)
