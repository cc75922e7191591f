"""Traces are off unless they are asked for, and then hold requests but neither probes nor what was sent."""

from __future__ import annotations

import httpx
import pytest
from fastapi import FastAPI

from pathprint.app.monitoring.errors import MonitoringError
from pathprint.app.monitoring.telemetry import check_telemetry, telemetry_config
from tests.app.server import serving


def test_without_the_libraries_it_is_refused_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    check_telemetry(False)
    monkeypatch.setattr("pathprint.app.monitoring.telemetry._NEEDED", ("no_such_library.sdk",))
    with pytest.raises(MonitoringError, match=r"pathprint\[otel\]"):
        check_telemetry(True)


@pytest.mark.parametrize("wanted", [False, True])
def test_requests_are_traced_if_wanted_and_probes_never(wanted: bool) -> None:
    sdk = pytest.importorskip("opentelemetry.sdk.trace")
    export = pytest.importorskip("opentelemetry.sdk.trace.export")
    memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter").InMemorySpanExporter()
    provider = sdk.TracerProvider()
    provider.add_span_processor(export.SimpleSpanProcessor(memory))
    app = FastAPI(telemetry={**telemetry_config(wanted), "tracer_provider": provider, "auto_configure": False})
    for path in ("/livez", "/v1/detect"):
        app.add_api_route(path, lambda: "fine", methods=["GET"])
    with serving(app, lifespan=False) as address:
        for path in ("/livez", "/v1/detect?secret=7"):
            assert httpx.get(address + path).status_code == 200
    spans = memory.get_finished_spans()
    assert [span.name for span in spans] == (["GET /v1/detect"] if wanted else [])
