"""The attacks to fit and evaluate with, for grey and for RGB images: what is taught, and what is only tested.

Three groups. *Taught* attacks are what ``fit`` attacks its images with. *Related* ones belong to a taught attack's
family and are only tested. *Untaught* ones are only tested, too, and nothing of their families is taught.
"""

from __future__ import annotations

from typing import Literal

from pathprint.models.network import Network
from pathprint.profiling.attacks.attack import Attack, budget_text
from pathprint.profiling.attacks.methods.apgd import Apgd
from pathprint.profiling.attacks.methods.ascent import Ascent
from pathprint.profiling.attacks.methods.from_foolbox import (
    CarliniWagner,
    DecoupledNorm,
    DeepFool,
    ElasticNet,
    HopSkipJump,
)
from pathprint.profiling.attacks.methods.jsma import Jsma
from pathprint.profiling.attacks.methods.momentum import Momentum
from pathprint.profiling.attacks.methods.noise_images import NoiseImages
from pathprint.profiling.attacks.methods.patch import Patch
from pathprint.profiling.attacks.methods.replaced import Replaced, Values
from pathprint.profiling.attacks.methods.spatial import Spatial
from pathprint.profiling.attacks.methods.square import Square
from pathprint.profiling.attacks.methods.surviving import Surviving
from pathprint.profiling.attacks.methods.transferred import Transferred

Teaching = Literal["taught", "related", "untaught"]


def _fgsm(budget: float) -> Attack:
    summary = "one step along the gradient's sign"
    return Attack(f"fgsm-{budget_text(budget)}", "one-step", "Linf", budget, summary, Ascent("Linf", budget, 1, 1.0))


def _bim(budget: float) -> Attack:
    summary = "20 steps along the gradient's sign"
    return Attack(f"bim-{budget_text(budget)}", "linf-steps", "Linf", budget, summary, Ascent("Linf", budget, 20, 0.1))


def _pgd(budget: float) -> Attack:
    method = Ascent("Linf", budget, 40, 1 / 15, random_start=True)
    return Attack(f"pgd-{budget_text(budget)}", "linf-steps", "Linf", budget, "40 steps from a random point", method)


def _pgd_target(budget: float) -> Attack:
    method, summary = Ascent("Linf", budget, 40, 1 / 15, random_start=True), "PGD towards a random class per image"
    return Attack(f"pgd-target-{budget_text(budget)}", "linf-steps", "Linf", budget, summary, method, targeted=True)


def _pgd_l2(budget: float) -> Attack:
    method = Ascent("L2", budget, 40, 0.1, random_start=True)
    return Attack(f"pgd-l2-{budget_text(budget)}", "l2-steps", "L2", budget, "40 steps from a random point", method)


def _apgd(budget: float, loss: Literal["ce", "dlr"]) -> Attack:
    method, summary = Apgd("Linf", budget, loss=loss), f"auto-PGD of AutoAttack on the {loss.upper()} loss"
    return Attack(f"apgd-{loss}-{budget_text(budget)}", "linf-steps", "Linf", budget, summary, method)


def _deepfool(overshoot: float) -> Attack:
    method = Surviving(DeepFool(overshoot))
    return Attack("deepfool", "deepfool", "L2", None, "to the nearest boundary, far enough to survive rounding", method)


def _cw(confidence: float) -> Attack:
    method, summary = Surviving(CarliniWagner(confidence)), f"smallest change that leads by {confidence:g} logits"
    return Attack(f"cw-{confidence:g}", "cw", "L2", None, summary, method)


def _cw_target(confidence: float) -> Attack:
    method, summary = Surviving(CarliniWagner(confidence)), "Carlini-Wagner towards a random class per image"
    return Attack(f"cw-target-{confidence:g}", "cw", "L2", None, summary, method, targeted=True)


def _ead() -> Attack:
    method, summary = Surviving(ElasticNet()), "smallest change in few values (elastic net)"
    return Attack("ead", "cw", "L1", None, summary, method)


def _ddn() -> Attack:
    method, summary = Surviving(DecoupledNorm()), "smallest change, on balls that shrink and grow"
    return Attack("ddn", "cw", "L2", None, summary, method)


def _mi_fgsm(budget: float) -> Attack:
    summary = "10 steps along the sign of summed gradients"
    return Attack(f"mi-fgsm-{budget_text(budget)}", "linf-steps", "Linf", budget, summary, Momentum(budget))


def _ti_fgsm(budget: float, smoothing: float) -> Attack:
    method, summary = Momentum(budget, decay=0.0, smoothing=smoothing), "10 steps along the sign of smoothed gradients"
    return Attack(f"ti-fgsm-{budget_text(budget)}", "smooth-steps", "Linf", budget, summary, method)


def _jsma(share: float) -> Attack:
    return Attack(f"jsma-{share:g}", "jsma", "L0", share, "pairs of values set to 0 or 1", Jsma(share))


def _square(budget: float, queries: int) -> Attack:
    method, summary = Square(budget, queries), f"random squares, {queries} score queries"
    return Attack(f"square-{budget_text(budget)}", "square", "Linf", budget, summary, method, knowledge="black-box")


def _patch(area: float) -> Attack:
    return Attack(f"patch-{area:g}", "patch", "area", area, "a square with any content", Patch(area))


def _hop_skip_jump() -> Attack:
    method = Surviving(HopSkipJump(steps=15, directions=60))
    summary = "along the boundary, answers only, few queries"
    return Attack("hopskipjump", "decision", "L2", None, summary, method, knowledge="black-box")


def _replaced(name: str, share: float, values: Values, summary: str) -> Attack:
    method = Replaced(share, values)
    return Attack(f"{name}-{share:g}", "replaced", "area", share, summary, method, knowledge="black-box")


def _spatial(degrees: float, shift: float) -> Attack:
    summary = f"turned, and moved by up to {shift:.0%}, found by search"
    method = Spatial(degrees, shift)
    return Attack(f"spatial-{degrees:g}", "spatial", "degrees", degrees, summary, method, knowledge="black-box")


def _noise_images() -> Attack:
    summary = "pure noise; whatever is answered counts"
    method = NoiseImages()
    return Attack("noise-images", "noise-images", "none", None, summary, method, on_image=False, knowledge="none")


def transferred(network: Network, budget: float) -> Attack:
    """Return the attack that crafts on another ``network`` what is then tried on the attacked one."""
    method, summary = Transferred(network, Momentum(budget)), f"MI-FGSM on another network ({network.name})"
    name = f"transfer-{budget_text(budget)}"
    return Attack(name, "transfer", "Linf", budget, summary, method, knowledge="transfer")


TRANSFERRED = {"grey": (0.2, 0.3), "rgb": (8 / 255, 12 / 255)}
"""Budgets of the attacks that are crafted on another network, by the colours of the images."""
_ANY_RELATED = (
    _cw(10),
    _cw(20),
    _cw_target(0),
    _ead(),
)
_ANY = (
    _hop_skip_jump(),
    _replaced("replaced", 0.1, "any", "a tenth of the pixels of any colour, drawn until wrong"),
    _replaced("replaced", 0.25, "any", "a quarter of the pixels of any colour, drawn until wrong"),
    _replaced("salt-pepper", 0.1, "extremes", "a tenth of the pixels black or white, drawn until wrong"),
    _replaced("rearranged", 0.25, "own", "a quarter of the pixels from elsewhere in it, drawn until wrong"),
    _spatial(30, 0.1),
)
GREY = (
    _fgsm(0.2),
    _fgsm(0.3),
    _bim(0.2),
    _pgd(0.1),
    _pgd(0.2),
    _pgd_l2(1.5),
    _deepfool(0.1),
    _cw(0),
    _noise_images(),
    _ti_fgsm(0.2, smoothing=1),
    _ddn(),
)
GREY_RELATED = (
    _fgsm(0.1),
    _bim(0.1),
    _bim(0.3),
    _pgd(0.3),
    _pgd_target(0.2),
    _mi_fgsm(0.2),
    _apgd(0.2, "ce"),
    _apgd(0.2, "dlr"),
    *_ANY_RELATED,
)
GREY_UNTAUGHT = (
    _jsma(0.15),
    _square(0.3, 400),
    _patch(0.15),
    *_ANY,
)
RGB = (
    _fgsm(4 / 255),
    _fgsm(8 / 255),
    _bim(4 / 255),
    _pgd(2 / 255),
    _pgd(8 / 255),
    _pgd_l2(0.5),
    _deepfool(0.1),
    _cw(0),
    _noise_images(),
    _ti_fgsm(8 / 255, smoothing=3),
    _ddn(),
)
RGB_RELATED = (
    _fgsm(2 / 255),
    _pgd(4 / 255),
    _pgd_target(8 / 255),
    _mi_fgsm(8 / 255),
    _apgd(4 / 255, "ce"),
    _apgd(4 / 255, "dlr"),
    *_ANY_RELATED,
)
RGB_UNTAUGHT = (
    _jsma(0.05),
    _square(8 / 255, 500),
    _patch(0.05),
    *_ANY,
)
GROUPS: dict[str, dict[Teaching, tuple[Attack, ...]]] = {
    "grey": {"taught": GREY, "related": GREY_RELATED, "untaught": GREY_UNTAUGHT},
    "rgb": {"taught": RGB, "related": RGB_RELATED, "untaught": RGB_UNTAUGHT},
}
"""The attacks of each group, by the colours of the images that they are for."""
