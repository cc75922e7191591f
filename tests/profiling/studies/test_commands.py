"""The studies as a user meets them."""

import json
import sys
from pathlib import Path

import pytest

from pathprint.profiling.cli.main import main


def study(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[object, str, str]:
    """Run the command in this process; return exit status, output and errors."""
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as ended:
        patch.setattr(sys, "argv", ["pathprint", "study", *map(str, arguments)])
        main()
    written = capsys.readouterr()
    return ended.value.code, written.out, written.err


@pytest.mark.parametrize(
    ("name", "options", "shown"),
    [
        ("density", ("--theta", 0.5), "weights, network"),
        ("similarity", ("--images", 20), "own class"),
        ("growth", ("--layers", 2), "Path of the network"),
    ],
)
def test_a_study_is_a_table_a_line_and_a_page(
    name: str, options: tuple[object, ...], shown: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = ("--network", "digits-cnn", "--images-per-class", 4, "--out", tmp_path / "new" / "page.html", "--json")
    status, line, table = study(capsys, name, *few, *options)
    assert status == 0
    assert shown in table
    data = json.loads(line)
    assert (data["study"], data["network"], data["images_per_class"]) == (name, "digits-cnn", 4)
    page = (tmp_path / "new" / "page.html").read_text()
    assert "<polyline" in page and "<table>" in page
    assert "<script" not in page and "://" not in page


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("blocks", "--network", "digits-cnn"), "digits-cnn has no residual additions"),
        (("density", "--network", "digits-cnn", "--theta", 0), "--theta: must be above 0 and at most 1, not 0"),
        (("detection", "--network", "digits-cnn", "--vary", "x"), "--vary: 'x' is not one of 'theta', 'layers'"),
        (("growth", "--network", "absent"), "there is no network 'absent'"),
    ],
)
def test_mistakes_end_in_one_sentence(
    arguments: tuple[object, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, written, complaint = study(capsys, *arguments)
    assert (status, written) == (2, "")
    assert message in complaint
    *understood, _ = complaint.strip().splitlines()
    assert all("classes, matched by" in line for line in understood)
