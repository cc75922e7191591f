"""The bundles that the service has loaded."""

from __future__ import annotations

from dataclasses import dataclass

from pathprint.profiling.detection.bundle import Bundle
from pathprint.profiling.detection.detector import Detector


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """A loaded bundle under the name and version that clients ask for it by; immutable.

    Attributes:
        name: by default that of the network.
        version: by default the first twelve digits of the bundle's SHA-256.
    """

    name: str
    version: str
    bundle: Bundle

    @staticmethod
    def of(bundle: Bundle) -> Loaded:
        """Return ``bundle`` under its default name and version."""
        return Loaded(bundle.detector.network.name, bundle.sha256[:12], bundle)

    @property
    def detector(self) -> Detector:
        return self.bundle.detector

    @property
    def facts(self) -> dict[str, str]:
        """What identifies the bundle, for answers and logs."""
        network = self.detector.network
        return {"name": self.name, "fingerprint": network.fingerprint, "bundle_sha256": self.bundle.sha256}


class Models:
    """The loaded bundles by name and version. A request asks once, so that its whole answer is of one version."""

    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded

    def get(self, name: str | None = None, version: str | None = None) -> Loaded:
        """Return a loaded bundle: the first one if no ``name`` is given, its current version if no ``version`` is."""
        return self._loaded
