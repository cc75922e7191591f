"""Kubernetes objects: judged by published schemas, and taken apart into their pods."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import yaml

Object = dict[str, Any]
SCHEMAS = Path(__file__).parent / "schemas"
OLDEST, NEWEST = "1.27", "1.37"
"""The versions of Kubernetes whose schemas objects are judged by; the chart says the oldest, too."""
OF_KSERVE = {"logger", "model", "minReplicas", "maxReplicas"}
OF_THE_MODEL = {"modelFormat", "protocolVersion", "storageUri"}


def read(text: str) -> list[Object]:
    """Return the objects in YAML; empty documents are none."""
    return [one for one in yaml.safe_load_all(text) if one]


def judge(found: Object) -> None:
    """Raise an error unless an object is valid, for the oldest and the newest Kubernetes.

    Raises:
        jsonschema.ValidationError: a field is unknown or has a wrong value.
    """
    schema = SCHEMAS / f"{found['kind']}.json"
    if not schema.exists():
        for version in (OLDEST, NEWEST):
            kubernetes_validate.validate(found, version, strict=True)
        return
    jsonschema.validate(_without_pods(found), json.loads(schema.read_text()))
    _judge_metadata(found)
    for pod in pods(found):
        judge({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": pod})


def _judge_metadata(found: Object) -> None:
    judge({"apiVersion": "v1", "kind": "ConfigMap", "metadata": found["metadata"]})
    assert set(found) == {"apiVersion", "kind", "metadata", "spec"}


def _without_pods(found: Object) -> Object:
    if found["kind"] != "InferenceService":
        return found
    predictor = {name: value for name, value in found["spec"]["predictor"].items() if name in OF_KSERVE}
    if "model" in predictor:
        predictor["model"] = {name: value for name, value in predictor["model"].items() if name in OF_THE_MODEL}
    return {**found, "spec": {**found["spec"], "predictor": predictor}}


def pods(found: Object) -> Iterator[Object]:
    """Yield what an object says about the pods that it leads to."""
    spec = found.get("spec", {})
    if found["kind"] in ("Deployment", "Job"):
        yield spec["template"]["spec"]
    elif found["kind"] == "RayJob":
        cluster = spec["rayClusterSpec"]
        for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
            yield group["template"]["spec"]
    elif found["kind"] == "InferenceService":
        predictor = spec["predictor"]
        pod = {name: value for name, value in predictor.items() if name not in OF_KSERVE}
        if "model" in predictor:
            own = {name: value for name, value in predictor["model"].items() if name not in OF_THE_MODEL}
            pod["containers"] = [{"name": "kserve-container", **own}]
        yield pod
