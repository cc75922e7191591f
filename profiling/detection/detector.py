"""The detector: pixels in, verdicts with evidence out. The service, the command line and the evaluation call it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Literal

import numpy as np
from torch import Tensor

from pathprint.models.network import Network
from pathprint.profiling.arrays import Floats, Indices
from pathprint.profiling.detection.calibration import Calibration
from pathprint.profiling.detection.cascade import Cascade, Course
from pathprint.profiling.detection.evidence import LayerEvidence, Usual, by_layer, layer_evidence
from pathprint.profiling.detection.fitted_on import Fitting
from pathprint.profiling.detection.joined import TestName
from pathprint.profiling.detection.sentences import Classes
from pathprint.profiling.errors import BundleError
from pathprint.profiling.features.measure import FeatureMaker
from pathprint.profiling.features.table import Feature
from pathprint.profiling.features.tiers import FIRST_LOOK, Tier, tier_of
from pathprint.profiling.features.views import features_of
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.paths.path import ImagePaths
from pathprint.profiling.signatures.compact import Served

Decision = Literal["benign", "adversarial", "uncertain"]
_REASONS = 3
ENOUGH_IMAGES = 10
"""Least number of profiled images of a class for a verdict on images that are predicted as this class."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the detector says about one image.

    Attributes:
        decision: ``adversarial`` above the threshold, else ``benign``; ``uncertain`` if the score is too near the
            threshold, or too few images of the predicted class were profiled.
        predicted, runner_up: numbers of the classes with the largest and second largest logit.
        label, runner_up_label: names of these classes.
        confidence: softmax of the predicted class, in [0, 1].
        test: the test that gave the score; of two tests the one with the larger score, whether it is flagged or not.
        score: how suspicious the image is to this test; larger is more suspicious. 0 is the median of benign images.
        threshold: scores above it are flagged.
        p_value: estimated share of clean images with a score at least this high, in (0, 1].
        usual_score: what this test gives an image whose features all are what they are on average for clean images of
            the predicted class, or for all clean images if too few of that class were seen.
        layers: evidence of this test per layer, largest contribution first, whatever its sign. The contributions add
            up to ``score - usual_score``.
        note: why the verdict is uncertain; empty if it is not.
        stage: the stage of the cascade in which the image ended, from 1. ``score``, ``usual_score`` and ``layers`` are
            of this stage.
        inferences: what the verdict cost: 2 for the recorded inference and the walk, and 1 for each view.
        passed: the scores that took the image past the limits of acceptance of the stages before.
    """

    decision: Decision
    predicted: int
    label: str
    runner_up: int
    runner_up_label: str
    confidence: float
    test: TestName
    score: float
    threshold: float
    p_value: float
    usual_score: float
    layers: tuple[LayerEvidence, ...]
    note: str = ""
    stage: int = 1
    inferences: int = FIRST_LOOK
    passed: tuple[float, ...] = ()

    @property
    def flagged(self) -> bool:
        """Whether the score is above the threshold, even if the decision is ``uncertain``."""
        return self.score > self.threshold

    @property
    def reasons(self) -> tuple[str, ...]:
        """What the three layers say that move the score most, as sentences."""
        return tuple(layer.text for layer in self.layers[:_REASONS])

    def _repr_html_(self) -> str:
        """Return the verdict as notebooks show it."""
        from pathprint.profiling.detection.card import card

        return str(card(self))

    def to_dict(self) -> dict[str, Any]:
        """Return the verdict as JSON-able data; ``passed`` is for whoever examines images, and left out."""
        whole = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "passed"}
        return whole | {"layers": [layer.to_dict() for layer in self.layers]}


@dataclass(frozen=True)
class Detector:
    """A network with class signatures, a fitted score and a calibrated threshold; immutable.

    Attributes:
        maker: makes the features of an image.
        features: the features that the score was fitted on, in the order of its columns.
        score: the scores of the tests, of which the larger decides, at each stage.
        usual: feature statistics of clean calibration images, which evidence is compared with.
        clean_scores: scores of the clean calibration images, ascending, ``(n,)``.
        fitting: the images and attacks that the score was fitted on.
    """

    maker: FeatureMaker
    features: tuple[Feature, ...]
    score: Cascade
    usual: Usual
    calibration: Calibration
    clean_scores: Floats
    fitting: Fitting

    @property
    def network(self) -> Network:
        return self.maker.network

    @property
    def extractor(self) -> Extractor:
        return self.maker.extractor

    @property
    def signatures(self) -> Served:
        return self.maker.signatures

    @property
    def tier(self) -> Tier:
        """How closely the detector looks at each image."""
        return tier_of([stage.views for stage in self.score.stages])

    @property
    def views(self) -> tuple[str, ...]:
        """Names of the slightly changed copies of each image (test-time views) that the detector also classifies."""
        return self.maker.views

    @property
    def judged(self) -> Indices:
        """Classes with enough profiled images for a verdict, ascending."""
        return self.signatures.classes[self.signatures.images >= ENOUGH_IMAGES]

    def examine(self, pixels: Tensor) -> list[Verdict]:
        """Return the verdict on each image of pixels ``n c h w`` in [0, 1].

        Raises:
            OptionsError: there are no images.
            PixelsError: the pixels are not float32 in [0, 1], or do not have the network's input shape.
            BundleError: the parts of this detector do not belong together, or the score is not finite.
        """
        return self.verdicts(*self.look(pixels))

    def look(self, pixels: Tensor) -> tuple[ImagePaths, Course]:
        """Return the paths of pixels ``n c h w`` in [0, 1], and how the images went through the stages.

        Raises:
            OptionsError: there are no images.
            PixelsError: the pixels are not float32 in [0, 1], or do not have the network's input shape.
            BundleError: the parts of this detector do not belong together, or the score is not finite.
        """
        paths, own = self.maker.first_look(pixels)
        if (*own.features, *features_of(self.maker.views)) != self.features or self.score.views != self.maker.views:
            raise BundleError(
                "the score was fitted on other features than these signatures give; fit the detector again."
            )

        def further(stage: int, rows: Indices) -> Floats:
            views = self.score.stages[stage].views
            asked = self.maker.ask(pixels[rows], paths.answers(rows), views).values
            return asked if stage else np.hstack([own.values, asked])

        course = self.score.course(len(paths), further)
        if not np.isfinite(course.each).all():
            raise BundleError(
                "the score is not a finite number, so the network or the detector is broken; fit it again."
            )
        return paths, course

    def verdicts(self, paths: ImagePaths, course: Course) -> list[Verdict]:
        """Return the verdict on each image from what ``look`` returned."""
        return [self._verdict(paths, image, course) for image in range(len(paths))]

    def _verdict(self, paths: ImagePaths, image: int, course: Course) -> Verdict:
        """Return the verdict on one image from its course through the stages."""
        ended = int(course.ended[image])
        stage, scores = self.score.stages[ended], course.scores[image, ended]
        values = course.values[image, : stage.known]
        test, score = self.score.names[int(scores.argmax())], float(scores.max())
        logits = paths.logits[image].astype(np.float64)
        predicted, runner_up = int(paths.seeds[image]), _runner_up(logits, int(paths.seeds[image]))
        note = self._doubt(predicted, score)
        decision: Decision = "adversarial" if score > self.calibration.threshold else "benign"
        odds = np.exp(logits - logits.max())
        labels = self.network.labels
        classes = Classes(predicted, labels[predicted], labels[runner_up])
        usual_score, excess = self.beyond_usual(test, predicted, values, ended)
        at_least = len(self.clean_scores) - int(np.searchsorted(self.clean_scores, score, side="left"))
        return Verdict(
            decision="uncertain" if note else decision,
            predicted=predicted,
            label=labels[predicted],
            runner_up=runner_up,
            runner_up_label=labels[runner_up],
            confidence=float(odds[predicted] / odds.sum()),
            test=test,
            score=score,
            threshold=self.calibration.threshold,
            p_value=(at_least + 1) / (len(self.clean_scores) + 1),
            usual_score=usual_score,
            layers=layer_evidence(
                self.features, self._by_layer[ended], values, excess, self.usual, classes, self._kinds
            ),
            note=note,
            stage=ended + 1,
            inferences=self.score.inferences(ended),
            passed=tuple(course.scores[image, :ended].max(axis=1).tolist()),
        )

    def beyond_usual(self, test: TestName, predicted: int, values: Floats, stage: int = -1) -> tuple[float, Floats]:
        """Return what a test gives where all is as usual, and what each feature adds to it beyond that, ``(f,)``.

        Args:
            values: the features that are known at the stage, ``(f,)``.
            stage: its number from 0; the last one if left out.
        """
        score = self.score.stages[stage].score.tests[test]
        usual = self.usual.mean[self.usual.row(predicted), : len(values)]
        as_usual, added = score.contributions(np.stack([usual, values]))
        return float(as_usual.sum() + score.intercept), added - as_usual

    @cached_property
    def _by_layer(self) -> tuple[tuple[Indices, ...], ...]:
        """The columns of each layer's features that are known at each stage."""
        return tuple(by_layer(self.features[: stage.known]) for stage in self.score.stages)

    @cached_property
    def _kinds(self) -> dict[str, str]:
        """What each layer is, in words."""
        return {shape.name: shape.kind for shape in self.signatures.layout.layers}

    def _doubt(self, predicted: int, score: float) -> str:
        """Return why the verdict is uncertain; empty if it is not."""
        row = int(self.signatures.rows(np.array([predicted]))[0])
        images = int(self.signatures.images[row]) if row >= 0 else 0
        if images < ENOUGH_IMAGES:
            label = self.network.labels[predicted]
            return f"Too few images of class '{label}' were profiled: {images}, where {ENOUGH_IMAGES} are needed."
        low, high = self.calibration.uncertain
        if low < score <= high:
            return "The score is too near the threshold: one set on other clean images might give the other verdict."
        return ""


def _runner_up(logits: Floats, predicted: int) -> int:
    others = logits.copy()
    others[predicted] = -np.inf
    return int(others.argmax())
