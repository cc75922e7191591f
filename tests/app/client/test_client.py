"""The client gives the service's answers as values, and repeats what may be repeated."""

from __future__ import annotations

import asyncio
import copy
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.responses import JSONResponse, Response

from pathprint.app.client import AsyncClient, Client, ClientError, Refused, Retries, Unreachable
from pathprint.app.client.exchange import MOST_BYTES, MOST_IMAGES, parts
from pathprint.app.client.retrying import retry_after
from pathprint.profiling.detection.bundle import Bundle
from tests.app.images import digit, encoded
from tests.app.server import serving
from tests.app.test_detect import verdict_on

SEVEN = encoded(digit(), "PNG")
QUICK = Retries(first=0.01, longest=2)


@pytest.fixture
def asked(address: str) -> Iterator[Client]:
    with Client(address) as made:
        yield made


def test_the_answer_is_the_detectors_verdict(asked: Client, bundle: Bundle, tmp_path: Path) -> None:
    verdict = verdict_on(bundle, SEVEN)
    (tmp_path / "seven.png").write_bytes(SEVEN)
    for image in (SEVEN, tmp_path / "seven.png", str(tmp_path / "seven.png")):
        answer = asked.detect(image)
        for name in ("decision", "predicted", "label", "runner_up", "runner_up_label", "note", "flagged", "reasons"):
            assert getattr(answer, name) == getattr(verdict, name)
        assert answer.score == pytest.approx(verdict.score)
        assert answer.model.bundle_sha256 == bundle.sha256
    assert asked.detect(SEVEN, detail="verdict").layers == ()


def test_several_images_keep_their_order_and_bad_ones_their_place(asked: Client) -> None:
    found = list(asked.detect_all([SEVEN, b"no image", SEVEN, b""]))
    assert [one.code if isinstance(one, Refused) else one.decision for one in found] == [
        asked.detect(SEVEN).decision,
        "undecodable_image",
        asked.detect(SEVEN).decision,
        "empty_input",
    ]


def test_coroutines_answer_as_functions_do(address: str, asked: Client) -> None:
    async def ask() -> tuple[Any, list[Any]]:
        async with AsyncClient(address) as client:
            one = await client.detect(SEVEN)
            with pytest.raises(Refused):
                await client.detect(b"no image")
            return one, [found async for found in client.detect_all([SEVEN, b"no image"])]

    one, several = asyncio.run(ask())
    assert one.to_dict() == asked.detect(SEVEN).to_dict()
    assert several[0].to_dict() == one.to_dict()
    assert several[1].code == "undecodable_image"


def test_a_problem_is_an_error_with_its_code(asked: Client) -> None:
    with pytest.raises(Refused, match="image") as raised:
        asked.detect(b"no image")
    assert (raised.value.code, raised.value.status, raised.value.of_the_image) == ("undecodable_image", 422, True)
    assert raised.value.request_id
    with pytest.raises(Refused) as absent:
        asked.health("nobody/../x")
    assert absent.value.status == 404


class Moody:
    """A server that answers as it is told, and counts."""

    def __init__(self) -> None:
        self.answers: list[Response] = []
        self.times: list[datetime] = []
        self.app = FastAPI()
        self.app.add_api_route("/v1/detect", self.answer, methods=["POST"])

    async def answer(self, request: Request) -> Response:
        await request.body()
        self.times.append(datetime.now(UTC))
        return self.answers.pop(0)


def busy(status: int = 503, code: str = "overloaded", **headers: str) -> Response:
    body = {"status": status, "code": code, "detail": "Too much.", "request_id": "4f1c"}
    return JSONResponse(body, status, headers={name.replace("_", "-"): value for name, value in headers.items()})


@pytest.fixture(scope="module")
def moody() -> Iterator[tuple[Moody, str]]:
    made = Moody()
    with serving(made.app, lifespan=False) as address:
        yield made, address


@pytest.fixture
def answer_body(asked: Client) -> dict[str, Any]:
    return dict(asked.detect(SEVEN).body)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_what_passes_is_tried_again_not_before_it_was_asked_for(
    moody: tuple[Moody, str], answer_body: dict[str, Any], status: int
) -> None:
    server, address = moody
    server.answers, server.times = [busy(status, retry_after="1"), JSONResponse(answer_body)], []
    with Client(address, retries=QUICK) as client:
        assert client.detect(SEVEN).label == answer_body["prediction"]["label"]
    first, second = server.times
    assert second - first >= timedelta(seconds=1)


@pytest.mark.parametrize(
    ("answers", "code"), [([busy()] * 9, "overloaded"), ([busy(retry_after="3600")], "overloaded")]
)
def test_patience_ends(moody: tuple[Moody, str], answers: list[Response], code: str) -> None:
    server, address = moody
    server.answers, server.times = list(answers), []
    with Client(address, retries=QUICK) as client, pytest.raises(Refused) as raised:
        client.detect(SEVEN)
    assert raised.value.code == "overloaded"
    assert len(server.times) == min(len(answers), QUICK.attempts)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 422, 500])
def test_what_does_not_pass_is_asked_once(moody: tuple[Moody, str], status: int) -> None:
    server, address = moody
    server.answers, server.times = [busy(status, "some_code", retry_after="0"), busy(status)], []
    with Client(address, retries=QUICK) as client, pytest.raises(Refused, match="Too much"):
        client.detect(SEVEN)
    assert len(server.times) == 1


FOREIGN = {
    "page": Response("<html>Hello</html>"),
    "page of a proxy": Response("<html>Bad gateway</html>", 500),
    "other JSON": JSONResponse({"hello": "world"}),
    "list": JSONResponse([]),
    "redirect": Response(status_code=307, headers={"Location": "http://127.0.0.1:9/"}),
    "not what it says": Response(b"\x00", headers={"Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_whoever_else_answers_is_not_believed(moody: tuple[Moody, str], name: str) -> None:
    server, address = moody
    server.answers = [FOREIGN[name]]
    with Client(address, retries=QUICK) as client, pytest.raises(Unreachable):
        client.detect(SEVEN)


WRONG: list[tuple[tuple[str, ...], Any]] = [
    (("detection", "score"), "high"),
    (("detection", "score"), True),
    (("detection", "verdict"), None),
    (("detection",), []),
    (("prediction", "class_id"), "8"),
    (("prediction", "runner_up"), {"class_id": 1}),
    (("evidence", "layers"), [{"layer": "1"}]),
    (("evidence", "layers"), 7),
    (("evidence",), "none"),
    (("model",), None),
    (("input",), {}),
]


@pytest.mark.parametrize(("where", "value"), WRONG)
def test_an_answer_with_something_wrong_in_it_is_not_believed(
    moody: tuple[Moody, str], answer_body: dict[str, Any], where: tuple[str, ...], value: Any
) -> None:
    server, address = moody
    body = copy.deepcopy(answer_body)
    *path, last = where
    inner = body
    for step in path:
        inner = inner[step]
    inner[last] = value
    server.answers = [JSONResponse(body)]
    with Client(address) as client, pytest.raises(Unreachable):
        client.detect(SEVEN)


@pytest.mark.parametrize("address", ["", "127.0.0.1:8000", "ftp://host", "http://", "file:///etc/passwd"])
def test_what_is_no_address_is_refused_at_once(address: str) -> None:
    with pytest.raises(Unreachable, match="address"):
        Client(address)


@pytest.mark.parametrize("key", ["a\nb", "schlüssel"])
def test_a_key_that_cannot_be_sent_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(ClientError) as raised:
        Client("http://127.0.0.1:9", key=key)
    assert key not in str(raised.value)


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "http://[", "http://no.such.host.invalid"])
def test_where_nobody_listens_is_unreachable(address: str) -> None:
    with Client(address, retries=QUICK) as client, pytest.raises(Unreachable, match="cannot be reached"):
        client.detect(SEVEN)


@settings(deadline=None)
@given(st.integers(1, 20), st.one_of(st.none(), st.floats(0, 100)))
def test_pauses_lie_between_what_was_asked_for_and_the_longest(attempt: int, asked: float | None) -> None:
    retries = Retries(attempts=30)
    headers = {} if asked is None else {"Retry-After": str(int(asked))}
    pause = retries.after(httpx.Response(503, headers=headers), attempt)
    if asked is not None and int(asked) > retries.longest:
        assert pause is None
    else:
        assert pause is not None
        assert int(asked or 0) <= pause <= retries.longest
    assert retries.after(httpx.Response(503), 30) is None


@pytest.mark.parametrize(
    ("text", "seconds"), [("7", 7), ("0", 0), ("", None), ("soon", None), ("-1", None), ("1.5", None), ("²", None)]
)
def test_the_header_is_read_as_it_is_meant(text: str, seconds: float | None) -> None:
    assert retry_after(httpx.Response(503, headers=[(b"Retry-After", text.encode())])) == seconds


@pytest.mark.parametrize(("offset", "low", "high"), [(60, 50, 60), (-60, 0, 0)])
def test_the_header_may_be_a_date(offset: int, low: int, high: int) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=offset), usegmt=True)
    found = retry_after(httpx.Response(503, headers={"Retry-After": date}))
    assert found is not None
    assert low <= found <= high


@settings(deadline=None)
@given(st.lists(st.integers(0, MOST_BYTES // 3 * 2), max_size=60))
def test_requests_stay_small_and_nothing_is_lost(sizes: list[int]) -> None:
    class Sized(bytes):
        def __new__(cls, size: int) -> Sized:
            made = super().__new__(cls)
            made.size = size  # type: ignore[attr-defined]
            return made

        def __len__(self) -> int:
            return int(self.size)  # type: ignore[attr-defined]

    images = [Sized(size) for size in sizes]
    found = list(parts(images))
    assert [id(image) for part in found for image in part] == [id(image) for image in images]
    assert all(1 <= len(part) <= MOST_IMAGES for part in found)
    assert all(sum(map(len, part)) <= MOST_BYTES for part in found)


def test_it_needs_neither_torch_nor_the_server() -> None:
    program = "import sys, pathprint; from pathprint.app.client import Client; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"torch", "numpy", "fastapi", "starlette", "pydantic", "uvicorn"} & set(done.stdout.split())
