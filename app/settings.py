"""What an operator can set, all through the environment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr
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
        metrics_port: port on which Prometheus finds the metrics; None serves none. It is never the service's own port.
        metrics_host: address that the metrics are served at.
        drift_images: number of the latest images that are compared with the calibration.
        drift_fewest: number of images from which on they are compared.
        events: where an event on each flagged image goes: a file, an address that begins with http:// or https://, or
            ``-`` for standard output; None for nowhere.
        events_token: sent to that address as a bearer token.
        telemetry: whether traces and measurements of requests go to where OpenTelemetry's own variables say.
    """

    model_config = SettingsConfigDict(env_prefix="PATHPRINT_", frozen=True)

    bundle: Path | None = None
    max_body_bytes: Annotated[int, Field(gt=0)] = 10 * MEBIBYTE
    body_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 15
    decode_threads: Annotated[int, Field(ge=1, le=64)] = 2
    torch_threads: Annotated[int, Field(ge=1, le=1024)] | None = None

    # monitoring
    metrics_port: Annotated[int, Field(ge=0, le=65535)] | None = None
    metrics_host: str = "127.0.0.1"
    drift_images: Annotated[int, Field(ge=10, le=1_000_000)] = 1000
    drift_fewest: Annotated[int, Field(ge=10)] = 200
    events: str | None = None
    events_token: SecretStr | None = None
    telemetry: bool = False
