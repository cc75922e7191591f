"""The Open Inference Protocol, as its best-known client speaks it, and as nobody should."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
import tritonclient.http as triton
from hypothesis import given, settings
from hypothesis import strategies as st
from tritonclient.utils import InferenceServerException

from pathprint.app.api.open_inference.framing import joined, read_request, strings_of
from pathprint.app.api.open_inference.inputs import images_of
from pathprint.app.problems.kinds import KINDS, ProblemError
from pathprint.models.preprocessing import Preprocessing
from pathprint.profiling.detection.bundle import Bundle
from tests.app.images import digit, encoded
from tests.app.server import post, problem

MODEL = "digits-cnn"
INFER = f"/v2/models/{MODEL}/infer"
PNG = [encoded(digit(index), "PNG") for index in range(3)]
BYTES = np.stack([np.array(digit(index), np.uint8)[None] for index in range(3)])
FLOATS = BYTES.astype(np.float32) / 255
FILES = np.array(PNG, dtype=np.object_)
TENSORS: dict[str, Any] = {"FP32": FLOATS, "UINT8": BYTES, "BYTES": FILES}


@pytest.fixture
def server(address: str) -> Iterator[triton.InferenceServerClient]:
    with triton.InferenceServerClient(urlsplit(address).netloc) as made:
        yield made


@pytest.fixture
def answers(client: httpx.Client) -> list[dict[str, Any]]:
    """What the service says about each image alone."""
    return [post(client, data).json() for data in PNG]


def sent(datatype: str, binary: bool = True) -> list[triton.InferInput]:
    tensor = triton.InferInput("image", TENSORS[datatype].shape, datatype)
    tensor.set_data_from_numpy(TENSORS[datatype], binary_data=binary)
    return [tensor]


def test_the_client_finds_server_and_model(server: triton.InferenceServerClient, bundle: Bundle) -> None:
    version = bundle.sha256[:12]
    assert server.is_server_live()
    assert server.is_server_ready()
    assert server.is_model_ready(MODEL)
    assert server.is_model_ready(MODEL, version)
    assert not server.is_model_ready("other")
    assert not server.is_model_ready(MODEL, "1")
    assert "binary_tensor_data" in server.get_server_metadata()["extensions"]
    for asked in ("", version):
        metadata = server.get_model_metadata(MODEL, asked)
        assert metadata["versions"] == [version]
        assert metadata["inputs"] == [{"name": "image", "datatype": "FP32", "shape": [-1, 1, 8, 8]}]


@pytest.mark.parametrize("binary", [True, False], ids=["binary outputs", "json outputs"])
@pytest.mark.parametrize(
    ("datatype", "in_binary"), [("FP32", True), ("FP32", False), ("UINT8", True), ("UINT8", False), ("BYTES", True)]
)
def test_the_client_gets_the_verdicts_of_the_images(
    server: triton.InferenceServerClient, answers: list[dict[str, Any]], datatype: str, in_binary: bool, binary: bool
) -> None:
    names = ["score", "is_adversarial", "predicted_class", "label", "verdict", "threshold", "stage", "inferences"]
    outputs = [triton.InferRequestedOutput(name, binary_data=binary) for name in names]
    result = server.infer(MODEL, sent(datatype, in_binary), outputs=outputs, request_id="mine")
    found = {name: result.as_numpy(name) for name in names}
    assert result.get_response()["id"] == "mine"
    detections = [answer["detection"] for answer in answers]
    tolerance = detections[0]["tolerance"]
    assert found["score"].dtype == np.float64
    assert np.allclose(found["score"], [one["score"] for one in detections], rtol=0, atol=tolerance)
    assert np.allclose(found["threshold"], [one["threshold"] for one in detections])
    assert found["is_adversarial"].tolist() == [one["verdict"] == "adversarial" for one in detections]
    assert found["predicted_class"].tolist() == [answer["prediction"]["class_id"] for answer in answers]
    assert [text(value) for value in found["verdict"]] == [one["verdict"] for one in detections]
    for name in ("stage", "inferences"):
        assert found[name].dtype == np.int64
        assert found[name].tolist() == [one[name] for one in detections]
    assert [text(value) for value in found["label"]] == [answer["prediction"]["label"] for answer in answers]


def text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def test_without_a_list_of_outputs_all_but_the_evidence_come(server: triton.InferenceServerClient) -> None:
    result = server.infer(MODEL, sent("FP32"))
    assert [output["name"] for output in result.get_response()["outputs"]] == [
        "verdict",
        "test",
        "is_adversarial",
        "predicted_class",
        "label",
        "score",
        "threshold",
        "p_value",
        "usual_score",
        "confidence",
        "stage",
        "inferences",
    ]


@pytest.mark.parametrize("binary", [True, False])
def test_the_contributions_of_the_layers_add_up(
    server: triton.InferenceServerClient, answers: list[dict[str, Any]], binary: bool
) -> None:
    names = ("score", "usual_score", "layer_contribution", "layer")
    outputs = [triton.InferRequestedOutput(name, binary_data=binary) for name in names]
    result = server.infer(MODEL, sent("FP32"), outputs=outputs)
    beyond_usual = result.as_numpy("score") - result.as_numpy("usual_score")
    assert np.allclose(result.as_numpy("layer_contribution").sum(axis=1), beyond_usual)
    assert np.allclose(result.as_numpy("usual_score"), [answer["detection"]["usual_score"] for answer in answers])
    for row, answer in zip(result.as_numpy("layer"), answers, strict=True):
        assert {text(name) for name in row} == {layer["layer"] for layer in answer["evidence"]["layers"]}


def test_the_client_is_told_what_was_wrong(server: triton.InferenceServerClient) -> None:
    tensor = triton.InferInput("image", [1, 3, 8, 8], "FP32")
    tensor.set_data_from_numpy(np.zeros((1, 3, 8, 8), np.float32))
    with pytest.raises(InferenceServerException, match=r"\[422\].*\(1, 1, 8, 8\)"):
        server.infer(MODEL, [tensor])


def tensor(**changed: Any) -> dict[str, Any]:
    flat = FLOATS[:1].ravel().tolist()
    made = {"name": "image", "datatype": "FP32", "shape": [1, 1, 8, 8], "data": flat, **changed}
    return {name: value for name, value in made.items() if value is not None}


def request(**changed: Any) -> dict[str, Any]:
    return {"inputs": [tensor(**changed)]}


NESTED = FLOATS[:1].tolist()
FILE = base64.b64encode(PNG[0]).decode()
BASE64 = {"content_type": "base64"}


@pytest.mark.parametrize(
    "body",
    [
        request(),
        request(data=NESTED),
        request(datatype="UINT8", data=BYTES[:1].tolist()),
        request(datatype="BYTES", shape=[1], data=[FILE], parameters=BASE64),
        request() | {"outputs": [{"name": "score"}], "parameters": {"binary_data_output": False}, "id": "é"},
    ],
)
def test_what_json_may_be(client: httpx.Client, body: Any) -> None:
    response = client.post(INFER, json=body)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/json"
    assert response.json().get("id") == body.get("id")


WRONG: dict[str, tuple[Any, str]] = {
    "no inputs": ({"inputs": []}, "bad_member"),
    "two inputs": ({"inputs": [tensor(), tensor()]}, "bad_member"),
    "another member": (request() | {"more": 1}, "bad_member"),
    "another parameter": (request() | {"parameters": {"timeout": 1}}, "bad_member"),
    "shared memory": (request(parameters={"shared_memory_region": "x"}), "bad_member"),
    "another name": (request(name="pixels"), "bad_member"),
    "another datatype": (request(datatype="FP64"), "bad_member"),
    "no data": (request(data=None), "bad_member"),
    "data twice": (request(parameters={"binary_data_size": 256}), "bad_member"),
    "no binary data": (request(data=None, parameters={"binary_data_size": 256}), "malformed_tensors"),
    "no shape": (request(shape=[]), "wrong_shape"),
    "a side less": (request(shape=[1, 8, 8]), "wrong_shape"),
    "negative side": (request(shape=[-1, 1, 8, 8]), "bad_member"),
    "fraction": (request(shape=[1.0, 1, 8, 8]), "bad_member"),
    "huge": (request(shape=[2**31, 1, 8, 8]), "too_many_images"),
    "enormous": (request(shape=[2**80, 1, 8, 8]), "bad_member"),
    "100 sides": (request(shape=[1] * 100), "bad_member"),
    "no images": (request(shape=[0, 1, 8, 8], data=[]), "bad_member"),
    "33 images": (request(shape=[33, 1, 8, 8]), "too_many_images"),
    "too few values": (request(data=[0.5] * 63), "bad_member"),
    "too many values": (request(data=[0.5] * 65), "bad_member"),
    "ragged": (request(data=[[[[0.5] * 8] * 7 + [[0.5] * 7]]]), "bad_member"),
    "half nested": (request(data=[[0.5] * 64]), "bad_member"),
    "nested too deep": (request(data=[[[[[0.5]] * 8] * 8]]), "bad_member"),
    "list among numbers": (request(data=[0.5] * 63 + [[0.5]]), "bad_member"),
    "number among lists": (request(data=[NESTED[0], 0.5]), "bad_member"),
    "text": (request(data=["0.5"] * 64), "bad_member"),
    "true": (request(data=[True] + [0.5] * 63), "bad_member"),
    "null": (request(data=[None] * 64), "bad_member"),
    "above 1": (request(data=[1.5] * 64), "value_out_of_range"),
    "below 0": (request(data=[-0.5] * 64), "value_out_of_range"),
    "huge number": (request(data=[10**400] * 64), "value_out_of_range"),
    "float for byte": (request(datatype="UINT8", data=[0.5] * 64), "bad_member"),
    "byte above 255": (request(datatype="UINT8", data=[256] * 64), "value_out_of_range"),
    "byte below 0": (request(datatype="UINT8", data=[-1] * 64), "value_out_of_range"),
    "undeclared base64": (request(datatype="BYTES", shape=[1], data=[FILE]), "bad_member"),
    "no base64": (request(datatype="BYTES", shape=[1], data=["%"], parameters=BASE64), "invalid_base64"),
    "text as image": (request(datatype="BYTES", shape=[1], data=["dGV4dA=="], parameters=BASE64), "undecodable_image"),
    "another output": (request() | {"outputs": [{"name": "logits"}]}, "bad_member"),
    "an output twice": (request() | {"outputs": [{"name": "score"}, {"name": "score"}]}, "bad_member"),
    "no outputs": (request() | {"outputs": []}, "bad_member"),
    "classification": (request() | {"outputs": [{"name": "score", "parameters": {"classification": 1}}]}, "bad_member"),
    "a list": ([], "bad_member"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_json_may_not_be(client: httpx.Client, case: str) -> None:
    body, code = WRONG[case]
    assert problem(client.post(INFER, json=body)) == (KINDS[code].status, code)


HEAD = json.dumps(request(data=None, parameters={"binary_data_size": 256})).encode()
DATA = FLOATS[:1].tobytes()


@pytest.mark.parametrize(
    ("length", "body"),
    [
        ("", HEAD + DATA),
        ("-1", HEAD + DATA),
        ("+5", HEAD + DATA),
        ("1e3", HEAD + DATA),
        ("²", HEAD + DATA),
        ("9" * 5000, HEAD + DATA),
        (str(len(HEAD + DATA) + 1), HEAD + DATA),
        (str(len(HEAD)), HEAD + DATA[:-1]),
        (str(len(HEAD)), HEAD + DATA + b"\0"),
        (str(len(HEAD)), HEAD),
    ],
)
def test_binary_tensors_that_do_not_fit_their_header_are_refused(
    client: httpx.Client, length: str, body: bytes
) -> None:
    headers = {b"Inference-Header-Content-Length": length.encode(), b"Content-Type": b"application/octet-stream"}
    assert problem(client.post(INFER, content=body, headers=headers)) == (400, "malformed_tensors")


def test_an_image_that_cannot_be_judged_is_named(client: httpx.Client) -> None:
    data = [FILE, base64.b64encode(PNG[1][:50]).decode()]
    response = client.post(INFER, json=request(datatype="BYTES", shape=[2], data=data, parameters=BASE64))
    assert problem(response) == (422, "truncated_image")
    assert response.json()["error"].startswith("Image 1: ")


PREPROCESSING = Preprocessing(1, (2, 2), 2, (0.5,), (0.5,))


@settings(max_examples=300)
@given(st.data())
def test_any_damage_to_a_request_is_a_problem_or_another_request(data: st.DataObject) -> None:
    head = json.dumps(request(shape=[2, 1, 2, 2], data=None, parameters={"binary_data_size": 32})).encode()
    body = bytearray(head + np.full((2, 1, 2, 2), 0.25, np.float32).tobytes())
    for _ in range(data.draw(st.integers(0, 3))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    length = data.draw(st.sampled_from([len(head), len(head) - 1, len(body), 0]))
    try:
        asked, binary = read_request(bytes(body), str(length))
        images = images_of(asked.inputs[0], binary, PREPROCESSING, 32)
    except ProblemError as error:
        assert KINDS[error.code].status in (400, 413, 422)
    else:
        assert 1 <= len(images) <= 32


@given(st.lists(st.binary(max_size=20), min_size=1, max_size=5))
def test_strings_in_binary_are_read_as_they_were_written(elements: list[bytes]) -> None:
    assert strings_of(memoryview(joined(elements)), len(elements)) == elements


@given(st.binary(max_size=40), st.integers(1, 4))
def test_any_bytes_are_strings_or_a_problem(data: bytes, images: int) -> None:
    try:
        assert joined(strings_of(memoryview(data), images)) == data
    except ProblemError as error:
        assert error.code == "malformed_tensors"


def test_a_length_beyond_the_end_is_refused() -> None:
    with pytest.raises(ProblemError):
        strings_of(memoryview(struct.pack("<I", 2**32 - 1) + b"abc"), 1)
