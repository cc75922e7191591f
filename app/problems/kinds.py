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
        "unknown_host": Kind(400, "The service is not known under this host name"),
        "missing_key": Kind(401, "An API key is needed"),
        "invalid_key": Kind(401, "The API key is not accepted"),
        "insufficient_scope": Kind(403, "The API key does not allow this"),
        "not_found": Kind(404, "There is nothing at this address"),
        "model_not_found": Kind(404, "There is no model of this name"),
        "version_not_found": Kind(404, "The model has no version of this name"),
        "method_not_allowed": Kind(405, "The HTTP method is not allowed at this address"),
        "body_timeout": Kind(408, "The request's body took too long to arrive"),
        "reload_failed": Kind(409, "The bundles cannot be loaded; those that were loaded go on answering"),
        "reload_in_progress": Kind(409, "The bundles are being loaded already"),
        "body_too_large": Kind(413, "The request's body is too large"),
        "unsupported_media_type": Kind(415, "The media type is not accepted"),
        "unsupported_content_encoding": Kind(415, "The content encoding is not accepted"),
        "bad_parameter": Kind(422, "A parameter has a value that is not accepted"),
        "model_required": Kind(422, "The request does not say which model it means"),
        "media_type_mismatch": Kind(422, "The image is not of the media type that was declared"),
        # The codes of pathprint.models.errors.ImageError:
        "empty_input": Kind(422, "The image has no bytes"),
        "undecodable_image": Kind(422, "The bytes cannot be read as an image of an accepted format"),
        "truncated_image": Kind(422, "The image is truncated or damaged"),
        "image_too_large": Kind(422, "The image has too many pixels"),
        "multi_frame": Kind(422, "The image has more than one frame, as animations do"),
        "unsupported_color_mode": Kind(422, "The colour mode is not accepted"),
        "rate_limited": Kind(429, "The client asks more often than it may"),
        "query_attack": Kind(429, "The client sent too many similar images"),
        # No client receives this one; it is for the log (nginx uses the number 499 for it too).
        "client_disconnected": Kind(499, "The client closed the connection"),
        "internal": Kind(500, "The service failed"),
        "not_ready": Kind(503, "The service is not ready"),
        "not_alive": Kind(503, "The service has to be restarted"),
        "overloaded": Kind(503, "The service has no room for the request now"),
        "deadline_exceeded": Kind(504, "The deadline of the request has passed"),
        # Of the HTTP server:
        "duplicate_header": Kind(400, "A header that may occur once occurs more often"),
        "head_timeout": Kind(408, "The request's head took too long to arrive"),
        "request_line_too_long": Kind(414, "The request line is too long"),
        "head_too_large": Kind(431, "The request's headers are too large"),
        "unsupported_transfer_encoding": Kind(501, "The transfer encoding is not accepted"),
        "too_many_connections": Kind(503, "There are too many connections"),
        "stopping": Kind(503, "The service is stopping"),
        "unsupported_http_version": Kind(505, "The version of HTTP is not accepted"),
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
