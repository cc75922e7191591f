"""What security people call attacks: the techniques of MITRE ATLAS, and the words of NIST AI 100-2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

VERSION = "2026.10"
"""Of MITRE ATLAS (https://atlas.mitre.org), whose numbers and names these are."""
Knowledge = Literal["white-box", "black-box", "transfer", "none"]
"""What an attacker needs of the attacked network. ``white-box``: its weights, for gradients. ``black-box``: its
answers, which it is asked for again and again. ``transfer``: nothing but another network of its kind. ``none``: nothing
at all."""


@dataclass(frozen=True, slots=True)
class Technique:
    """A technique of attackers, or a mitigation, with its number in MITRE ATLAS."""

    uid: str
    name: str


TECHNIQUES: dict[Knowledge, Technique] = {
    "white-box": Technique("AML.T0043.000", "White-Box Optimization"),
    "black-box": Technique("AML.T0043.001", "Black-Box Optimization"),
    "transfer": Technique("AML.T0043.002", "Black-Box Transfer"),
    "none": Technique("AML.T0043.003", "Manual Modification"),
}
"""Ways to craft adversarial data, by what they take. Inserting a backdoor's trigger (AML.T0043.004) is none of ours."""
MITIGATION = Technique("AML.M0015", "Predictive AI Adversarial Input Detection")
"""What Pathprint is; called Adversarial Input Detection before ATLAS 2026.07."""
