"""Find attacks: a suite of them, some by their names, or those that a bundle was fitted on."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any, Literal

from pathprint.models.network import Network, canonical_json
from pathprint.profiling.attacks.attack import Attack, library_of
from pathprint.profiling.attacks.suites import GROUPS, TRANSFERRED, Teaching, transferred
from pathprint.profiling.errors import MissingExtraError, OptionsError

Suite = Literal["default", "full"]
log = logging.getLogger("pathprint")


SUITES: dict[str, dict[Suite, tuple[Attack, ...]]] = {
    colours: {"default": groups["taught"], "full": tuple(attack for group in groups.values() for attack in group)}
    for colours, groups in GROUPS.items()
}


def suite(network: Network, which: Suite = "default") -> dict[str, Attack]:
    """Return a suite's attacks by name: ``default`` is what is taught, ``full`` is for evaluation and contains it.

    Budgets are chosen for grey or RGB inputs by the network's number of channels.
    """
    return {attack.name: attack for attack in SUITES[colours_of(network)][which]}


def colours_of(network: Network) -> str:
    """Return which images the network takes: ``grey`` or ``rgb``."""
    return "grey" if network.preprocessing.channels == 1 else "rgb"


def taught(network: Network, names: Sequence[str]) -> list[Attack]:
    """Return those of the attacks called ``names`` that this version knows, whatever they are declared as."""
    known = suite(network, "full")
    return [known[name] for name in names if name in known]


def teaching(attack: Attack, seen: Sequence[Attack]) -> Teaching:
    """Return how an attack is related to those that were ``seen`` in fitting."""
    if attack.name in {other.name for other in seen}:
        return "taught"
    return "related" if attack.family in {other.family for other in seen} else "untaught"


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


def transfers(network: Network, other: Network) -> list[Attack]:
    """Return the attacks that craft on the ``other`` network what is then tried on ``network``.

    Raises:
        OptionsError: the other network takes other images, or has other classes.
    """
    takes, shape = other.preprocessing.input_shape, network.preprocessing.input_shape
    if takes != shape:
        raise OptionsError(
            f"nothing can be transferred from {other.name}: it takes images {'x'.join(map(str, takes))}, and "
            f"{network.name} takes {'x'.join(map(str, shape))} (channels, height, width); name one that takes these."
        )
    numbers = tuple(str(number) for number in range(len(network.labels)))
    if other.labels not in (network.labels, numbers):
        raise OptionsError(
            f"nothing can be transferred from {other.name}: its classes are not the {len(numbers)} classes of "
            f"{network.name}, in their order; name a network that has these."
        )
    return [transferred(other, budget) for budget in TRANSFERRED[colours_of(network)]]


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
