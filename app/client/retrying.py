"""When a request is sent again, and after which pause."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

_PASSING = frozenset({429, 502, 503, 504})
"""Statuses that say nothing about the request itself. 500 is not among them: what failed once may be the image."""
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_LOST = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)


@dataclass(frozen=True, slots=True)
class Retries:
    """How often and how patiently a request is sent again.

    Only what cannot do harm twice is repeated: a detection changes nothing. A request that timed out while the service
    worked on it is not, because that would add to the load that made it slow.

    Attributes:
        attempts: most times that a request is sent, the first one included.
        first: seconds of the first pause where the service names none; each further pause is twice as long.
        longest: most seconds of a pause; where the service asks for more, the request fails at once.
    """

    attempts: int = 4
    first: float = 0.25
    longest: float = 30.0

    def after(self, response: httpx.Response, attempt: int) -> float | None:
        """Return the seconds to wait before the request is sent again; None if its answer is the final one."""
        if response.status_code not in _PASSING or attempt >= self.attempts:
            return None
        asked = retry_after(response)
        if asked is None:
            return self._pause(attempt)
        # A little more than was asked for, so that clients that were turned away together do not return together.
        return None if asked > self.longest else min(self.longest, asked + random.uniform(0, 0.25 * asked + 0.1))  # noqa: S311

    def after_error(self, error: httpx.RequestError, attempt: int) -> float | None:
        """Return the seconds to wait before the request is sent again; None if it has failed."""
        if not isinstance(error, (*_UNSENT, *_LOST)) or attempt >= self.attempts:
            return None
        return self._pause(attempt)

    def _pause(self, attempt: int) -> float:
        """Return between half and the whole of the pause after the given attempt, by chance."""
        longest = min(self.longest, self.first * 2 ** (attempt - 1))
        return random.uniform(longest / 2, longest)  # noqa: S311


NEVER = Retries(attempts=1)


def retry_after(response: httpx.Response) -> float | None:
    """Return the seconds that a service asks to wait, which it may say as a number or as a date; None if it does not.

    A header that cannot be understood is passed over.
    """
    text = response.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdecimal():
        return float(text)
    try:
        date = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    utc = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (utc - datetime.now(UTC)).total_seconds())
