"""The routes, one module for each subject. A new one is added to ``ROUTERS``; see docs/extending.md."""

from __future__ import annotations

from fastapi import APIRouter

from pathprint.app.api.routes import (
    detect,
    docs,
    health,
    model_figures,
    model_health,
    models,
    monitor,
    open_inference,
)

ROUTERS: tuple[APIRouter, ...] = (
    detect.router,
    docs.router,
    health.router,
    model_figures.router,
    model_health.router,
    models.router,
    monitor.router,
    open_inference.router,
)
