"""What is sent to the service and what is read from its responses, for both clients."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import quote

import httpx

from pathprint.app.client.answers import Answer, answer_of, refusal_of, understood
from pathprint.app.client.errors import ClientError, Refused, Unreachable
from pathprint.app.client.retrying import Retries, retry_after

Image: TypeAlias = bytes | str | Path
"""The bytes of an image file, or the path of one."""
DETECT, BATCH = "/v1/detect", "/v1/detect/batch"
RAW = {"Content-Type": "application/octet-stream"}
MOST_IMAGES, MOST_BYTES = 16, 8 * 1024 * 1024
"""Images of one request, and their bytes; the service takes more by default."""
_ABSENT = (404, 405)


@dataclass(frozen=True, slots=True)
class Connection:
    """How the service is reached.

    Attributes:
        address: such as ``http://127.0.0.1:8000``.
        key: the API key; by default the variable PATHPRINT_API_KEY of the environment, if it is set.
        seconds: in which the service must have answered.
        retries: when a request is sent again.
    """

    address: str
    key: str | None = field(default=None, repr=False)
    seconds: float = 60.0
    retries: Retries = field(default_factory=Retries)

    def options(self) -> dict[str, Any]:
        """Return the arguments of httpx's clients.

        Raises:
            Unreachable: the address is none that HTTP knows, or the key has characters that no key has.
        """
        key = self.key if self.key is not None else os.environ.get("PATHPRINT_API_KEY")
        headers = {"User-Agent": "pathprint", "Accept": "application/json, application/problem+json"}
        if key:
            if not (key.isascii() and key.isprintable()):
                raise Unreachable("the API key holds characters that no key has; copy it again, without line breaks.")
            headers["Authorization"] = f"Bearer {key}"
        try:
            url = httpx.URL(self.address)
        except httpx.InvalidURL as error:
            raise Unreachable(f"{self.address!r} is no address: {error}.") from error
        if url.scheme not in ("http", "https") or not url.host:
            raise Unreachable(f"{self.address!r} is no address of a service; give one like http://127.0.0.1:8000.")
        return {"base_url": url, "headers": headers, "timeout": httpx.Timeout(self.seconds, connect=10)}


def health(model: str) -> str:
    """Return the path of a model's health."""
    return f"/v1/models/{quote(model, safe='')}/health"


def query(model: str | None, version: str | None, detail: str | None) -> dict[str, str]:
    """Return the options that were chosen."""
    chosen = {"model": model, "version": version, "detail": detail}
    return {name: value for name, value in chosen.items() if value is not None}


def content(image: Image) -> bytes:
    """Return the bytes of an image file.

    Raises:
        OSError: it cannot be read.
    """
    return image if isinstance(image, bytes) else Path(image).read_bytes()


def form(images: Sequence[bytes]) -> list[tuple[str, tuple[str, bytes, str]]]:
    """Return images as the files of a form. Names are made up: those of your files stay with you."""
    return [("file", (f"{i}", image, "application/octet-stream")) for i, image in enumerate(images)]


def parts(images: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Yield the images, in order, as lists that one request can carry."""
    part: list[bytes] = []
    for image in images:
        if part and (len(part) == MOST_IMAGES or sum(map(len, part)) + len(image) > MOST_BYTES):
            yield part
            part = []
        part.append(image)
    if part:
        yield part


def answer_in(response: httpx.Response) -> Answer:
    """Return the answer in a response.

    Raises:
        Refused: the service answered with a problem.
        Unreachable: the response is none of a service of ours.
    """
    return answer_of(body_of(response))


def answers_in(response: httpx.Response, images: int) -> list[Answer | Refused | None]:
    """Return what became of each image, in the order in which they were sent; None of one that has to be asked alone.

    Raises:
        Refused: the service refused all of them.
        Unreachable: the response is none of a service of ours.
    """
    if has_no_batch(response):
        return [None] * images
    results = body_of(response).get("results")
    if not isinstance(results, list) or len(results) != images:
        raise Unreachable("the answer does not have a result for each image; check the address.")
    return [_result(one) for one in results]


def _result(item: Mapping[str, Any]) -> Answer | Refused | None:
    with understood():
        problem, result = item.get("problem"), item.get("result")
    if not problem:
        return answer_of(result or {})
    refused = refusal_of(problem)
    return refused if refused.of_the_image else None


def has_no_batch(response: httpx.Response) -> bool:
    """Say whether the service takes one image at a time, as earlier versions did."""
    return response.status_code in _ABSENT and _json(response).get("code") in ("not_found", "method_not_allowed")


def body_of(response: httpx.Response) -> Mapping[str, Any]:
    """Return the body of a response with status 200.

    Raises:
        Refused: the service answered with a problem.
        Unreachable: the body is no JSON object, as when something else than a service of ours answers.
    """
    body = _json(response)
    if response.status_code == 200 and body:
        return body
    if response.is_error and body.get("status") == response.status_code:
        raise refusal_of(body, retry_after(response))
    raise Unreachable(
        f"{response.url.copy_with(query=None)} answered with status {response.status_code}, and not as a Pathprint "
        "service does; check the address."
    )


def _json(response: httpx.Response) -> Mapping[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def unreachable(error: httpx.RequestError, address: str) -> ClientError:
    """Return the error that says why there was no response."""
    if isinstance(error, httpx.ReadTimeout):
        return Unreachable(f"{address} did not answer in time; it may be overloaded.")
    return Unreachable(f"{address} cannot be reached: {error or type(error).__name__}; check that the service runs.")
