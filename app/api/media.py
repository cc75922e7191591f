"""Which media types a request may have, and what image bytes really are."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

IMAGE_TYPES: Mapping[str, str] = MappingProxyType(
    {"image/png": "PNG", "image/jpeg": "JPEG", "image/bmp": "BMP", "image/webp": "WEBP"}
)
"""Format of each accepted media type, as ``pathprint.models.preprocessing.FORMATS`` names it."""
ANY_IMAGE = "application/octet-stream"
"""Media type of an image whose format the service has to find out."""
FORM = "multipart/form-data"
ACCEPTED = (*IMAGE_TYPES, ANY_IMAGE, FORM)

_BEGINNINGS = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff", "image/bmp": b"BM"}


def media_type_of(content_type: str) -> str:
    """Return a Content-Type header without its parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()


def sniff(data: bytes) -> str | None:
    """Return the media type of the image in ``data`` by its first bytes; None if it is not one of ``IMAGE_TYPES``."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((name for name, beginning in _BEGINNINGS.items() if data.startswith(beginning)), None)
