"""Put the service together; ``__main__.py`` beside this file starts it."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from pydantic import ValidationError

from pathprint.app.admission.context import RequestContext
from pathprint.app.admission.guards import add_guards
from pathprint.app.admission.key_file import KeyFileError
from pathprint.app.api.documentation import DESCRIPTION, Documented
from pathprint.app.api.routes import ROUTERS
from pathprint.app.monitoring.attending import attending, open_audit
from pathprint.app.monitoring.audit import AuditError
from pathprint.app.problems.reporting import install
from pathprint.app.runtime.service import running
from pathprint.app.server.hangup import on_hangup
from pathprint.app.server.logs import configure_logs
from pathprint.app.settings import Settings
from pathprint.profiling.detection.bundle import Bundle, load_bundle
from pathprint.profiling.errors import BundleError

API_VERSION = "1.0"


def create_app(bundle: Bundle, settings: Settings | None = None) -> FastAPI:
    """Return the service for a loaded ``bundle``. It is ready once its lifespan has started.

    Args:
        settings: read from the environment if not given.
    """
    chosen = settings or Settings()
    audit = open_audit(chosen)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with running(app, bundle, chosen):
            with (
                on_hangup(app.state.keys.read_again),
                attending(app, app.state.service.decisions, chosen, audit),
            ):
                yield

    app = Documented(
        title="Pathprint",
        summary="Detects adversarial images by the path they take through a network.",
        description=DESCRIPTION,
        version=API_VERSION,
        lifespan=lifespan,
        redoc_url=None,
        redirect_slashes=False,  # a redirect would be built from the client's Host header
    )
    add_guards(app, chosen)
    app.add_middleware(RequestContext)
    install(app)
    for router in ROUTERS:
        app.include_router(router)
    return app


def from_environment() -> FastAPI:
    """Return the service that the ``PATHPRINT_`` variables describe; for uvicorn's ``--factory``.

    Raises:
        SystemExit: a setting is wrong, or the bundle cannot be loaded. One line on standard error says why.
    """
    configure_logs()
    try:
        settings = Settings()
        if settings.bundle is None:
            raise _refused("PATHPRINT_BUNDLE is not set; set it to a bundle folder.")
        bundle = load_bundle(settings.bundle)
        return create_app(bundle, settings)
    except ValidationError as error:
        wrong = "; ".join(f"PATHPRINT_{str(item['loc'][0]).upper()}: {item['msg']}" for item in error.errors())
        raise _refused(f"{wrong}.") from None
    except (BundleError, KeyFileError, AuditError, OSError) as error:
        raise _refused(str(error)) from None


def _refused(reason: str) -> SystemExit:
    """Say on standard error why the service does not start; return the exception that ends it with status 2."""
    sys.stderr.write(f"pathprint: {' '.join(reason.split())}\n")
    return SystemExit(2)
