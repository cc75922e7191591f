"""What an operator can set, all through the environment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

MEBIBYTE = 1024 * 1024


class Settings(BaseSettings):
    """How the service behaves; each field is read from ``PATHPRINT_`` and its name in capitals.

    Attributes:
        bundle: folder that ``from_environment`` loads; ``create_app`` is handed a loaded bundle.
        max_body_bytes: largest request body, multipart framing included.
        body_seconds: time in which a request body must have arrived.
        decode_threads: images decoded at the same time; each may take 100 MB while it lasts.
        torch_threads: threads inside one inference; None lets the size of the network decide.
        max_connections: connections open at once; fewer where the process may not have that many descriptors.
        max_connections_per_client: connections open at once from one address.
        head_seconds: time in which the head of a request, or a new connection's first one, must have arrived.
        max_head_bytes: largest head of a request: request line and headers.
        max_request_line_bytes: longest request line.
        idle_seconds: time that a connection stays open between two requests.
        write_seconds: time that a client may leave an answer unread.
        max_bodies_bytes: memory for the bodies of all requests that are not yet answered.
        pause_seconds: time between failing readiness and taking no more connections, when the service stops.
        drain_seconds: time to finish what was begun, when the service stops.
        log_lines: lines of the log that wait for a slow reader; more are dropped and counted.
    """

    model_config = SettingsConfigDict(env_prefix="PATHPRINT_", frozen=True)

    bundle: Path | None = None
    max_body_bytes: Annotated[int, Field(gt=0)] = 10 * MEBIBYTE
    body_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 15
    decode_threads: Annotated[int, Field(ge=1, le=64)] = 2
    torch_threads: Annotated[int, Field(ge=1, le=1024)] | None = None

    max_connections: Annotated[int, Field(ge=1)] = 1024
    max_connections_per_client: Annotated[int, Field(ge=1)] = 512
    head_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 10
    max_head_bytes: Annotated[int, Field(ge=1024, le=1024 * 1024)] = 32768
    max_request_line_bytes: Annotated[int, Field(ge=256, le=1024 * 1024)] = 8192
    idle_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 65
    write_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 30
    max_bodies_bytes: Annotated[int, Field(gt=0)] = 128 * MEBIBYTE
    pause_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 2
    drain_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 20
    log_lines: Annotated[int, Field(ge=1)] = 10000
