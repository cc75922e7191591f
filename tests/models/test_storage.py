"""A stored network is the same network, and a changed file is refused."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pathprint.models.errors import NetworkFileError
from pathprint.models.network import Network
from pathprint.models.storage import CONSTANTS_FILE, GRAPH_FILE, load_network, save_network


def test_stored_network_answers_alike_and_has_equal_bytes(digits_network: Network, tmp_path: Path) -> None:
    save_network(digits_network, tmp_path / "a")
    loaded = load_network(tmp_path / "a")
    pixels = torch.rand(4, 1, 8, 8)
    torch.testing.assert_close(loaded.logits(pixels), digits_network.logits(pixels), rtol=0, atol=0)
    assert loaded.fingerprint == digits_network.fingerprint
    save_network(loaded, tmp_path / "b")
    for name in (GRAPH_FILE, CONSTANTS_FILE):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_operation_that_is_not_allowed_is_refused(digits_network: Network, tmp_path: Path) -> None:
    save_network(digits_network, tmp_path)
    data = json.loads((tmp_path / GRAPH_FILE).read_bytes())
    data["nodes"][-1]["operation"] = "aten.from_file.default"
    (tmp_path / GRAPH_FILE).write_text(json.dumps(data))
    with pytest.raises(NetworkFileError, match=r"aten\.from_file\.default.*is not allowed"):
        load_network(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": 99}, "has schema 99, but this version reads 1 only"),
        ({"nodes": []}, "nothing computes the output"),
        ({"labels": ["x"] * 10}, "changed after it was stored"),
        ({"preprocessing": {}}, "stored preprocessing is malformed"),
        ({"nodes": 3}, "content that this version does not read .*another version of Pathprint wrote it; profile"),
    ],
)
def test_changed_description_is_refused(
    digits_network: Network, tmp_path: Path, change: dict[str, object], message: str
) -> None:
    save_network(digits_network, tmp_path)
    data = json.loads((tmp_path / GRAPH_FILE).read_bytes())
    (tmp_path / GRAPH_FILE).write_text(json.dumps(data | change))
    with pytest.raises(NetworkFileError, match=message):
        load_network(tmp_path)


def test_missing_and_truncated_files_are_refused(digits_network: Network, tmp_path: Path) -> None:
    save_network(digits_network, tmp_path)
    (tmp_path / CONSTANTS_FILE).write_bytes((tmp_path / CONSTANTS_FILE).read_bytes()[:100])
    with pytest.raises(NetworkFileError, match=CONSTANTS_FILE):
        load_network(tmp_path)
    (tmp_path / GRAPH_FILE).unlink()
    with pytest.raises(NetworkFileError, match=GRAPH_FILE):
        load_network(tmp_path)


def test_a_stored_network_with_one_class_is_refused(digits_network: Network, tmp_path: Path) -> None:
    save_network(replace(digits_network, labels=("only",)), tmp_path)
    with pytest.raises(NetworkFileError, match=r"has 1 class.*at least two.*torch\.cat\(\[-x, x\], 1\)"):
        load_network(tmp_path)
