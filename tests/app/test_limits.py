"""Requests that are refused for what they are, before anything looks at the image."""

from __future__ import annotations

import random
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from urllib.parse import urlsplit

import httpx
import pytest
from structlog.testing import capture_logs

from pathprint.app.main import create_app
from pathprint.app.settings import Settings
from pathprint.profiling.detection.bundle import Bundle
from tests.app.images import coloured, digit, encoded
from tests.app.server import post, problem, serving

PNG = encoded(digit(), "PNG")
LIMIT = 100_000
FORM = "multipart/form-data; boundary=b"


@pytest.fixture(scope="module")
def strict(bundle: Bundle) -> Iterator[str]:
    with serving(create_app(bundle, Settings(max_body_bytes=LIMIT, body_seconds=0.5))) as address:
        yield address


@pytest.fixture
def strict_client(strict: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=strict, timeout=30) as made:
        yield made


def part(name: str = "file", filename: str | None = "a.png", media_type: str = "image/png") -> bytes:
    named = f'; filename="{filename}"' if filename is not None else ""
    head = f'--b\r\nContent-Disposition: form-data; name="{name}"{named}\r\nContent-Type: {media_type}\r\n\r\n'
    return head.encode() + PNG + b"\r\n"


END = b"--b--\r\n"
FORMS = {
    "empty": b"",
    "no part": END,
    "no end": part()[:-10],
    "two files": part() + part() + END,
    "another name": part(name="image") + END,
    "no filename": part(filename=None) + END,
    "file and other field": part() + part(name="mode", filename=None) + END,
    "1000 fields": part(name="x", filename=None) * 1000 + END,
    "no framing": PNG,
    "no disposition": b"--b\r\n\r\n" + PNG + b"\r\n" + END,
    "five files": part() * 5 + END,
    "header of 9 MB": b"--b\r\nX: " + b"a" * 9_000_000 + b"\r\n\r\n" + PNG + b"\r\n" + END,
    "long header": b"--b\r\nX: " + b"a" * 50_000 + b"\r\n\r\n" + PNG + b"\r\n" + END,
}


@pytest.mark.parametrize("form", FORMS)
def test_a_form_that_is_not_one_file_is_malformed(client: httpx.Client, form: str) -> None:
    assert problem(post(client, FORMS[form], FORM)) == (400, "malformed_multipart")


def test_a_form_without_boundary_is_malformed(client: httpx.Client) -> None:
    assert problem(post(client, part() + END, "multipart/form-data")) == (400, "malformed_multipart")


@pytest.mark.parametrize("charset", ["undefined", "idna", "punycode", "utf-16", "nonsense"])
def test_a_form_in_another_encoding_is_malformed(client: httpx.Client, charset: str) -> None:
    assert problem(post(client, part() + END, f"{FORM}; charset={charset}")) == (400, "malformed_multipart")
    assert post(client, part() + END, f"{FORM}; charset=UTF-8").status_code == 200


@pytest.mark.parametrize("filename", [None, "options.json"])
def test_long_options_are_refused(client: httpx.Client, filename: str | None) -> None:
    options = part("options", filename).replace(PNG, b" " * 70_000)
    assert problem(post(client, part() + options + END, FORM)) == (400, "malformed_multipart")


def test_of_wrong_images_the_first_is_named(client: httpx.Client) -> None:
    found = client.post("/v1/detect/batch", json={"images": [0] * 30})
    assert problem(found) == (422, "bad_member")
    assert [item["parameter"] for item in found.json()["errors"]] == ["images.0"]
    assert problem(client.post("/v1/detect/batch", json={"images": [0] * 20_000})) == (413, "too_many_images")
    assert problem(client.post("/v1/detect/batch", json={"images": [0] * 250_000})) == (413, "body_too_large")


def test_a_well_formed_form_is_accepted(client: httpx.Client) -> None:
    assert post(client, part() + END, FORM).status_code == 200


def test_a_form_needs_no_room_on_a_disk(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    with pytest.raises(FileNotFoundError):
        tempfile.mkdtemp()
    file = ("file", ("a.png", encoded(coloured("RGB", 900), "PNG")))
    assert len(file[1][1]) > 2 * 1024 * 1024  # what Starlette keeps in memory by itself is half of that
    assert client.post("/v1/detect", files=[file]).status_code == 200
    assert client.post("/v1/detect/batch", files=[file, file]).json()["summary"]["failed"] == 0


def test_random_damage_to_a_form_never_makes_a_500(client: httpx.Client) -> None:
    chance = random.Random(0)
    for _ in range(60):
        form = bytearray(part() + END)
        for _ in range(chance.randint(1, 4)):
            form[chance.randrange(110)] = chance.choice(b'\0\r\n-;"=b\xff')
        assert post(client, bytes(form), FORM).status_code in (200, 400, 415, 422)


@pytest.mark.parametrize(
    "media_type", ["text/plain", "image/gif", "application/jsonl", "image", "image/jpg2", "image/png, x"]
)
def test_other_media_types_are_refused_with_a_list_of_ours(client: httpx.Client, media_type: str) -> None:
    response = post(client, PNG, media_type)
    assert problem(response) == (415, "unsupported_media_type")
    assert "image/png" in response.headers["accept-post"]
    assert "multipart/form-data" in response.headers["accept-post"]


JPEG = encoded(digit(), "JPEG")
UNSURE = ["", "application/octet-stream", "binary/octet-stream", "image/*", "application/x-www-form-urlencoded"]


@pytest.mark.parametrize("media_type", [None, *UNSURE, "Application/Octet-Stream; charset=binary"])
@pytest.mark.parametrize(("data", "found"), [(PNG, "image/png"), (JPEG, "image/jpeg")], ids=["png", "jpeg"])
def test_where_no_type_is_declared_the_answer_says_what_came(
    client: httpx.Client, media_type: str | None, data: bytes, found: str
) -> None:
    headers = {} if media_type is None else {"Content-Type": media_type}
    response = client.post("/v1/detect", content=data, headers=headers)
    assert (response.status_code, response.json()["input"]["media_type"]) == (200, found)
    head = "" if media_type is None else f"Content-Type: {media_type}\r\n"
    named = 'Content-Disposition: form-data; name="file"; filename="a"'
    body = f"--b\r\n{named}\r\n{head}\r\n".encode() + data + b"\r\n" + END
    response = post(client, body, FORM)
    assert (response.status_code, response.json()["input"]["media_type"]) == (200, found)


@pytest.mark.parametrize(
    ("media_type", "data"),
    [
        *((name, JPEG) for name in ("image/jpg", "IMAGE/JPG", "image/pjpeg", "image/jfif", "image/jpg; q=1")),
        ("image/x-png", PNG),
        *((name, encoded(digit(), "BMP")) for name in ("image/bmp", "image/x-ms-bmp", "image/x-bmp")),
        ("image/webp", encoded(digit(), "WEBP")),
    ],
)
def test_other_names_of_our_types_are_understood(client: httpx.Client, media_type: str, data: bytes) -> None:
    assert post(client, data, media_type).status_code == 200
    wrong = PNG if data is JPEG else JPEG
    assert problem(post(client, wrong, media_type)) == (422, "media_type_mismatch")
    assert client.post("/v1/detect", files={"file": ("a", data, media_type)}).status_code == 200


def test_a_form_part_of_another_media_type_is_refused(client: httpx.Client) -> None:
    response = client.post("/v1/detect", files={"file": ("a.gif", PNG, "image/gif")})
    assert problem(response) == (415, "unsupported_media_type")


def test_media_types_are_compared_without_case_and_parameters(client: httpx.Client) -> None:
    assert post(client, PNG, "Image/PNG; charset=binary").status_code == 200


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "gzip, identity"])
def test_encoded_bodies_are_refused(client: httpx.Client, encoding: str) -> None:
    headers = {"Content-Type": "image/png", "Content-Encoding": encoding}
    response = client.post("/v1/detect", content=PNG, headers=headers)
    assert problem(response) == (415, "unsupported_content_encoding")
    assert response.headers["accept-encoding"] == "identity"


def test_the_identity_encoding_is_none(client: httpx.Client) -> None:
    headers = {"Content-Type": "image/png", "Content-Encoding": "identity"}
    assert client.post("/v1/detect", content=PNG, headers=headers).status_code == 200


def body_of(size: int, media_type: str = "image/png") -> bytes:
    """Return the beginning of a body of that type, filled up with zeros."""
    beginning = part()[:-2] if media_type == FORM else b""
    return beginning.ljust(size, b"\0")


def in_chunks(body: bytes) -> Iterator[bytes]:
    for start in range(0, len(body), 1000):
        yield body[start : start + 1000]


@pytest.mark.parametrize("media_type", ["image/png", FORM])
@pytest.mark.parametrize("chunked", [True, False], ids=["chunked", "with length"])
def test_a_body_over_the_limit_is_refused(strict_client: httpx.Client, media_type: str, chunked: bool) -> None:
    whole = body_of(LIMIT + 1, media_type)
    body = in_chunks(whole) if chunked else whole
    response = strict_client.post("/v1/detect", content=body, headers={"Content-Type": media_type})
    assert problem(response) == (413, "body_too_large")


@pytest.mark.parametrize("chunked", [True, False], ids=["chunked", "with length"])
def test_a_body_of_exactly_the_limit_is_read(strict_client: httpx.Client, chunked: bool) -> None:
    body = in_chunks(body_of(LIMIT)) if chunked else body_of(LIMIT)
    response = strict_client.post("/v1/detect", content=body, headers={"Content-Type": "image/png"})
    assert problem(response) == (422, "undecodable_image")


def test_the_default_limit_is_ten_mebibytes(client: httpx.Client) -> None:
    assert problem(post(client, b"\0" * (10 * 1024 * 1024 + 1))) == (413, "body_too_large")


def exchange(address: str, request: bytes) -> bytes:
    """Send bytes as they are; return all bytes that come back until the server closes."""
    split = urlsplit(address)
    with closing(socket.create_connection((split.hostname, split.port), timeout=10)) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def head(length: int, media_type: str = "image/png") -> bytes:
    lines = ["POST /v1/detect HTTP/1.1", "Host: test", f"Content-Type: {media_type}", f"Content-Length: {length}"]
    return "\r\n".join([*lines, "", ""]).encode()


def test_an_announced_oversize_is_refused_before_the_body_is_sent(strict: str) -> None:
    answer = exchange(strict, head(LIMIT + 1))
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"code":"body_too_large"' in answer


@pytest.mark.parametrize("media_type", ["image/png", FORM])
def test_a_body_that_does_not_arrive_in_time_is_given_up(strict: str, media_type: str) -> None:
    answer = exchange(strict, head(1000, media_type) + body_of(200, media_type))
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"code":"body_timeout"' in answer


def test_a_refused_body_is_not_read_on(strict: str) -> None:
    answer = exchange(strict, head(1000, "text/plain"))
    assert answer.startswith(b"HTTP/1.1 415 ")
    assert b"connection: close" in answer


@pytest.mark.parametrize("sent", [PNG[:20], PNG], ids=["in the body", "after the body"])
def test_a_client_that_goes_away_breaks_nothing(bundle: Bundle, sent: bytes) -> None:
    server = ExitStack()
    address = server.enter_context(serving(create_app(bundle)))  # meanwhile other servers write their last lines
    with capture_logs() as logs:
        with server:
            split = urlsplit(address)
            for _ in range(5):
                with closing(socket.create_connection((split.hostname, split.port), timeout=10)) as connection:
                    connection.sendall(head(len(PNG)) + sent)
            with httpx.Client(base_url=address, timeout=30) as client:
                assert post(client, PNG).status_code == 200
        requests = [entry for entry in logs if entry["event"] == "request"]
        assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == []
    ends = {(entry["status"], entry.get("code")) for entry in requests}
    assert ends <= {(200, None), (499, "client_disconnected")}
    assert len(requests) == 6
