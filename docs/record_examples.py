"""Record the examples of the OpenAPI document: ``python docs/record_examples.py BUNDLE``, with a bundle of the digits.

Each is what the service answers to a request, about a digit that was attacked with PGD. Only times and ids are fixed,
so that recording again with one bundle changes nothing.
"""

from __future__ import annotations

import base64
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
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
    return file_of(to_image(pixels), "PNG")


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
        "picture": client.post("/v1/picture", json=one),
        "classify": client.post("/v1/classify", json=one),
        "models": client.get("/v1/models"),
        "model": client.get("/v1/models/digits-cnn"),
        "classes": client.get("/v1/models/digits-cnn/classes"),
        "v2": client.get("/v2"),
        "v2_infer": client.post("/v2/models/digits-cnn/infer", json=sent["v2_request"]),
    }


def problems(client: TestClient, sent: dict[str, Any]) -> dict[str, Any]:
    """Return a problem document for each code that a request alone can provoke."""
    file = sent["request"]["image"]
    png = base64.b64decode(file["b64"])
    detect, batch, infer = "/v1/detect", "/v1/detect/batch", "/v2/models/digits-cnn/infer"
    form, json_type, npy = "multipart/form-data; boundary=b", "application/json", "application/x-npy"

    def bodies() -> Iterator[tuple[str, str, bytes]]:
        yield detect, "image/png", b""
        yield detect, "image/png", b"text"
        yield detect, "image/png", png[: len(png) // 2]
        yield detect, "image/jpeg", png
        yield detect, "text/plain", png
        yield detect, form, b"--b--"
        yield detect, json_type, b'{"image": 1, "image": 2}'
        yield detect, json_type, b'{"picture": 1}'
        yield detect, json_type, b'{"image": {"b64": "%"}}'
        yield detect, "image/png", file_of(Image.new("RGB", (8193, 600)), "PNG")
        yield detect, "image/jpeg", file_of(Image.new("CMYK", (8, 8)), "JPEG")
        yield (
            detect,
            "image/png",
            file_of(Image.new("L", (8, 8)), "PNG", save_all=True, append_images=[Image.new("L", (8, 8), 9)]),
        )
        yield detect, npy, b"text"
        yield detect, npy, saved(np.zeros((3, 8, 8), np.float32))
        yield detect, npy, saved(np.full((1, 8, 8), 255, np.float32))
        yield detect + "?detial=verdict", "image/png", png
        yield detect + "?model=other", "image/png", png
        yield detect + "?model=digits-cnn&version=1", "image/png", png
        yield batch, json_type, json.dumps({"images": [file] * 33}).encode()
        yield infer, json_type, b"{}"
        yield "/v1/classify", "image/png", png

    answers = [client.post(url, content=body, headers={"Content-Type": kind}) for url, kind, body in bodies()]
    answers.append(client.post(detect, content=png, headers={"Content-Encoding": "gzip"}))
    answers.append(client.post(detect, content=png, headers={"Content-Length": "20000000"}))
    answers.append(client.post(infer, content=b"{}", headers={"Inference-Header-Content-Length": "3"}))
    return {answer.json()["code"]: settled(answer.json()) for answer in answers}


def file_of(image: Image.Image, name: str, **options: Any) -> bytes:
    """Return an image as a file of a format."""
    buffer = io.BytesIO()
    image.save(buffer, name, **options)
    return buffer.getvalue()


def saved(array: np.ndarray[Any, Any]) -> bytes:
    """Return an array as a file."""
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def main(bundle_folder: str) -> None:
    """Write all recordings."""
    bundle = load_bundle(Path(bundle_folder))
    sent = requests_about(attacked(bundle.detector))
    with TestClient(create_app(bundle, Settings(gateway_adversarial="flag"))) as client:
        answers = {name: settled(answer.json()) for name, answer in recordings(client, sent).items()}
    with TestClient(create_app(bundle)) as client:
        answers["problems"] = problems(client, sent)
    for name, value in (sent | answers).items():
        (FOLDER / f"{name}.json").write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
