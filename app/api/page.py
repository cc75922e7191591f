"""Write an OpenAPI document as one HTML page, which runs no scripts and loads nothing."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent
_STYLE = (_FOLDER / "page.css").read_text("utf-8")
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; frame-ancestors 'none'; base-uri 'none'"
"""What a browser may do for the page: apply this very style sheet."""


def page_of(document: dict[str, Any]) -> str:
    """Return the page of an OpenAPI document. All its texts are escaped."""
    import jinja2  # only for this page, which few ask for
    import markupsafe

    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string((_FOLDER / "page.html.j2").read_text("utf-8"))
    return template.render(
        document=document,
        style=markupsafe.Markup(_STYLE),  # noqa: S704  # a file of ours
        pretty=lambda value: json.dumps(value, indent=2, ensure_ascii=False),
    )
