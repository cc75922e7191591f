"""Attacks unseen in fitting: the bundle's kind of classifier, fitted again without one family of attacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from profiling.attacks.attack import Attack, Crafted
from profiling.attacks.cache import Crafting
from profiling.building import Correct, craft_all, features_of
from profiling.detection.classifiers import Examples, fit
from profiling.detection.detector import Detector
from profiling.detection.scores import LinearScore, Score
from profiling.errors import FitError
from profiling.evaluation.figures import EVERYTHING, NOTHING
from profiling.lookup import Floats
from profiling.similarity import Feature
from profiling.splits import Fit


@dataclass(frozen=True)
class Taught:
    """Clean fit images and the attacks on them, measured once.

    Attributes:
        crafted: by attack.
        clean_values: features of the clean images, ``(n, f)``.
        values: by attack, features of its successes.
    """

    clean: Correct[Fit]
    attacks: Sequence[Attack]
    crafted: Mapping[str, Crafted]
    features: tuple[Feature, ...]
    clean_values: Floats
    values: Mapping[str, Floats]

    @staticmethod
    def of(detector: Detector, clean: Correct[Fit], attacks: Sequence[Attack], crafting: Crafting) -> Taught:
        """Attack the clean images and measure everything."""

        def measured(name: str) -> Floats:
            won = crafted[name].pixels[crafted[name].success]
            if not len(won):
                return np.zeros((0, clean_table.values.shape[1]))
            return features_of(*parts, won, detector.thorough, f"measuring {name}")[0].values

        parts = (detector.extractor, detector.signatures)
        crafted = {attack.name: craft_all(attack, detector.network, clean, crafting) for attack in attacks}
        clean_table, _ = features_of(*parts, clean.pixels, detector.thorough, "measuring clean")
        values = {attack.name: measured(attack.name) for attack in attacks}
        return Taught(clean, attacks, crafted, clean_table.features, clean_table.values, values)

    def examples(self, attacks: Sequence[Attack]) -> Examples:
        """Return clean images and the successes of some attacks.

        Raises:
            FitError: none of these attacks succeeded.
        """
        rows, sources = [self.clean_values], [self.clean.indices]
        for attack in attacks:
            rows.append(self.values[attack.name])
            sources.append(self.clean.indices[self.crafted[attack.name].success.cpu().numpy()])
        adversarial = np.repeat([0, 1], [len(rows[0]), sum(map(len, rows[1:]))])
        return Examples(self.features, np.concatenate(rows), adversarial, np.concatenate(sources))


def left_out(kind: str, taught: Taught) -> dict[str, Score]:
    """Return a score per family that was left out, and those for ``NOTHING`` and ``EVERYTHING``.

    Leaving nothing out is what the bundle does; leaving everything out is learning from clean
    images alone. So is leaving out the only family that succeeded.
    """
    clean_only = unusual(taught.features, taught.clean_values)
    scores: dict[str, Score] = {NOTHING: fit(kind, taught.examples(taught.attacks))}
    for family in dict.fromkeys(attack.family for attack in taught.attacks):
        others = [attack for attack in taught.attacks if attack.family != family]
        try:
            scores[family] = fit(kind, taught.examples(others))
        except FitError:
            scores[family] = clean_only
    return scores | {EVERYTHING: clean_only}


def unusual(features: tuple[Feature, ...], clean: Floats) -> Score:
    """Return the sum of deviations from clean images in the suspicious direction, where one is known.

    Each deviation counts in units of the clean images' standard deviation; all weigh the same.
    """
    deviation = clean.std(axis=0)
    scale = np.where(deviation > 1e-9, 1 / np.maximum(deviation, 1e-9), 0.0)
    weights = np.array([feature.trend for feature in features], dtype=np.float64)
    return LinearScore("unusual", clean.mean(axis=0), scale, weights / max(np.abs(weights).sum(), 1), 0.0)
