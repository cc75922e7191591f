"""``pathprint attacks``: what to fit and evaluate with."""

from __future__ import annotations

from pathprint.profiling.cli.options import AsJson
from pathprint.profiling.cli.results import print_json, print_result

_MARKS = {"taught": "*", "related": "+", "untaught": " "}


def attacks(as_json: AsJson = False) -> None:
    """List the attacks to fit and evaluate with.

    Attacks are listed for grey and for RGB networks, each with the norm and the size of the change it makes, and its
    number in MITRE ATLAS. `pathprint fit` is taught the ones marked *; those marked + are other attacks of their
    families. No attack of the families without a mark is ever taught unless it is named. Below them are the benign
    changes that `pathprint evaluate --full` checks false alarms on.

    The cost of an attack is what it takes for one image, in inferences: a gradient counts as three of them. An attack
    that stops when it has succeeded takes up to that many.

    Example:
        pathprint attacks
    """
    from pathprint.profiling.attacks.benign import FIXED
    from pathprint.profiling.attacks.registry import SUITES

    if as_json:
        print_json({colours: [_facts(colours, name) for name in _names(colours)] for colours in SUITES})
        return
    for colours in SUITES:
        print_result(f"{colours} inputs; * is taught and in the default suite, + is of a taught family, others are not")
        print_result(f"  {'name':<20} {'norm':<7} {'budget':<9} {'inferences':>12}  {'ATLAS':<13}")
        for name in _names(colours):
            facts = _facts(colours, name)
            budget = f"{facts['budget']:.3g}" if facts["budget"] else ("any" if facts["norm"] == "none" else "smallest")
            cost = f"{'up to ' if facts['at_most'] else ''}{facts['inferences']:,}"
            shown = f"{facts['norm']:<7} {budget:<9} {cost:>12}  {facts['technique']:<13}"
            print_result(f"{_MARKS[str(facts['teaching'])]} {name:<20} {shown}  {facts['summary']}")
        print_result("")
    print_result("`pathprint evaluate --transfer-from NETWORK` adds attacks that are crafted on another network.")
    print_result(
        "benign controls of `pathprint evaluate --full`: noise of every Linf and L2 budget, whole and half; and"
    )
    for control in FIXED:
        print_result(f"  {control.name:<20} {control.summary}, and half of that")


def _names(colours: str) -> list[str]:
    from pathprint.profiling.attacks.registry import SUITES

    return [attack.name for attack in SUITES[colours]["full"]]


def _facts(colours: str, name: str) -> dict[str, str | float | None]:
    from pathprint.profiling.attacks.registry import SUITES, teaching

    suites = SUITES[colours]
    (attack,) = (attack for attack in suites["full"] if attack.name == name)
    return {
        "name": attack.name,
        "suite": "default" if attack in suites["default"] else "full",
        "teaching": teaching(attack, suites["default"]),
        "family": attack.family,
        "technique": attack.technique.uid,
        "knowledge": attack.knowledge,
        "norm": attack.norm,
        "budget": attack.budget,
        "inferences": attack.inferences,
        "at_most": attack.cost.at_most,
        "summary": attack.summary,
    }
