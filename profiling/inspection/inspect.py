"""Say what is in a folder of ours: an unfinished run, a profile or a bundle."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pathprint.models.network import Network
from pathprint.profiling.detection.bundle import Bundle, load_bundle
from pathprint.profiling.detection.bundle_files import MANIFEST
from pathprint.profiling.errors import DataError
from pathprint.profiling.inspection.heat_map import HeatMap
from pathprint.profiling.inspection.run_state import RunState, run_state
from pathprint.profiling.inspection.signature_figures import MOST_CLASSES, SignatureFigures, signature_figures
from pathprint.profiling.jobs.defaults import FACTS, SYNAPSES
from pathprint.profiling.jobs.network_profile import NetworkProfile
from pathprint.profiling.jobs.run import PLAN
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.signatures.class_rows import Signatures
from pathprint.profiling.studies.findings import Sheet


@dataclass(frozen=True, eq=False)
class Contents:
    """What is in a profile or a bundle.

    Attributes:
        kind: ``profile`` or ``bundle``.
        provenance: what it was made of and with, as JSON-able data.
    """

    kind: str
    network: Network
    provenance: dict[str, Any]
    figures: SignatureFigures

    @property
    def title(self) -> str:
        return f"{self.kind.capitalize()} of {self.network.name}"

    def sheets(self) -> list[Sheet]:
        """Return provenance and figures as tables."""
        rows = tuple((name.replace("_", " "), _text(value)) for name, value in self.provenance.items())
        return [Sheet("Made of and with", ("", "value"), rows), *self.figures.sheets()]

    def notes(self) -> list[str]:
        """Return what a reader of the figures has to know."""
        return self.figures.notes()

    def heat_map(self) -> HeatMap:
        """Return the similarities of classes as a picture."""
        title = f"Similarity of the class paths of {self.network.name}"
        return HeatMap(title, self.figures.labels, self.figures.similar)

    def to_dict(self) -> dict[str, Any]:
        """Return provenance and figures as JSON-able data."""
        return {"kind": self.kind, "provenance": self.provenance, **self.figures.to_dict()}


def inspect(folder: Path | str, most_classes: int = MOST_CLASSES) -> RunState | Contents:
    """Return what is in a run, a profile or a bundle.

    Args:
        most_classes: classes whose densities, growth and similarity are looked at; of more, this number is taken.

    Raises:
        DataError: the folder is none of these.
        JobError, SignatureError, BundleError: it is one and is damaged.
    """
    folder = Path(folder)
    if (folder / MANIFEST).is_file():
        return _of_bundle(load_bundle(folder), most_classes)
    if (folder / FACTS).is_file():
        return _of_profile(NetworkProfile.load(folder), (folder / SYNAPSES).is_file(), most_classes)
    if (folder / PLAN).is_file():
        return run_state(folder)
    raise DataError(
        f"{folder} is neither a bundle nor a profile nor the run of a job: it has no {MANIFEST}, no {FACTS} and no "
        f"{PLAN}."
    )


def _of_profile(profile: NetworkProfile, synapses: bool, most_classes: int) -> Contents:
    provenance = {
        **_of_extractor(profile.extractor),
        "version": profile.version,
        "synapses": synapses,
        "images_of_the_role": {"profile": len(profile.keys)},
        "data": [origin.to_dict() for origin in profile.origins],
    }
    return _contents("profile", profile.extractor, provenance, profile.signatures, most_classes)


def _of_bundle(bundle: Bundle, most_classes: int) -> Contents:
    detector = bundle.detector
    provenance = {
        **_of_extractor(detector.extractor),
        "sha256": bundle.sha256,
        "data": bundle.made_of.data,
        "class_map": bundle.made_of.class_map,
        "images_of_the_role": {role: len(keys) for role, keys in sorted(bundle.used.items())},
        "classifier": detector.score.kind,
        "tier": detector.tier,
        "views": ", ".join(detector.views),
        "stages": len(detector.score.stages),
        "choice_of_the_view": detector.fitting.view_choice.reason if detector.fitting.view_choice else "",
        "choice_of_the_stages": detector.fitting.stage_choice.reason if detector.fitting.stage_choice else "",
        "features": len(detector.features),
        "fit_images": detector.fitting.images,
        "fit_seed": detector.fitting.seed,
        "attacks": {attack.name: attack.successes for attack in detector.fitting.attacks},
        "calibration": detector.calibration.to_dict(),
    }
    return _contents("bundle", detector.extractor, provenance, detector.signatures, most_classes)


def _of_extractor(extractor: Extractor) -> dict[str, Any]:
    network = extractor.network
    return {
        "network": network.name,
        "network_fingerprint": network.fingerprint,
        "extraction_fingerprint": extractor.fingerprint,
        "input": " x ".join(map(str, network.preprocessing.input_shape)),
        "classes": len(network.labels),
        "weighted_layers": len(extractor.layout.layers),
        "policy": extractor.policy.to_dict(),
    }


def _contents(
    kind: str, extractor: Extractor, provenance: dict[str, Any], signatures: Signatures, most_classes: int
) -> Contents:
    figures = signature_figures(signatures, extractor.network.labels, most_classes)
    return Contents(kind, extractor.network, provenance, figures)


def _text(value: object) -> str:
    """Return a value as people read it; empty entries of nested data are left out."""
    if isinstance(value, dict):
        known = {name: entry for name, entry in value.items() if entry not in (None, {}, [], "")}
        return ", ".join(f"{name} {_text(entry)}" for name, entry in known.items())
    if isinstance(value, (list, tuple)):
        return ("; " if any(isinstance(entry, dict) for entry in value) else " to ").join(map(_text, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else "none" if value in (None, "") else str(value)
