"""A bundle is a repository of the Hugging Face hub, by the hub's own library."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from pathprint.profiling.detection.bundle import Bundle
from pathprint.profiling.detection.for_hugging_face import CARD, FOLDER, from_pretrained, save_pretrained
from pathprint.profiling.detection.signing import sign
from pathprint.profiling.errors import BundleError, OptionsError, OutputError
from tests.profiling.detection.hub import COMMIT, NAME, hub
from tests.profiling.detection.keys import key_pair

huggingface_hub = pytest.importorskip("huggingface_hub", reason="the extra hub is not installed")


def estimate(value: float) -> dict[str, float]:
    return {"value": value, "low": value - 0.01, "high": value + 0.01, "images": 10}


@pytest.fixture(scope="module")
def figures(bundle: Bundle) -> dict[str, Any]:
    """What an evaluation says, as far as a card shows it."""
    unknown = {"value": None, "low": None, "high": None, "images": 0}
    attacks = {
        "pgd-0.1": {"auc": estimate(0.9), "tpr_at_5fpr": estimate(0.8)},
        "fgsm|0.1": {"auc": unknown, "tpr_at_5fpr": unknown},
    }
    return {
        "network": {"name": "digits-cnn", "fingerprint": bundle.detector.network.fingerprint},
        "images": 10,
        "mean_auc": 0.9,
        "flagged_clean": estimate(0.04),
        "detector": {"attacks": attacks},
        "settings": {"data": "digits"},
    }


@pytest.fixture(scope="module")
def saved(bundle: Bundle, figures: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hub") / "a-detector"
    save_pretrained(bundle, folder, license="apache-2.0", figures=figures)
    return folder


def scores(bundle: Bundle) -> float:
    return bundle.detector.examine(bundle.golden[None])[0].score


def test_a_folder_is_loaded_as_it_was_saved(saved: Path, bundle: Bundle) -> None:
    loaded = from_pretrained(saved)
    assert scores(loaded) == scores(bundle)
    assert torch.equal(loaded.golden, bundle.golden)
    assert from_pretrained(saved / FOLDER).sha256 == loaded.sha256  # a plain bundle, too
    assert {path.suffix for path in saved.rglob("*") if path.is_file()} == {".md", ".json", ".safetensors"}


@pytest.mark.parametrize("option", [{"revision": "main"}, {"folder": "kept"}, {"token": "secret"}])
def test_what_is_only_for_a_repository_is_refused_with_a_folder(saved: Path, option: dict[str, str]) -> None:
    with pytest.raises(OptionsError, match=f"^`{next(iter(option))}`: only for a repository"):
        from_pretrained(saved, **option)


def test_the_library_reads_the_card(saved: Path) -> None:
    card = huggingface_hub.ModelCard.load(saved / CARD)
    assert card.data.library_name == "pathprint"
    assert card.data.license == "apache-2.0"
    assert "adversarial-detection" in card.data.tags
    found = {(one.metric_type, one.metric_name): one.metric_value for one in card.data.eval_results}
    assert found == {
        ("auc", "Mean AUC over attacks"): 0.9,
        ("fpr", "Clean images flagged"): 0.04,
        ("auc", "AUC, pgd-0.1"): 0.9,
    }
    assert {one.dataset_name for one in card.data.eval_results} == {"digits"}
    again = huggingface_hub.ModelCard(str(card))  # which writes the head anew
    assert again.data.to_dict() == card.data.to_dict()
    assert "| pgd-0.1 | 0.900 (0.890 to 0.910) | 0.800 (0.790 to 0.810) |" in card.text
    assert "| fgsm\\|0.1 | not measured | not measured |" in card.text


def test_odd_names_break_no_card(bundle: Bundle, tmp_path: Path) -> None:
    name = "a: 'b' \"c\" #d"
    save_pretrained(bundle, tmp_path / name, license="other")
    card = huggingface_hub.ModelCard.load(tmp_path / name / CARD)
    assert card.data.license == "other"
    assert card.data.eval_results is None
    assert f"# {name}" in card.text


def test_a_repository_is_downloaded_and_verified(
    saved: Path, bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = Path(shutil.copytree(saved, tmp_path / "repository"))
    (repository / "evil.pkl").write_bytes(b"cos\nsystem\n")
    with hub(repository) as (address, asked):
        loaded = from_pretrained(NAME, revision="main", folder=tmp_path / "kept", endpoint=address)
        assert scores(loaded) == scores(bundle)
        assert any(path.startswith(f"/{NAME}/resolve/{COMMIT}/{FOLDER}/") for path in asked)
        assert not any("evil" in path for path in asked)
        (repository / FOLDER / "detector.json").write_text("{}")
        with pytest.raises(BundleError, match="was changed"):
            from_pretrained(NAME, folder=tmp_path / "changed", endpoint=address)
        with pytest.raises(BundleError, match="nor a repository of the Hugging Face hub"):
            from_pretrained("somebody/nothing", folder=tmp_path / "nothing", endpoint=address)


def test_a_signature_comes_along_and_is_asked_for(saved: Path, tmp_path: Path) -> None:
    pair, other = key_pair(tmp_path, "ours"), key_pair(tmp_path, "other")
    repository = Path(shutil.copytree(saved, tmp_path / "repository"))
    with pytest.raises(BundleError, match="is not signed"):
        from_pretrained(repository, trusted_keys=[pair.public])
    sign(repository / FOLDER, pair.private)
    with hub(repository) as (address, _):
        kept = tmp_path / "kept"
        assert from_pretrained(NAME, folder=kept, endpoint=address, trusted_keys=[pair.public]).sha256
        with pytest.raises(BundleError, match="is not trusted"):
            from_pretrained(NAME, folder=kept, endpoint=address, trusted_keys=[other.public])


@pytest.mark.parametrize("name", ["no/such/name/at/all", "a b"])
def test_names_that_are_none_are_refused(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    with pytest.raises(BundleError):
        from_pretrained(name, folder=tmp_path / "kept", endpoint="http://127.0.0.1:9")
    with pytest.raises(BundleError):
        from_pretrained("..")


def test_figures_of_another_network_are_refused(bundle: Bundle, figures: dict[str, Any], tmp_path: Path) -> None:
    other = json.loads(json.dumps(figures))
    other["network"]["fingerprint"] = "0" * 64
    for wrong, said in ((other, "are of the network 000000000000"), ({"mean_auc": 1}, "none of an evaluation")):
        with pytest.raises(BundleError, match=said):
            save_pretrained(bundle, tmp_path / "new", figures=wrong)
    assert not (tmp_path / "new").exists()


def test_what_else_is_there_stays(bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "LICENSE").write_text("mine")
    save_pretrained(bundle, tmp_path)
    save_pretrained(bundle, tmp_path)  # again
    assert (tmp_path / "LICENSE").read_text() == "mine"
    (tmp_path / FOLDER / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="is not a bundle"):
        save_pretrained(bundle, tmp_path)
