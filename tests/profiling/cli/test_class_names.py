"""Folders with names meet networks that know their classes' names, are told them, or do not know them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pathprint.models.zoo import catalogue
from pathprint.profiling.cli.class_names import named, read_class_names
from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.errors import DataError
from pathprint.profiling.jobs.network_profile import NetworkProfile
from tests.profiling.cli.calling import Command

FACTORY = """
from pathlib import Path
from pathprint.models.zoo import catalogue
def net():
    module = catalogue.ZOO["digits-cnn"].build(2)
    catalogue.load_weights(module, Path(__file__).with_name("w.safetensors"))
    return module
"""
FED = ("--size", 8, "--mean", "0.305", "--std", "0.376", "--images-per-class", 5)


@pytest.fixture(scope="module")
def pets(tmp_path_factory: pytest.TempPathFactory, digits: Dataset) -> Path:
    """Zeros called dog and ones called cat, in two parts of unusual names."""
    root = tmp_path_factory.mktemp("pets")
    for position in np.flatnonzero(digits.labels < 2)[:120]:
        label = ("dog", "cat")[digits.labels[position]]
        folder = root / "data" / ("Training_Set" if position % 3 else "test_images") / label
        folder.mkdir(parents=True, exist_ok=True)
        digits.image(int(position)).save(folder / f"{position}.png")
    Image.new("L", (8, 8)).save(root / "data" / "test_images" / ".hidden.png")
    return root


@pytest.mark.slow
def test_folders_are_matched_by_name_and_nothing_else(
    pets: Path, pathprint: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(pets)
    said = pathprint("train", "digits-cnn", "--data", "data", "--epochs", 15, "--out", "w.safetensors").stderr
    assert "data: 2 classes, in this order: 'cat', 'dog'." in said
    assert "data: left out: 1 hidden or system file or folder (test_images/.hidden.png)." in said
    assert catalogue.build("digits-cnn", pets / "w.safetensors").labels == ("cat", "dog")
    trained = ("--network", "digits-cnn", "--weights", "w.safetensors", "--images-per-class", 5)
    said = pathprint("profile", *trained, "--data", "data", "--out", "own").stderr
    assert "data: 2 classes, matched by name: 'cat', 'dog'." in said

    (pets / "pets_net.py").write_text(FACTORY)
    (pets / "names.txt").write_text("cat\ndog\n")
    (pets / "map.json").write_text('{"dog": 1, "cat": 0}')
    factory = ("profile", "--network", "pets_net:net", *FED, "--data", "data", "--out")
    said = pathprint(*factory, "none", status=2).stderr
    assert '{"cat": 0, "dog": 1}' in said
    assert "--class-names" in said
    for out, option, file in (("named", "--class-names", "names.txt"), ("mapped", "--class-map", "map.json")):
        pathprint(*factory, out, option, file)
        made = NetworkProfile.load(pets / out)
        assert made.extractor.network.labels == ("cat", "dog")
        assert made.signatures.images.tolist() == [5, 5]


@pytest.mark.parametrize("text", ["cat\ndog\n", "\ufeffcat\r\ndog", '["cat", "dog"]\n', "  cat \ndog\n\n"])
def test_class_names_are_lines_or_a_json_list(tmp_path: Path, text: str) -> None:
    (tmp_path / "names").write_bytes(text.encode())
    assert read_class_names(tmp_path / "names") == ("cat", "dog")


@pytest.mark.parametrize("data", [b"", b"cat\n\ndog", b'["cat", 3]', b'["cat"', b"[]", b"\xff\xfe\x00"])
def test_other_files_are_no_class_names(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "names").write_bytes(data)
    with pytest.raises(DataError, match="names"):
        read_class_names(tmp_path / "names")


def test_names_have_to_be_as_many_as_classes(tmp_path: Path) -> None:
    (tmp_path / "names").write_text("cat\ndog\n")
    with pytest.raises(DataError, match="holds 2 names, but digits-cnn has 10 classes"):
        named(catalogue.build("digits-cnn"), tmp_path / "names")


@pytest.mark.parametrize(
    ("folders", "message"),
    [(("cat/1.png", "cat/2.png"), "has the class 'cat' only"), (("train/cat/1.png", "test/dog/2.png"), "class 'dog'")],
)
def test_data_that_cannot_be_learned_are_refused(
    tmp_path: Path, pathprint: Command, folders: tuple[str, ...], message: str
) -> None:
    for level, file in enumerate(folders):
        (tmp_path / "d" / file).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), level).save(tmp_path / "d" / file)
    calling = ("train", "digits-cnn", "--data", tmp_path / "d", "--out", tmp_path / "w")
    assert message in pathprint(*calling, status=2).stderr
