"""Check and time extraction on a GPU: agreement of the kernels, milliseconds of each part, and where the time goes.

    python benchmarks/gpu/measure.py PHOTOGRAPHS.npz WEIGHTS.safetensors

The photographs are an array ``x``, uint8 ``(n, h, w, 3)``; the weights are those of torchvision's MobileNetV2.
Milliseconds are per batch. Functions are compiled when they are first needed. Each stage prints a line before it
begins and one when it has ended, so that a run that is cut short shows how far it came; a stage that fails says so,
and the next one goes on. A third argument takes some of the networks by number: ``0`` or ``0,1``.
"""

from __future__ import annotations

import cProfile
import io
import pstats
import sys
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from networks import Subject, subjects
from torch import Tensor, nn
from variants import compared

from pathprint.models.network import Network
from pathprint.profiling.features.confidence import confidence
from pathprint.profiling.features.measure import FeatureMaker
from pathprint.profiling.features.similarity import compare
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.paths.kernels import ReferenceKernel
from pathprint.profiling.paths.kernels.gpu.kernel import GpuKernel
from pathprint.profiling.paths.kernels.precision import full_precision
from pathprint.profiling.paths.path import ImagePaths
from pathprint.profiling.paths.policy import Policy
from pathprint.profiling.signatures import gpu_adding
from pathprint.profiling.signatures.counts import count
from pathprint.profiling.signatures.lookup import Lookup

BATCH = 64
ROUNDS = 10
COMPARED = 2
LAYOUTS = (torch.contiguous_format, torch.channels_last)
LOOKED_UP = ((4096, 32, 4), (2048, 32, 4))
"""Units, members at once and warps of a program that looks up marks."""
BEGAN = time.perf_counter()


def say(*what: Any) -> None:
    """Print how long this process has run, and ``what``."""
    print(f"[{time.perf_counter() - BEGAN:5.1f} s]", *what, flush=True)


def stage(name: str, part: Callable[[], Any]) -> Any:
    """Return what ``part`` returns, None if it fails; say when it begins, and how it ends."""
    say(f"{name} ...")
    try:
        found = part()
    except Exception:
        say(f"{name}: FAILED", traceback.format_exc())
        return None
    say(f"{name}: {'done' if found is None else found}")
    return found


def timed(run: Callable[[], Any], rounds: int = ROUNDS) -> float:
    """Return the median milliseconds of ``run`` after four to warm up."""
    seconds = []
    for turn in range(rounds + 4):
        torch.cuda.synchronize()
        begin = time.perf_counter()
        run()
        torch.cuda.synchronize()
        if turn >= 4:
            seconds.append(time.perf_counter() - begin)
    return 1e3 * median(seconds)


def plain(module: nn.Module, x: Tensor) -> None:
    """Print milliseconds of the module itself, in both memory layouts, with and without TF32."""
    for layout in LAYOUTS:
        moved, inputs = module.to(memory_format=layout), x.to(memory_format=layout)
        for tf32 in (False, True):
            torch.backends.cudnn.allow_tf32 = tf32
            with torch.inference_mode():
                taken = timed(partial(moved, inputs))
            say(f"plain {str(layout).split('.')[-1]} {'tf32' if tf32 else 'float32'}: {taken:.2f} ms")
    torch.backends.cudnn.allow_tf32 = True


def recorded(network: Network, extractor: Extractor, x: Tensor) -> None:
    """Print milliseconds of the recorded run in both memory layouts."""
    for layout in LAYOUTS:
        inputs = x.to(memory_format=layout)
        with torch.inference_mode(), full_precision(x.device):
            taken = timed(partial(network.graph.record, inputs, extractor.plan.recorded))
        say(f"recorded run, {str(layout).split('.')[-1]}: {taken:.2f} ms")


def differing(mine: ImagePaths, other: ImagePaths) -> str:
    """Say how many of the neurons and weights of two lists of paths are in one of them only."""
    said = []
    for kind in ("neurons", "weights"):
        pairs = [
            (getattr(a, kind).mask(), getattr(b, kind).mask()) for a, b in zip(mine.layers, other.layers, strict=True)
        ]
        apart, either = sum(int((a ^ b).sum()) for a, b in pairs), sum(int((a | b).sum()) for a, b in pairs)
        said.append(f"{kind} {apart} of {either}")
    for number in ("synapses", "unexplained", "coherence"):
        apart = max(
            abs(getattr(a, number) - getattr(b, number)).max() for a, b in zip(mine.layers, other.layers, strict=True)
        )
        said.append(f"{number} by {apart:.1e}")
    return ", ".join(said)


def profiled(run: Callable[[], Any], rows: int = 24) -> str:
    """Return where the time of ``run`` goes: kernels on the device, then functions on the host."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as seen:
        run()
        torch.cuda.synchronize()
    taken: dict[str, list[float]] = {}
    for event in seen.events():
        taken.setdefault(event.name[:90], []).append(event.time_range.elapsed_us())
    lines = [
        f"{sum(times) / 1e3:9.3f} ms {len(times):5d} times  {name}"
        for name, times in sorted(taken.items(), key=lambda item: -sum(item[1]))[:rows]
    ]
    total = sum(sum(times) for times in taken.values()) / 1e3
    profile, text = cProfile.Profile(), io.StringIO()
    profile.runcall(run)
    pstats.Stats(profile, stream=text).strip_dirs().sort_stats("tottime").print_stats(16)
    return "\n".join([f"{total:9.3f} ms in all", *lines]) + text.getvalue()


def checked(extractor: Extractor, network: Network, pixels: Tensor) -> None:
    """Print how paths differ from the reference's, from a recording's, and from those of single images."""
    few = extractor.extract(pixels[:COMPARED])
    reference = Extractor(network, Policy(), ReferenceKernel()).extract(pixels[:COMPARED])
    say("apart from the reference:", differing(few, reference))
    found, expected = (
        compare(some, Lookup.of(count(reference, reference.seeds, ""))).values for some in (few, reference)
    )
    say(f"features apart by {abs(found - expected).max():.1e} at most")
    again = [extractor.extract(pixels[:COMPARED]) for _ in range(4)]
    say("apart from its own fifth run:", differing(few, again[-1]))


def looked_up(run: Callable[[], Any], maker: FeatureMaker) -> None:
    """Print how long looking up takes on the device in several ways."""
    for settings in LOOKED_UP:
        gpu_adding._TILE, gpu_adding._UNITS, gpu_adding._WARPS = settings
        maker.__dict__.pop("lookup", None)
        run()
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as seen:
            run()
            torch.cuda.synchronize()
        taken = [e.time_range.elapsed_us() for e in seen.events() if e.name in ("add_up", "segment_reduce")]
        say(f"looking up, tile, units, warps {settings}: {sum(taken) / 1e3:.2f} ms")
    gpu_adding._TILE, gpu_adding._UNITS, gpu_adding._WARPS = LOOKED_UP[0]
    maker.__dict__.pop("lookup", None)


def measure(subject: Subject, pixels: Tensor) -> None:
    """Print everything about one network: what matters most comes first, the untried recording last."""
    network = Network.capture(subject.module, subject.preprocessing).to("cuda")
    module, pixels = subject.module.cuda(), pixels.cuda()
    extractor = Extractor(network)
    x = network.preprocessing.normalise(pixels)
    paths = stage("first extraction, compiling", lambda: extractor.extract(pixels))
    signatures = count(paths, paths.seeds, extractor.fingerprint)
    maker = FeatureMaker(extractor, signatures)
    stage("plain", lambda: plain(module, x))
    stage("extraction, ms", lambda: timed(lambda: extractor.extract(pixels)))
    stage("detection, ms", lambda: timed(lambda: maker.make(pixels)))
    stage("recorded run", lambda: recorded(network, extractor, x))
    stage("wanted", lambda: wanted(paths))
    stage("where the time goes", lambda: profiled(lambda: maker.make(pixels)))
    stage("peak", lambda: peak(lambda: maker.make(pixels)))
    stage("comparing, ms", lambda: timed(lambda: compare(paths, maker.lookup)))
    stage("confidence, ms", lambda: timed(lambda: confidence(paths)))
    stage("agreement", lambda: checked(extractor, network, pixels))
    stage("looking up", lambda: looked_up(lambda: compare(paths, maker.lookup), maker))
    stage("variants", lambda: compared(network, pixels, say))
    stage("walks as a CUDA graph", lambda: repeated(network, paths, pixels))


def wanted(paths: ImagePaths) -> str:
    """Say how much an image wants, on average."""
    counts = [(int(layer.neurons.counts.sum()), layer.shape.fan_in) for layer in paths.layers]
    synapses = sum(int(layer.synapses.sum()) for layer in paths.layers)
    places = sum(some * fan_in for some, fan_in in counts)
    units = sum(some for some, _ in counts)
    return f"per image {units / BATCH:.0f} units, {synapses / BATCH:.0f} chosen of {places / BATCH / 1e6:.1f} M"


def peak(run: Callable[[], Any]) -> str:
    """Return how much of the device's memory ``run`` takes at most."""
    torch.cuda.reset_peak_memory_stats()
    run()
    return f"{torch.cuda.max_memory_allocated() / 1e6:.0f} MB, reserved {torch.cuda.memory_reserved() / 1e6:.0f} MB"


def repeated(network: Network, paths: ImagePaths, pixels: Tensor) -> str:
    """Say how recorded walks differ from ``paths``, and how long they take."""
    extractor = Extractor(network, Policy(), GpuKernel(recording=True))
    found = [extractor.extract(pixels) for _ in range(4)]
    return f"apart {differing(found[-1], paths)}; extraction {timed(lambda: extractor.extract(pixels)):.2f} ms"


def main() -> None:
    """Measure the networks that were asked for."""
    photographs, weights, *some = sys.argv[1:]
    numbers = [int(number) for number in some[0].split(",")] if some else [0, 1, 2]
    say(torch.__version__, torch.cuda.get_device_name())
    images = torch.from_numpy(np.load(photographs)["x"][:BATCH]).permute(0, 3, 1, 2).float() / 255
    pixels = nn.functional.interpolate(images, (224, 224), mode="bilinear")
    say("making the networks ...")
    made = subjects(pixels, Path(weights))
    for subject in (made[number] for number in numbers):
        stage(f"{subject.name}, batch {BATCH}", partial(measure, subject, pixels))
        torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
