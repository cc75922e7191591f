"""The images of a job, opened once here and again by each worker, and labelled by their folders or by the network."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pathprint.profiling.data.datasets import Dataset, matched_data
from pathprint.profiling.data.places import DIGITS
from pathprint.profiling.jobs.job import Begun
from pathprint.profiling.jobs.listing import listing
from pathprint.profiling.jobs.looking import Looking, Usable, look
from pathprint.profiling.jobs.sources import ImageSource, NetworkSource


@dataclass(frozen=True)
class JobImages:
    """The images of a job.

    Attributes:
        dataset: opened in this process; its labels are the network's class numbers, unless they are ``predicted``.
        source: where workers find the images.
        predicted: whether the network's answers are to be the labels.
    """

    dataset: Dataset
    source: ImageSource
    predicted: bool

    @property
    def in_memory(self) -> bool:
        """Whether the images lie decoded in memory."""
        return self.source.spec in ("", DIGITS) or self.source.spec.endswith(".npz")

    def facts(self) -> dict[str, Any]:
        """Return what identifies the images before any of them has been read, as JSON-able data."""
        labels = hashlib.sha256(self.dataset.labels.tobytes()).hexdigest()
        listed = listing(self.source.spec, self.dataset.names)
        told = {"data": self.dataset.name, "images": len(self.dataset), "predicted": self.predicted}
        return told | {"labels": labels, "files": listed}

    def looked_at(self, job: Begun, network: NetworkSource, max_bad_fraction: float) -> Usable:
        """Decode every image once; return those that can be used.

        Raises:
            DataError: the share of bad images is above ``max_bad_fraction``.
        """
        looking = Looking(self.source, network if self.predicted else None)
        looked = look(job.run, job.engine, looking, len(self.dataset))
        usable = looked.usable(self.dataset, max_bad_fraction)
        if looked.answers is None:
            return usable
        labels = network.open().labels
        answered = replace(usable.dataset, labels=looked.answers[usable.origins], classes=labels, matched=True)
        return replace(usable, dataset=answered)


def job_images(
    labels: Sequence[str], data: Dataset | str | Path, class_map: Mapping[str, int] | None, predicted: bool
) -> JobImages:
    """Open the images of a job.

    Args:
        labels: of the network.

    Raises:
        DataError: there are none, or, unless labels are to be ``predicted``, a class of them is none of the network's.
    """
    source = ImageSource.of(data, labelled=not predicted)
    opened = source.open()
    return JobImages(opened if predicted else matched_data(opened, labels, class_map), source, predicted)
