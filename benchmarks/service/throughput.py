"""Images per second of the service, with one image a request and with many, beside those of the offline scan."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from bench import Bench, show
from generator import post, times

TOGETHER = 32
"""Images in a request for many."""
_BOUNDARY = "b-o-u-n-d-a-r-y"


async def throughput(bench: Bench) -> None:
    """Print the images per second of the service and of `scan`, on as many processors each."""
    seconds = 15 * bench.scale
    files = [image.partition(b"\r\n\r\n")[2] for image in bench.images]
    answers = await bench.client.closed_loop(bench.images, 64, seconds)
    single = len(times(answers)) / seconds
    parts = [files[start : start + TOGETHER] for start in range(0, len(files), TOGETHER)]
    answers = await bench.client.closed_loop([batch(part) for part in parts], 4, seconds)
    judged = sum(len(json.loads(answer.body)["results"]) for answer in answers if answer.status == 200)
    many = judged / seconds
    offline = await scanning(bench, files)
    show("64 clients, an image a request: images", single, "/s")
    show(f"4 clients, {TOGETHER} images a request: images", many, "/s")
    show("offline scan, a process for each processor: images", offline, "/s")
    show("an image a request, of the offline scan", single / offline * 100, "%", ">= 85")
    show(f"{TOGETHER} images a request, of the offline scan", many / offline * 100, "%", ">= 85")


def batch(files: Sequence[bytes]) -> bytes:
    """Return a request with several images, as a form."""
    head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="image.png"\r\n\r\n'.encode()
    body = b"".join(head + file + b"\r\n" for file in files) + f"--{_BOUNDARY}--\r\n".encode()
    return post(body, "/v1/detect/batch", f"multipart/form-data; boundary={_BOUNDARY}")


async def scanning(bench: Bench, files: Sequence[bytes]) -> float:
    """Return the images per second of a scan in as many processes as there are processors."""
    workers = len(os.sched_getaffinity(0))
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        repeats = max(int(40 * bench.scale), 1)
        runs = [loop.run_in_executor(pool, scanned, bench.bundle, files, repeats) for _ in range(workers)]
        return sum(await asyncio.gather(*runs))


def scanned(bundle: Path, files: Sequence[bytes], repeats: int) -> float:
    """Return images per second of what `scan` does on one processor: decode, examine in batches, on one thread."""
    from pathprint.models.preprocessing import decode
    from pathprint.profiling.detection.bundle import load_bundle
    from pathprint.profiling.detection.together import AT_ONCE, examine_together
    from pathprint.profiling.threads import one_thread

    detector = load_bundle(bundle).detector
    many = [*files] * repeats

    def scan(some: Sequence[bytes]) -> None:
        for start in range(0, len(some), AT_ONCE):
            part = some[start : start + AT_ONCE]
            examine_together(detector, [detector.network.preprocessing.pixels(decode(file)) for file in part])

    with one_thread():
        scan(files)
        began = time.perf_counter()
        scan(many)
        return len(many) / (time.perf_counter() - began)
