"""What the detector says of each single image of an evaluation, as a table: who was found, and who was not."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
from torch import Tensor

from pathprint.profiling.arrays import Indices
from pathprint.profiling.attacks.attack import Attack
from pathprint.profiling.attacks.registry import taught, teaching
from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.detection.detector import Detector
from pathprint.profiling.detection.together import AT_ONCE, examine_together
from pathprint.profiling.evaluation.trial import Trial
from pathprint.profiling.progress import meter
from pathprint.profiling.writing.table import table

Kind = Literal["clean", "misclassified", "benign change", "attack"]


@dataclass(frozen=True, slots=True)
class JudgedImage:
    """A line of the table: one image of the evaluation.

    Attributes:
        name: of the image in its data that was changed or attacked, or left as it is.
        sha256: of the bytes that hold that image.
        key: what that image is known by, whatever file holds it: a hash of its decoded pixels.
        kind: ``clean`` images are answered rightly, ``misclassified`` ones wrongly although nobody changed them.
        change: the benign change; empty for all other kinds.
        attack, family, technique: the attack, its family and its number in MITRE ATLAS; empty for all other kinds.
        teaching: how the attack is related to those that the bundle was fitted on: ``taught``, ``related`` if only
            others of its family are among them, or ``untaught``; empty for all other kinds.
        true_class, true_label: number and name of the right class; empty if the image was made from nothing.
        predicted, label: number and name of the class that the network answers with.
        succeeded: whether the attack made the network answer wrongly; empty for all other kinds.
        test, score, threshold, p_value, stage, inferences, verdict, flagged, note: as in the verdict on the image.
    """

    name: str
    sha256: str
    key: str
    kind: Kind
    change: str | None
    attack: str | None
    family: str | None
    technique: str | None
    teaching: str | None
    true_class: int | None
    true_label: str | None
    predicted: int
    label: str
    succeeded: bool | None
    test: str
    score: float
    threshold: float
    p_value: float
    stage: int
    inferences: int
    verdict: str
    flagged: bool
    note: str


_NUMBERS = ("true_class", "predicted", "stage", "inferences")
_TYPES: dict[str, type] = dict.fromkeys(_NUMBERS, int) | dict.fromkeys(("succeeded", "flagged"), bool)
_TYPES |= dict.fromkeys(("score", "threshold", "p_value"), float)
COLUMNS: dict[str, type] = {field.name: _TYPES.get(field.name, str) for field in fields(JudgedImage)}
"""What a line consists of, in this order."""


@dataclass(frozen=True, slots=True)
class _Part:
    """Images of one kind: their pixels ``n c h w``, and the positions of their sources, ``(n,)``."""

    kind: Kind
    pixels: Tensor
    sources: Indices
    change: str | None = None
    attack: Attack | None = None
    success: Tensor | None = None


def write_scores(path: Path, detector: Detector, dataset: Dataset, trial: Trial) -> None:
    """Write a line for each image of a trial: clean and misclassified ones, benign changes, and attacks.

    Raises:
        OutputError: the table cannot be written, as when the disk is full.
    """
    seen = taught(detector.network, detector.fitting.names)
    parts = list(_parts(trial))
    with table(path, COLUMNS) as add, meter("judging images one by one", sum(len(p.pixels) for p in parts)) as shown:
        for part in parts:
            for start in range(0, len(part.pixels), AT_ONCE):
                lines = list(_lines(detector, dataset, seen, part, start))
                add(lines)
                shown.advance(len(lines))


def _parts(trial: Trial) -> Iterator[_Part]:
    clean = trial.clean
    yield _Part("clean", clean.pixels, clean.indices)
    yield _Part("misclassified", clean.misclassified, clean.misclassified_indices)
    for control in trial.controls:
        yield _Part("benign change", trial.controlled[control.name].pixels, clean.indices, change=control.name)
    for attack in trial.attacks:
        made = trial.crafted[attack.name]
        yield _Part("attack", made.pixels, clean.indices, attack=attack, success=made.success)


def _lines(
    detector: Detector, dataset: Dataset, seen: Sequence[Attack], part: _Part, start: int
) -> Iterator[dict[str, Any]]:
    """Yield the lines of the images of a part from ``start`` on that are judged together."""
    images, attack = slice(start, start + AT_ONCE), part.attack
    verdicts = examine_together(detector, list(part.pixels[images]))
    successes = [None] * len(verdicts) if part.success is None else part.success[images].tolist()
    labels = detector.network.labels
    for position, verdict, success in zip(part.sources[images].tolist(), verdicts, successes, strict=True):
        right = int(dataset.labels[position]) if attack is None or attack.on_image else None
        line = JudgedImage(
            name=dataset.names[position],
            sha256=hashlib.sha256(dataset.content(position)).hexdigest(),
            key=np.asarray(dataset.keys[position], dtype="<u8").tobytes().hex(),
            kind=part.kind,
            change=part.change,
            attack=None if attack is None else attack.name,
            family=None if attack is None else attack.family,
            technique=None if attack is None else attack.technique.uid,
            teaching=None if attack is None else teaching(attack, seen),
            true_class=right,
            true_label=None if right is None else labels[right],
            predicted=verdict.predicted,
            label=verdict.label,
            succeeded=success,
            test=verdict.test,
            score=verdict.score,
            threshold=verdict.threshold,
            p_value=verdict.p_value,
            stage=verdict.stage,
            inferences=verdict.inferences,
            verdict=verdict.decision,
            flagged=verdict.flagged,
            note=verdict.note,
        )
        yield {name: getattr(line, name) for name in COLUMNS}
