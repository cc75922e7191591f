import sys
import warnings
from pathlib import Path

import pytest

from pathprint.models.preprocessing import to_image
from pathprint.models.zoo import catalogue
from pathprint.profiling.cli.main import main
from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.data.roles import Split
from tests.profiling.cli.calling import Command, Done


@pytest.fixture
def pathprint(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run the command in this process, which saves its start; assert its exit status."""

    def run(*arguments: object, status: int = 0) -> Done:
        capsys.readouterr()
        with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings(), pytest.raises(SystemExit) as ended:
            warnings.simplefilter("default")  # shown, as in a process of its own; elsewhere they are errors
            patch.setattr(sys, "argv", ["pathprint", *map(str, arguments)])
            main()
        done = Done(ended.value.code, *capsys.readouterr())
        assert done.status == status, done.stderr
        return done

    return run


@pytest.fixture(scope="package")
def image(digits: Dataset, digits_split: Split, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("images") / "digit.png"
    to_image(digits.pixels(digits_split.test.positions[:1], catalogue.ZOO["digits-cnn"].preprocessing)[0]).save(path)
    return path
