"""What an operator can set, all through the environment."""

from __future__ import annotations

import json
from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

MEBIBYTE = 1024 * 1024


def _folders(value: object) -> object:
    """Return the folders in a setting: a JSON list of them, or the one that it names."""
    if not isinstance(value, str):
        return value
    if value.startswith("["):
        try:
            return json.loads(value)
        except ValueError:
            raise ValueError(
                'Folders are written as one name, or as JSON: ["bundles/one", "two=bundles/two"]'
            ) from None
    return (value,) if value else None


class Settings(BaseSettings):
    """How the service behaves; each field is read from ``PATHPRINT_`` and its name in capitals.

    Attributes:
        bundle: ``FOLDER`` or ``NAME=FOLDER``, or a JSON list of these; ``create_app`` may be handed a loaded bundle.
        max_body_bytes: largest request body, multipart framing included.
        body_seconds: time in which a request body must have arrived.
        decode_threads: images decoded at the same time; each may take 100 MB while it lasts.
        torch_threads: threads inside one inference; None lets the size of the network decide.
        default_model: the model that requests mean which name none; None takes that of the first folder in ``bundle``.
        exit_if_refused: whether the process ends if a bundle cannot be loaded at the start, or stays not ready.
        admin_calls: whether ``POST /v1/admin/reload`` is there.
    """

    model_config = SettingsConfigDict(env_prefix="PATHPRINT_", frozen=True)

    bundle: Annotated[tuple[str, ...] | None, NoDecode, BeforeValidator(_folders)] = None
    max_body_bytes: Annotated[int, Field(gt=0)] = 10 * MEBIBYTE
    body_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 15
    decode_threads: Annotated[int, Field(ge=1, le=64)] = 2
    torch_threads: Annotated[int, Field(ge=1, le=1024)] | None = None

    # Models
    default_model: str | None = None
    exit_if_refused: bool = True
    admin_calls: bool = False
