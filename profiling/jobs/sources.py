"""Network, detector and images as workers find them: this process has them opened, others open them by their place."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from pathprint.models.network import Network
from pathprint.models.storage import load_network, save_network
from pathprint.profiling.data.datasets import Dataset, open_dataset
from pathprint.profiling.data.pictures import Pictures, open_pictures
from pathprint.profiling.detection.bundle import load_bundle
from pathprint.profiling.detection.detector import Detector
from pathprint.profiling.errors import DataError, JobError


@dataclass(frozen=True, eq=False)
class NetworkSource:
    """A network that a job uses.

    Attributes:
        folder: where it is stored; None if it is in memory only, so that no other process finds it.
        opened: the network in this process; it is not sent to others.
    """

    folder: Path | None
    opened: Network | None = field(default=None, repr=False)

    @staticmethod
    def stored(network: Network, folder: Path | None) -> NetworkSource:
        """Store the network in ``folder``, if there is one and it is not stored there yet."""
        if folder is not None and not folder.exists():
            save_network(network, folder)
        return NetworkSource(None if folder is None else folder.absolute(), network)

    def open(self) -> Network:
        """Return the network.

        Raises:
            NetworkFileError: it cannot be read.
        """
        if self.opened is not None:
            return self.opened
        assert self.folder is not None
        return load_network(self.folder)

    def __reduce__(self) -> tuple[type[NetworkSource], tuple[Path | None]]:
        if self.folder is None:
            raise JobError("a network that is in memory only cannot be sent to workers; use one process.")
        return NetworkSource, (self.folder,)


@dataclass(frozen=True, eq=False)
class ImageSource:
    """The images that a job uses.

    Attributes:
        spec: what names them, as in ``open_dataset``; empty if they are in memory only.
        opened: the images in this process; they are not sent to others.
        labelled: whether their labels are needed; without them, images of any layout are taken.
    """

    spec: str
    opened: Dataset | None = field(default=None, repr=False)
    labelled: bool = True

    @staticmethod
    def of(data: Dataset | str | Path, labelled: bool) -> ImageSource:
        """Open the images in this process.

        Raises:
            DataError: they cannot be found or read.
        """
        if isinstance(data, Dataset):
            return ImageSource("", data, labelled)
        source = ImageSource(str(data), None, labelled)
        return replace(source, opened=source.open())

    def open(self) -> Dataset:
        """Return the images.

        Raises:
            DataError: they cannot be found or read.
        """
        if self.opened is not None:
            return self.opened
        return open_dataset(self.spec) if self.labelled else _of_any_layout(self.spec)

    def __reduce__(self) -> tuple[type[ImageSource], tuple[str, None, bool]]:
        if not self.spec:
            raise JobError("images that are in memory only cannot be sent to workers; use one process, or a file.")
        return ImageSource, (self.spec, None, self.labelled)


def _of_any_layout(spec: str) -> Dataset:
    """Return a data set whose labels mean nothing, unless all images lie in class folders.

    Parts for testing are kept apart where there are class folders.
    """
    pictures = open_pictures(spec)
    with suppress(DataError):
        dataset = open_dataset(spec)
        if len(dataset) == len(pictures):
            return dataset
    labels = np.zeros(len(pictures), dtype=np.int64)
    return Dataset(pictures.name, labels, ("",), None, pictures.content, pictures.image, pictures.names)


@dataclass(frozen=True, eq=False)
class PictureSource:
    """Images without labels that a job uses.

    Attributes:
        spec: what names them, as in ``open_pictures``; empty if they are in memory only.
        names: SHA-256 of the names of all images, in their order.
        opened: the images in this process; they are not sent to others.
    """

    spec: str
    names: str
    opened: Pictures | None = field(default=None, repr=False)

    @staticmethod
    def of(data: Pictures | str | Path) -> PictureSource:
        """Open the images in this process.

        Raises:
            DataError: they cannot be found or read.
        """
        pictures = data if isinstance(data, Pictures) else open_pictures(str(data))
        return PictureSource("" if isinstance(data, Pictures) else str(data), _digest(pictures.names), pictures)

    def open(self) -> Pictures:
        """Return the images.

        Raises:
            DataError: they cannot be found or read.
            JobError: there are others than when the job was begun.
        """
        if self.opened is not None:
            return self.opened
        pictures = open_pictures(self.spec)
        if _digest(pictures.names) != self.names:
            raise JobError(
                f"{self.spec} was changed while its images were worked on: images have come, gone, or were renamed. "
                "Begin anew with --restart when it stays as it is."
            )
        return pictures

    def __reduce__(self) -> tuple[type[PictureSource], tuple[str, str]]:
        if not self.spec:
            raise JobError("images that are in memory only cannot be sent to workers; use one process, or a file.")
        return PictureSource, (self.spec, self.names)


@dataclass(frozen=True, eq=False)
class DetectorSource:
    """The detector of a bundle that a job uses.

    Attributes:
        folder: where the bundle is stored.
        sha256: the bundle's checksum.
        opened: the detector in this process; it is not sent to others.
    """

    folder: Path
    sha256: str
    opened: Detector | None = field(default=None, repr=False)

    def open(self) -> Detector:
        """Return the detector.

        Raises:
            BundleError: it cannot be read.
            JobError: another bundle has taken its place since the job was begun.
        """
        if self.opened is not None:
            return self.opened
        bundle = load_bundle(self.folder)
        if bundle.sha256 != self.sha256:
            raise JobError(
                f"{self.folder} was replaced by another bundle while images were judged; begin anew with --restart."
            )
        return bundle.detector

    def __reduce__(self) -> tuple[type[DetectorSource], tuple[Path, str]]:
        return DetectorSource, (self.folder, self.sha256)


def _digest(names: Iterable[str]) -> str:
    found = hashlib.sha256()
    for name in names:
        found.update(f"{name}\0".encode("utf-8", "backslashreplace"))
    return found.hexdigest()
