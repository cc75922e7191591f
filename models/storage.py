"""Store a network as data: ``network.json`` (the graph) and ``network.safetensors`` (constants).

Not a ``.pt2`` archive: that contains a pickle and is not byte-reproducible
(docs/decisions/006-networks-as-json-and-safetensors.md).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save

from pathprint.models.capture.canonical import ADD_SECOND_LOGIT
from pathprint.models.errors import NetworkFileError
from pathprint.models.graph import INPUT, Graph, Node, Ref
from pathprint.models.network import Network, canonical_json
from pathprint.models.operations import ALLOWED
from pathprint.models.preprocessing import Preprocessing

GRAPH_FILE = "network.json"
CONSTANTS_FILE = "network.safetensors"
SCHEMA = 1
"""Version of the two files; no other version is read."""


def save_network(network: Network, folder: Path) -> None:
    """Write ``network`` as two files into ``folder``, which is made if it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    data = {"schema": SCHEMA, "name": network.name, "fingerprint": network.fingerprint, **network.description()}
    (folder / GRAPH_FILE).write_bytes(canonical_json(data))
    constants = {name: value.detach().cpu().contiguous() for name, value in network.graph.constants.items()}
    (folder / CONSTANTS_FILE).write_bytes(save(constants))


def load_network(folder: Path) -> Network:
    """Return the network stored in ``folder``.

    Raises:
        NetworkFileError: a file is missing, damaged or of another schema; an operation is not allowed; the stored
            fingerprint is not that of the content; or the network has fewer than two classes.
    """
    data = _read_json(folder / GRAPH_FILE)
    if data.get("schema") != SCHEMA:
        raise NetworkFileError(
            f"{folder / GRAPH_FILE} has schema {data.get('schema')!r}, but this version reads {SCHEMA} only; "
            "profile the network again."
        )
    try:
        constants = load_file(folder / CONSTANTS_FILE)
    except (OSError, SafetensorError) as error:
        raise NetworkFileError(
            f"{folder / CONSTANTS_FILE} cannot be read: {error}; profile the network again."
        ) from error
    try:
        nodes = tuple(_node(item) for item in data["nodes"])
        graph = Graph(nodes, constants, str(data["output"]), tuple(int(s) for s in data["input_shape"]))
        labels = tuple(str(label) for label in data["labels"])
        network = Network(str(data["name"]), graph, labels, Preprocessing.from_dict(data["preprocessing"]))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NetworkFileError(
            f"{folder / GRAPH_FILE} has content that this version does not read ({error!r}): it is damaged, or another "
            "version of Pathprint wrote it; profile the network again."
        ) from error
    _check_references(network.graph, folder)
    if network.fingerprint != data.get("fingerprint"):
        raise NetworkFileError(
            f"{folder}: the network was changed after it was stored (stored fingerprint "
            f"{str(data.get('fingerprint'))[:12]}…, found {network.fingerprint[:12]}…); profile the network again."
        )
    if len(network.labels) < 2:
        raise NetworkFileError(
            f"{folder}: the network has {len(network.labels)} class(es); at least two are needed. In its module, "
            f"{ADD_SECOND_LOGIT}; then profile the network again."
        )
    return network


def _read_json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise NetworkFileError(
            f"{path} cannot be read: {error}; give a folder that `profile` or `fit` wrote, or make it anew."
        ) from error
    if not isinstance(data, dict):
        raise NetworkFileError(f"{path} does not hold a network: it is not a JSON object; profile the network again.")
    return data


def _node(item: dict[str, Any]) -> Node:
    if item["operation"] not in ALLOWED:
        raise ValueError(f"operation {item['operation']!r} is not allowed")
    args, kwargs = tuple(_decode(item["args"])), {str(k): _decode(v) for k, v in item["kwargs"].items()}
    return Node(str(item["name"]), str(item["operation"]), args, kwargs, str(item["layer"]))


def _decode(value: Any) -> Any:
    if isinstance(value, dict):
        return Ref(str(value["ref"]))
    if isinstance(value, list):
        return [_decode(item) for item in value]
    return value


def _check_references(graph: Graph, folder: Path) -> None:
    known = {INPUT, *graph.constants}
    for node in graph.nodes:
        for name in node.reads:
            if name not in known:
                raise NetworkFileError(
                    f"{folder / GRAPH_FILE}: node {node.name} reads {name!r}, which nothing computes before it; "
                    "profile the network again."
                )
        known.add(node.name)
    if graph.output not in known:
        raise NetworkFileError(
            f"{folder / GRAPH_FILE}: nothing computes the output {graph.output!r}; profile the network again."
        )
