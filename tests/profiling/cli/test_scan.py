"""``pathprint scan`` writes a report and a summary; it and ``detect`` end with a status that pipelines go by."""

import json
from pathlib import Path

import pytest

from pathprint.models.preprocessing import to_image
from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.detection.bundle import Bundle
from tests.profiling.cli.calling import Command, closing_json

KINDS = ("benign", "uncertain", "adversarial")


@pytest.fixture(scope="module")
def one_of_each(digits: Dataset, bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A folder with an image for each verdict."""
    pixels = digits.pixels(range(len(digits)), bundle.detector.network.preprocessing)
    top, found = tmp_path_factory.mktemp("images"), dict[str, Path]()
    for start in range(0, len(pixels), 64):
        for one, verdict in zip(pixels[start:], bundle.detector.examine(pixels[start : start + 64]), strict=False):
            if verdict.decision not in found:
                found[verdict.decision] = top / verdict.decision / "image.png"
                found[verdict.decision].parent.mkdir()
                to_image(one).save(found[verdict.decision])
        if len(found) == len(KINDS):
            return found
    raise AssertionError(f"no image is {set(KINDS) - set(found)}")


STATUS = {
    ("benign", "adversarial"): 0,
    ("benign", "uncertain"): 0,
    ("benign", "never"): 0,
    ("uncertain", "adversarial"): 0,
    ("uncertain", "uncertain"): 1,
    ("uncertain", "never"): 0,
    ("adversarial", "adversarial"): 1,
    ("adversarial", "uncertain"): 1,
    ("adversarial", "never"): 0,
}
"""By the worst verdict and the option --fail-on."""


@pytest.mark.parametrize(("worst", "fail_on"), STATUS)
def test_the_status_says_whether_anything_is_flagged(
    worst: str, fail_on: str, bundle_folder: Path, one_of_each: dict[str, Path], tmp_path: Path, pathprint: Command
) -> None:
    images = [one_of_each[kind] for kind in KINDS[: KINDS.index(worst) + 1]]
    option = () if fail_on == "adversarial" else ("--fail-on", fail_on)
    status = STATUS[worst, fail_on]
    lines = pathprint("detect", bundle_folder, *images, *option, "--json", status=status).stdout.splitlines()
    assert [json.loads(line)["decision"] for line in lines] == list(KINDS[: len(images)])
    (tmp_path / "list.txt").write_text("\n".join(map(str, images)))
    call = ("scan", bundle_folder, f"@{tmp_path / 'list.txt'}", "--out", tmp_path / "r.csv", "--workers", 0)
    summary = closing_json(pathprint(*call, *option, "--json", status=status))
    assert [summary[kind] for kind in KINDS] == [int(kind in KINDS[: len(images)]) for kind in KINDS]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["list.txt", "r.csv"]


def test_too_many_bad_images_are_an_error_and_few_are_none(
    bundle_folder: Path, one_of_each: dict[str, Path], tmp_path: Path, pathprint: Command
) -> None:
    (tmp_path / "bad.png").write_bytes(b"text")
    pathprint("detect", bundle_folder, one_of_each["adversarial"], tmp_path / "bad.png", status=2)
    (tmp_path / "list.txt").write_text("\n".join(map(str, [one_of_each["benign"], tmp_path / "bad.png"])))
    call = ("scan", bundle_folder, f"@{tmp_path / 'list.txt'}", "--out", tmp_path / "r.jsonl", "--workers", 0)
    refused = pathprint(*call, status=2)
    assert "1 of 2 images cannot be used" in refused.stderr and "--max-bad-fraction" in refused.stderr
    assert refused.stdout == "" and not (tmp_path / "r.jsonl").exists()
    words = pathprint(*call, "--max-bad-fraction", 0.5)
    assert "1 of 2 images have no verdict" in words.stderr
    assert "bad                  1" in words.stdout


def test_the_summary_names_the_most_suspicious_first(
    bundle_folder: Path, one_of_each: dict[str, Path], tmp_path: Path, pathprint: Command
) -> None:
    data, out = one_of_each["benign"].parents[1], tmp_path / "r.csv"
    lines = pathprint("scan", bundle_folder, data, "--out", out, "--workers", 0, status=1).stdout.splitlines()
    assert lines[0] == f"{out}: 3 images"
    at = lines.index("most suspicious:")
    assert [line.rpartition(": ")[2] for line in lines[at + 1 : at + 4]] == [
        f"{kind}/image.png" for kind in reversed(KINDS)
    ]
    assert "adversarial, answered '" in lines[at + 1]


def test_a_report_without_a_format_is_refused_first(tmp_path: Path, pathprint: Command) -> None:
    done = pathprint("scan", tmp_path, "digits", "--out", tmp_path / "r.txt", status=2)
    assert "--out: " in done.stderr and "has to end in .parquet, .jsonl, .csv" in done.stderr
    assert len(done.stderr.splitlines()) == 1
