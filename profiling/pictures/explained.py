"""All that is behind a verdict, as data: ``explain_pixels`` makes it; a picture, a page or a console shows it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from pathprint.profiling.arrays import Bits, Counts, Floats, Indices
from pathprint.profiling.detection.detector import Detector, Verdict
from pathprint.profiling.detection.evidence import LayerEvidence
from pathprint.profiling.features.confidence import LAYER as ANSWER
from pathprint.profiling.paths.path import ImagePaths, LayerShape
from pathprint.profiling.pictures.layer import LayerPicture, Numbers, layer_picture
from pathprint.profiling.pictures.maps import map_data, picture_data
from pathprint.profiling.pictures.pixels import input_units
from pathprint.profiling.pictures.road import Road
from pathprint.profiling.signatures.counts import key

_BINS = 30


@dataclass(frozen=True, eq=False)
class Explained:
    """The path of one image beside what its predicted class and its runner-up usually do.

    Attributes:
        pixels: what the network saw, ``c h w`` in [0, 1].
        tests: the score by each test, by its name; the larger one is that of the verdict.
        clean_scores: scores of the clean images that the threshold was set on, ascending, ``(n,)``.
        target_fpr: the promise: a clean image is flagged with at most this probability.
        uncertain: scores above the first and up to the second are too near the threshold for a verdict.
        layers: in the order of the network; only those that a path records.
        answer: what the network's answer as a whole says; None if the detector does not look at it.
        input_units: which units of the network's input are on the path, ``(c, h, w)``; None if it does not reach it.
        first: name of the first layer that the path records and that has places; None if no layer has.
        places: how many units of that layer lie at each place of the picture, ``(3, h, w)``: on the path, and on
            average on the paths of profiled images of the predicted class and of the runner-up; None without ``first``.
    """

    verdict: Verdict
    pixels: Tensor
    tests: dict[str, float]
    clean_scores: Floats
    target_fpr: float
    uncertain: tuple[float, float]
    layers: tuple[LayerPicture, ...]
    answer: LayerEvidence | None
    input_units: Bits | None
    first: str | None
    places: Floats | None

    @property
    def reasons(self) -> tuple[str, ...]:
        """What the layers say, as sentences, the one that moves the score most first."""
        return tuple(layer.text for layer in self.verdict.layers)

    @property
    def histogram(self) -> tuple[Counts, Floats]:
        """How many clean images have which score: counts ``(30,)``, and where the bins begin and end, ``(31,)``.

        The bins also cover the threshold and the score of this image.
        """
        ends = (*self.clean_scores[[0, -1]], self.verdict.score, self.verdict.threshold)
        counts, edges = np.histogram(self.clean_scores, _BINS, (min(ends), max(ends)))
        return counts, edges

    def save(self, file: Path | str, attacked: Explained | None = None) -> None:
        """Draw all this into a file.

        Args:
            file: ends in ``.png``, ``.svg`` or ``.html``.
            attacked: what is behind the verdict on an attacked copy of the image, to be drawn beside it.

        Raises:
            OptionsError: ``file`` has another ending.
            OutputError: it cannot be written.
        """
        from pathprint.profiling.pictures.drawing.files import write_drawing

        write_drawing(Path(file), self, attacked)

    def _repr_html_(self) -> str:
        from pathprint.profiling.pictures.drawing.poster import poster
        from pathprint.profiling.pictures.drawing.to_svg import svg_of

        return str(svg_of(poster(self), on_paper=True))

    def to_dict(self) -> dict[str, Any]:
        """Return all as JSON-able data; docs/pictures.md says what each member is."""
        return {"verdict": self.verdict.to_dict()} | self.beside_the_verdict()

    def beside_the_verdict(self) -> dict[str, Any]:
        """Return what the verdict itself does not have, as JSON-able data."""
        return {
            "reasons": list(self.reasons),
            "score": self._score(),
            "layers": [layer.to_dict() for layer in self.layers],
            "answer": None if self.answer is None else self.answer.to_dict(),
            "maps": self._maps(),
        }

    def _score(self) -> dict[str, Any]:
        verdict = self.verdict
        counts, edges = self.histogram
        return {
            "value": verdict.score,
            "threshold": verdict.threshold,
            "usual": verdict.usual_score,
            "p_value": verdict.p_value,
            "test": verdict.test,
            "tests": self.tests,
            "uncertain": list(self.uncertain),
            "target_fpr": self.target_fpr,
            "clean": {"edges": edges.tolist(), "counts": counts.tolist(), "images": len(self.clean_scores)},
        }

    def _maps(self) -> dict[str, Any]:
        units, places = self.input_units, self.places
        usual = 0.0 if places is None else float(places[1:].max())
        return {
            "image": picture_data(self.pixels),
            "input": None if units is None else map_data(units.mean(0), 1.0),
            "input_channels": None if units is None else [map_data(channel, 1.0) for channel in units],
            "input_share": None if units is None else float(units.mean()),
            "layer": self.first,
            "path": None if places is None else map_data(places[0], float(places[0].max())),
            "usual": None if places is None else map_data(places[1], usual),
            "usual_runner_up": None if places is None else map_data(places[2], usual),
        }


def explain_pixels(detector: Detector, pixels: Tensor) -> Explained:
    """Return what is behind the verdict on one image.

    Args:
        pixels: ``c h w`` in [0, 1].

    Raises:
        PixelsError: the pixels are not float32 in [0, 1], or do not have the network's input shape.
        BundleError: the parts of the detector do not belong together, or the score is not finite.
    """
    paths, course = detector.look(pixels[None])
    (verdict,) = detector.verdicts(paths, course)
    numbers = Numbers.of(detector, verdict, course.values[0])
    layers, first, places = [], None, None
    for road in _roads(detector, paths, verdict):
        layers.append(layer_picture(road, numbers))
        if first is None and road.places is not None:
            first, places = road.shape.name, road.places
    return Explained(
        verdict,
        pixels,
        dict(zip(detector.score.names, course.each[0].tolist(), strict=True)),
        detector.clean_scores,
        detector.calibration.target,
        detector.calibration.uncertain,
        tuple(layers),
        numbers.evidence.get(ANSWER),
        input_units(detector.extractor, pixels[None]),
        first,
        places,
    )


def _roads(detector: Detector, paths: ImagePaths, verdict: Verdict) -> Iterator[Road]:
    rows = detector.signatures.rows(np.array([verdict.predicted, verdict.runner_up]))
    for layer in paths.layers:
        own: Indices = layer.neurons.one(0)
        shape: LayerShape = layer.shape
        yield Road(shape, own, detector.maker.lookup.share_of(key(shape, "neurons"), rows))
