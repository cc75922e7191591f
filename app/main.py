"""Put the service together; ``__main__.py`` beside this file starts it."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from pydantic import ValidationError

from pathprint.app.admission.context import RequestContext
from pathprint.app.api.documentation import DESCRIPTION, Documented
from pathprint.app.api.routes import ROUTERS
from pathprint.app.problems.reporting import install
from pathprint.app.runtime.service import running
from pathprint.app.server.bodies import BodyBudget
from pathprint.app.server.security_headers import SecurityHeaders
from pathprint.app.server.strictness import StrictRequests
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

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with running(app, bundle, chosen):
            yield

    app = Documented(
        title="Pathprint",
        summary="Detects adversarial images by the path they take through a network.",
        description=DESCRIPTION,
        version=API_VERSION,
        lifespan=lifespan,
        docs_url=None,  # its page would load scripts from other hosts
        redoc_url=None,
        redirect_slashes=False,  # a redirect would be built from the client's Host header
    )
    # The last one added is the outermost.
    app.add_middleware(BodyBudget, total=chosen.max_bodies_bytes)
    app.add_middleware(StrictRequests, settings=chosen)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(RequestContext)
    install(app)
    for router in ROUTERS:
        app.include_router(router)
    return app


def from_environment() -> FastAPI:
    """Return the service that the ``PATHPRINT_`` variables describe.

    Raises:
        SystemExit: a setting is wrong, or the bundle cannot be loaded. One line on standard error says why.
    """
    try:
        settings = Settings()
        if settings.bundle is None:
            raise _refused("PATHPRINT_BUNDLE is not set; set it to a bundle folder.")
        bundle = load_bundle(settings.bundle)
    except ValidationError as error:
        wrong = "; ".join(f"PATHPRINT_{str(item['loc'][0]).upper()}: {item['msg']}" for item in error.errors())
        raise _refused(f"{wrong}.") from None
    except (BundleError, OSError) as error:
        raise _refused(str(error)) from None
    return create_app(bundle, settings)


def _refused(reason: str) -> SystemExit:
    """Say on standard error why the service does not start; return the exception that ends it with status 2."""
    sys.stderr.write(f"pathprint: {' '.join(reason.split())}\n")
    return SystemExit(2)
