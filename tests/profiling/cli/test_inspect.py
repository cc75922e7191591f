"""``pathprint inspect`` prints tables or JSON, and draws a heat map."""

import json
from pathlib import Path

from PIL import Image

from pathprint.profiling.jobs.run import opened
from tests.profiling.cli.calling import Command, closing_json


def test_results_go_to_standard_output_and_the_picture_to_its_file(
    bundle_folder: Path, tmp_path: Path, pathprint: Command
) -> None:
    done = pathprint("inspect", bundle_folder, "--out", tmp_path / "map.png")
    assert done.stdout.startswith("Bundle of digits-cnn\n")
    assert "Similarity of two classes" in done.stdout
    assert "heat map is in" in done.stderr
    assert Image.open(tmp_path / "map.png").format == "PNG"
    pathprint("inspect", bundle_folder, "--out", tmp_path / "map.svg", "--classes", 4)
    assert (tmp_path / "map.svg").read_text().startswith("<svg xmlns=")
    assert closing_json(pathprint("inspect", bundle_folder, "--json"))["kind"] == "bundle"


def test_a_run_has_no_picture_and_pictures_have_two_types(
    bundle_folder: Path, tmp_path: Path, pathprint: Command
) -> None:
    with opened(tmp_path / "x.run", {"job": "profile", "seed": 3}):
        pass
    assert json.loads(pathprint("inspect", tmp_path / "x.run", "--json").stdout)["plan"]["seed"] == 3
    told = pathprint("inspect", tmp_path / "x.run", "--out", tmp_path / "map.png", status=2).stderr
    assert "there is no picture; leave --out away" in told
    told = pathprint("inspect", bundle_folder, "--out", tmp_path / "map.pdf", status=2).stderr
    assert "--out must end in .png or .svg, not '.pdf'" in told
    assert "is neither a bundle nor a profile nor the run of a job" in pathprint("inspect", tmp_path, status=2).stderr
