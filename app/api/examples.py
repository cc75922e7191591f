"""Examples in the OpenAPI document: real requests, and what the service answered.

``python docs/record_examples.py`` records them anew.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("recorded")


def recorded(name: str) -> Any:
    """Return a recorded request or answer."""
    return json.loads((FOLDER / f"{name}.json").read_text())
