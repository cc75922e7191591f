"""Serve the metrics on a port of their own, from a thread, so that it answers while all else waits."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, start_http_server

from pathprint.app.monitoring.errors import MonitoringError


def check_port(host: str, port: int) -> None:
    """Check that metrics can be served there, before anything slow is begun.

    Raises:
        MonitoringError: the port is taken or may not be used, or the address is not of this machine.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind(address)
    except OSError as error:
        raise MonitoringError(
            f"metrics cannot be served at {host}:{port}: {error.strerror or error}; choose another "
            "PATHPRINT_METRICS_PORT or PATHPRINT_METRICS_HOST."
        ) from error


@contextmanager
def metrics_port(registry: CollectorRegistry, host: str, port: int | None) -> Iterator[int | None]:
    """Serve the metrics during the block; yield the port. Port 0 takes a free one, None serves nothing."""
    if port is None:
        yield None
        return
    server, thread = start_http_server(port, host, registry)
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
