"""What attacks are called. Nothing heavy is imported here, so that an unknown name is refused at once.

What the attacks are is in suites.py; a test compares the names.
"""

from __future__ import annotations

_ANY = (
    "deepfool",
    "cw-0",
    "noise-images",
    "cw-10",
    "cw-20",
    "cw-target-0",
    "ddn",
    "ead",
    "hopskipjump",
    "replaced-0.1",
    "replaced-0.25",
    "salt-pepper-0.1",
    "rearranged-0.25",
    "spatial-30",
)
_GREY = (
    "fgsm-0.2",
    "fgsm-0.3",
    "bim-0.2",
    "pgd-0.1",
    "pgd-0.2",
    "pgd-l2-1.5",
    "fgsm-0.1",
    "bim-0.1",
    "bim-0.3",
    "pgd-0.3",
    "pgd-target-0.2",
    "mi-fgsm-0.2",
    "ti-fgsm-0.2",
    "apgd-ce-0.2",
    "apgd-dlr-0.2",
    "jsma-0.15",
    "square-0.3",
    "patch-0.15",
)
_RGB = (
    "fgsm-4of255",
    "fgsm-8of255",
    "bim-4of255",
    "pgd-2of255",
    "pgd-8of255",
    "pgd-l2-0.5",
    "fgsm-2of255",
    "pgd-4of255",
    "pgd-target-8of255",
    "mi-fgsm-8of255",
    "ti-fgsm-8of255",
    "apgd-ce-4of255",
    "apgd-dlr-4of255",
    "jsma-0.05",
    "square-8of255",
    "patch-0.05",
)
KNOWN = {"grey": frozenset({*_ANY, *_GREY}), "rgb": frozenset({*_ANY, *_RGB})}
"""The names of all attacks on grey and on RGB images."""
