"""``pathprint networks``: what can be protected."""

from __future__ import annotations

from pathprint.models.zoo.names import OWN
from pathprint.profiling.cli.options import AsJson
from pathprint.profiling.cli.results import print_json, print_result


def networks(as_json: AsJson = False) -> None:
    """List the networks that can be protected.

    Example:
        pathprint networks
    """
    from pathprint.models.zoo import catalogue

    if as_json:
        print_json({"networks": catalogue.names()})
        return
    for name, summary in OWN.items():
        print_result(f"{name:<28} {summary}")
    print_result(
        "torchvision:NAME             any of: " + ", ".join(n.split(":")[1] for n in catalogue.names() if ":" in n)
    )
    print_result("package.module:factory       your own function that returns a torch module")
    print_result("FILE.pt2                     what torch.export.save wrote; needs no code")
