"""``pathprint detect``, ``paths`` and ``serve``: use a bundle or a network."""

from __future__ import annotations

import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from torch import Tensor

from pathprint.models.errors import ImageError
from pathprint.models.preprocessing import Preprocessing, decode
from pathprint.profiling.cli.options import (
    AsJson,
    Layers,
    Mean,
    Resize,
    Size,
    Std,
    Synapses,
    Weights,
    open_network,
    print_json,
    read_declared,
)
from pathprint.profiling.detection.bundle import load_bundle
from pathprint.profiling.detection.detector import Verdict
from pathprint.profiling.errors import DataError, OptionsError
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.paths.path import LayerPath
from pathprint.profiling.threads import settle_threads

_REASONS = 3


def detect(
    bundle: Annotated[Path, typer.Argument(help="A bundle folder.")],
    images: Annotated[list[Path], typer.Argument(help="Image files.")],
    as_json: AsJson = False,
) -> None:
    """Say for each image whether it is adversarial, and why.

    Example: pathprint detect lenet5-bundle seven.png
    """
    detector = load_bundle(bundle).detector
    settle_threads(detector.network.preprocessing)
    for path in images:
        (verdict,) = detector.examine(read_pixels(path, detector.network.preprocessing)[None])
        if as_json:
            print_json({"image": str(path), "flagged": verdict.flagged, **asdict(verdict)})
        else:
            typer.echo(in_words(str(path), verdict))


def in_words(name: str, verdict: Verdict) -> str:
    """Return a verdict with its heaviest reasons as text for people."""
    lines = [
        f"{name}: {verdict.decision.upper()}: answered '{verdict.label}' ({verdict.confidence:.1%}), score "
        f"{verdict.score:.2f}, threshold {verdict.threshold:.2f}; {verdict.p_value:.1%} of clean images score as high"
    ]
    lines += [f"    {layer.text}" for layer in verdict.layers[:_REASONS]]
    return "\n".join([*lines, f"    note: {verdict.note}"] if verdict.note else lines)


def read_pixels(path: Path, preprocessing: Preprocessing) -> Tensor:
    """Return the pixels of an image file, by the same code as the service.

    Raises:
        DataError: it cannot be read or is not an image we accept.
    """
    try:
        return preprocessing.pixels(decode(path.read_bytes()))
    except ImageError as error:
        raise DataError(f"{path}: {error}") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error


def paths(
    source: Annotated[list[Path], typer.Argument(metavar="[BUNDLE] IMAGE", help="A bundle (or --network), an image.")],
    out: Annotated[Path, typer.Option(help="The .npz file to write.")],
    network: Annotated[str | None, typer.Option(help="A network's name, instead of a bundle.")] = None,
    weights: Weights = None,
    size: Size = None,
    resize: Resize = None,
    mean: Mean = None,
    std: Std = None,
    theta: Annotated[float | None, typer.Option(help="Share of a unit's value to explain. Default 0.5.")] = None,
    layers: Layers = None,
    synapses: Synapses = False,
    as_json: AsJson = False,
) -> None:
    """Write the effective path of an image: which units and weights carried the decision.

    The file holds the network input as `input` and, per weighted layer in forward order,
    `NAME/neurons`, `NAME/weights` and `NAME/unexplained`. With --synapses also `NAME/synapses`: for
    each its output unit and its position in the receptive field.

    Example: pathprint paths lenet5-bundle seven.png --out seven.npz
    """
    if len(source) != (1 if network else 2):
        raise OptionsError("give BUNDLE IMAGE, or --network NAME IMAGE.")
    if network:
        extractor = Extractor(open_network(network, weights, read_declared(size, resize, mean, std)))
    else:
        extractor = load_bundle(source[0]).detector.extractor
    asked = {"theta": theta, "layers": layers, "synapses": synapses or None}
    policy = replace(extractor.policy, **{name: value for name, value in asked.items() if value is not None})  # type: ignore[arg-type]  # mypy sees one type for all
    extractor = replace(extractor, policy=policy)
    pixels = read_pixels(source[-1], extractor.network.preprocessing)[None]
    found = extractor.extract(pixels)
    arrays: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]] = {
        "input": extractor.network.preprocessing.normalise(pixels)[0].numpy()
    }
    for layer in found.layers:
        arrays |= {f"{layer.shape.name}/{name}": array for name, array in path_arrays(layer).items()}
    with out.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]  # numpy's stub takes the names for its options
    label = extractor.network.labels[int(found.seeds[0])]
    if as_json:
        neurons = {layer.shape.name: int(layer.neurons.counts[0]) for layer in found.layers}
        print_json({"out": str(out), "predicted": label, "neurons": neurons})
    else:
        typer.echo(f"path of {source[-1]} (answered '{label}') through {len(found.layers)} layers written to {out}")


def path_arrays(layer: LayerPath) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]]:
    """Return the path of the first image through one layer as arrays."""
    arrays: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]] = {
        "neurons": layer.neurons.mask()[0].reshape(layer.shape.neurons),
        "weights": layer.weights.mask()[0].reshape(layer.shape.weights),
        "unexplained": layer.unexplained[:1].reshape(()),
    }
    if layer.synapse_ids is not None:
        arrays["synapses"] = np.stack(np.divmod(layer.synapse_ids.one(0), layer.shape.fan_in), axis=1)
    return arrays


def serve(
    bundle: Annotated[Path, typer.Argument(help="A bundle folder.")],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8000,
) -> None:
    """Serve a bundle over HTTP.

    Example: pathprint serve lenet5-bundle --port 8000
    """
    import uvicorn

    os.environ["PATHPRINT_BUNDLE"] = str(bundle)
    # Named, not imported: the service depends on this package, never the reverse.
    uvicorn.run(
        "pathprint.app.main:from_environment",
        factory=True,
        host=host,
        port=port,
        access_log=False,  # the service writes its own
        server_header=False,
        timeout_keep_alive=65,  # longer than a proxy keeps idle connections, or it would meet closed ones
        timeout_graceful_shutdown=30,
    )
