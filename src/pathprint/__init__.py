"""Pathprint: detects adversarial images by the effective path they take through a network.

    network = pathprint.Network.capture(module, preprocessing, labels)
    profile = pathprint.profile(network, "photos/train")
    bundle = pathprint.fit(profile).save("bundle")
    for verdict in pathprint.detect(bundle, ["suspect.png"]):
        print(verdict.decision, verdict.layers[0].text)

Names are imported when they are first used, so ``import pathprint`` takes no time.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathprint.app.client.synchronous import Client
    from pathprint.models.network import Network
    from pathprint.models.preprocessing import Preprocessing
    from pathprint.profiling.attacks.defended import Defended
    from pathprint.profiling.detection.bundle import Bundle, load_bundle
    from pathprint.profiling.detection.detect import detect
    from pathprint.profiling.detection.detector import Detector, Verdict
    from pathprint.profiling.evaluation.evaluate import evaluate
    from pathprint.profiling.jobs.engines.options import Workers
    from pathprint.profiling.jobs.fit import fit
    from pathprint.profiling.jobs.job import Job
    from pathprint.profiling.jobs.merge import merge
    from pathprint.profiling.jobs.profile import profile
    from pathprint.profiling.jobs.recalibrate import recalibrate
    from pathprint.profiling.jobs.scan import scan
    from pathprint.profiling.paths.extraction import Extractor
    from pathprint.profiling.paths.path import ImagePaths
    from pathprint.profiling.paths.policy import Policy
    from pathprint.profiling.pictures.explain import explain
    from pathprint.profiling.pictures.explained import Explained
    from pathprint.profiling.signatures.counts import ClassSignatures

_MODULES = {
    "Bundle": "profiling.detection.bundle",
    "ClassSignatures": "profiling.signatures.counts",
    "Client": "app.client.synchronous",
    "Defended": "profiling.attacks.defended",
    "Detector": "profiling.detection.detector",
    "Explained": "profiling.pictures.explained",
    "Extractor": "profiling.paths.extraction",
    "ImagePaths": "profiling.paths.path",
    "Job": "profiling.jobs.job",
    "Network": "models.network",
    "Policy": "profiling.paths.policy",
    "Preprocessing": "models.preprocessing",
    "Verdict": "profiling.detection.detector",
    "Workers": "profiling.jobs.engines.options",
    "detect": "profiling.detection.detect",
    "evaluate": "profiling.evaluation.evaluate",
    "explain": "profiling.pictures.explain",
    "fit": "profiling.jobs.fit",
    "load_bundle": "profiling.detection.bundle",
    "merge": "profiling.jobs.merge",
    "profile": "profiling.jobs.profile",
    "recalibrate": "profiling.jobs.recalibrate",
    "scan": "profiling.jobs.scan",
}

__all__ = [
    "Bundle",
    "ClassSignatures",
    "Client",
    "Defended",
    "Detector",
    "Explained",
    "Extractor",
    "ImagePaths",
    "Job",
    "Network",
    "Policy",
    "Preprocessing",
    "Verdict",
    "Workers",
    "detect",
    "evaluate",
    "explain",
    "fit",
    "load_bundle",
    "merge",
    "profile",
    "recalibrate",
    "scan",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
