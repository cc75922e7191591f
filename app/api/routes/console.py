"""``GET /``: the console, a page for people. Its files are part of the package, and hold nothing of any model."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

router = APIRouter(include_in_schema=False)

FOLDER = Path(__file__).parents[2] / "console"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""What a browser may do for the page: nothing of another host, and no script or style that stands in the page."""
_PAGE = "index.html"
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class _File:
    """A file as it is sent, with the tag that tells its content from that of other versions."""

    content: bytes
    media_type: str
    tag: str


@cache
def files() -> dict[str, _File]:
    """Return all files of the console by name, read once; no other file can be asked for."""
    paths = (path for path in sorted(FOLDER.iterdir()) if path.suffix in _TYPES)
    return {path.name: _file(path) for path in paths}


def _file(path: Path) -> _File:
    content = path.read_bytes()
    return _File(content, _TYPES[path.suffix], f'"{hashlib.sha256(content).hexdigest()[:32]}"')


@router.get("/")
async def page(request: Request) -> Response:
    """Return the page."""
    return _answer(request, files()[_PAGE])


@router.get("/console/{name}")
async def file(request: Request, name: str) -> Response:
    """Return a style sheet, a script or a picture of the page.

    Raises:
        HTTPException: there is no file of this name.
    """
    found = files().get(name)
    if found is None or name == _PAGE:
        raise HTTPException(404)
    return _answer(request, found)


def _answer(request: Request, found: _File) -> Response:
    # Kept by the browser and asked for again each time, which costs a few bytes while nothing has changed.
    headers = {"Cache-Control": "no-cache", "ETag": found.tag, "Content-Security-Policy": POLICY}
    known = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
    if found.tag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(found.content, media_type=found.media_type, headers=headers)
