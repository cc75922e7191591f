"""Ask a running service whether it is ready: what a container's health check runs, without curl."""

from __future__ import annotations

import json
import sys
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

SECONDS = 3
_NO_PROXY = build_opener(ProxyHandler({}))  # the service is beside us, whatever the environment says of proxies


def check(address: str) -> int:
    """Say in one line whether the service at ``address`` is ready; return 0 if it is, 1 if not, for the shell."""
    url = address.rstrip("/") + "/readyz"
    try:
        with _NO_PROXY.open(url, timeout=SECONDS) as response:
            names = [f"{one['name']} {one['version']}" for one in json.load(response)["models"]]
    except HTTPError as error:
        return _unhealthy(url, f"{error.code} {_detail(error)}")
    except (OSError, ValueError, LookupError, TypeError) as error:
        return _unhealthy(url, str(error))
    sys.stdout.write(f"ready: {', '.join(names)}\n")
    return 0


def _detail(error: HTTPError) -> str:
    try:
        return str(json.load(error)["detail"])
    except (OSError, ValueError, LookupError, TypeError):
        return error.reason


def _unhealthy(url: str, reason: str) -> int:
    sys.stderr.write(f"pathprint: {url} is not ready: {' '.join(reason.split())}\n")
    return 1
