"""The guards of the service, in their order: host names, API keys, quarantine and rates."""

from __future__ import annotations

from limits import parse
from starlette.applications import Starlette

from pathprint.app.admission.authentication import Anonymous, Authentication
from pathprint.app.admission.callers import Hardening
from pathprint.app.admission.charging import Charging, Quarantine
from pathprint.app.admission.hosts import TrustedHosts, host_names
from pathprint.app.admission.key_file import KeyRing
from pathprint.app.settings import Settings


def add_guards(app: Starlette, settings: Settings) -> None:
    """Put the guards around ``app``; ``app.state`` keeps the keys, to read again, and who is in quarantine.

    Raises:
        KeyFileError: the key file cannot be used.
    """
    app.state.keys = KeyRing(settings.keys)
    app.state.quarantine = Quarantine()
    rate, anonymous = (parse(text) if text else None for text in (settings.rate, settings.anonymous_rate))
    hardening = Hardening(settings.anonymous_detail, settings.anonymous_digits)
    allowed = settings.allow_anonymous or settings.keys is None
    # Without keys, and unless clients everywhere may ask, the service listens on this machine only: see binding.py.
    monitor = settings.keys is None and not settings.allow_anonymous
    # The middleware that is added last is asked first.
    app.add_middleware(Charging, app.state.quarantine, rate, anonymous)
    app.add_middleware(Authentication, app.state.keys, Anonymous(allowed, hardening, monitor))
    if names := host_names(settings.trusted_hosts):
        app.add_middleware(TrustedHosts, names)
