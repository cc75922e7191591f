"""``pathprint verify``: whether a bundle is whole, unchanged, and signed by whom it should be."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pathprint.profiling.cli.options import AsJson, Bundle, PublicKeys
from pathprint.profiling.cli.results import print_json, print_result
from pathprint.profiling.errors import BundleError, OptionsError

if TYPE_CHECKING:
    from pathprint.profiling.detection.verifying import Verification


def verify(
    bundle: Bundle,
    public_key: PublicKeys = None,
    signature: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Signature that does not lie in the bundle, such as one of `model_signing sign key`. Default: "
            "model.sig in the bundle.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check that a bundle is whole and unchanged, and who signed it.

    With --public-key a signature by that key is asked for. All is checked that loading checks: the schema, the form of
    the manifest, the SHA-256 of every file, that nothing else lies there, that the network has only operations that are
    allowed, and that the golden image has its score on this machine. Warnings say who else may change the files.
    Checksums find damage; only a signature says that nobody has put another bundle in the place of yours.

    The status is 0 if the bundle is as it should be, and 2 if it is not.

    Example:
        pathprint verify lenet5-bundle --public-key release.pub
    """
    if signature is not None and not public_key:
        raise OptionsError("--signature needs --public-key, the key that the signature should be by.")
    from pathprint.profiling.cli.terminal import say
    from pathprint.profiling.detection import verifying

    found = verifying.verify(bundle, public_key or None, signature)
    if as_json:
        print_json(found.to_dict())
    else:
        _print(found)
    for warning in found.warnings:
        say(f"warning: {warning}")
    if found.error:
        raise BundleError(found.error)


def _print(found: Verification) -> None:
    lines = [f"  {name}: {what}" for name, what in found.checks]
    outcome = "REFUSED" if found.error else "verified"
    print_result("\n".join([f"{found.folder}: {outcome}", *lines]))
