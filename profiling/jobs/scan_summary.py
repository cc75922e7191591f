"""What a scan found in all: numbers of verdicts, the most suspicious images, and the share of each class."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from pathprint.profiling.jobs.scanned_image import ScannedImage

_MOST_SUSPICIOUS = 10


@dataclass(frozen=True, slots=True)
class OfClass:
    """The images that the network answers with one class."""

    label: str
    images: int
    adversarial: int
    uncertain: int

    @property
    def share(self) -> float:
        """Share of adversarial ones among them."""
        return self.adversarial / self.images


@dataclass(frozen=True, slots=True)
class Summary:
    """What a scan found.

    Attributes:
        images: number of all images.
        benign, adversarial, uncertain: numbers of verdicts.
        bad: number of images without a verdict.
        expected_share: largest share of clean images that the detector was set to flag.
        most_suspicious: the images of the highest scores, highest first; the earlier one of equal scores first.
        classes: one for each class that the network answered with, by its number.
    """

    images: int
    benign: int
    adversarial: int
    uncertain: int
    bad: int
    expected_share: float
    most_suspicious: tuple[ScannedImage, ...]
    classes: dict[int, OfClass]

    @property
    def judged(self) -> int:
        """Number of images with a verdict."""
        return self.images - self.bad

    @property
    def adversarial_share(self) -> float:
        """Share of adversarial images among those with a verdict; 0 if there are none."""
        return self.adversarial / max(self.judged, 1)

    def to_dict(self) -> dict[str, Any]:
        """Return the summary as JSON-able data."""
        shown = ("name", "label", "confidence", "verdict", "score", "p_value")
        suspicious = [{name: line.to_dict()[name] for name in shown} for line in self.most_suspicious]
        classes = {str(number): {**asdict(own), "share": own.share} for number, own in self.classes.items()}
        counts = {name: getattr(self, name) for name in ("images", "benign", "adversarial", "uncertain", "bad")}
        shares = {"adversarial_share": self.adversarial_share, "expected_share": self.expected_share}
        return {**counts, **shares, "most_suspicious": suspicious, "classes": classes}


@dataclass
class Tally:
    """Counts lines as they come; it holds no more than the most suspicious ones."""

    verdicts: Counter[str] = field(default_factory=Counter)
    classes: Counter[tuple[int, str, str]] = field(default_factory=Counter)
    highest: list[tuple[float, int, ScannedImage]] = field(default_factory=list)
    seen: int = 0

    def add(self, lines: Sequence[ScannedImage]) -> None:
        """Count lines."""
        for line in lines:
            self.seen += 1
            if line.score is None or line.predicted is None:
                continue
            verdict = str(line.verdict)
            self.verdicts[verdict] += 1
            self.classes[line.predicted, str(line.label), verdict] += 1
            heapq.heappush(self.highest, (line.score, -self.seen, line))
            if len(self.highest) > _MOST_SUSPICIOUS:
                heapq.heappop(self.highest)

    def summary(self, expected_share: float) -> Summary:
        """Return what all lines together say."""
        counts = {name: self.verdicts[name] for name in ("benign", "adversarial", "uncertain")}
        return Summary(
            images=self.seen,
            **counts,
            bad=self.seen - self.verdicts.total(),
            expected_share=expected_share,
            most_suspicious=tuple(line for _, _, line in sorted(self.highest, reverse=True)),
            classes=self._classes(),
        )

    def _classes(self) -> dict[int, OfClass]:
        labels = {number: label for number, label, _ in sorted(self.classes)}
        found = {}
        for number, label in labels.items():
            own = {verdict: self.classes[number, label, verdict] for verdict in ("benign", "adversarial", "uncertain")}
            found[number] = OfClass(label, sum(own.values()), own["adversarial"], own["uncertain"])
        return found
