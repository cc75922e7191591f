"""Put the service together; ``__main__.py`` beside this file starts it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI
from pydantic import ValidationError

from pathprint.app.admission.at_once import AtOnce
from pathprint.app.admission.context import RequestContext
from pathprint.app.admission.guards import add_guards
from pathprint.app.admission.key_file import KeyFileError
from pathprint.app.admission.room import Room
from pathprint.app.admission.slots import Slots
from pathprint.app.api.documentation import DESCRIPTION, Documented
from pathprint.app.api.routes import ROUTERS, admin, console
from pathprint.app.monitoring.attending import attending, open_audit
from pathprint.app.monitoring.audit import AuditError
from pathprint.app.monitoring.checking import check_monitoring
from pathprint.app.monitoring.errors import MonitoringError
from pathprint.app.monitoring.live import Live, Streams
from pathprint.app.monitoring.metrics import OTHER, Metrics
from pathprint.app.monitoring.requests import CountedRequests, count_at_once
from pathprint.app.monitoring.telemetry import telemetry_config
from pathprint.app.problems.reporting import install
from pathprint.app.runtime.places import find
from pathprint.app.runtime.service import running, works
from pathprint.app.runtime.starting import refused
from pathprint.app.server.bodies import BodyBudget
from pathprint.app.server.ending import when_stopping
from pathprint.app.server.hangup import on_hangup
from pathprint.app.server.security_headers import SecurityHeaders
from pathprint.app.server.strictness import StrictRequests
from pathprint.app.settings import Settings
from pathprint.profiling.detection.bundle import Bundle
from pathprint.profiling.detection.signing import public_keys
from pathprint.profiling.errors import ProfilingError

API_VERSION = "1.1"


def create_app(bundle: Bundle | None = None, settings: Settings | None = None) -> FastAPI:
    """Return the service.

    Args:
        bundle: a loaded bundle; the service is ready once its lifespan has started. Without it, the bundles that
            ``settings`` name are loaded while the service already answers that it is not ready.
        settings: read from the environment if not given.
    """
    chosen, metrics = settings or Settings(), Metrics()
    audit = open_audit(chosen)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with running(app, bundle, chosen, metrics):
            with (
                on_hangup(app.state.keys.read_again),
                attending(app, app.state.service.decisions, chosen, audit),
            ):
                app.state.service.decisions.listen(app.state.live.decided)
                for listener in (metrics.alarmed, app.state.live.alarmed):
                    app.state.query_attacks.listen(listener)
                when_stopping(app.state.streams.ended.set)
                yield
                app.state.streams.ended.set()

    app = Documented(
        title="Pathprint",
        summary="Detects adversarial images by the path they take through a network.",
        description=DESCRIPTION,
        version=API_VERSION,
        lifespan=lifespan,
        telemetry=telemetry_config(chosen.telemetry),
        openapi_url=None,  # a route of ours keeps the document
        docs_url=None,  # its page would load scripts from other hosts
        redoc_url=None,
        redirect_slashes=False,  # a redirect would be built from the client's Host header
    )
    app.state.metrics, app.state.live = metrics, Live()
    app.state.streams = Streams(chosen.monitor_streams)
    app.state.room = Room(chosen.max_requests, chosen.max_waiting)
    app.state.at_once = AtOnce(
        app.state.room,
        lambda: works(app),
        lambda path, code: count_at_once(metrics, path or OTHER, code),
    )
    # The last one added is the outermost.
    app.add_middleware(BodyBudget, total=chosen.max_bodies_bytes)
    app.add_middleware(Slots, room=app.state.room, settings=chosen)
    add_guards(app, chosen)
    app.add_middleware(StrictRequests, settings=chosen)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(RequestContext)
    install(app)
    for router in _routers(chosen):
        app.include_router(router)
    app.add_middleware(CountedRequests, metrics=metrics)
    return app


def _routers(settings: Settings) -> list[APIRouter]:
    """Return the routes that the settings ask for."""
    chosen = [(admin.router, settings.admin_calls), (console.router, settings.console)]
    return [*ROUTERS, *(router for router, wanted in chosen if wanted)]


def from_environment() -> FastAPI:
    """Return the service that the ``PATHPRINT_`` variables describe.

    Raises:
        SystemExit: a setting is wrong, or there is no bundle where one should be. One line on standard error says why.
    """
    try:
        settings = Settings()
        if settings.bundle is None:
            raise refused("PATHPRINT_BUNDLE is not set; set it to a bundle folder.")
        check_monitoring(settings)
        if settings.trusted_keys is not None:
            public_keys(settings.trusted_keys)  # what is wrong with them is said before the port is taken
        if settings.exit_if_refused:
            find(settings.bundle)  # what can be seen at once is said before the port is taken
        return create_app(settings=settings)
    except ValidationError as error:
        wrong = "; ".join(f"PATHPRINT_{str(item['loc'][0]).upper()}: {item['msg']}" for item in error.errors())
        raise refused(f"{wrong}.") from None
    except (AuditError, KeyFileError, MonitoringError, OSError, ProfilingError) as error:
        raise refused(str(error)) from None
