"""Which media types a request may have, and of which type an image is that was decoded."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from PIL import Image

IMAGE_TYPES: Mapping[str, str] = MappingProxyType(
    {"image/png": "PNG", "image/jpeg": "JPEG", "image/bmp": "BMP", "image/webp": "WEBP"}
)
"""Format of each accepted media type, as ``pathprint.models.preprocessing.FORMATS`` names it."""
ANY_IMAGE = "application/octet-stream"
"""Media type of an image whose format the service has to find out."""
NPY = "application/x-npy"
"""Media type of a file that ``numpy.save`` wrote: pixels as numbers."""
NPY_MAGIC = b"\x93NUMPY"
"""How such a file begins."""
FILES = (*IMAGE_TYPES, NPY, ANY_IMAGE)
"""Media types of a single file, alone or in a form."""
FORM = "multipart/form-data"
JSON = "application/json"
ACCEPTED = (*FILES, FORM, JSON)

_OTHER_NAMES = {
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/jfif": "image/jpeg",
    "image/x-png": "image/png",
    "image/x-bmp": "image/bmp",
    "image/x-ms-bmp": "image/bmp",
    "": ANY_IMAGE,
    "image/*": ANY_IMAGE,
    "binary/octet-stream": ANY_IMAGE,  # of object stores
    "application/npy": NPY,
    "application/x-www-form-urlencoded": ANY_IMAGE,  # what curl --data-binary says of any file
}
"""What clients in the field say in place of one of ``ACCEPTED``."""
_BY_FORMAT = {name: media_type for media_type, name in IMAGE_TYPES.items()} | {"MPO": "image/jpeg"}
"""Media type by Pillow's name of a format; MPO is a JPEG file with a second picture inside."""


def media_type_of(content_type: str) -> str:
    """Return a Content-Type header without parameters and in lower case, by its usual name."""
    declared = content_type.partition(";")[0].strip().lower()
    return _OTHER_NAMES.get(declared, declared)


def detected(image: Image.Image) -> str:
    """Return the media type of the bytes that ``pathprint.models.preprocessing.decode`` made an image of."""
    return _BY_FORMAT[str(image.format)]
