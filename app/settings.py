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
        decode_threads: images decoded at the same time; if there are several, one thread takes small images only.
        torch_threads: threads inside one inference; None lets the size of the network decide.
        max_requests: requests inside at the same time, those whose bodies are still arriving among them.
        max_waiting: requests with whole bodies that are not yet answered; one more is refused.
        max_bodies_bytes: bytes of bodies held at the same time.
        request_seconds: time for an answer, from the arrival of the whole body, if the client does not say.
        max_request_seconds: longest time that a client may ask for.
        max_images: images that are decoded, examined, or wait for it, those of batch requests among them.
        decode_bytes: memory that images in decoding may take together; one that needs more is decoded alone.
        decode_in_processes: decode in processes that are killed when an image takes too much memory or time.
        decode_seconds: processor time for an image where processes decode.
        max_batch: images that are examined together.
        batch_delay_ms: milliseconds for which an image waits for others to be examined with.
        stuck_seconds: time that a batch may take before the service reports that it has to be restarted.
    """

    model_config = SettingsConfigDict(env_prefix="PATHPRINT_", frozen=True)

    bundle: Path | None = None
    max_body_bytes: Annotated[int, Field(gt=0)] = 10 * MEBIBYTE
    body_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 15
    decode_threads: Annotated[int, Field(ge=1, le=64)] = 2
    torch_threads: Annotated[int, Field(ge=1, le=1024)] | None = None

    # Load: how much work is taken, and how it is done.
    max_requests: Annotated[int, Field(ge=1)] = 256
    max_waiting: Annotated[int, Field(ge=1)] = 64
    max_bodies_bytes: Annotated[int, Field(gt=0)] = 256 * MEBIBYTE
    request_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 10
    max_request_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 60
    max_images: Annotated[int, Field(ge=1)] = 256
    decode_bytes: Annotated[int, Field(gt=0)] = 384 * MEBIBYTE
    decode_in_processes: bool = False
    decode_seconds: Annotated[int, Field(ge=1)] = 10
    max_batch: Annotated[int, Field(ge=1, le=64)] = 16
    batch_delay_ms: Annotated[float, Field(ge=0, le=1000)] = 0
    stuck_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 300
