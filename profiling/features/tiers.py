"""Tiers: how closely a detector looks at each image, from the cheapest look to the most thorough one.

Nothing heavy is imported here, because the command line reads it for its help.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Literal, get_args

from pathprint.profiling.errors import OptionsError

Tier = Literal["fast", "standard", "thorough"]
TIERS: tuple[Tier, ...] = get_args(Tier)
"""All tiers, the cheapest first.

``fast``: one inference and one walk. ``standard``: also one view of the image, which costs one more inference; the view
is chosen on fit images. ``thorough``: a cascade, in which images that are still in doubt are looked at in more views.
"""

DEFAULT_TIER: Tier = "standard"


def tier_of(stages: Sequence[Sequence[str]]) -> Tier:
    """Return the tier of a detector that asks about these views in these stages."""
    if len(stages) > 1 or len(stages[0]) > 1:
        return "thorough"
    return "standard" if stages[0] else "fast"


THOROUGH_BUDGET = 4.0
"""What a clean image may cost on average in the thorough tier, counted in inferences."""
FIRST_LOOK = 2
"""What the recorded inference and the walk are counted as, in inferences; each view counts as one more."""


def tier_for(tier: Tier | None, budget: float | None) -> Tier:
    """Return the tier that was asked for; without a word about it, a budget asks for the thorough one.

    Raises:
        OptionsError: there is no such tier, another tier has no budget, or the budget cannot be met by any detector.
    """
    if tier is not None and tier not in TIERS:
        raise OptionsError(f"there is no tier {tier!r}; allowed: {', '.join(TIERS)}.")
    if budget is None:
        return tier or DEFAULT_TIER
    if tier not in (None, "thorough"):
        raise OptionsError(f"the tier {tier} costs what it costs: give a budget to the thorough tier only.")
    if not FIRST_LOOK < budget < inf:
        raise OptionsError(
            f"the budget is {budget:g} inferences; it must be more than {FIRST_LOOK}, which the recorded inference "
            "and the walk count as."
        )
    return "thorough"
