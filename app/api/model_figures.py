"""What people want to see of a bundle: what it was made of, its calibration, its layers, how alike its classes are."""

from __future__ import annotations

from threading import Lock
from typing import Annotated
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import numpy as np
from pydantic import Field

from pathprint.app.api.answers import model
from pathprint.app.api.schemas import AnsweringModel, Share
from pathprint.app.runtime.models import Loaded
from pathprint.app.schema import Schema
from pathprint.models.graph import INPUT, Graph
from pathprint.models.operations import SIZES
from pathprint.profiling.signatures.class_rows import Rows, evenly, similarities

_SCORES = 1001
_CLASSES = 40
Count = Annotated[int, Field(ge=0)]


class TaughtAttack(Schema):
    """An attack that the detector was fitted on."""

    name: str
    images: Count = Field(description="Number of attacked images that the network answers wrongly.")


class Provenance(Schema):
    """What a bundle was made of."""

    data: str = Field(description="The last part of the data set's name; empty where it is not known.")
    images: dict[str, Count] = Field(description="Number of images that were used in each role.")
    attacks: list[TaughtAttack]
    classifier: str = Field(description="The kind of the score that was fitted.")
    features: Count = Field(description="Number of features that the score is computed from.")
    policy: dict[str, str | float | int | bool | None] = Field(description="How paths are extracted.")
    seed: int = Field(description="Of the attacks.")
    recalibrated: Count = Field(description="How often the threshold was set anew.")


class CalibrationCurve(Schema):
    """The scores of clean calibration images; the threshold is one of them."""

    scores: list[float] = Field(description="In ascending order, from the least to the most; of many, 1001 evenly.")
    images: Count = Field(description="Number of calibration images.")
    threshold: float
    uncertain: tuple[float, float] = Field(description="Between these scores the verdict is uncertain.")
    target_fpr: Share


class NetworkLayer(Schema):
    """A weighted layer, which a path passes."""

    name: str
    text: str = Field(description="What it is, in words.")
    units: list[int] = Field(description="Shape of its output.")
    weights: list[int] = Field(description="Shape of its weights.")
    follows: list[str] = Field(description="The weighted layers whose outputs it reads, directly or by other layers.")


class ExamplePair(Schema):
    """A clean and an attacked image to try the model on."""

    label: str = Field(description="The right class of the clean image.")
    attack: str = Field(description="The attack that made the other one.")


class ModelFigures(Schema):
    """What is known of a version of a model."""

    model: AnsweringModel
    provenance: Provenance
    calibration: CalibrationCurve
    layers: list[NetworkLayer] = Field(description="In the order in which they are computed.")
    output_follows: list[str] = Field(description="The weighted layers whose outputs the class scores are made of.")
    has_report: bool = Field(description="Whether the report on this bundle lies beside it.")
    examples: list[ExamplePair] = Field(description="The examples that lie beside the bundle, if there are any.")


class LayerDensity(Schema):
    """How large a share of a layer is in the path of an image, on average over profiled images."""

    layer: str
    kind: str = Field(description="What is counted: `neurons` or `weights`.")
    share: Share


class ClassSimilarity(Schema):
    """How alike the signatures of classes are."""

    model: AnsweringModel
    classes: Count = Field(description="Number of classes with a signature.")
    labels: list[str] = Field(description="The classes that are compared; of many, 40 are taken evenly.")
    similarity: list[list[Share]] = Field(description="Of every two classes: 1 for equal signatures.")
    estimated: bool = Field(description="Whether classes are compared on a random part of the network's units.")
    density: list[LayerDensity]


def figures_of(loaded: Loaded) -> ModelFigures:
    """Return what is known of a loaded bundle."""
    detector, examples = loaded.detector, loaded.beside.examples
    follows = followed(detector.network.graph)
    return ModelFigures(
        model=model(loaded),
        provenance=_provenance(loaded),
        calibration=_calibration(loaded),
        layers=[
            NetworkLayer(
                name=layer.name,
                text=layer.kind,
                units=list(layer.neurons),
                weights=list(layer.weights),
                follows=follows.get(layer.name, []),
            )
            for layer in detector.extractor.layout.layers
        ],
        output_follows=follows[""],
        has_report=loaded.beside.report is not None,
        examples=[
            ExamplePair(label=label, attack=attack)
            for label, attack in (zip(examples.labels, examples.attacks, strict=True) if examples else ())
        ],
    )


def _provenance(loaded: Loaded) -> Provenance:
    bundle, detector = loaded.bundle, loaded.detector
    return Provenance(
        data=last_part(bundle.made_of.data),
        images={role: len(keys) for role, keys in sorted(bundle.used.items())},
        attacks=[TaughtAttack(name=one.name, images=one.successes) for one in detector.fitting.attacks],
        classifier=detector.score.kind,
        features=len(detector.features),
        policy={name: value for name, value in detector.extractor.policy.to_dict().items() if not _is_nested(value)},
        seed=detector.fitting.seed,
        recalibrated=len(bundle.made_of.recalibrated),
    )


def _is_nested(value: object) -> bool:
    return isinstance(value, (dict, list, tuple))


def last_part(data: str) -> str:
    """Return the last part of a data set's name, without what a URL may carry: where it lies is nothing for clients."""
    path = urlsplit(data).path if "://" in data else data
    return path.rstrip("/").rpartition("/")[2]


def _calibration(loaded: Loaded) -> CalibrationCurve:
    scores, calibration = loaded.detector.clean_scores, loaded.detector.calibration
    chosen = np.unique(np.linspace(0, len(scores) - 1, min(len(scores), _SCORES)).round().astype(int))
    return CalibrationCurve(
        scores=scores[chosen].round(6).tolist(),
        images=calibration.images,
        threshold=calibration.threshold,
        uncertain=calibration.uncertain,
        target_fpr=calibration.target,
    )


def followed(graph: Graph) -> dict[str, list[str]]:
    """Return by weighted layer which weighted layers it reads, or ``input``; those of the logits by ``""``."""
    weighted = {node.name: node.layer for node in graph.weighted}
    found: dict[str, list[str]] = {}
    behind: dict[str, tuple[str, ...]] = {INPUT: (INPUT,)}
    for node in graph.nodes:
        sources = tuple(dict.fromkeys(layer for name in node.reads for layer in behind.get(name, ())))
        if node.name in weighted:
            found[weighted[node.name]] = list(sources)
        carried = () if node.operation in SIZES else sources
        behind[node.name] = (weighted[node.name],) if node.name in weighted else carried
    return {**found, "": list(behind[graph.output])}


_lock = Lock()
_known: WeakKeyDictionary[Loaded, ClassSimilarity] = WeakKeyDictionary()


def similarity_of(loaded: Loaded) -> ClassSimilarity:
    """Return how alike the classes of a bundle are. It reads many signatures, so it is computed once."""
    with _lock:
        if loaded not in _known:
            _known[loaded] = _compared(loaded)
        return _known[loaded]


def _compared(loaded: Loaded) -> ClassSimilarity:
    signatures, labels = loaded.detector.signatures, loaded.detector.network.labels
    rows = Rows(signatures)
    chosen = evenly(len(signatures.classes), _CLASSES)
    read = [rows.read(row) for row in chosen]
    density = np.mean([row.density for row in read], axis=0).clip(0, 1).tolist()
    return ClassSimilarity(
        model=model(loaded),
        classes=len(signatures.classes),
        labels=[labels[int(signatures.classes[row])] for row in chosen],
        similarity=similarities(read).clip(0, 1).round(4).tolist(),
        estimated=rows.is_sampled,
        density=[
            LayerDensity(layer=name.rpartition("/")[0], kind=name.rpartition("/")[2], share=share)
            for name, share in zip(rows.columns, density, strict=True)
        ],
    )
