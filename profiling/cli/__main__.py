"""``python -m pathprint.profiling.cli``: the ``pathprint`` command where the script is not on the path."""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    if not sys.flags.safe_path and sys.path[0] == os.getcwd():  # noqa: PTH109  # pathlib is not imported yet, and a file there could take its place
        del sys.path[0]  # as with the script, files in the current directory do not hide libraries
    from pathprint.profiling.cli.main import main

    main()
