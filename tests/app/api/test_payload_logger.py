"""What the payload logger of KServe copies to the service is judged: V2 requests that are CloudEvents, too."""

from __future__ import annotations

import json

import httpx
import numpy as np

from tests.app.images import digit

# How a CloudEvent in HTTP's binary mode says what it is; the body is the request as the model got it.
EVENT = {
    "ce-specversion": "1.0",
    "ce-id": "9c2ba4a3-e9a3-4b5b-9b6e-0e3f5c1c2b6e",
    "ce-type": "org.kubeflow.serving.inference.request",
    "ce-source": "http://localhost:9081/",
    "ce-time": "2026-11-27T10:00:00Z",
    "ce-inferenceservicename": "classifier",
    "ce-namespace": "models",
    "Content-Type": "application/json",
}


def test_a_copied_request_gets_a_verdict(client: httpx.Client) -> None:
    pixels = np.array(digit(0), np.float32)[None, None] / 255
    tensor = {"name": "image", "datatype": "FP32", "shape": list(pixels.shape), "data": pixels.ravel().tolist()}
    answer = client.post(
        "/v2/models/digits-cnn/infer", content=json.dumps({"id": "7", "inputs": [tensor]}), headers=EVENT
    )
    assert answer.status_code == 200
    outputs = {one["name"]: one["data"] for one in answer.json()["outputs"]}
    assert outputs["verdict"][0] in ("benign", "uncertain", "adversarial")
