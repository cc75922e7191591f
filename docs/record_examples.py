"""Record the examples of the OpenAPI document: ``python docs/record_examples.py BUNDLE``, with a bundle of the digits.

Each is what the service answers to a request, about a digit that was attacked with PGD. Only times and ids are fixed,
so that recording again with one bundle changes nothing.
"""

from __future__ import annotations

import base64
import io
import json
import sys
from pathlib import Path
from typing import Any

import torch
from starlette.testclient import TestClient

from pathprint.app.api.examples import FOLDER
from pathprint.app.main import create_app
from pathprint.app.settings import Settings
from pathprint.models.preprocessing import to_image
from pathprint.profiling.attacks.crafting import craft
from pathprint.profiling.attacks.registry import chosen
from pathprint.profiling.data.datasets import open_dataset
from pathprint.profiling.detection.bundle import load_bundle
from pathprint.profiling.detection.detector import Detector

_FIXED: dict[str, Any] = {"request_id": "4f1c", "instance": "urn:request:4f1c"}
_TIMES = {"decode": 0.653, "queue": 0.133, "compute": 7.329, "total": 8.675, "batch_size": 1}


def attacked(detector: Detector) -> bytes:
    """Return the first digit that PGD made the network misjudge and the detector flags, as a PNG file."""
    data, network = open_dataset("digits"), detector.network
    (attack,) = chosen(network, ["pgd-0.2"])
    for index in range(len(data.labels)):
        pixels = network.preprocessing.pixels(data.image(index))[None]
        found = craft(attack, network, pixels, torch.tensor([int(data.labels[index])]))
        if found.success[0] and detector.examine(found.pixels)[0].decision == "adversarial":
            return png_of(found.pixels[0])
    raise SystemExit("the detector flags no attacked digit; is it a bundle of the digits?")


def png_of(pixels: torch.Tensor) -> bytes:
    """Return pixels ``c h w`` as a PNG file."""
    buffer = io.BytesIO()
    to_image(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def settled(value: Any) -> Any:
    """Return an answer with the ids and times that every recording has."""
    if isinstance(value, dict):
        fixed = {name: _FIXED.get(name, settled(item)) for name, item in value.items()}
        return {name: _TIMES if name == "timing_ms" else item for name, item in fixed.items()}
    return [settled(item) for item in value] if isinstance(value, list) else value


def requests_about(png: bytes) -> dict[str, Any]:
    """Return the JSON bodies that are sent, by the name of the recording."""
    file = {"b64": base64.b64encode(png).decode(), "media_type": "image/png"}
    damaged = {"b64": base64.b64encode(png[: len(png) // 2]).decode()}
    return {
        "request": {"image": file, "options": {"top_k": 3}},
        "v2_request": {
            "inputs": [
                {
                    "name": "image",
                    "datatype": "BYTES",
                    "shape": [1],
                    "parameters": {"content_type": "base64"},
                    "data": [file["b64"]],
                }
            ]
        },
        "batch_request": {"images": [file, damaged], "options": {"detail": "score", "include_timing": False}},
    }


def recordings(client: TestClient, sent: dict[str, Any]) -> dict[str, Any]:
    """Return what the service answers, by the name of the recording."""
    one = {"image": sent["request"]["image"]}
    return {
        "detect": client.post("/v1/detect", json=one),
        "detect_batch": client.post("/v1/detect/batch", json=sent["batch_request"]),
        "explain": client.post("/v1/explain", json=one),
        "classify": client.post("/v1/classify", json=one),
        "models": client.get("/v1/models"),
        "model": client.get("/v1/models/digits-cnn"),
        "classes": client.get("/v1/models/digits-cnn/classes"),
        "v2": client.get("/v2"),
        "v2_infer": client.post("/v2/models/digits-cnn/infer", json=sent["v2_request"]),
    }


def main(bundle_folder: str) -> None:
    """Write all recordings."""
    bundle = load_bundle(Path(bundle_folder))
    sent = requests_about(attacked(bundle.detector))
    with TestClient(create_app(bundle, Settings(gateway_adversarial="flag"))) as client:
        answers = {name: settled(answer.json()) for name, answer in recordings(client, sent).items()}
    for name, value in (sent | answers).items():
        (FOLDER / f"{name}.json").write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
