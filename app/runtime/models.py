"""The bundles that the service has loaded."""

from __future__ import annotations

from dataclasses import dataclass

from pathprint.app.problems.kinds import ProblemError
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

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the models, each once."""
        return (self._loaded.name,)

    def versions(self, name: str) -> tuple[Loaded, ...]:
        """Return the versions of a model, the current one first; none if there is no model of that name."""
        return (self._loaded,) if name == self._loaded.name else ()

    def get(self, name: str | None = None, version: str | None = None) -> Loaded:
        """Return a loaded bundle: the first one if no ``name`` is given, its current version if no ``version`` is.

        Raises:
            ProblemError: there is no model or version of that name.
        """
        versions = self.versions(self._loaded.name if name is None else name)
        if not versions:
            raise ProblemError("model_not_found", f"The models are {', '.join(self.names)}.")
        for one in versions:
            if version is None or one.version == version:
                return one
        listed = ", ".join(one.version for one in versions)
        raise ProblemError("version_not_found", f"The versions of this model are {listed}.")
