"""The bundle: a folder with everything that a detector needs, as data, and verified whenever it is loaded.

manifest.json            schema, SHA-256 of every file, fingerprints, golden vector, provenance
network.json             the canonical graph, labels, preprocessing
network.safetensors      the graph's constants
signatures.safetensors   class signatures
detector.json            features, classifier, tests, stages, attacks that it was fitted on, calibration, policy
detector.safetensors     the arrays of each test's score at each stage, limits, clean statistics, clean scores
images.safetensors       keys, which go by pixels, of the images of the roles profile, fit and calibrate; looks of all
model.sig                who answers for these files, once somebody has signed them
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from pathprint.models.errors import ModelError
from pathprint.models.network import canonical_json
from pathprint.models.storage import load_network, save_network
from pathprint.profiling.data.identity import NO_KEYS, Keys64
from pathprint.profiling.detection import manifest as manifests
from pathprint.profiling.detection.bundle_files import BUNDLE, FILES, MANIFEST
from pathprint.profiling.detection.calibration import Calibration
from pathprint.profiling.detection.classifiers.fitting import stored_cascade
from pathprint.profiling.detection.detector import Detector
from pathprint.profiling.detection.evidence import Usual
from pathprint.profiling.detection.fitted_on import Fitting
from pathprint.profiling.detection.made_of import UNKNOWN, MadeOf
from pathprint.profiling.detection.manifest import Told, sealed, sha256_of, state_of, untold
from pathprint.profiling.detection.signing import check_signature, public_keys
from pathprint.profiling.errors import BundleError, ProfilingError
from pathprint.profiling.features.measure import FeatureMaker
from pathprint.profiling.features.probes import Probes
from pathprint.profiling.features.table import Feature
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.paths.kernels import kernel_named
from pathprint.profiling.paths.policy import Policy
from pathprint.profiling.signatures.compact import open_served
from pathprint.profiling.writing.whole import whole_folder

SCHEMA = 7
GOLDEN_TOLERANCE = 0.02
"""Largest allowed change of the golden image's score. Another processor rounds activations differently, and may choose
other units where the choice depends on rounding."""

_USED = ("profile", "fit", "calibrate")
"""The roles of images that a detector has seen."""

Used = Mapping[str, frozenset[int]]


@dataclass(frozen=True)
class Bundle:
    """A detector, with the images that it has seen and a golden image that tests it.

    Attributes:
        used: keys, which go by pixels, of the images of each role (``profile``, ``fit``, ``calibrate``).
        golden: pixels ``c h w`` of an image whose score is computed again at every load.
        made_of: the data that it was made of.
        looks: looks of the used images; empty where they are not known, as in bundles of earlier versions.
        sha256: the manifest's checksum, which stands for the whole bundle; empty until it is saved.
    """

    detector: Detector
    used: Used
    golden: torch.Tensor
    made_of: MadeOf = UNKNOWN
    looks: Keys64 = field(default_factory=lambda: NO_KEYS)
    sha256: str = ""

    def save(self, folder: Path | str) -> Bundle:
        """Write the bundle, and return it with its checksum.

        ``folder`` appears only when it is complete, and replaces an older bundle.

        Raises:
            OutputError: ``folder`` exists and is not a bundle, or it cannot be written.
        """
        with whole_folder(Path(folder), BUNDLE) as partial:
            manifest = self._write(partial)
        return replace(self, sha256=str(manifest["checksum"]))

    def _write(self, folder: Path) -> dict[str, Any]:
        """Write every file into a new folder; return the manifest."""
        detector = self.detector
        save_network(detector.network, folder)
        detector.signatures.save(folder / "signatures.safetensors")
        description = _description(detector) | {"made_of": self.made_of.to_dict()}
        (folder / "detector.json").write_bytes(canonical_json(description))
        (folder / "detector.safetensors").write_bytes(save(_arrays(detector)))
        keys = {role: np.array(sorted(self.used[role]), dtype=np.uint64) for role in _USED}
        (folder / "images.safetensors").write_bytes(save(keys | {"looks": np.sort(self.looks)}))
        manifest = _manifest(detector, self.golden, folder)
        (folder / MANIFEST).write_bytes(canonical_json(manifest))
        return manifest


def load_bundle(
    folder: Path | str,
    kernel: str = "auto",
    trusted_keys: Sequence[Path | str] | None = None,
    told: Told = untold,
) -> Bundle:
    """Load and verify a bundle.

    Args:
        folder: a folder that ``Bundle.save`` wrote.
        kernel: name of the kernel that extracts paths; ``auto`` takes the fastest.
        trusted_keys: files of public keys, one of which must have signed the bundle; None asks for no signature.
        told: is told of each check that the bundle has passed.

    Raises:
        BundleError: a file is missing, extra or changed; the files do not belong together; none of the trusted keys
            has signed them; the golden image has another score here; or the bundle was replaced meanwhile. The message
            says which.
        OptionsError: a file of ``trusted_keys`` holds no public key that can be used.
        MissingExtraError: signatures are asked for, and the extra ``sign`` is not installed.
    """
    folder = Path(folder)
    before = state_of(folder)
    manifest = _verified(folder, trusted_keys, told)
    try:
        network = load_network(folder)
        told("network", f"{network.name}, fingerprint {network.fingerprint[:12]}…; every operation is an allowed one")
        facts = json.loads((folder / "detector.json").read_bytes())
        arrays = load_file(folder / "detector.safetensors")
        keys = load_file(folder / "images.safetensors")
        probes = Probes.from_arrays(facts["probes"], arrays)
        chooser = kernel_named(kernel, network.device)
        extractor = Extractor(network, Policy(**facts["policy"]), chooser, averages=probes is not None)
        signatures = open_served(folder / "signatures.safetensors")
        features = tuple(Feature(**feature) for feature in facts["features"])
        score = stored_cascade(facts["classifier"], facts["tests"], facts["stages"], arrays)
        detector = Detector(
            maker=FeatureMaker(extractor, signatures, score.views, probes),
            features=features,
            score=score,
            usual=Usual.from_arrays(arrays),
            calibration=Calibration.from_dict(facts["calibration"]),
            clean_scores=arrays["clean_scores"],
            fitting=Fitting.from_dict(facts["fitting"]),
        )
        golden = _checked_golden(detector, manifest["golden"], folder)
        told("golden image", f"its class is that of the manifest, and its score to within {GOLDEN_TOLERANCE:g}")
        used = {role: frozenset(keys[role].tolist()) for role in _USED}
        # Bundles of earlier versions do not say what they were made of.
        made_of = MadeOf.from_dict(facts["made_of"]) if "made_of" in facts else UNKNOWN
    except BundleError:
        raise
    except (ModelError, ProfilingError, OSError, SafetensorError) as error:
        raise BundleError(f"{folder}: {error}") from error
    except (LookupError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        # The checksums match, so the files were written like this, by another version or by somebody else.
        raise BundleError(
            f"{folder} has content that this version does not read ({error!r}); probably another version of Pathprint "
            "wrote it: use that one, or build the bundle again."
        ) from error
    if state_of(folder) != before:  # what was read is perhaps not what was verified
        raise BundleError(f"{folder} was replaced while it was read; load it again once nothing is written there.")
    return Bundle(detector, used, golden, made_of, keys.get("looks", NO_KEYS), str(manifest["checksum"]))


def checksum_of(folder: Path | str, trusted_keys: Sequence[Path | str] | None = None) -> str:
    """Return the checksum that stands for a whole bundle, after comparing every file with the manifest.

    Raises:
        BundleError: a file is missing, extra or changed, or none of the trusted keys has signed the bundle.
        OptionsError: a file of ``trusted_keys`` holds no public key that can be used.
        MissingExtraError: signatures are asked for, and the extra ``sign`` is not installed.
    """
    return str(_verified(Path(folder), trusted_keys)["checksum"])


def _verified(folder: Path, trusted_keys: Sequence[Path | str] | None, told: Told = untold) -> dict[str, Any]:
    """Return the manifest after checking it, every file against it, and the signature if one is asked for."""
    keys = None if trusted_keys is None else public_keys(trusted_keys)
    manifest = manifests.verified(folder, SCHEMA, told)
    if keys is not None:
        told("signature", check_signature(folder, keys).said)
    return manifest


def _description(detector: Detector) -> dict[str, Any]:
    return {
        "calibration": detector.calibration.to_dict(),
        "classifier": detector.score.kind,
        "fitting": detector.fitting.to_dict(),
        "features": [asdict(feature) for feature in detector.features],
        "policy": detector.extractor.policy.to_dict(),
        "tests": list(detector.score.names),
        "probes": list(detector.maker.probes.layers) if detector.maker.probes else [],
        "stages": [{"views": list(stage.views), "known": stage.known} for stage in detector.score.stages],
        "tier": detector.tier,
    }


def _arrays(detector: Detector) -> dict[str, np.ndarray[Any, np.dtype[Any]]]:
    arrays = {**detector.score.arrays(), **detector.usual.arrays(), "clean_scores": detector.clean_scores}
    arrays |= detector.maker.probes.arrays() if detector.maker.probes else {}
    return {name: np.ascontiguousarray(array) for name, array in arrays.items()}


def _manifest(detector: Detector, golden: torch.Tensor, folder: Path) -> dict[str, Any]:
    (verdict,) = detector.examine(golden[None])
    levels = (golden * 255).round().to(torch.uint8).flatten().tolist()
    manifest = {
        "schema": SCHEMA,
        "network": {"name": detector.network.name, "fingerprint": detector.network.fingerprint},
        "extraction": detector.extractor.fingerprint,
        "files": {name: sha256_of(folder / name) for name in FILES},
        "golden": {"pixels": levels, "predicted": verdict.predicted, "score": verdict.score},
    }
    return sealed(manifest)


def _checked_golden(detector: Detector, golden: Mapping[str, Any], folder: Path) -> torch.Tensor:
    """Return the golden image ``c h w`` after scoring it again; class and score must be those in the manifest."""
    shape = detector.network.preprocessing.input_shape
    pixels = torch.tensor(golden["pixels"], dtype=torch.float32).reshape(1, *shape) / 255
    (verdict,) = detector.examine(pixels)
    if verdict.predicted != golden["predicted"] or not abs(verdict.score - golden["score"]) <= GOLDEN_TOLERANCE:
        raise BundleError(
            f"{folder}: the golden image gives class {verdict.predicted} and score {verdict.score:.4f} here, but gave "
            f"class {golden['predicted']} and score {golden['score']:.4f} where the bundle was made. This installation "
            "computes different scores, so its verdicts cannot be trusted; build the bundle on it."
        )
    return pixels[0]
