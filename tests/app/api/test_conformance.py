"""schemathesis asks the service what its OpenAPI document promises, and what it does not."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig

from pathprint.app.runtime.media import FILES
from tests.app.images import coloured, digit, encoded

pytestmark = pytest.mark.slow

_PHASES = (Phase.explicit, Phase.reuse, Phase.generate)  # shrinking an example takes longer than the whole test
_FORMATS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/bmp": "BMP", "image/webp": "WEBP"}
for media_type in FILES:
    name = _FORMATS.get(media_type, "PNG")
    images = [encoded(digit(), name), encoded(coloured("RGB"), name)]
    schemathesis.openapi.media_type(media_type, st.sampled_from(images) | st.binary(max_size=100))

# What a schema cannot say: base64 and octets have to be an image, a shape that of the model, a name one of a model.
_CONFIG = SchemathesisConfig.from_dict({"checks": {"positive_data_acceptance": {"enabled": False}}})


EXAMPLES = 20
"""Requests for each operation and mode."""


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["promised", "not promised"])
def test_the_service_does_what_its_document_says(address: str, mode: GenerationMode) -> None:
    document = schemathesis.openapi.from_url(f"{address}/openapi.json", config=_CONFIG)
    found: list[Any] = list(document.get_all_operations())
    operations = [item.ok() for item in found]
    paths = httpx.get(f"{address}/openapi.json").json()["paths"]
    assert {operation.path for operation in operations} == set(paths)
    failures = [failure for operation in operations for failure in failures_of(operation, mode)]
    assert not failures, "\n\n".join(failures)


def name_a_model(case: Any) -> None:
    """Ask for the model that there is, as names that are made up end every request with 404."""
    for place in (case.path_parameters, case.query):
        if place and "model" in place:
            place["model"] = "digits-cnn"
    if case.query:
        case.query.pop("version", None)


def failures_of(operation: Any, mode: GenerationMode) -> list[str]:
    """Return what an operation does that the document does not say; the first failure alone."""

    @settings(max_examples=EXAMPLES, deadline=None, phases=_PHASES, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        if mode == GenerationMode.POSITIVE:
            name_a_model(case)
        case.call_and_validate()

    try:
        ask()
    except Unsatisfiable:  # nothing that the document does not promise can be sent there
        return []
    except (Exception, BaseExceptionGroup) as error:
        return [f"{operation.label}: {error!r}\n{error}"]
    return []
