"""What people want to see of a model: figures, similarity, the report and examples beside the bundle."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pathprint.app.api.model_figures import figures_of, followed, last_part
from pathprint.app.main import create_app
from pathprint.app.runtime.beside import found_beside
from pathprint.app.runtime.models import Loaded
from pathprint.app.settings import Settings
from pathprint.models.network import Network
from pathprint.models.preprocessing import Preprocessing
from pathprint.profiling.detection.bundle import Bundle
from pathprint.profiling.detection.examples import Examples
from pathprint.profiling.inspection.signature_figures import signature_figures
from tests.app.server import problem, serving

PATH = "/v1/models/digits-cnn"


def test_figures_say_what_the_bundle_says(client: httpx.Client, bundle: Bundle) -> None:
    found = client.get(f"{PATH}/figures").json()
    detector = bundle.detector
    assert found["provenance"]["images"] == {role: len(keys) for role, keys in bundle.used.items()}
    assert [one["name"] for one in found["provenance"]["attacks"]] == detector.fitting.names
    assert found["provenance"]["features"] == len(detector.features)
    calibration = found["calibration"]
    assert calibration["scores"] == sorted(calibration["scores"])
    assert calibration["scores"][0] == pytest.approx(detector.clean_scores[0], abs=1e-6)
    assert calibration["scores"][-1] == pytest.approx(detector.clean_scores[-1], abs=1e-6)
    assert calibration["threshold"] == detector.calibration.threshold
    assert [layer["follows"] for layer in found["layers"]] == [["input"], ["0"], ["2"], ["5"], ["9"]]
    assert found["output_follows"] == ["11"]
    assert (found["has_report"], found["examples"]) == (False, [])


def test_similarity_is_that_of_inspect(client: httpx.Client, bundle: Bundle) -> None:
    found = client.get(f"{PATH}/similarity").json()
    expected = signature_figures(bundle.detector.signatures, bundle.detector.network.labels)
    assert found["labels"] == list(expected.labels)
    assert np.array(found["similarity"]) == pytest.approx(expected.similar, abs=1e-4)
    density = {f"{one['layer']}/{one['kind']}": one["share"] for one in found["density"]}
    assert density == pytest.approx(expected.density)


@pytest.mark.parametrize("rest", ["figures", "similarity", "report", "examples/0/clean"])
def test_a_model_that_is_not_there(client: httpx.Client, rest: str) -> None:
    assert problem(client.get(f"/v1/models/none/{rest}")) == (404, "model_not_found")
    assert problem(client.get(f"{PATH}/{rest}?version=none")) == (404, "version_not_found")


@pytest.mark.parametrize("rest", ["report", "examples/0/clean", "examples/7/attacked"])
def test_what_does_not_lie_beside_a_bundle(client: httpx.Client, rest: str) -> None:
    assert problem(client.get(f"{PATH}/{rest}")) == (404, "nothing_beside")


@pytest.mark.parametrize("rest", ["examples/-1/clean", "examples/a/clean", "examples/0/other", "examples/..%2f0/clean"])
def test_no_other_example_can_be_asked_for(client: httpx.Client, rest: str) -> None:
    assert client.get(f"{PATH}/{rest}").status_code in (404, 422)


@pytest.fixture(scope="module")
def furnished(bundle_folder: Path, bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("beside") / "digits"
    shutil.copytree(bundle_folder, folder)
    Examples(torch.zeros(1, 1, 8, 8), torch.full((1, 1, 8, 8), 0.3), ("4",), ("pgd",)).save(folder, bundle.sha256)
    folder.with_name("digits.html").write_text(f"<p>{bundle.sha256}</p>")
    return folder


@pytest.fixture(scope="module")
def beside(furnished: Path) -> Iterator[httpx.Client]:
    app = create_app(settings=Settings(bundle=(str(furnished),), max_batch=1))
    with serving(app) as address, httpx.Client(base_url=address, timeout=60) as client:
        while client.get("/readyz").status_code != 200:
            pass
        yield client


def test_examples_and_report_beside_a_bundle_are_served(beside: httpx.Client, bundle: Bundle) -> None:
    figures = beside.get(f"{PATH}/figures").json()
    assert (figures["has_report"], figures["examples"]) == (True, [{"label": "4", "attack": "pgd"}])
    answer = beside.get(f"{PATH}/examples/0/attacked")
    assert answer.headers["content-type"] == "application/x-npy"
    assert np.array_equal(np.load(io.BytesIO(answer.content)), np.full((1, 8, 8), 0.3, np.float32))
    judged = beside.post("/v1/detect", content=answer.content, headers={"Content-Type": "application/x-npy"})
    assert judged.status_code == 200
    page = beside.get(f"{PATH}/report")
    assert bundle.sha256 in page.text
    assert "sandbox" in page.headers["content-security-policy"]


def test_what_is_of_another_bundle_or_damaged_is_left_out(furnished: Path, bundle: Bundle, tmp_path: Path) -> None:
    shape = bundle.detector.network.preprocessing.input_shape
    found = found_beside(furnished, bundle.sha256, shape)
    assert found.examples is not None
    assert found.report is not None
    other = found_beside(furnished, "0" * 64, shape)
    assert (other.examples, other.report) == (None, None)
    (tmp_path / "digits.examples").write_bytes(b"damaged")
    (tmp_path / "digits.html").mkdir()
    damaged = found_beside(tmp_path / "digits", bundle.sha256, shape)
    assert (damaged.examples, damaged.report) == (None, None)


class Shortcut(nn.Module):
    """Two convolutions with a shortcut around them, and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.third, self.last = nn.Conv2d(4, 4, 3, padding=1), nn.Linear(4 * 16, 3)

    def forward(self, x: Tensor) -> Tensor:
        begun = self.first(x).relu()
        joined = begun + self.third(self.second(begun).relu())
        logits: Tensor = self.last(joined.relu().flatten(1))
        return logits


def test_a_layer_behind_a_shortcut_follows_both(bundle: Bundle) -> None:
    network = Network.capture(Shortcut(), Preprocessing(1, (4, 4), 4, (0.5,), (0.5,)), name="shortcut")
    assert followed(network.graph) == {
        "first": ["input"],
        "second": ["first"],
        "third": ["second"],
        "last": ["first", "third"],
        "": ["last"],
    }


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        ("digits", "digits"),
        ("/srv/secret/photos/", "photos"),
        ("../photos/train.zip", "train.zip"),
        ("s3://bucket/key/train.tar?token=secret#part", "train.tar"),
        ("https://user:password@host/data.parquet", "data.parquet"),
        ("https://user:password@host", ""),
        ("", ""),
    ],
)
def test_where_data_lie_is_not_told(data: str, shown: str) -> None:
    assert last_part(data) == shown


def test_figures_of_a_bundle_without_a_folder(bundle: Bundle) -> None:
    assert figures_of(Loaded.of(bundle)).examples == []
