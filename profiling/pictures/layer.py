"""What one layer shows of an image: how similar the path is to the class's, beside the band of clean images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import expm1, inf
from typing import Any

from pathprint.profiling.arrays import Floats
from pathprint.profiling.detection.detector import Detector, Verdict
from pathprint.profiling.detection.evidence import LayerEvidence, Usual
from pathprint.profiling.pictures.band import OUTER, Band
from pathprint.profiling.pictures.road import Channel, Known, Road, channels_to_list


@dataclass(frozen=True, slots=True)
class Numbers:
    """The features of one image, and what they usually are.

    Attributes:
        values: of the features, ``(f,)``.
        columns: the column of each feature, by its name.
        evidence: of each layer that the detector looks at, by its name.
    """

    values: Floats
    columns: Mapping[str, int]
    usual: Usual
    predicted: int
    evidence: Mapping[str, LayerEvidence]

    @staticmethod
    def of(detector: Detector, verdict: Verdict, values: Floats) -> Numbers:
        """Return the features of an image on which there is a verdict."""
        columns = {feature.name: column for column, feature in enumerate(detector.features)}
        evidence = {layer.layer: layer for layer in verdict.layers}
        return Numbers(values, columns, detector.usual, verdict.predicted, evidence)

    def value(self, name: str) -> float:
        """Return a feature of the image."""
        return float(self.values[self.columns[name]])

    def band(self, name: str, least: float = 0.0, most: float = 1.0) -> Band:
        """Return what a feature usually is."""
        return Band.of(self.usual, self.predicted, self.columns[name], least, most)


@dataclass(frozen=True, slots=True)
class Similarity:
    """How similar the path is to the path of a class.

    Attributes:
        value: which share of the class's profiled images use a neuron of the path, on average over the path, in [0, 1].
        band: of clean images that are predicted as the class that this image is predicted as.
    """

    value: float
    band: Band

    @property
    def deviations(self) -> float:
        """How many standard deviations the path is more similar than those of clean images are on average."""
        return self.band.deviations(self.value)

    def to_dict(self) -> dict[str, Any]:
        """Return the similarity as JSON-able data."""
        return {"value": self.value, "deviations": self.deviations, "band": self.band.to_dict()}


@dataclass(frozen=True, slots=True)
class LayerPicture:
    """One layer.

    Attributes:
        name, kind: its name, and what it is, in words.
        contribution: how far the layer moves the score from the usual score.
        text: what the layer says about the image, as a sentence.
        similarity, similarity_runner_up: to the path of the predicted class, and of the runner-up.
        size, units: number of the layer's units, and of those on the path.
        usual_units: band of the number of units on the paths of clean images.
        known: which of the two classes know the units of the path.
        usually_known: band of the share of the path that the predicted class knows: the paper's measure, containment.
        channels: the channels with most units on the path, or usually with most.
    """

    name: str
    kind: str
    contribution: float
    text: str
    similarity: Similarity
    similarity_runner_up: Similarity
    size: int
    units: int
    usual_units: tuple[float, float, float]
    known: Known
    usually_known: Band
    channels: tuple[Channel, ...]

    @property
    def stands_out(self) -> bool:
        """Whether the path leaves the road here: its similarity lies below that of about 95 % of clean images."""
        return self.similarity.deviations < -OUTER

    def to_dict(self) -> dict[str, Any]:
        """Return the layer as JSON-able data."""
        low, usual, high = self.usual_units
        return {
            "name": self.name,
            "kind": self.kind,
            "contribution": self.contribution,
            "text": self.text,
            "similarity": self.similarity.to_dict(),
            "similarity_runner_up": self.similarity_runner_up.to_dict(),
            "stands_out": self.stands_out,
            "path": {
                "units": self.units,
                "size": self.size,
                "density": self.units / self.size,
                "usual_density": {"low": low / self.size, "usual": usual / self.size, "high": high / self.size},
            },
            "known": self.known.to_dict() | {"usual": self.usually_known.to_dict()},
            "channels": channels_to_list(self.channels),
        }


def layer_picture(road: Road, numbers: Numbers) -> LayerPicture:
    """Return what a layer shows of the image whose path and features are given."""
    name, evidence = road.shape.name, numbers.evidence[road.shape.name]
    size = road.shape.size("neurons")

    def similarity(rank: int) -> Similarity:
        feature = f"mean_frequency/{name}/neurons/{rank}"
        return Similarity(numbers.value(feature), numbers.band(feature))

    sizes = numbers.band(f"path_size/{name}/neurons", 0.0, inf)
    low, usual, high = (min(size, expm1(value)) for value in (sizes.low, sizes.usual, sizes.high))
    return LayerPicture(
        name,
        road.shape.kind,
        evidence.contribution,
        evidence.text,
        similarity(1),
        similarity(2),
        size,
        len(road.path),
        (low, usual, high),
        road.known,
        numbers.band(f"containment/{name}/neurons/1"),
        road.channels,
    )
