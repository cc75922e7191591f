"""The bundles that the service has loaded, as values that never change."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pathprint.app.problems.kinds import ProblemError
from pathprint.app.runtime.beside import NOTHING, Beside
from pathprint.profiling.detection.bundle import Bundle
from pathprint.profiling.detection.detector import Detector
from pathprint.profiling.errors import BundleError


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Loaded:
    """A loaded bundle under the name and version that clients ask for it by; immutable.

    Attributes:
        name: by default that of the network.
        version: by default the first twelve digits of the bundle's SHA-256.
        beside: what lies beside the bundle for people who look at it.
    """

    name: str
    version: str
    bundle: Bundle
    beside: Beside = NOTHING

    @staticmethod
    def of(bundle: Bundle, name: str | None = None, version: str | None = None, beside: Beside = NOTHING) -> Loaded:
        """Return ``bundle`` under a name and version, by default its own."""
        own = name_in_addresses(bundle.detector.network.name), bundle.sha256[:12]
        return Loaded(name or own[0], version or own[1], bundle, beside)

    @property
    def detector(self) -> Detector:
        return self.bundle.detector

    @property
    def key(self) -> tuple[str, str]:
        """Name and version, which no other loaded bundle has."""
        return self.name, self.version

    @property
    def identity(self) -> dict[str, str]:
        """Name, version and checksum, for logs and admins."""
        return {"name": self.name, "version": self.version, "bundle_sha256": self.bundle.sha256}

    @property
    def facts(self) -> dict[str, str]:
        """What identifies the bundle, for answers and logs."""
        network = self.detector.network
        return {"name": self.name, "fingerprint": network.fingerprint, "bundle_sha256": self.bundle.sha256}


def name_in_addresses(network: str) -> str:
    """Return a network's name as it can stand in an address: ``torchvision:resnet18`` is ``torchvision-resnet18``."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", network).strip("-._")[:64] or "network"


@dataclass(frozen=True, slots=True, eq=False)
class Models:
    """The loaded bundles by name and version, at one moment. A reload makes new ``Models`` and never changes these.

    A request takes one ``Loaded`` of them, once, so that its whole answer is of one version.

    Attributes:
        loaded: of one name, the current version comes first.
        default: the model that requests mean that name no model; None if they have to name one.
    """

    loaded: tuple[Loaded, ...]
    default: str | None

    @staticmethod
    def of(loaded: Sequence[Loaded], default: str | None = None) -> Models:
        """Return the models of these bundles.

        Raises:
            BundleError: two bundles have one name and version, or there is no model called ``default``.
        """
        for (name, version), count in Counter(one.key for one in loaded).items():
            if count > 1:
                raise BundleError(f"version {version} of the model {name} is there {count} times; give each one once.")
        names = dict.fromkeys(one.name for one in loaded)
        if default is not None and default not in names:
            raise BundleError(f"there is no model {default!r} to be the default; there are: {', '.join(names)}.")
        return Models(tuple(loaded), default or (next(iter(names)) if len(names) == 1 else None))

    def __iter__(self) -> Iterator[Loaded]:
        return iter(self.loaded)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the models, each once."""
        return tuple(dict.fromkeys(one.name for one in self.loaded))

    def versions(self, name: str) -> tuple[Loaded, ...]:
        """Return the versions of a model, the current one first; none if there is no model of that name."""
        return tuple(one for one in self.loaded if one.name == name)

    def get(self, name: str | None = None, version: str | None = None) -> Loaded:
        """Return a loaded bundle: of the default model without a ``name``, the current version without a ``version``.

        Raises:
            ProblemError: there is no model or version of that name, or no default.
        """
        chosen = name if name is not None else self.default
        if chosen is None:
            raise ProblemError("model_required", f"There are several models; name one of {', '.join(self.names)}.")
        versions = self.versions(chosen)
        if not versions:
            # What the client wrote is left out: whoever made the address could put any text before its reader.
            raise ProblemError("model_not_found", f"The models are {', '.join(self.names)}.")
        for one in versions:
            if version is None or one.version == version:
                return one
        listed = ", ".join(one.version for one in versions)
        raise ProblemError("version_not_found", f"The versions of the model {chosen} are {listed}.")
