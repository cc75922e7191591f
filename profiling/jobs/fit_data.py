"""What a classifier is fitted on: features of clean images, of benign changes of them and of attacks on them.

Benign changes count as clean. Otherwise a classifier may learn that anything unusual is an attack,
and flag noise, another camera or another file format.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from pathprint.profiling.arrays import Floats, Indices
from pathprint.profiling.attacks.attack import Attack, Crafted
from pathprint.profiling.attacks.benign import controls
from pathprint.profiling.attacks.crafting import Crafting, control_all, craft_all
from pathprint.profiling.data.correct import Correct
from pathprint.profiling.data.roles import Fit
from pathprint.profiling.detection.classifiers.examples import Examples
from pathprint.profiling.errors import FitError
from pathprint.profiling.features.measure import FeatureMaker
from pathprint.profiling.features.table import Feature
from pathprint.profiling.features.views import view_of


@dataclass(frozen=True)
class FitData:
    """Clean fit images, attacks on them, benign changes of them, and the features of all.

    Attributes:
        clean: the clean fit images, ``n`` of them.
        crafted: attacked images, by the attack's name.
        kept: whether the network still answers a benignly changed image rightly, ``(n,)``, by the control's name.
        features: what the columns of all values are.
        clean_values: features of the clean images, ``(n, f)``.
        benign_values: features of the ``kept`` changed images, ``(m, f)``, by the control's name.
        values: features of the attack's successes, ``(m, f)``, by the attack's name.
    """

    clean: Correct[Fit]
    attacks: Sequence[Attack]
    crafted: Mapping[str, Crafted]
    kept: Mapping[str, Tensor]
    features: tuple[Feature, ...]
    clean_values: Floats
    benign_values: Mapping[str, Floats]
    values: Mapping[str, Floats]

    @staticmethod
    def of(maker: FeatureMaker, clean: Correct[Fit], attacks: Sequence[Attack], crafting: Crafting) -> FitData:
        """Attack the clean images, change them benignly, and measure everything."""
        network, seed = maker.network, crafting.seed
        table, _ = maker.make_all(clean.pixels)
        features = table.features

        def measured(pixels: Tensor) -> Floats:
            return maker.make_all(pixels)[0].values if len(pixels) else np.zeros((0, len(features)))

        crafting.ahead(attacks, network, clean)
        crafted = {attack.name: craft_all(attack, network, clean, crafting) for attack in attacks}
        kept, benign_values = {}, {}
        for control in controls(list(attacks)) if attacks else ():  # without attacks no classifier learns from them
            made = control_all(control, network, clean, seed)
            kept[control.name] = made.kept
            benign_values[control.name] = measured(made.pixels[made.kept])
        values = {name: measured(made.pixels[made.success]) for name, made in crafted.items()}
        return FitData(clean, attacks, crafted, kept, features, table.values, benign_values, values)

    def asking(self, views: Sequence[str]) -> FitData:
        """Return the data without the features of all other views; those of ``views`` come last, in their order."""
        of_views = [view_of(feature) for feature in self.features]
        kept = [j for j, view in enumerate(of_views) if view is None] + [of_views.index(view) for view in views]
        return replace(
            self,
            features=tuple(self.features[j] for j in kept),
            clean_values=self.clean_values[:, kept],
            benign_values={name: values[:, kept] for name, values in self.benign_values.items()},
            values={name: values[:, kept] for name, values in self.values.items()},
        )

    @property
    def clean_examples(self) -> Examples:
        """The clean images without any adversarial rows."""
        nothing_adversarial = np.zeros(len(self.clean_values), dtype=np.int64)
        return Examples(self.features, self.clean_values, nothing_adversarial, self.clean.indices)

    def examples(self, attacks: Sequence[Attack]) -> Examples:
        """Return clean images, their benign changes, and the successes of ``attacks``.

        Of the noise controls only those with a budget of one of ``attacks`` are taken, as if no other attack
        had been made.

        Raises:
            FitError: none of ``attacks`` succeeded; attacks that make images from nothing do not count.
        """
        if not any(attack.on_image and len(self.values[attack.name]) for attack in attacks):
            raise FitError(
                f"none of these attacks succeeded on an image: {', '.join(attack.name for attack in attacks)}."
            )
        names = [control.name for control in controls(list(attacks))]
        benign = [self.clean_values, *(self.benign_values[name] for name in names)]
        adversarial = [self.values[attack.name] for attack in attacks]
        kept = [self.clean.indices, *(self._sources(self.kept[name]) for name in names)]
        won = [self._sources(self.crafted[attack.name].success) for attack in attacks]
        truth = np.repeat([0, 1], [sum(map(len, benign)), sum(map(len, adversarial))])
        return Examples(self.features, np.concatenate(benign + adversarial), truth, np.concatenate(kept + won))

    def _sources(self, rows: Tensor) -> Indices:
        found: Indices = self.clean.indices[rows.cpu().numpy()]
        return found
