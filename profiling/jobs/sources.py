"""Network and images as workers find them: this process has them opened, others open them again by their place."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from pathprint.models.network import Network
from pathprint.models.storage import load_network, save_network
from pathprint.profiling.data.datasets import Dataset, open_dataset
from pathprint.profiling.errors import JobError


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
    """

    spec: str
    opened: Dataset | None = field(default=None, repr=False)

    def open(self) -> Dataset:
        """Return the images.

        Raises:
            DataError: they cannot be found or read.
        """
        return open_dataset(self.spec) if self.opened is None else self.opened

    def with_opened(self, dataset: Dataset) -> ImageSource:
        """Return the source of images that this process has opened, whatever has been done to their labels since."""
        return replace(self, opened=dataset)

    def __reduce__(self) -> tuple[type[ImageSource], tuple[str]]:
        if not self.spec:
            raise JobError("images that are in memory only cannot be sent to workers; use one process, or a file.")
        return ImageSource, (self.spec,)
