"""Stand in front of a model: pass its answer on, flag it, or withhold it, as the verdict and the settings say."""

from __future__ import annotations

import structlog

from pathprint.app.api import answers
from pathprint.app.api.judging import Judge
from pathprint.app.api.schemas import Classified
from pathprint.app.api.shown import Shown
from pathprint.app.problems.kinds import ProblemError
from pathprint.app.settings import Action, Settings
from pathprint.profiling.detection.detector import Decision, Verdict

log = structlog.get_logger("app")


def action_after(decision: Decision, settings: Settings) -> Action:
    """Return what is done after a verdict, unless the service only watches."""
    match decision:
        case "benign":
            return settings.gateway_benign
        case "uncertain":
            return settings.gateway_uncertain
        case "adversarial":
            return settings.gateway_adversarial


def classified(judge: Judge, verdict: Verdict, shown: Shown) -> Classified:
    """Return the network's answer, if the verdict allows it.

    Raises:
        ProblemError: it does not.
    """
    settings = judge.service.settings
    action = action_after(verdict.decision, settings)
    log.info("gateway", action=action, shadow=settings.gateway_shadow, verdict=verdict.decision)
    if settings.gateway_shadow:
        action = "pass"
    if action == "reject":
        detail = f"The image was judged {verdict.decision}, so its class is not given. A rule of the operator says so."
        raise ProblemError("image_rejected", detail)
    return Classified(
        request_id=judge.request.state.request_id,
        model=answers.model(judge.loaded),
        action=action,
        prediction=answers.prediction(verdict, shown),
    )
