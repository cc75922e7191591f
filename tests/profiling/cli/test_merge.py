"""``pathprint merge`` writes a profile, and spares what is foreign."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pathprint.models.network import Network
from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.jobs.network_profile import NetworkProfile
from pathprint.profiling.jobs.profile import profile
from tests.profiling.cli.calling import Command


@pytest.fixture
def halves(digits_network: Network, digits: Dataset, tmp_path: Path) -> list[Path]:
    """Profiles of digits of two days."""
    found = []
    for name, days in {"monday": range(40), "tuesday": range(40, 90)}.items():
        chosen = np.array(days)
        data = replace(digits.only(chosen, digits.keys[chosen]), name=name, held_out=np.zeros(len(chosen), bool))
        profile(digits_network, data, any_accuracy=True).save(tmp_path / name)
        found.append(tmp_path / name)
    return found


def test_folders_are_merged_and_what_is_foreign_is_spared(
    halves: list[Path], tmp_path: Path, pathprint: Command
) -> None:
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "letter.txt").write_text("dear")
    assert "is not a profile" in pathprint("merge", *halves, "--out", tmp_path / "foreign", status=2).stderr
    done = pathprint("merge", *halves, "--out", halves[0], "--json")  # an older profile may grow like this
    assert "of several data sets, so `pathprint fit` has to be told" in done.stderr
    assert '"data": "tuesday"' in done.stdout
    assert len(NetworkProfile.load(halves[0]).parts) == 2
    assert "are also among" in pathprint("merge", *halves, "--out", tmp_path / "c", status=2).stderr
    assert (
        "name the images to fit on with --data"
        in pathprint("fit", halves[0], "--out", tmp_path / "bundle", status=2).stderr
    )
