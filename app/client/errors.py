"""Why the service gave no verdict.

ClientError
├── Refused       the service answered with a problem; its code is made for programs
└── Unreachable   there was no answer, or none that a service of ours gives
"""

from __future__ import annotations


class ClientError(Exception):
    """Base of every error of the client."""


class Unreachable(ClientError):  # noqa: N818  # read as "except Unreachable"
    """No service of ours answered at the address."""


class Refused(ClientError):  # noqa: N818  # read as "except Refused"
    """The service answered with a problem.

    Attributes:
        code: names the problem for programs; docs/problems.md lists the codes.
        status: the HTTP status; for an image of several, the one that it would have got alone.
        detail: what went wrong, and what to do.
        request_id: identifies the request in the service's log.
        retry_after: seconds that the service asked to wait; None if it did not.
    """

    def __init__(
        self, code: str, status: int, detail: str, request_id: str = "", *, retry_after: float | None = None
    ) -> None:
        super().__init__(detail)
        self.code, self.status, self.detail, self.request_id = code, status, detail, request_id
        self.retry_after = retry_after

    @property
    def of_the_image(self) -> bool:
        """Whether the image is to blame, so that other images may well be judged."""
        return self.status in (413, 415, 422)
