"""``pathprint sign``: answer for a bundle with a key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pathprint.profiling.cli.options import AsJson, Bundle
from pathprint.profiling.cli.results import print_json
from pathprint.profiling.detection.bundle_files import SIGNATURE
from pathprint.profiling.errors import unreadable


def sign(
    bundle: Bundle,
    private_key: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="PEM file with a private key on the curve P-256, P-384 or P-521. "
            "`openssl ecparam -name prime256v1 -genkey -noout` makes one.",
            exists=True,
            dir_okay=False,
        ),
    ],
    password_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="File whose first line is the password of the key.", exists=True, dir_okay=False
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Sign a bundle with a key.

    Every file is compared with the manifest before. The signature is written into the bundle, as model.sig. It is one
    of OpenSSF model signing, which `model_signing verify key` checks as well. It needs the extra `sign`, and no
    network.

    Example:
        pathprint sign lenet5-bundle --private-key release.pem
    """
    from pathprint.profiling.cli.terminal import say
    from pathprint.profiling.detection import signing
    from pathprint.profiling.detection.bundle import checksum_of

    signing.check_extra()
    checksum = checksum_of(bundle)
    key = signing.sign(bundle, private_key, None if password_file is None else _first_line(password_file))
    say(f"{bundle} is signed by the key {key.id[:16]}…; the signature is in {bundle / SIGNATURE}")
    if as_json:
        facts = {"bundle": str(bundle), "bundle_sha256": checksum}
        print_json(facts | {"signature": str(bundle / SIGNATURE), "key": key.id})


def _first_line(path: Path) -> bytes | None:
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise unreadable(path, error) from error
    return lines[0] if lines and lines[0] else None
