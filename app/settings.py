"""What an operator can set, all through the environment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

MEBIBYTE = 1024 * 1024
Action: TypeAlias = Literal["pass", "flag", "reject"]


class Settings(BaseSettings):
    """How the service behaves; each field is read from ``PATHPRINT_`` and its name in capitals.

    Attributes:
        bundle: folder that ``from_environment`` loads; ``create_app`` is handed a loaded bundle.
        max_body_bytes: largest request body, multipart framing included.
        body_seconds: time in which a request body must have arrived.
        decode_threads: images decoded at the same time; each may take 100 MB while it lasts.
        torch_threads: threads inside one inference; None lets the size of the network decide.
        max_batch_bytes: largest body of a request with several images.
        max_batch_images: images in one request.
        explain_concurrency: explanations that are made at the same time.
        gateway_benign, gateway_uncertain, gateway_adversarial: what ``/v1/classify`` does after each verdict: pass the
            network's answer on, flag it, or reject the image.
        gateway_shadow: pass every answer on, and only log what would have been done.
    """

    model_config = SettingsConfigDict(env_prefix="PATHPRINT_", frozen=True)

    bundle: Path | None = None
    max_body_bytes: Annotated[int, Field(gt=0)] = 10 * MEBIBYTE
    body_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 15
    decode_threads: Annotated[int, Field(ge=1, le=64)] = 2
    torch_threads: Annotated[int, Field(ge=1, le=1024)] | None = None

    # Interface
    max_batch_bytes: Annotated[int, Field(gt=0)] = 64 * MEBIBYTE
    max_batch_images: Annotated[int, Field(ge=1, le=1024)] = 32
    explain_concurrency: Annotated[int, Field(ge=1)] = 2
    gateway_benign: Action = "pass"
    gateway_uncertain: Action = "flag"
    gateway_adversarial: Action = "reject"
    gateway_shadow: bool = False
