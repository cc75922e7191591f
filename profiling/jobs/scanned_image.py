"""What a scan finds out about one image: a line of its report. Nothing heavy is imported here."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathprint.profiling.detection.detector import Verdict


@dataclass(frozen=True, slots=True)
class ScannedImage:
    """The verdict on an image, or why there is none.

    Without a verdict only ``name``, ``sha256`` and ``error`` are set.

    Attributes:
        name: of the image in its data: the path below the folder or in the archive, or array and row.
        sha256: of the bytes that hold the image: of its file, or of the pixels in its array. None if these cannot be
            read.
        key: what the image is known by, whatever file holds it: the first 8 bytes of the SHA-256 of its decoded
            pixels, in hexadecimal digits. Bundles know the images that they were made of by these keys.
        predicted, label: number and name of the class that the network answers with.
        confidence: softmax of this class, in [0, 1].
        verdict: ``benign``, ``adversarial`` or ``uncertain``.
        flagged: whether the score is above the threshold, even if the verdict is ``uncertain``.
        test: the test that gave the score: ``fitted_on_attacks`` or ``fitted_on_clean_images``.
        p_value: estimated share of clean images with a score at least this high, in (0, 1].
        reasons: what the layers say that move the score most, as sentences.
        stage: the stage in which the image ended, from 1; only the last can find it adversarial.
        inferences: what the verdict cost, counted in inferences of the network.
        note: why the verdict is uncertain; empty if it is not.
        error: why there is no verdict; None if there is one.
    """

    name: str
    sha256: str | None
    key: str | None = None
    predicted: int | None = None
    label: str | None = None
    confidence: float | None = None
    verdict: str | None = None
    flagged: bool | None = None
    test: str | None = None
    score: float | None = None
    threshold: float | None = None
    p_value: float | None = None
    stage: int | None = None
    inferences: int | None = None
    reasons: tuple[str, ...] = ()
    note: str | None = None
    error: str | None = None

    @staticmethod
    def judged(name: str, sha256: str, key: str, verdict: Verdict) -> ScannedImage:
        """Return the line of an image that has a verdict."""
        return ScannedImage(
            name=name,
            sha256=sha256,
            key=key,
            predicted=verdict.predicted,
            label=verdict.label,
            confidence=verdict.confidence,
            verdict=verdict.decision,
            flagged=verdict.flagged,
            test=verdict.test,
            score=verdict.score,
            threshold=verdict.threshold,
            p_value=verdict.p_value,
            stage=verdict.stage,
            inferences=verdict.inferences,
            reasons=verdict.reasons,
            note=verdict.note,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the line as JSON-able data, in the order of the columns."""
        return {**{name: getattr(self, name) for name in COLUMNS}, "reasons": list(self.reasons)}

    @staticmethod
    def from_dict(data: dict[str, Any]) -> ScannedImage:
        """Return the line stored by ``to_dict``."""
        return ScannedImage(**{**data, "reasons": tuple(data["reasons"])})


COLUMNS = tuple(field.name for field in fields(ScannedImage))
"""What a line consists of, in the order in which reports have it."""
