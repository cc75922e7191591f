"""The kinds of problems that a client can meet: ``KINDS`` lists them.

Details are written for the client. They never carry the text of unexpected exceptions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from pathprint.app.problems.document import ParameterProblem


class Kind(NamedTuple):
    """What all problems of one code have in common."""

    status: int
    title: str


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "bad_request": Kind(400, "The request is malformed"),
        "malformed_multipart": Kind(400, "The form does not hold exactly one file"),
        "not_found": Kind(404, "There is nothing at this address"),
        "method_not_allowed": Kind(405, "The HTTP method is not allowed at this address"),
        "body_timeout": Kind(408, "The request's body took too long to arrive"),
        "body_too_large": Kind(413, "The request's body is too large"),
        "unsupported_media_type": Kind(415, "The media type is not accepted"),
        "unsupported_content_encoding": Kind(415, "The content encoding is not accepted"),
        "bad_parameter": Kind(422, "A parameter has a value that is not accepted"),
        "media_type_mismatch": Kind(422, "The image is not of the media type that was declared"),
        # The codes of pathprint.models.errors.ImageError:
        "empty_input": Kind(422, "The image has no bytes"),
        "undecodable_image": Kind(422, "The bytes cannot be read as an image of an accepted format"),
        "truncated_image": Kind(422, "The image is truncated or damaged"),
        "image_too_large": Kind(422, "The image has too many pixels"),
        "multi_frame": Kind(422, "The image has more than one frame, as animations do"),
        "unsupported_color_mode": Kind(422, "The colour mode is not accepted"),
        "decoder_failed": Kind(422, "The image cannot be decoded within the limits on memory and time"),
        # No client receives this one; it is for the log (nginx uses the number 499 for it too).
        "client_disconnected": Kind(499, "The client closed the connection"),
        "internal": Kind(500, "The service failed"),
        "not_ready": Kind(503, "The service is not ready"),
        "not_alive": Kind(503, "The service has to be restarted"),
        "overloaded": Kind(503, "The service has no room for the request now"),
        "deadline_exceeded": Kind(504, "The deadline of the request has passed"),
    }
)
"""Status and title of each problem, by its code. Clients compare codes, so a code never changes."""


class ProblemError(Exception):
    """A request that cannot be answered. ``code`` is a key of ``KINDS``."""

    def __init__(
        self,
        code: str,
        detail: str,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[ParameterProblem] | None = None,
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.code, self.detail, self.headers, self.errors = code, detail, headers, errors
