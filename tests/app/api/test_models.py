"""What is said about models is what the bundle says."""

from __future__ import annotations

import httpx
import pytest

from pathprint.profiling.detection.bundle import Bundle
from tests.app.server import problem


def test_the_list_names_every_version(client: httpx.Client, bundle: Bundle) -> None:
    (model,) = client.get("/v1/models").json()["models"]
    assert model["name"] == bundle.detector.network.name
    (version,) = model["versions"]
    assert version["bundle_sha256"] == bundle.sha256
    assert version["version"] == bundle.sha256[:12]


def test_a_description_says_what_the_network_takes_and_what_is_promised(client: httpx.Client, bundle: Bundle) -> None:
    detector = bundle.detector
    found = client.get(f"/v1/models/{detector.network.name}").json()
    assert found["input"]["shape"] == list(detector.network.preprocessing.input_shape)
    assert found["input"]["mean"] == list(detector.network.preprocessing.mean)
    assert found["threshold"] == detector.calibration.threshold
    assert found["calibration"]["n_clean"] == detector.calibration.images
    assert (found["classes"], found["judged_classes"]) == (len(detector.network.labels), len(detector.judged))


def test_the_classes_are_those_of_the_network_with_their_images(client: httpx.Client, bundle: Bundle) -> None:
    detector = bundle.detector
    found = client.get(f"/v1/models/{detector.network.name}/classes").json()["classes"]
    assert [(entry["class_id"], entry["label"]) for entry in found] == list(enumerate(detector.network.labels))
    assert sum(entry["images"] for entry in found) == detector.signatures.images.sum()
    assert [entry["class_id"] for entry in found if entry["judged"]] == detector.judged.tolist()


@pytest.mark.parametrize("path", ["", "/classes"])
def test_an_unknown_model_or_version_is_not_found(client: httpx.Client, bundle: Bundle, path: str) -> None:
    name = bundle.detector.network.name
    assert problem(client.get(f"/v1/models/other{path}")) == (404, "model_not_found")
    assert problem(client.get(f"/v1/models/{name}{path}?version=1")) == (404, "version_not_found")
    assert client.get(f"/v1/models/{name}{path}?version={bundle.sha256[:12]}").status_code == 200
