"""The kinds of problems that a client can meet: ``KINDS`` lists them.

Details are written for the client. They never carry the text of unexpected exceptions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from types import MappingProxyType
from typing import NamedTuple

from pathprint.app.problems.document import ParameterProblem


class Stage(Enum):
    """Where on its way through the service a request meets a problem. Routes say which stages they have."""

    ANYWHERE = "any request"
    ADDRESS = "before it is known which route is meant"
    READINESS = "until the service is ready, and after it has begun to stop"
    ADMISSION = "before the body is read; every route but the probes has it"
    OPTIONS = "options in the address or in the body"
    MODEL = "the name and version of a model"
    BODY = "receiving a body"
    JSON = "a body of JSON"
    BASE64 = "files in JSON"
    FORM = "a form with files"
    IMAGE = "decoding an image file"
    NUMBERS = "pixels that are sent as numbers"
    TENSORS = "the framing of tensors of the Open Inference Protocol"
    BATCH = "several images in one request"
    DETAIL = "answers that a key may not see in full"
    EXPLAIN = "an explanation, of which few are made at once"
    BESIDE = "what may lie beside a bundle, or not"
    MONITOR = "watching, which few do at once"
    GATEWAY = "an answer that the verdict withholds"
    RELOAD = "loading the bundles again"
    LIVENESS = "a process that no longer works"
    SERVER = "the HTTP server itself, before a request is whole"


class Kind(NamedTuple):
    """What all problems of one code have in common."""

    status: int
    title: str
    stage: Stage = Stage.ADMISSION


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "bad_request": Kind(400, "The request is malformed", Stage.ADDRESS),
        "malformed_multipart": Kind(400, "The form does not hold the files that are asked for", Stage.FORM),
        "unknown_host": Kind(400, "The service is not known under this host name", Stage.ADDRESS),
        "missing_key": Kind(401, "An API key is needed"),
        "invalid_key": Kind(401, "The API key is not accepted"),
        "insufficient_scope": Kind(403, "The API key does not allow this"),
        "not_found": Kind(404, "There is nothing at this address", Stage.ADDRESS),
        "method_not_allowed": Kind(405, "The HTTP method is not allowed at this address", Stage.ADDRESS),
        "body_timeout": Kind(408, "The request's body took too long to arrive", Stage.BODY),
        "body_too_large": Kind(413, "The request's body is too large", Stage.BODY),
        "unsupported_media_type": Kind(415, "The media type is not accepted", Stage.BODY),
        "unsupported_content_encoding": Kind(415, "The content encoding is not accepted", Stage.BODY),
        "bad_parameter": Kind(422, "A parameter has a value that is not accepted", Stage.OPTIONS),
        "media_type_mismatch": Kind(422, "The image is not of the media type that was declared", Stage.IMAGE),
        # The codes of pathprint.models.errors.ImageError:
        "empty_input": Kind(422, "The image has no bytes", Stage.IMAGE),
        "undecodable_image": Kind(422, "The bytes cannot be read as an image of an accepted format", Stage.IMAGE),
        "truncated_image": Kind(422, "The image is truncated or damaged", Stage.IMAGE),
        "image_too_large": Kind(422, "The image has too many pixels", Stage.IMAGE),
        "multi_frame": Kind(422, "The image has more than one frame, as animations do", Stage.IMAGE),
        "unsupported_color_mode": Kind(422, "The colour mode is not accepted", Stage.IMAGE),
        "rate_limited": Kind(429, "The client asks more often than it may"),
        "query_attack": Kind(429, "The client sent too many similar images"),
        "decoder_failed": Kind(422, "The image cannot be decoded within the limits on memory and time", Stage.IMAGE),
        # No client receives this one; it is for the log (nginx uses the number 499 for it too).
        "client_disconnected": Kind(499, "The client closed the connection", Stage.ADDRESS),
        "internal": Kind(500, "The service failed", Stage.ANYWHERE),
        "not_ready": Kind(503, "The service is not ready", Stage.READINESS),
        "not_alive": Kind(503, "The service has to be restarted", Stage.LIVENESS),
        "overloaded": Kind(503, "The service has no room for the request now"),
        "deadline_exceeded": Kind(504, "The deadline of the request has passed"),
        # Of bodies that are not plain images, and of what routes answer:
        "malformed_json": Kind(400, "The body is not JSON as RFC 8259 has it", Stage.JSON),
        "malformed_tensors": Kind(400, "The binary tensors do not fit the request's header", Stage.TENSORS),
        "detail_not_allowed": Kind(403, "The API key does not allow answers in this detail", Stage.DETAIL),
        "image_rejected": Kind(403, "The verdict on the image withholds the answer", Stage.GATEWAY),
        "model_not_found": Kind(404, "There is no model of this name", Stage.MODEL),
        "version_not_found": Kind(404, "The model has no version of this name", Stage.MODEL),
        "nothing_beside": Kind(404, "Nothing of this kind lies beside the bundle", Stage.BESIDE),
        "model_required": Kind(422, "The request does not say which model it means", Stage.MODEL),
        "reload_failed": Kind(409, "The bundles cannot be loaded; what was loaded goes on answering", Stage.RELOAD),
        "reload_in_progress": Kind(409, "The bundles are being loaded already", Stage.RELOAD),
        "too_many_images": Kind(413, "There are too many images in one request", Stage.BATCH),
        "bad_member": Kind(422, "A member of the JSON is missing, unknown or not accepted", Stage.JSON),
        "invalid_base64": Kind(422, "The text is not base64", Stage.BASE64),
        "invalid_npy": Kind(422, "The .npy file is damaged or of a kind that is not accepted", Stage.NUMBERS),
        "wrong_shape": Kind(422, "The pixels are not of the shape that the model takes", Stage.NUMBERS),
        "value_out_of_range": Kind(422, "A pixel lies outside the range that is accepted", Stage.NUMBERS),
        "explain_busy": Kind(503, "As many explanations as allowed are being made", Stage.EXPLAIN),
        "too_many_watchers": Kind(503, "As many browsers as allowed watch the monitor", Stage.MONITOR),
        # Of the HTTP server:
        "duplicate_header": Kind(400, "A header that may occur once occurs more often", Stage.SERVER),
        "head_timeout": Kind(408, "The request's head took too long to arrive", Stage.SERVER),
        "request_line_too_long": Kind(414, "The request line is too long", Stage.SERVER),
        "head_too_large": Kind(431, "The request's headers are too large", Stage.SERVER),
        "unsupported_transfer_encoding": Kind(501, "The transfer encoding is not accepted", Stage.SERVER),
        "too_many_connections": Kind(503, "There are too many connections", Stage.SERVER),
        "stopping": Kind(503, "The service is stopping", Stage.SERVER),
        "unsupported_http_version": Kind(505, "The version of HTTP is not accepted", Stage.SERVER),
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
