"""Who listens to decisions for the service's safety: the audit log, and what notices query attacks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from starlette.applications import Starlette

from pathprint.app.monitoring.audit import Audit
from pathprint.app.monitoring.decisions import Decisions
from pathprint.app.monitoring.query_attacks import QueryAttacks, Watch
from pathprint.app.settings import Settings


def open_audit(settings: Settings) -> Audit | None:
    """Return the audit log, if the settings name one.

    Raises:
        AuditError: it cannot be written.
    """
    if settings.audit is None:
        return None
    return Audit(settings.audit, settings.audit_bytes, settings.audit_files)


@contextmanager
def attending(app: Starlette, decisions: Decisions, settings: Settings, audit: Audit | None) -> Iterator[None]:
    """Let the audit log and the watch for query attacks listen to ``decisions``; close the audit log in the end."""
    with ExitStack() as ending:
        if audit:
            ending.callback(audit.close)
            decisions.listen(audit)
        watch = Watch(settings.similar_queries, settings.similar_images, refused=settings.refused_seconds)
        app.state.query_attacks = QueryAttacks(watch, app.state.quarantine)
        decisions.listen(app.state.query_attacks)
        yield
