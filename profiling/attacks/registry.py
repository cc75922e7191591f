"""The attacks to fit and evaluate with: a default and a full suite, each for grey and for RGB inputs."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any, Literal

from pathprint.models.network import Network, canonical_json
from pathprint.profiling.attacks.attack import Attack, budget_text, library_of
from pathprint.profiling.attacks.methods.apgd import Apgd
from pathprint.profiling.attacks.methods.ascent import Ascent
from pathprint.profiling.attacks.methods.from_foolbox import CarliniWagner, DeepFool, HopSkipJump
from pathprint.profiling.attacks.methods.jsma import Jsma
from pathprint.profiling.attacks.methods.noise_images import NoiseImages
from pathprint.profiling.attacks.methods.patch import Patch
from pathprint.profiling.attacks.methods.square import Square
from pathprint.profiling.attacks.methods.surviving import Surviving
from pathprint.profiling.errors import MissingExtraError, OptionsError

Suite = Literal["default", "full"]
log = logging.getLogger("pathprint")


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


def _jsma(share: float) -> Attack:
    return Attack(f"jsma-{share:g}", "jsma", "L0", share, "pairs of values set to 0 or 1", Jsma(share))


def _square(budget: float, queries: int) -> Attack:
    summary = f"random squares, {queries} score queries"
    return Attack(f"square-{budget_text(budget)}", "square", "Linf", budget, summary, Square(budget, queries))


def _patch(area: float) -> Attack:
    return Attack(f"patch-{area:g}", "patch", "area", area, "a square with any content", Patch(area))


def _hop_skip_jump() -> Attack:
    method = Surviving(HopSkipJump(steps=15, directions=60))
    return Attack("hopskipjump", "decision", "L2", None, "along the boundary, answers only, few queries", method)


def _noise_images() -> Attack:
    summary = "pure noise; whatever is answered counts"
    return Attack("noise-images", "noise-images", "none", None, summary, NoiseImages(), on_image=False)


_ANY = (
    _cw(10),
    _cw(20),
    _cw_target(0),
    _hop_skip_jump(),
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
)
GREY_MORE = (
    _fgsm(0.1),
    _bim(0.1),
    _bim(0.3),
    _pgd(0.3),
    _pgd_target(0.2),
    _apgd(0.2, "ce"),
    _apgd(0.2, "dlr"),
    _jsma(0.15),
    _square(0.3, 400),
    _patch(0.15),
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
)
RGB_MORE = (
    _fgsm(2 / 255),
    _pgd(4 / 255),
    _pgd_target(8 / 255),
    _apgd(4 / 255, "ce"),
    _apgd(4 / 255, "dlr"),
    _jsma(0.05),
    _square(8 / 255, 500),
    _patch(0.05),
)
SUITES: dict[str, dict[Suite, tuple[Attack, ...]]] = {
    "grey": {"default": GREY, "full": (*GREY, *GREY_MORE, *_ANY)},
    "rgb": {"default": RGB, "full": (*RGB, *RGB_MORE, *_ANY)},
}


def suite(network: Network, which: Suite = "default") -> dict[str, Attack]:
    """Return a suite's attacks by name: ``default`` is quick, ``full`` is for evaluation and contains ``default``.

    Budgets are chosen for grey or RGB inputs by the network's number of channels.
    """
    colours = "grey" if network.preprocessing.channels == 1 else "rgb"
    return {attack.name: attack for attack in SUITES[colours][which]}


def chosen(network: Network, names: Sequence[str] | None, which: Suite = "default") -> list[Attack]:
    """Return the attacks called ``names``, or what can be used here of a whole suite.

    Raises:
        OptionsError: there is no attack of that name; the message lists the known ones.
        MissingExtraError: an attack that is named comes from a library that is not installed.
    """
    known = suite(network, "full")
    unknown = [name for name in names or [] if name not in known]
    if unknown:
        raise OptionsError(f"there is no attack {', '.join(unknown)}; known: {', '.join(known)}.")
    wanted = [known[name] for name in names or suite(network, which)]
    missing = [attack for attack in wanted if not _is_usable(attack)]
    if missing:
        _tell(missing, refused=bool(names))
    return [attack for attack in wanted if attack not in missing]


def _is_usable(attack: Attack) -> bool:
    library = library_of(attack.method)
    return library is None or find_spec(library) is not None


def _tell(missing: Sequence[Attack], refused: bool) -> None:
    """Say which attacks need a library that is not installed, or refuse to go on without them."""
    libraries = dict.fromkeys(str(library_of(attack.method)) for attack in missing)
    text = (
        f"the attacks {', '.join(attack.name for attack in missing)} need {', '.join(libraries)}, which is not "
        "installed; install the extra: pip install 'pathprint[attacks]'"
    )
    if refused:
        raise MissingExtraError(f"{text}.")
    log.warning("left out: %s", text)


def declared(network: Network, declarations: Sequence[Mapping[str, Any]]) -> list[Attack]:
    """Return the attacks that have the given declarations (see ``Attack.declaration``).

    Raises:
        OptionsError: this version lacks an attack or declares it differently; the message says which.
    """
    known = {canonical_json(attack.declaration()): attack for attack in suite(network, "full").values()}
    found = [known.get(canonical_json(dict(declaration))) for declaration in declarations]
    unknown = [str(declared["name"]) for declared, attack in zip(declarations, found, strict=True) if attack is None]
    if unknown:
        raise OptionsError(f"this version lacks these attacks or makes them differently: {', '.join(unknown)}.")
    return [attack for attack in found if attack is not None]
