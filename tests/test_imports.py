"""The service starts without what only the offline steps need."""

import subprocess
import sys

OFFLINE = ("sklearn", "scipy", "foolbox", "typer")


def test_service_loads_no_offline_library() -> None:
    program = f"import pathprint.app.main, sys; print([name for name in {OFFLINE} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
