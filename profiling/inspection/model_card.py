"""A bundle as a CycloneDX 1.6 document with a model card: what it is, what it is made of, and how well it does.

The Python library of CycloneDX has no model cards, so the document is made here; tests hold it against the schema.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from pathprint.profiling.detection.bundle import Bundle
from pathprint.profiling.detection.bundle_files import FILES, MANIFEST
from pathprint.profiling.detection.joined import ATTACKS
from pathprint.profiling.detection.manifest import sha256_of
from pathprint.profiling.inspection.considerations import considerations
from pathprint.profiling.inspection.performance_metrics import measured_metrics, promised_metrics, read_figures
from pathprint.profiling.jobs.version import version

SPECIFICATION = "1.6"


def model_card(bundle: Bundle, folder: Path, evaluation: Path | None = None) -> dict[str, Any]:
    """Return the card of a loaded bundle.

    Args:
        folder: where the bundle was loaded from; its files are named with their SHA-256.
        evaluation: file with what ``pathprint evaluate --json`` printed of this bundle; without one the card has the
            promised false-positive rate alone.

    Raises:
        DataError: the file holds something else, or figures of another bundle.
    """
    metrics = promised_metrics(bundle)
    if evaluation is not None:
        metrics += measured_metrics(read_figures(evaluation, bundle), evaluation)
    digests = {name: sha256_of(folder / name) for name in (MANIFEST, *FILES)}
    return {
        "$schema": f"http://cyclonedx.org/schema/bom-{SPECIFICATION}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": SPECIFICATION,
        "serialNumber": f"urn:uuid:{uuid5(NAMESPACE_URL, f'{bundle.sha256} {metrics}')}",
        "version": 1,
        "metadata": {
            "timestamp": datetime.now(UTC).isoformat(timespec="seconds"),
            "tools": {"components": [{"type": "application", "name": "pathprint", "version": version()}]},
            "component": _model(bundle, digests, metrics),
        },
        "components": [
            {"type": "file", "bom-ref": name, "name": name, "hashes": _hashes(digest)}
            for name, digest in digests.items()
        ],
    }


def _model(bundle: Bundle, digests: dict[str, str], metrics: list[dict[str, Any]]) -> dict[str, Any]:
    network = bundle.detector.network
    return {
        "type": "machine-learning-model",
        "bom-ref": "bundle",
        "name": f"detector of adversarial images for {network.name}",
        "version": bundle.sha256[:12],
        "description": "Says of each image that the network answers whether it takes an unusual path through it.",
        "hashes": _hashes(digests[MANIFEST]),  # which has the checksums of all other files
        "modelCard": {
            "modelParameters": _parameters(bundle),
            "quantitativeAnalysis": {"performanceMetrics": metrics},
            "considerations": considerations(),
        },
        "properties": list(_properties(bundle)),
    }


def _parameters(bundle: Bundle) -> dict[str, Any]:
    detector = bundle.detector
    network, layers = detector.network, len(detector.extractor.layout.layers)
    channels, height, width = network.preprocessing.input_shape
    return {
        "approach": {"type": "supervised" if ATTACKS in detector.score.names else "unsupervised"},
        "task": "detection of adversarial images",
        "architectureFamily": f"effective paths, {detector.tier} tier",
        "modelArchitecture": f"{detector.score.kind} on {len(detector.features)} features of the paths through "
        f"{layers} weighted layers of {network.name}",
        "datasets": [_data(bundle)],
        "inputs": [{"format": f"image, {channels} x {height} x {width}, pixels of [0, 1]"}],
        "outputs": [{"format": "verdict (benign, uncertain or adversarial), score, and evidence of each layer"}],
    }


def _data(bundle: Bundle) -> dict[str, Any]:
    images = {f"pathprint:images:{role}": len(keys) for role, keys in sorted(bundle.used.items())}
    return {
        "type": "dataset",
        "name": bundle.made_of.data or "not recorded",
        "contents": {"properties": [_property(name, number) for name, number in images.items()]},
    }


def _properties(bundle: Bundle) -> Iterator[dict[str, str]]:
    detector = bundle.detector
    yield _property("pathprint:bundle_sha256", bundle.sha256)
    yield _property("pathprint:network", detector.network.name)
    yield _property("pathprint:network_fingerprint", detector.network.fingerprint)
    yield _property("pathprint:extraction_fingerprint", detector.extractor.fingerprint)
    yield _property("pathprint:threshold", f"{detector.calibration.threshold:.6g}")
    yield _property("pathprint:calibration_images", detector.calibration.images)
    for attack in detector.fitting.attacks:
        yield _property("pathprint:taught_attack", f"{attack.name}, {attack.successes} images")


def _property(name: str, value: object) -> dict[str, str]:
    return {"name": name, "value": str(value)}


def _hashes(digest: str) -> list[dict[str, str]]:
    return [{"alg": "SHA-256", "content": digest}]
