"""The base of everything that the service sends as JSON."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Schema(BaseModel):
    """Base of everything that the service answers."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)
