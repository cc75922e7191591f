"""``POST /v1/admin/reload``: for operators. It is there only if the settings say so, and takes a key of its own."""

from __future__ import annotations

from fastapi import APIRouter, Request

from pathprint.app.api.documentation import problems
from pathprint.app.api.schemas import Reloaded, Version
from pathprint.app.problems.kinds import ProblemError, Stage
from pathprint.app.runtime.service import Running

SCOPE = "admin"
router = APIRouter(prefix="/v1/admin", tags=["administration"])


@router.post(
    "/reload",
    summary="Load the bundles again",
    response_description="The bundles that the folders hold now answer.",
    responses=problems(Stage.READINESS, Stage.ADMISSION, Stage.RELOAD),
)
async def reload(request: Request, service: Running) -> Reloaded:
    """Loads what the bundle folders hold now, beside what answers; then that takes its place in one step.

    Requests that have begun are answered by the bundle that they began with. If anything about a bundle is wrong,
    nothing changes. The key must have the scope `admin`.
    """
    key = getattr(request.state, "key", None)
    if key is None or SCOPE not in key.scopes:
        raise ProblemError("insufficient_scope", f"Send an API key with the scope '{SCOPE}'.")
    swap = await service.loader.load()
    lists = {"loaded": swap.loaded, "kept": swap.kept, "removed": swap.removed}
    return Reloaded(**{title: [Version(**one.identity) for one in found] for title, found in lists.items()})
