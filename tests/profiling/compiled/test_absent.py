"""Where numba does not work, the plain kernel and the plain loop do the work slowly, and that is said once."""

import subprocess
import sys

PROGRAM = """
import sys, warnings
sys.modules["numba"] = None
from pathprint.profiling.paths.kernels import kernel_named
from pathprint.profiling.signatures.lookup import fastest
with warnings.catch_warnings(record=True) as said:
    print(kernel_named().name, kernel_named().name, fastest().__module__, fastest().__module__)
print(*(warning.message for warning in said), sep="\\n")
"""


def test_without_numba_all_is_slow_and_that_is_said_once() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    chosen, kernel, loop = done.stdout.splitlines()
    assert chosen == "reference reference pathprint.profiling.signatures.adding pathprint.profiling.signatures.adding"
    assert kernel.startswith("the compiled kernel for cpu devices does not work here")
    assert "numba does not work here" in loop
