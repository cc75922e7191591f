"""What everybody should consider who uses a detector: the threat model (docs/threat-model.md) in short sentences."""

from __future__ import annotations

from typing import Any

USERS = (
    "operators of an image classifier who want to know which requests to look at",
    "reviewers of what was flagged",
    "researchers who measure attacks and defences",
)
USE_CASES = (
    "Run beside the classifier, and flag images that take an unusual path through it, to block, review or log them.",
    "Scan a data set, and list the images that are suspicious.",
    "MITRE ATLAS AML.M0015, Predictive AI Adversarial Input Detection, against evasion (NIST AI 100-2).",
)
LIMITATIONS = (
    "It is no guarantee of robustness. An attacker who knows the detector evades it; against that attacker nothing is "
    "claimed.",
    "Figures hold for the attacks that are named in their slices. Other kinds of attack may pass.",
    "The promised false-positive rate holds for images that are exchangeable with the calibration images. Another "
    "camera, another crop or stronger compression needs a new calibration.",
    "A flag does not tell an attack from a wrong answer that nobody forced: misclassified clean images are often "
    "flagged, too.",
    "A backdoor in the network or in the profiled images looks usual, and is not found.",
    "Answers to queries help an attacker; limit what clients are told, and how often they may ask.",
)
TRADEOFFS = (
    "A lower false-positive rate finds fewer attacks. Where attacks are rare, most flags are false alarms.",
    "The tiers fast, standard and thorough find more in this order, and take more time.",
)
RISKS = (
    {
        "name": "A flag may be taken for a proof that somebody acted in bad faith.",
        "mitigationStrategy": "Have a person look at flagged images before anything follows for whoever sent them.",
    },
    {
        "name": "Groups whose images are rare among the calibration images may be flagged more often than promised.",
        "mitigationStrategy": "Calibrate on images like those in use, and measure the rate for each group.",
    },
)


def considerations() -> dict[str, Any]:
    """Return the considerations of a CycloneDX model card."""
    return {
        "users": list(USERS),
        "useCases": list(USE_CASES),
        "technicalLimitations": list(LIMITATIONS),
        "performanceTradeoffs": list(TRADEOFFS),
        "ethicalConsiderations": [dict(risk) for risk in RISKS],
    }
