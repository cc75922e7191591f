"""What ``import pathprint`` offers, and what it costs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import pathprint
from pathprint.models.zoo.catalogue import build
from pathprint.profiling.data.datasets import Dataset

NAMES = [
    "Bundle",
    "ClassSignatures",
    "Client",
    "Defended",
    "Detector",
    "Explained",
    "Extractor",
    "ImagePaths",
    "Job",
    "Network",
    "Policy",
    "Preprocessing",
    "Verdict",
    "Workers",
    "detect",
    "evaluate",
    "explain",
    "fit",
    "load_bundle",
    "merge",
    "profile",
    "recalibrate",
    "scan",
]


def test_the_public_names_are_these() -> None:
    assert pathprint.__all__ == NAMES
    assert set(NAMES) <= set(dir(pathprint))
    for name in NAMES:
        assert getattr(pathprint, name).__name__ == name
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        pathprint.nothing  # noqa: B018  # the access is the test


def test_type_checkers_see_the_names_where_they_are() -> None:
    tree = ast.parse(Path(pathprint.__file__).read_text())
    seen = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module != "__future__"]
    found = {alias.name: node.module for node in seen for alias in node.names if "pathprint" in str(node.module)}
    assert found == {name: f"pathprint.{module}" for name, module in pathprint._MODULES.items()}
    assert (Path(pathprint.__file__).parent / "py.typed").is_file()


def test_importing_it_imports_nothing_else() -> None:
    program = "import sys; before = set(sys.modules); import pathprint; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert "pathprint" in loaded
    assert loaded <= {"pathprint", *sys.stdlib_module_names}


def test_from_a_network_to_verdicts(digits: Dataset, tmp_path: Path) -> None:
    profile = pathprint.profile(build("digits-cnn"), digits, images_per_class=30)
    profile.save(tmp_path / "profile")
    bundle = pathprint.fit(
        tmp_path / "profile", digits, classifier="one-class", fit_images=60, calibration_images=100
    ).save(tmp_path / "bundle")
    report = pathprint.evaluate(tmp_path / "bundle", digits, attacks=["pgd-0.2"], images=40)
    assert report.detector.attacks["pgd-0.2"].auc.value > 0.7
    verdicts = pathprint.detect(bundle, [digits.image(i) for i in range(3)])
    assert pathprint.detect(bundle, digits.image(0)) == verdicts[:1]
    assert [verdict.label for verdict in verdicts] == [digits.classes[digits.labels[i]] for i in range(3)]
