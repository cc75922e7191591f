"""Check and time extraction on a GPU: agreement of the kernels, milliseconds of each part, and where the time goes.

    python benchmarks/gpu/measure.py PHOTOGRAPHS.npz WEIGHTS.safetensors

The photographs are an array ``x``, uint8 ``(n, h, w, 3)``; the weights are those of torchvision's MobileNetV2.
ResNet-50 is drawn at random, because time depends on its shape. Milliseconds are per batch.
"""

from __future__ import annotations

import cProfile
import io
import pstats
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
import torchvision
from torch import Tensor, nn

from pathprint.models.network import Network
from pathprint.models.preprocessing import Preprocessing
from pathprint.models.zoo import catalogue
from pathprint.profiling.features.measure import FeatureMaker
from pathprint.profiling.features.similarity import compare
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.paths.kernels import ReferenceKernel
from pathprint.profiling.paths.path import ImagePaths
from pathprint.profiling.paths.policy import Policy
from pathprint.profiling.signatures.counts import count
from pathprint.profiling.signatures.lookup import Lookup

BATCH = 64
ROUNDS = 12
COMPARED = 4


def timed(run: Callable[[], Any], rounds: int = ROUNDS) -> float:
    """Return the median milliseconds of ``run`` after two to warm up."""
    seconds = []
    for turn in range(rounds + 2):
        torch.cuda.synchronize()
        begin = time.perf_counter()
        run()
        torch.cuda.synchronize()
        if turn >= 2:
            seconds.append(time.perf_counter() - begin)
    return 1e3 * median(seconds)


def plain(module: nn.Module, x: Tensor) -> dict[str, float]:
    """Return milliseconds of the module itself, in both memory layouts, with and without TF32."""
    found = {}
    for layout in (torch.contiguous_format, torch.channels_last):
        moved, inputs = module.to(memory_format=layout), x.to(memory_format=layout)
        for tf32 in (False, True):
            torch.backends.cudnn.allow_tf32 = tf32
            with torch.inference_mode():
                name = f"plain {str(layout).split('.')[-1]} {'tf32' if tf32 else 'float32'}"
                found[name] = timed(partial(moved, inputs))
    torch.backends.cudnn.allow_tf32 = True
    return found


def differing(mine: ImagePaths, other: ImagePaths) -> str:
    """Say how many of the neurons and weights of two lists of paths are in one of them only."""
    said = []
    for kind in ("neurons", "weights"):
        pairs = [
            (getattr(a, kind).mask(), getattr(b, kind).mask()) for a, b in zip(mine.layers, other.layers, strict=True)
        ]
        apart, either = sum(int((a ^ b).sum()) for a, b in pairs), sum(int((a | b).sum()) for a, b in pairs)
        said.append(f"{kind} {apart} of {either}")
    return ", ".join(said)


def profiled(run: Callable[[], Any]) -> str:
    """Return where the time of ``run`` goes: kernels on the device, then functions on the host."""
    activities = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
    with torch.profiler.profile(activities=activities) as seen:
        run()
        torch.cuda.synchronize()
    table = seen.key_averages().table(sort_by="self_cuda_time_total", row_limit=22, max_name_column_width=60)
    lines = [line[:62] + line[-110:] for line in table.splitlines()]
    profile, text = cProfile.Profile(), io.StringIO()
    profile.runcall(run)
    pstats.Stats(profile, stream=text).strip_dirs().sort_stats("tottime").print_stats(22)
    return "\n".join(lines) + text.getvalue()


def measure(name: str, module: nn.Module, preprocessing: Preprocessing, pixels: Tensor) -> None:
    """Print everything about one network."""
    print(f"\n== {name}, batch {len(pixels)}", flush=True)
    network = Network.capture(module, preprocessing)
    on_cpu = Extractor(network, Policy(), ReferenceKernel()).extract(pixels[:COMPARED])
    network, module, pixels = network.to("cuda"), module.cuda(), pixels.cuda()
    extractor = Extractor(network)
    begin = time.perf_counter()
    few = extractor.extract(pixels[:COMPARED])
    print(f"first extraction {time.perf_counter() - begin:.1f} s, kernel {extractor.chooser.name}", flush=True)
    reference = Extractor(network, Policy(), ReferenceKernel()).extract(pixels[:COMPARED])
    print("apart from the reference on this GPU:", differing(few, reference), flush=True)
    print("apart from the reference on the CPU:", differing(few, on_cpu), flush=True)
    found, expected = (
        compare(some, Lookup.of(count(reference, reference.seeds, ""))).values for some in (few, reference)
    )
    print(f"features apart by {abs(found - expected).max():.1e} at most", flush=True)
    again = extractor.extract(pixels[:COMPARED])
    print("apart from its own second run:", differing(few, again), flush=True)
    x = network.preprocessing.normalise(pixels)
    ms = plain(module, x)
    paths = extractor.extract(pixels)
    maker = FeatureMaker(extractor, count(paths, paths.seeds, extractor.fingerprint), False)
    ms["recorded run"] = timed(lambda: list(extractor.recorded(pixels)))
    ms["extraction"] = timed(lambda: extractor.extract(pixels))
    ms["detection"] = timed(lambda: maker.make(pixels))
    torch.cuda.reset_peak_memory_stats()
    maker.make(pixels)
    print(f"peak {torch.cuda.max_memory_allocated() / 1e6:.0f} MB", flush=True)
    for what, taken in ms.items():
        print(f"{what:40s} {taken:9.2f} ms", flush=True)
    print("wanted units per image", sum(int(layer.neurons.counts.sum()) for layer in paths.layers) // len(pixels))
    print(profiled(lambda: maker.make(pixels)), flush=True)


def main() -> None:
    """Measure both networks."""
    photographs, weights = sys.argv[1:]
    print(torch.__version__, torch.cuda.get_device_name(), flush=True)
    images = torch.from_numpy(np.load(photographs)["x"][:BATCH]).permute(0, 3, 1, 2).float() / 255
    module, preprocessing, _ = catalogue.opened("torchvision:mobilenet_v2", Path(weights))
    pixels = nn.functional.interpolate(images, preprocessing.input_shape[1:], mode="bilinear")
    measure("MobileNetV2", module.eval(), preprocessing, pixels)
    torch.manual_seed(0)
    measure("ResNet-50, random weights", torchvision.models.resnet50().eval(), preprocessing, pixels)


if __name__ == "__main__":
    main()
