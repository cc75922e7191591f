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
        return f"{chosen}, where it has the best mean AUC: {_areas(found)}"


def _areas(figures: Mapping[str, float]) -> str:
    unseen = f", {figures['unseen']:.3f} on attacks whose family was left out" if "unseen" in figures else ""
    return f"{figures['known']:.3f} on known attacks{unseen}"


@dataclass(frozen=True)
class StageChoice:
    """How the stages of a cascade were chosen on fit images; a record that no verdict depends on.

    Attributes:
        order: all views in the order in which each adds most to those before it, with the mean AUC over attacks that
            were ``known`` in fitting, and over those whose family was left out, ``unseen``, of all views up to it.
        budget: the most that a clean image was allowed to cost on average, counted in inferences.
        lost: the share of the successful attacks that each limit of acceptance may accept.
        cost: what a clean fit image costs on average, counted in inferences.
        reached: the share of the clean fit images that reach each stage.
        figures: mean AUC of the cascade, ``known`` and ``unseen``.
    """

    order: tuple[tuple[str, Mapping[str, float]], ...]
    budget: float
    lost: float
    cost: float
    reached: tuple[float, ...]
    figures: Mapping[str, float]

    @property
    def reason(self) -> str:
        """The choice, and the figures that it rests on, as a sentence without its full stop."""
        shares = ", ".join(f"{share:.0%}" for share in self.reached)
        reached = f"of clean fit images {shares} reach the stages in turn, {self.cost:.2f} inferences on average"
        return f"{reached}; the mean AUC is {_areas(self.figures)}"

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> StageChoice:
        """Return the record that ``Fitting.to_dict`` made."""
        order = tuple((str(view), dict(found)) for view, found in data["order"])
        budget, lost, cost = (float(data[name]) for name in ("budget", "lost", "cost"))
        return StageChoice(order, budget, lost, cost, tuple(data["reached"]), dict(data["figures"]))


@dataclass(frozen=True)
class Fitting:
    """What the classifier was fitted on; a record that no verdict depends on.

    Attributes:
        images: number of clean fit images: the first correctly classified ones of the role.
        attacks: the attacks on these images.
        seed: of the attacks.
        view_choice: why the detector asks about its one view; None for detectors that ask about none, or about several.
        stage_choice: how the stages of a cascade were chosen; None for detectors of one stage.
    """

    images: int
    attacks: tuple[SeenAttack, ...]
    seed: int
    view_choice: ViewChoice | None = None
    stage_choice: StageChoice | None = None

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
        stages = data["stage_choice"] and StageChoice.from_dict(data["stage_choice"])
        return Fitting(int(data["images"]), tuple(attacks), int(data["seed"]), chosen, stages)
