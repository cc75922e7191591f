"""The command line as a user meets it, on real files; in this process where that shows the same."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.export import save

from pathprint.models.preprocessing import Preprocessing, to_image
from pathprint.models.zoo import catalogue
from pathprint.models.zoo.loading import load_weights
from pathprint.profiling.detection.detect import read_pixels
from pathprint.profiling.jobs.network_profile import NetworkProfile
from pathprint.profiling.signatures.synapses import ClassSynapses
from tests.definitions.effective_path import check, trace
from tests.models.archives import exported
from tests.profiling.cli.calling import Command, closing_json, spawned


def test_from_network_to_figures(tmp_path: Path, image: Path, pathprint: Command) -> None:
    weights = tmp_path / "w.safetensors"
    trained = closing_json(pathprint("train", "digits-cnn", "--epochs", 30, "--out", weights, "--json"))
    assert float(str(trained["held_out_accuracy"])) > 0.93
    named = ("--network", "digits-cnn", "--weights", weights)
    profiled = pathprint("profile", *named, "--out", tmp_path / "profile", "--json")
    printed: Any = closing_json(profiled)
    assert printed["classes"] == 10
    assert (printed["accuracy"]["images"], printed["accuracy"]["share"] > 0.9) == (256, True)
    lines = profiled.stderr.splitlines()
    assert lines[0].startswith("digits: 10 classes, matched by name: '0', '1', '2',")
    assert lines[1] == "looking at images: 0 of 1797"
    assert "the network is right on " in lines[3] and lines[4].startswith("profiling: 0 of ")
    assert lines[-1].startswith("signatures of 10 classes ")
    cache = ("--cache", tmp_path / "attacked")
    options = ("--attack", "pgd-0.2", "--classifier", "logistic", "--fit-images", 100, *cache)
    fitting = pathprint("fit", tmp_path / "profile", "--out", tmp_path / "bundle", *options, "--json")
    fitted: Any = closing_json(fitting)
    assert (fitted["classifier"], fitted["tier"], len(fitted["views"])) == ("logistic", "standard", 1)
    assert f"of 8 views '{fitted['views'][0]}' was chosen on fit images, where" in fitting.stderr
    assert set(fitted["accuracy"]) == {"share", "images", "confidence"}
    (tmp_path / "names").write_text("zero\none\n")
    few = pathprint("evaluate", tmp_path / "bundle", "--class-names", tmp_path / "names", status=2).stderr
    assert "--class-names holds 2 names, but digits-cnn has 10 classes" in few
    asked = ("--attack", "pgd-0.2", "--images", 100, *cache, "--report", tmp_path / "report.html", "--json")
    figures = closing_json(pathprint("evaluate", tmp_path / "bundle", *asked))
    assert float(str(figures["mean_auc"])) > 0.85
    assert "pathprint evaluate " in (tmp_path / "report.html").read_text()
    assert len(list((tmp_path / "attacked" / "pgd-0.2").iterdir())) == 2  # one chunk each of fit and test images
    assert "at the" not in pathprint("detect", tmp_path / "bundle", image).stderr


def test_one_class_detector_needs_no_attacks(tmp_path: Path, pathprint: Command) -> None:
    profile, bundle, cache = tmp_path / "p", tmp_path / "b", ("--cache", tmp_path / "attacked")
    pathprint("profile", "--network", "digits-cnn", "--images-per-class", 20, "--out", profile)
    fitting = ("fit", profile, "--out", bundle, "--classifier", "one-class", "--fit-images", 100)
    assert "learns from no attack; name no attacks" in pathprint(*fitting, "--attack", "pgd-0.2", status=2).stderr
    pathprint(*fitting, *cache)
    assert not (tmp_path / "attacked").exists()
    asked = ("--full", "--paper-protocol", "--attack", "pgd-0.2", "--attack", "noise-images", "--images", 60)
    figures: Any = closing_json(pathprint("evaluate", bundle, *asked, *cache, "--json"))
    assert figures["mean_auc"] > 0.8
    assert figures["left_out"]["(everything)"]["attacks"] == figures["detector"]["attacks"]
    assert {"squeezing", "knn"} <= set(figures["baselines"])
    assert "mahalanobis" not in figures["baselines"]  # it would have to see attacks


def test_attacks_are_listed_with_norm_budget_and_cost(pathprint: Command) -> None:
    _, words, _ = pathprint("attacks")
    assert (
        "* pgd-l2-1.5           L2      1.5                122  AML.T0043.000  40 steps from" in words
    )  # 40 gradients, two looks
    assert "  jsma-0.05            L0      0.05         up to 603" in words
    _, line, _ = pathprint("attacks", "--json")
    listed = json.loads(line)
    assert {"grey", "rgb"} == set(listed)
    known = {"name", "suite", "teaching", "family", "technique", "knowledge", "norm", "budget", "inferences", "at_most"}
    assert {*known, "summary"} == set(listed["rgb"][0])
    assert {attack["technique"] for attack in listed["grey"]} == {f"AML.T0043.00{number}" for number in (0, 1, 3)}


def test_detect_says_what_the_detector_says(bundle_folder: Path, image: Path, pathprint: Command) -> None:
    verdict = closing_json(pathprint("detect", bundle_folder, image, "--json"))
    words = pathprint("detect", bundle_folder, image).stdout
    assert str(verdict["decision"]).upper() in words
    assert f"answered '{verdict['label']}'" in words
    assert f"{float(str(verdict['p_value'])) * 100:.1f} % of clean images score this high" in words


@pytest.mark.parametrize("source", ["bundle", "network"])
def test_paths_file_is_the_oracles(
    bundle_folder: Path, image: Path, tmp_path: Path, source: str, pathprint: Command
) -> None:
    given = (bundle_folder,) if source == "bundle" else ("--network", "digits-cnn")
    pathprint("paths", *given, image, "--out", tmp_path / "path.npz")
    with np.load(tmp_path / "path.npz", allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    assert next(iter(arrays)) == "input"
    assert arrays["input"].dtype == np.float32
    names = list(dict.fromkeys(name.split("/")[0] for name in arrays if "/" in name))
    assert names == ["0", "2", "5", "9", "11"]
    claimed = {n: (arrays[f"{n}/neurons"], arrays[f"{n}/weights"], int(arrays[f"{n}/unexplained"])) for n in names}
    module = catalogue.ZOO["digits-cnn"].build(10)
    load_weights(module, catalogue.SHIPPED / "digits-cnn.safetensors")
    verdict = check(trace(module.eval(), torch.from_numpy(arrays["input"])), claimed)
    assert verdict.disagreements == 0


def test_paths_file_lists_synapses_of_the_last_layers_where_asked(
    image: Path, tmp_path: Path, pathprint: Command
) -> None:
    asked = ("--layers", 2, "--synapses", "--theta", 0.7)
    pathprint("paths", "--network", "digits-cnn", image, *asked, "--out", tmp_path / "path.npz")
    with np.load(tmp_path / "path.npz", allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    assert list(dict.fromkeys(name.split("/")[0] for name in arrays if "/" in name)) == ["9", "11"]
    units, positions = arrays["11/synapses"].T
    assert set(units) == set(np.flatnonzero(arrays["11/neurons"]))
    used = np.zeros_like(arrays["11/weights"])
    used[units, positions] = True
    np.testing.assert_array_equal(used, arrays["11/weights"])


def test_sanity_writes_figures_and_a_picture(tmp_path: Path, pathprint: Command) -> None:
    options = ("--theta", 0.8, "--theta", 0.3, "--images", 20, "--out", tmp_path / "sanity")
    printed = closing_json(pathprint("sanity", "--network", "digits-cnn", *options, "--json"))
    written = json.loads((tmp_path / "sanity" / "sanity.json").read_text())
    assert [point["theta"] for point in written["points"]] == [0.3, 0.8]
    assert written["points"] == printed["points"]
    assert (tmp_path / "sanity" / "sanity.svg").read_text().startswith("<svg")


@pytest.mark.parametrize(
    ("options", "absolute", "firing"),
    [
        (("--selection", "hybrid"), ["0", "2"], []),
        (("--selection", "absolute", "--layers", 2), ["9", "11"], []),
        (("--forward", "--layers", 1, "--unexplained", "argmax"), [], ["11"]),
    ],
)
def test_profile_remembers_the_variant(
    tmp_path: Path,
    pathprint: Command,
    options: tuple[object, ...],
    absolute: list[str],
    firing: list[str],
) -> None:
    few = ("--images-per-class", 5, "--out", tmp_path / "p")
    assert "Error" not in pathprint("profile", "--network", "digits-cnn", *few, *options).stderr
    policy = NetworkProfile.load(tmp_path / "p").extractor.policy
    assert sorted(policy.phi, key=int) == absolute
    assert sorted(policy.firing, key=int) == firing


def test_profile_keeps_synapses_where_asked(tmp_path: Path, pathprint: Command) -> None:
    few = ("--images-per-class", 5, "--layers", 3)
    for out, options in (("with", ("--synapses",)), ("without", ())):
        pathprint("profile", "--network", "digits-cnn", "--out", tmp_path / out, *few, *options)
    made = ClassSynapses.load(tmp_path / "with" / "synapses.safetensors")
    assert made.extraction == NetworkProfile.load(tmp_path / "with").extractor.fingerprint
    assert {layer for layer, _ in made.sets} == {"5", "9", "11"}
    assert not (tmp_path / "without" / "synapses.safetensors").exists()
    pair = [(tmp_path / folder / "signatures.safetensors").read_bytes() for folder in ("with", "without")]
    assert pair[0] == pair[1]


def test_network_from_a_file_is_fed_as_declared(image: Path, tmp_path: Path, pathprint: Command) -> None:
    options = ("--mean", "0.5", "--std", "0.25", "--out", tmp_path / "path.npz")
    save(exported(catalogue.ZOO["digits-cnn"].build(10).eval(), (1, 8, 8)), tmp_path / "net.pt2")
    pathprint("paths", "--network", tmp_path / "net.pt2", image, *options)
    with np.load(tmp_path / "path.npz", allow_pickle=False) as file:
        seen = file["input"]
    given = Preprocessing(1, (8, 8), 8, (0.5,), (0.25,))
    np.testing.assert_array_equal(seen, given.normalise(read_pixels(image, given)).numpy())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train", "resnet9000"), "cannot be trained here; choose from digits-cnn"),
        (("train", "digits-cnn", "--data", "absent.npz"), "there is no data at absent.npz"),
        (
            ("profile", "--network", "torchvision:resnet18", "--data", "digits", "--out", "p"),
            "torchvision:resnet18 needs weights: give a state dict in .safetensors, .pt or .pth with --weights",
        ),
        (
            ("profile", "--network", "digits-cnn", "--theta", 2, "--out", "p"),
            "--theta: must be above 0 and at most 1, not 2",
        ),
        (
            ("profile", "--network", "digits-cnn", "--reference", "x", "--out", "p"),
            "not one of 'sum', 'output', 'positive'",
        ),
        (
            ("profile", "--network", "digits-cnn", "--selection", "x", "--out", "p"),
            "'cumulative', 'absolute', 'hybrid'",
        ),
        (("profile", "--network", "digits-cnn", "--layers", 0, "--out", "p"), "--layers: must be at least 1, not '0'"),
        (("fit", "absent", "--out", "b"), "PROFILE: folder 'absent' does not exist"),
        (("detect", "absent", "image.png"), "BUNDLE: folder 'absent' does not exist"),
        (("fit", ".", "--out", "b"), ". is not a readable profile"),
        (("evaluate", "."), ". is not a bundle"),
        (("profile", "--network", "absent.pt2", "--out", "p"), "--network: file 'absent.pt2' does not exist"),
        (
            ("profile", "--network", "digits-cnn", "--size", "8y8", "--out", "p"),
            "--size: must be written like 224, or 224x192",
        ),
        (
            ("profile", "--network", "digits-cnn", "--size", "8x8x8", "--out", "p"),
            "--size: must be written like 224, or 224x192",
        ),
        (("profile", "--network", "digits-cnn", "--mean", "0.5,0.5", "--out", "p"), "do not fit: give one number each"),
        (("paths", __file__, "--out", "x.npz"), "give BUNDLE IMAGE, or --network NAME IMAGE"),
        (
            ("paths", "--network", "digits-cnn", "absent.png", "--out", "x.npz"),
            "file or folder 'absent.png' does not exist",
        ),
    ],
)
def test_mistakes_end_in_one_sentence(arguments: tuple[object, ...], message: str, pathprint: Command) -> None:
    _, written, complaint = pathprint(*arguments, status=2)
    assert message in complaint
    assert len(complaint.strip().splitlines()) == 1
    assert written == ""


def test_serving_no_bundle_ends_in_one_sentence(tmp_path: Path) -> None:
    done = spawned("serve", tmp_path, status=2)
    assert f"{tmp_path} is not a bundle" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_process_of_its_own_says_what_this_one_says(bundle_folder: Path, image: Path, pathprint: Command) -> None:
    call = ("detect", bundle_folder, image, "--json")
    assert closing_json(spawned(*call)) == closing_json(pathprint(*call))


@pytest.mark.slow
def test_quickstart_does_the_whole_job(tmp_path: Path) -> None:
    result = closing_json(spawned("quickstart", "--out", tmp_path / "digits", "--json"))
    attacks, service = result["attacks"], result["service"]
    assert isinstance(attacks, dict)
    assert isinstance(service, dict)
    assert float(str(result["clean_accuracy"])) >= 0.97
    assert np.mean([attack["auc"] for attack in attacks.values()]) >= 0.93
    assert {"success", "auc", "tpr_at_5fpr"} == set(attacks["fgsm-0.2"])
    assert service == {"clean": "benign", "adversarial": "adversarial"}
    assert result["report"] == str(tmp_path / "digits.html")
    assert "fgsm-0.2" in (tmp_path / "digits.html").read_text()
    assert sorted(path.name for path in tmp_path.glob("*.png")) == ["digits-adversarial.png", "digits-clean.png"]


@pytest.mark.slow
def test_real_files_from_training_to_verdict(real_data: Path, tmp_path: Path, pathprint: Command) -> None:
    data = real_data / "mnist.npz"
    weights = tmp_path / "lenet5.safetensors"
    trained = closing_json(pathprint("train", "lenet5", "--data", data, "--epochs", 2, "--out", weights, "--json"))
    assert float(str(trained["held_out_accuracy"])) > 0.97
    named = ("--network", "lenet5", "--weights", weights)
    pathprint("profile", *named, "--data", data, "--images-per-class", 100, "--out", tmp_path / "p")
    options = ("--attack", "fgsm-0.2", "--attack", "pgd-0.2", "--classifier", "logistic", "--fit-images", 200)
    pathprint("fit", tmp_path / "p", "--out", tmp_path / "b", *options)
    figures = closing_json(
        pathprint("evaluate", tmp_path / "b", "--data", data, "--images", 200, "--attack", "pgd-0.2", "--json")
    )
    assert float(str(figures["mean_auc"])) > 0.9
    with np.load(data) as arrays:
        to_image(torch.from_numpy(arrays["x_test"][0]).float()[None] / 255).save(tmp_path / "seven.png")
    verdict = closing_json(pathprint("detect", tmp_path / "b", tmp_path / "seven.png", "--json"))
    assert verdict["label"] == "7"
