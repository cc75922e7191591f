"""Names and versions of loaded bundles."""

from __future__ import annotations

import pytest

from pathprint.app.problems.kinds import ProblemError
from pathprint.app.runtime.models import Loaded, Models, name_in_addresses
from pathprint.profiling.detection.bundle import Bundle
from pathprint.profiling.detection.bundle_files import NAME
from pathprint.profiling.errors import BundleError


@pytest.fixture(scope="module")
def models(bundle: Bundle) -> Models:
    keys = [("digits", "10"), ("digits", "9"), ("faces", "9")]
    return Models.of([Loaded.of(bundle, *key) for key in keys], "digits")


@pytest.mark.parametrize(
    ("name", "version", "found"),
    [
        (None, None, ("digits", "10")),
        (None, "9", ("digits", "9")),
        ("digits", None, ("digits", "10")),
        ("digits", "9", ("digits", "9")),
        ("faces", None, ("faces", "9")),
    ],
)
def test_a_request_gets_the_model_and_version_that_it_names(
    models: Models, name: str | None, version: str | None, found: tuple[str, str]
) -> None:
    assert models.get(name, version).key == found


@pytest.mark.parametrize(
    ("name", "version", "code"),
    [
        ("Digits", None, "model_not_found"),
        ("", None, "model_not_found"),
        ("../faces", "9", "model_not_found"),
        ("faces", "10", "version_not_found"),
        (None, "", "version_not_found"),
    ],
)
def test_what_is_not_there_is_refused_without_echo(
    models: Models, name: str | None, version: str | None, code: str
) -> None:
    with pytest.raises(ProblemError) as refusal:
        models.get(name, version)
    assert refusal.value.code == code
    assert ".." not in refusal.value.detail


def test_without_a_default_requests_name_their_model(models: Models) -> None:
    several = Models.of(list(models))
    assert several.default is None
    assert several.get("faces").key == ("faces", "9")
    with pytest.raises(ProblemError, match="model_required"):
        several.get()
    assert Models.of(list(models)[:2]).get().key == ("digits", "10")


def test_a_name_and_version_are_there_once_and_the_default_exists(bundle: Bundle) -> None:
    with pytest.raises(BundleError, match="2 times"):
        Models.of([Loaded.of(bundle), Loaded.of(bundle)])
    with pytest.raises(BundleError, match="no model 'faces'"):
        Models.of([Loaded.of(bundle)], "faces")


@pytest.mark.parametrize(
    ("network", "name"),
    [
        ("digits-cnn", "digits-cnn"),
        ("torchvision:resnet18", "torchvision-resnet18"),
        ("my.nets:make", "my.nets-make"),
        ("../exported/net.pt2", "exported-net.pt2"),
        ("x" * 70, "x" * 64),
        ("数字", "network"),
    ],
)
def test_a_network_gives_a_name_that_can_stand_in_an_address(network: str, name: str) -> None:
    assert name_in_addresses(network) == name
    assert NAME.fullmatch(name)
