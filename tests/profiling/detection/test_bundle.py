"""A bundle is loaded whole and unchanged, or refused with what differs."""

import json
import os
import pickle
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save

from pathprint.models.network import Network, canonical_json
from pathprint.profiling.arrays import Floats
from pathprint.profiling.attacks.registry import declared, suite
from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.data.roles import Split, profile_images
from pathprint.profiling.detection import bundle as bundle_module
from pathprint.profiling.detection.bundle import SCHEMA, Bundle, load_bundle
from pathprint.profiling.detection.bundle_files import FILES, MANIFEST
from pathprint.profiling.detection.joined import ATTACKS, CLEAN
from pathprint.profiling.detection.made_of import UNKNOWN
from pathprint.profiling.detection.manifest import sealed, sha256_of
from pathprint.profiling.errors import BundleError, OutputError
from pathprint.profiling.jobs.class_signatures import class_signatures
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.paths.policy import Policy
from pathprint.profiling.signatures.counts import ClassSignatures


@pytest.fixture
def copy(bundle_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(bundle_folder, tmp_path / "bundle"))


def test_loaded_detector_says_the_same(bundle_folder: Path, bundle: Bundle) -> None:
    pixels = torch.rand(5, 1, 8, 8)
    assert load_bundle(bundle_folder).detector.examine(pixels) == bundle.detector.examine(pixels)
    reference = load_bundle(bundle_folder, kernel="reference").detector.examine(pixels)
    assert [v.decision for v in reference] == [v.decision for v in bundle.detector.examine(pixels)]


def test_used_images_are_known(bundle: Bundle, digits_split: Split) -> None:
    assert bundle.used["profile"] == digits_split.profile
    assert bundle.used["fit"] == digits_split.keys("fit")
    assert not frozenset().union(*bundle.used.values()) & digits_split.keys("test")


@pytest.mark.parametrize("name", [MANIFEST, *FILES])
def test_any_flipped_byte_is_found(bundle_folder: Path, name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    size = (bundle_folder / name).stat().st_size

    @given(st.integers(0, size - 1), st.integers(1, 255))
    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
    def flip(position: int, bits: int) -> None:
        folder = tmp_path_factory.mktemp("flipped") / "bundle"
        shutil.copytree(bundle_folder, folder)
        data = bytearray((folder / name).read_bytes())
        data[position] ^= bits
        (folder / name).write_bytes(data)
        with pytest.raises(BundleError, match=name):
            load_bundle(folder)
        shutil.rmtree(folder)

    flip()


@pytest.mark.parametrize("name", [MANIFEST, *FILES])
def test_missing_file_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(BundleError, match=name):
        load_bundle(copy)


def test_extra_file_link_and_no_bundle_are_refused(copy: Path, tmp_path: Path) -> None:
    (copy / "weights.pkl").write_bytes(b"")
    with pytest.raises(BundleError, match=r"do not belong there: weights\.pkl"):
        load_bundle(copy)
    (copy / "weights.pkl").unlink()
    (copy / FILES[0]).rename(tmp_path / "elsewhere")
    (copy / FILES[0]).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BundleError, match="is not a plain file"):
        load_bundle(copy)
    with pytest.raises(BundleError, match="is not a bundle, or is damaged"):
        load_bundle(tmp_path)


def test_bundle_says_what_it_was_fitted_on(bundle: Bundle) -> None:
    fitting = bundle.detector.fitting
    assert (fitting.images, fitting.names, fitting.seed) == (100, ["fgsm-0.2", "pgd-0.2"], 0)
    attacks = suite(bundle.detector.network)
    assert declared(bundle.detector.network, [seen.declaration for seen in fitting.attacks]) == [
        attacks[name] for name in fitting.names
    ]
    assert 0 < fitting.attacks[0].successes < fitting.attacks[1].successes <= 100


def resealed(folder: Path, **changes: object) -> None:
    """Write a manifest that fits the files as they are now: what an informed tamperer would do."""
    manifest = json.loads((folder / MANIFEST).read_bytes())
    manifest |= {"files": {name: sha256_of(folder / name) for name in FILES}} | changes
    (folder / MANIFEST).write_bytes(canonical_json(sealed(manifest)))


def test_signatures_of_other_options_are_refused_even_with_a_new_manifest(
    copy: Path, digits_network: Network, digits: Dataset
) -> None:
    other = Extractor(digits_network, Policy(theta=0.9))
    class_signatures(other, digits, profile_images(digits)[:128], 5).save(copy / "signatures.safetensors")
    resealed(copy)
    with pytest.raises(BundleError, match="the signatures were made by extraction"):
        load_bundle(copy)


def test_signatures_of_classes_that_the_network_has_not_are_refused_even_with_a_new_manifest(
    copy: Path, signatures: ClassSignatures
) -> None:
    replace(signatures, classes=signatures.classes + 1).save(copy / "signatures.safetensors")
    resealed(copy)
    with pytest.raises(BundleError, match="the signatures have class 10, but the network has 10 classes"):
        load_bundle(copy)


class Hostile:
    """Runs a command wherever it is unpickled."""

    def __init__(self, command: str) -> None:
        self._command = command

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (self._command,)


BROKEN: dict[str, Callable[[bytes, Path], bytes]] = {
    "nothing": lambda data, mark: b"",
    "cut": lambda data, mark: data[:-1],
    "a byte more": lambda data, mark: data + b"\0",
    "a header without end": lambda data, mark: b"\xff" * 8 + data[8:],
    "no JSON in the header": lambda data, mark: data[:8] + b"?" + data[9:],
    "a pickle": lambda data, mark: pickle.dumps(Hostile(f"touch {mark}")),
}


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".safetensors")])
def test_what_is_no_safetensors_is_refused_even_with_a_new_manifest(
    copy: Path, tmp_path: Path, name: str, kind: str
) -> None:
    (copy / name).write_bytes(BROKEN[kind]((copy / name).read_bytes(), tmp_path / "mark"))
    resealed(copy)
    with pytest.raises(BundleError) as refused:
        load_bundle(copy)
    assert str(copy) in str(refused.value)
    assert not (tmp_path / "mark").exists()


@pytest.mark.parametrize("name", ["../other.json", "/etc/passwd", "sub/network.json"])
def test_a_manifest_leads_nowhere_else(copy: Path, name: str) -> None:
    resealed(copy, files={name: "0" * 64} | {name: sha256_of(copy / name) for name in FILES[1:]})
    with pytest.raises(BundleError, match=r"manifest\.json lists other files than a bundle has"):
        load_bundle(copy)


@pytest.mark.parametrize("reader", ["load_network", "open_served", "_checked_golden"])
def test_a_bundle_that_is_replaced_while_it_is_read_is_refused(
    bundle: Bundle, copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reader: str
) -> None:
    higher = replace(bundle.detector.calibration, threshold=bundle.detector.calibration.threshold + 1)
    newer = replace(bundle, detector=replace(bundle.detector, calibration=higher)).save(tmp_path / "newer")
    read = getattr(bundle_module, reader)

    def replaced_before(*arguments: object) -> object:
        copy.rename(tmp_path / "older")
        (tmp_path / "newer").rename(copy)
        return read(*arguments)

    monkeypatch.setattr(bundle_module, reader, replaced_before)
    with pytest.raises(BundleError, match="was replaced while it was read"):
        load_bundle(copy)
    monkeypatch.undo()
    assert load_bundle(copy).sha256 == newer.sha256


def test_other_schema_and_other_golden_score_are_refused(copy: Path) -> None:
    golden = json.loads((copy / MANIFEST).read_bytes())["golden"]
    resealed(copy, golden={**golden, "score": golden["score"] + 0.1})
    with pytest.raises(BundleError, match="the golden image gives class"):
        load_bundle(copy)
    resealed(copy, schema=1)
    with pytest.raises(
        BundleError, match=f"has schema 1, but this version reads {SCHEMA} only; make the bundle again from"
    ):
        load_bundle(copy)


@pytest.mark.parametrize("changes", [{"golden": {}}, {"golden": 3}, {"golden": {"pixels": [1], "predicted": 0}}])
def test_senseless_content_is_refused(copy: Path, changes: dict[str, object]) -> None:
    resealed(copy, **changes)
    with pytest.raises(BundleError, match="content that this version does not read"):
        load_bundle(copy)


def changed_facts(folder: Path, **changes: object) -> None:
    facts = json.loads((folder / "detector.json").read_bytes())
    for name, value in changes.items():
        facts[name] = {**facts[name], **value} if isinstance(value, dict) and name in facts else value
    (folder / "detector.json").write_bytes(canonical_json(facts))


@pytest.mark.parametrize("changes", [{"policy": {"epsilon": 1}}, {"features": [{"hue": 1}]}, {"calibration": None}])
def test_what_another_version_wrote_is_refused_with_what_to_do(copy: Path, changes: dict[str, object]) -> None:
    changed_facts(copy, **changes)
    resealed(copy)
    with pytest.raises(BundleError, match="another version of Pathprint wrote it: use that one, or build the bundle"):
        load_bundle(copy)


def test_records_of_newer_and_of_older_versions_are_passed_over(copy: Path, bundle: Bundle) -> None:
    changed_facts(copy, weather="fine", made_of={"place": "here"})
    keys = load_file(copy / "images.safetensors")
    (copy / "images.safetensors").write_bytes(save({**keys, "colours": np.arange(3)}))
    resealed(copy, written_by="a newer version")
    newer = load_bundle(copy)
    assert (newer.used, newer.made_of) == (bundle.used, bundle.made_of)
    facts = json.loads((copy / "detector.json").read_bytes())
    del facts["made_of"]
    (copy / "detector.json").write_bytes(canonical_json(facts))
    (copy / "images.safetensors").write_bytes(save({role: keys[role] for role in bundle.used}))
    resealed(copy)
    older = load_bundle(copy)
    assert (older.used, older.made_of, len(older.looks)) == (bundle.used, UNKNOWN, 0)


NOTHING = np.zeros(0)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        (f"0/{ATTACKS}/intercept", NOTHING, "intercept must be one finite number"),
        (f"0/{ATTACKS}/weights", np.array([np.nan]), "mean, scale, weights must be one finite number per feature"),
        (f"0/{ATTACKS}/middle", NOTHING, "middle must be one finite number"),
        (f"0/{ATTACKS}/unit", np.array([np.inf]), "unit must be one finite number"),
        (f"0/{CLEAN}/unit", np.array([0.0]), "the unit of a test must be positive"),
        (f"0/{CLEAN}/unit", None, "unit"),
        (f"0/{CLEAN}/scale", np.ones((2, 3)), "scale, trends, weights must be one finite number per feature"),
        (f"0/{CLEAN}/weights", np.array([-1.0]), "weights of deviations must not be negative"),
        (f"0/{CLEAN}/trends", np.array([2.0]), "trends must be -1, 0 or 1"),
        ("limits", None, "limits"),
        ("limits", np.array([0.5, 0.5]), "argument"),
        ("usual_mean", np.zeros((0, 3)), "contradictory shapes"),
    ],
)
def test_senseless_scores_are_refused(copy: Path, name: str, value: Floats | None, said: str) -> None:
    path = copy / "detector.safetensors"
    arrays = load_file(path)
    if value is None:
        del arrays[name]
    else:  # a single number stands for a whole column of it
        fills = value.shape == (1,) and arrays[name].shape != (1,)
        arrays[name] = np.full_like(arrays[name], value[0]) if fills else value
    path.write_bytes(save(arrays))
    resealed(copy)
    with pytest.raises(BundleError, match=f"content that this version does not read.*{said}"):
        load_bundle(copy)


def test_changed_network_is_refused_even_with_a_new_manifest(copy: Path) -> None:
    data = json.loads((copy / "network.json").read_bytes())
    data["preprocessing"]["mean"] = [0.4]
    (copy / "network.json").write_bytes(canonical_json(data))
    resealed(copy)
    with pytest.raises(BundleError, match="changed after it was stored"):
        load_bundle(copy)


def test_saving_replaces_a_bundle_but_nothing_else(bundle: Bundle, tmp_path: Path) -> None:
    golden = torch.randint(0, 256, (1, 8, 8)) / 255  # on 8-bit levels, as that is what is stored
    other = replace(bundle, golden=golden)
    for _ in range(2):
        saved = other.save(tmp_path / "b")
    assert load_bundle(tmp_path / "b").sha256 == saved.sha256 != bundle.sha256
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(OutputError, match="exists and is not a bundle"):
        other.save(tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.txt").exists()
