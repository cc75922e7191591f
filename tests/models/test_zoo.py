"""Networks by name, weights that fit, and clear refusals."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from pathprint.models.errors import UnknownNetworkError, WeightsError
from pathprint.models.zoo import catalogue
from pathprint.models.zoo.names import OWN, check_known, form_of, torchvision_names
from pathprint.models.zoo.training import Recipe, accuracy, save_weights, train


def tiny() -> nn.Module:
    """A factory of the kind that users name."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(12, 3))


def test_shipped_network_is_complete_and_good() -> None:
    network = catalogue.build("digits-cnn")
    assert network.labels == tuple("0123456789")


def test_every_own_network_is_named_and_made() -> None:
    assert catalogue.ZOO.keys() == OWN.keys()
    assert catalogue.names()[: len(OWN)] == list(OWN)


@pytest.mark.parametrize(
    ("name", "form"),
    [("lenet5", "own"), ("a:b.pt2", "file"), ("torchvision:resnet18", "torchvision"), ("a.b:c", "factory")],
)
def test_form_of_a_name_is_told_without_looking_anything_up(name: str, form: str) -> None:
    assert form_of(name) == form


def test_users_factory_is_called() -> None:
    assert catalogue.build(f"{__name__}:tiny").labels == ("0", "1", "2")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("resnet9000", "there is no network 'resnet9000'"),
        ("torchvision:resnet9000", "there is no network 'torchvision:resnet9000'"),
        ("digits-cnn:build", "'digits-cnn:build' is not of the form package.module:factory"),
        ("torchvision:", "there is no network 'torchvision:'"),
        (":tiny", "there is no network ':tiny'"),
    ],
)
def test_unknown_networks_are_refused(name: str, message: str) -> None:
    with pytest.raises(UnknownNetworkError, match=message):
        catalogue.build(name)


def test_weights_are_needed_where_none_are_shipped() -> None:
    with pytest.raises(WeightsError, match="torchvision:resnet18 needs weights"):
        catalogue.build("torchvision:resnet18")


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    save_file({"0.weight": torch.zeros(1)}, tmp_path / "w.safetensors")
    (tmp_path / "w.pth").write_bytes(b"no weights")
    with pytest.raises(WeightsError, match=r"w\.safetensors does not fit the network"):
        catalogue.build("lenet5", tmp_path / "w.safetensors")
    with pytest.raises(WeightsError, match=r"w\.pth"):
        catalogue.build("lenet5", tmp_path / "w.pth")


def test_labels_and_weights_survive_the_file(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = catalogue.ZOO["lenet5"].build(3)
    save_weights(module, ("a", "b", "c"), {"seed": 0}, tmp_path / "w.safetensors")
    network = catalogue.build("lenet5", tmp_path / "w.safetensors")
    x = torch.rand(2, 1, 28, 28)
    assert network.labels == ("a", "b", "c")
    torch.testing.assert_close(network.graph.run(x), module.eval()(x))


def test_training_learns_a_plain_rule() -> None:
    torch.manual_seed(0)
    pixels = torch.rand(256, 1, 8, 8)
    labels = (pixels[:, 0, :, :4].mean((1, 2)) > pixels[:, 0, :, 4:].mean((1, 2))).long()
    entry = catalogue.ZOO["digits-cnn"]
    module = entry.build(2)
    train(module, entry.preprocessing, pixels, labels, Recipe(epochs=30, batch_size=32), lambda items, *_: items)
    assert accuracy(module, entry.preprocessing, pixels, labels) > 0.9
    assert not module.training


def test_names_of_torchvision_are_those_that_it_lists() -> None:
    assert torchvision_names() == {name.partition(":")[2] for name in catalogue.names() if ":" in name}


@pytest.mark.parametrize("name", ["json:load", "pathprint.models:make", "tests.models:make", "xml.absent:make"])
def test_a_module_that_may_be_there_is_left_to_the_engine(name: str) -> None:
    check_known(name)
