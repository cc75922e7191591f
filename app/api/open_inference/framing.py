"""JSON with binary tensors behind it, as the protocol's extension ``binary_tensor_data`` has it.

A header says how many bytes the JSON has; the tensors follow without gaps, in the order in which the JSON names them.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Iterator, Sequence

from pathprint.app.api.open_inference.schemas import InferRequest
from pathprint.app.api.strict_json import MAX_MARKS, read_as
from pathprint.app.problems.document import ParameterProblem
from pathprint.app.problems.kinds import ProblemError

LENGTH_HEADER = "Inference-Header-Content-Length"
_DIGITS = 12


def read_request(data: bytes, length: str | None, most: int = MAX_MARKS) -> tuple[InferRequest, memoryview]:
    """Return a request, and the binary tensor behind it, which is empty if the tensor is in the JSON.

    Args:
        length: value of the header that says how many bytes the JSON has; None if there is no such header.
        most: commas, colons, quotes and opening brackets in the JSON.

    Raises:
        ProblemError: the JSON is malformed, or what follows it is not what it announces.
    """
    end = len(data) if length is None else _length(length, len(data))
    request = read_as(InferRequest, data[:end], most)
    (tensor,) = request.inputs
    announced, behind = tensor.parameters.binary_data_size, memoryview(data)[end:]
    if (announced is None) == (tensor.data is None):
        raise member_problem("inputs.0", "needs either `data` or `parameters.binary_data_size`")
    if (announced or 0) != len(behind):
        raise malformed(f"{announced or 0:,} bytes are announced after the JSON, but {len(behind):,} are there")
    return request, behind


def _length(text: str, most: int) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS and int(text) <= most):
        raise malformed(f"{LENGTH_HEADER} must be a number of bytes that the body has")
    return int(text)


def strings_of(data: memoryview, images: int) -> list[bytes]:
    """Return the elements of a binary tensor of datatype ``BYTES``: each has its length before it, in four bytes.

    Raises:
        ProblemError: they are not just ``images`` elements.
    """
    found = list(_strings(data, images))
    if sum(4 + len(element) for element in found) != len(data):
        raise malformed(f"more bytes follow the {images} elements that the shape announces")
    return found


def _strings(data: memoryview, images: int) -> Iterator[bytes]:
    at = 0
    for _ in range(images):
        end = at + 4 + (struct.unpack_from("<I", data, at)[0] if at + 4 <= len(data) else len(data))
        if end > len(data):
            raise malformed(f"the tensor ends before its {images} elements do")
        yield bytes(data[at + 4 : end])
        at = end


def joined(elements: Iterable[bytes]) -> bytes:
    """Return elements of datatype ``BYTES`` as a binary tensor."""
    return b"".join(struct.pack("<I", len(element)) + element for element in elements)


def framed(answer: dict[str, object], tensors: Sequence[bytes]) -> tuple[bytes, dict[str, str]]:
    """Return the body of an answer, and its headers; ``tensors`` are those that are answered in binary."""
    text = json.dumps(answer, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    if not tensors:
        return text, {"Content-Type": "application/json"}
    headers = {"Content-Type": "application/octet-stream", LENGTH_HEADER: str(len(text))}
    return b"".join((text, *tensors)), headers


def member_problem(place: str, what: str, code: str = "bad_member") -> ProblemError:
    """Return the problem that a member of the request's JSON has."""
    wrong = ParameterProblem(parameter=place, detail=what)
    return ProblemError(code, f"{place}: {what}.", errors=[wrong])


def malformed(what: str) -> ProblemError:
    """Return the problem that binary tensors do not fit the JSON before them."""
    return ProblemError("malformed_tensors", f"{what[0].upper()}{what[1:]}.")
