"""What the server says by itself while there is no service behind it: it starts, or it stops."""

from __future__ import annotations

from pathprint.app.problems.kinds import ProblemError

STARTING = ProblemError("not_ready", "The service is starting; try again soon.", {"Retry-After": "1"})
STOPPING = ProblemError(
    "stopping",
    "The service is stopping and could not finish this request; send it again, to another instance or a little later.",
    {"Retry-After": "1", "Connection": "close"},
)
