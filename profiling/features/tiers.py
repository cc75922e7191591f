"""Tiers: how closely a detector looks at each image, from the cheapest look to the most thorough one.

Nothing heavy is imported here, because the command line reads it for its help.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

Tier = Literal["fast", "standard", "thorough"]
TIERS: tuple[Tier, ...] = get_args(Tier)
"""All tiers, the cheapest first.

``fast``: one inference and one walk. ``standard``: also one view of the image, which costs one more inference; the view
is chosen on fit images. ``thorough``: also all views.
"""

DEFAULT_TIER: Tier = "standard"


def tier_of(views: Sequence[str]) -> Tier:
    """Return the tier of a detector that asks about these views."""
    return "fast" if not views else "standard" if len(views) == 1 else "thorough"
