"""Good images: the answer is the detector's verdict on the same pixels."""

from __future__ import annotations

import hashlib
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from pathprint.models.preprocessing import decode
from pathprint.profiling.detection.bundle import Bundle
from pathprint.profiling.detection.detector import Verdict
from tests.app.images import coloured, digit, encoded
from tests.app.server import post

FILES = {
    "image/png": encoded(digit(), "PNG"),
    "image/jpeg": encoded(digit().resize((40, 30)), "JPEG"),
    "image/bmp": encoded(digit(), "BMP"),
    "image/webp": encoded(coloured("RGBA"), "WEBP", lossless=True),
}
MODES = ["1", "L", "LA", "P", "RGB", "RGBA"]


def verdict_on(bundle: Bundle, data: bytes) -> Verdict:
    detector = bundle.detector
    (verdict,) = detector.examine(detector.network.preprocessing.pixels(decode(data))[None])
    return verdict


def assert_answers(body: dict[str, Any], verdict: Verdict) -> None:
    prediction, detection = body["prediction"], body["detection"]
    assert (prediction["class_id"], prediction["label"]) == (verdict.predicted, verdict.label)
    assert prediction["runner_up"] == {"class_id": verdict.runner_up, "label": verdict.runner_up_label}
    assert detection["verdict"] == verdict.decision
    assert detection["note"] == verdict.note
    numbers = [prediction["confidence"], *(detection[name] for name in ("score", "threshold", "p_value"))]
    assert numbers == pytest.approx([verdict.confidence, verdict.score, verdict.threshold, verdict.p_value])


@pytest.mark.parametrize("media_type", FILES)
def test_the_answer_is_the_detectors_verdict_on_the_same_pixels(
    client: httpx.Client, bundle: Bundle, media_type: str
) -> None:
    response = post(client, FILES[media_type], media_type)
    assert response.status_code == 200
    assert_answers(response.json(), verdict_on(bundle, FILES[media_type]))
    assert response.json()["input"]["media_type"] == media_type


@pytest.mark.parametrize("media_type", FILES)
def test_octet_stream_is_sniffed(client: httpx.Client, media_type: str) -> None:
    response = post(client, FILES[media_type], "application/octet-stream")
    assert response.status_code == 200
    assert response.json()["input"]["media_type"] == media_type


@pytest.mark.parametrize("mode", MODES)
def test_every_plain_colour_mode_is_judged(client: httpx.Client, bundle: Bundle, mode: str) -> None:
    data = encoded(coloured(mode), "PNG")
    response = post(client, data)
    assert response.status_code == 200
    assert_answers(response.json(), verdict_on(bundle, data))


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_constant_image_gets_finite_numbers(client: httpx.Client, level: int) -> None:
    response = post(client, encoded(Image.new("L", (8, 8), level), "PNG"))
    assert response.status_code == 200
    assert np.isfinite(response.json()["detection"]["score"])


def test_a_form_is_answered_as_raw_bytes_are(client: httpx.Client) -> None:
    raw = post(client, FILES["image/png"]).json()
    form = client.post("/v1/detect", files={"file": ("../../five.png", FILES["image/png"], "image/png")}).json()
    for part in ("model", "prediction", "detection", "evidence", "input"):
        assert form[part] == raw[part]


@pytest.mark.parametrize("part", [("five.png", FILES["image/png"], None), ("x", FILES["image/jpeg"], "image/jpeg")])
def test_the_type_of_a_form_part_may_be_left_out_or_declared(
    client: httpx.Client, part: tuple[str, bytes, str]
) -> None:
    assert client.post("/v1/detect", files={"file": part}).status_code == 200


def test_the_answer_says_what_was_received_and_by_which_bundle(client: httpx.Client, bundle: Bundle) -> None:
    data = encoded(digit().resize((40, 30)), "PNG")
    body = post(client, data).json()
    sha256 = hashlib.sha256(data).hexdigest()
    assert body["input"] == {
        "media_type": "image/png",
        "width": 40,
        "height": 30,
        "transforms": ["resize:shorter_side=8:bilinear", "crop_centre:8x8"],
        "sha256": sha256,
    }
    network = bundle.detector.network
    assert body["model"] == {
        "name": network.name,
        "fingerprint": network.fingerprint,
        "bundle_sha256": bundle.sha256,
        "version": bundle.sha256[:12],
    }
    calibration = bundle.detector.calibration
    assert body["detection"]["calibration"] == {
        "target_fpr": calibration.target,
        "interval95": list(calibration.interval),
        "n_clean": calibration.images,
    }


def test_an_image_is_turned_upright(client: httpx.Client, bundle: Bundle) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    data = encoded(digit().resize((40, 30)), "JPEG", exif=exif)
    body = post(client, data, "image/jpeg").json()
    assert (body["input"]["width"], body["input"]["height"]) == (30, 40)
    assert_answers(body, verdict_on(bundle, data))


@pytest.mark.parametrize("top_k", [None, 1, 2, 1000])
def test_evidence_adds_up_to_the_score(client: httpx.Client, top_k: int | None) -> None:
    asked = {} if top_k is None else {"top_k": str(top_k)}
    body = post(client, FILES["image/png"], **asked).json()
    layers, detection = body["evidence"]["layers"], body["detection"]
    rest = body["evidence"].get("rest", {"layers": 0, "contribution": 0})
    every = post(client, FILES["image/png"]).json()["evidence"]["layers"]
    assert layers == every[:top_k]
    assert rest["layers"] == len(every) - len(layers)
    excess = sum(layer["contribution"] for layer in layers) + rest["contribution"]
    assert excess == pytest.approx(detection["score"] - detection["usual_score"])
    assert all(("towards adversarial" in layer["text"]) == (layer["contribution"] > 0) for layer in layers)


NUMBERS = {"score", "threshold", "tolerance", "p_value", "usual_score", "stage", "inferences"}


def test_detail_decides_what_is_in_the_answer(client: httpx.Client) -> None:
    full, score, verdict = (
        post(client, FILES["image/png"], detail=detail).json() for detail in ("evidence", "score", "verdict")
    )
    assert [body["detail"] for body in (full, score, verdict)] == ["evidence", "score", "verdict"]
    assert set(full) - set(score) == {"evidence"}
    assert score["detection"] == full["detection"]
    assert set(score["detection"]) - set(verdict["detection"]) == NUMBERS
    assert set(score["prediction"]) - set(verdict["prediction"]) == {"confidence", "runner_up"}
    assert all(score["detection"][name] == value for name, value in verdict["detection"].items())


def test_timing_can_be_left_out(client: httpx.Client) -> None:
    assert "timing_ms" not in post(client, FILES["image/png"], include_timing="false").json()


def test_the_answer_names_the_test_that_spoke(client: httpx.Client) -> None:
    assert post(client, FILES["image/png"]).json()["detection"]["test"] == "fitted_on_attacks"


def test_the_total_time_covers_its_parts(client: httpx.Client) -> None:
    timing = post(client, FILES["image/png"]).json()["timing_ms"]
    assert 0 <= timing["decode"] + timing["queue"] + timing["compute"] <= timing["total"]
