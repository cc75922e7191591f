"""``python -m pathprint.profiling.cli``: the ``pathprint`` command where the script is not on the path."""

from __future__ import annotations

from pathprint.profiling.cli.main import main

if __name__ == "__main__":
    main()
