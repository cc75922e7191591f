"""What the service does under load, over loopback: latency, overload, expensive images, memory, throughput.

    python benchmarks/service/load.py BUNDLE [--data digits] [--only overload …] [--scale 0.2]

The service is started as its own process; requests come at fixed times, whether or not earlier ones are answered. Run
it on a quiet machine: generator and service share its processors. It takes about three minutes, or ``--scale`` of it.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import socket
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random

import numpy as np
from bench import Bench, show
from generator import Answer, Client, get, post, share, times
from PIL import Image
from throughput import throughput

IMAGES = 64
STARTED = 180


async def low(bench: Bench) -> None:
    """Print what the service adds to decoding and computing when there is little to do."""
    answers = await bench.client.open_loop(bench.images, 20, 15 * bench.scale)
    good = [answer for answer in answers if answer.status == 200]
    show("low load, 20/s: added over decoding and model, p50", share((a.added for a in good), 0.5) * 1e3, "ms")
    show(
        "low load, 20/s: added over decoding and model, p95", share((a.added for a in good), 0.95) * 1e3, "ms", "<= 10"
    )
    show("low load, 20/s: answered", len(good) / len(answers) * 100, "%", "100")


async def overload(bench: Bench) -> None:
    """Print goodput, refusals and liveness at three times what the service can do."""
    seconds = 20 * bench.scale
    most = len(times(await bench.client.closed_loop(bench.images, 32, seconds / 2))) / (seconds / 2)
    stop = asyncio.Event()
    probes = asyncio.create_task(bench.client.probed("/livez", 0.05, stop))
    answers = await bench.client.open_loop(bench.images, 3 * most, seconds)
    stop.set()
    alive = await probes
    refused = times(answers, lambda status: status in (429, 503))
    show("saturated: goodput, 32 clients", most, "/s")
    show("3x overload: goodput of the saturated one", len(times(answers)) / seconds / most * 100, "%", ">= 90")
    show("3x overload: accepted, p95", share(times(answers), 0.95) * 1e3, "ms")
    show("3x overload: refused", len(refused) / len(answers) * 100, "%")
    show("3x overload: refusals within 50 ms", sum(s <= 0.05 for s in refused) / max(len(refused), 1) * 100, "%")
    show("3x overload: refusal, p50", share(refused, 0.5) * 1e3, "ms")
    show("3x overload: refusal, p95", share(refused, 0.95) * 1e3, "ms", "<= 50")
    other = sum(answer.status not in (200, 429, 503) for answer in answers)
    show("3x overload: neither answered nor refused", other, "requests", "0")
    show("3x overload: /livez, p99", share((a.seconds for a in alive), 0.99) * 1e3, "ms", "< 250")


def expensive_image() -> bytes:
    """Return a PNG of 25 million pixels with transparency, of about a hundred kilobytes."""
    buffer = io.BytesIO()
    Image.new("RGBA", (5000, 5000), (10, 200, 30, 128)).save(buffer, "PNG")
    return buffer.getvalue()


async def expensive(bench: Bench) -> None:
    """Print what a small image waits beside forty that cost a second each."""
    before = await bench.client.open_loop(bench.images, 10, 10 * bench.scale)
    memory = bench.resident()
    forty = asyncio.create_task(bench.client.all_of([post(expensive_image())] * 40, 40))
    await asyncio.sleep(0.3)
    during = await bench.client.open_loop(bench.images, 10, 15 * bench.scale)
    grown = bench.resident() - memory
    large = await forty
    usual, beside = share(times(before), 0.95), share(times(during), 0.95)
    show("small images alone: p95", usual * 1e3, "ms")
    show("small images beside forty expensive ones: p95", beside * 1e3, "ms")
    show("small images beside forty expensive ones: p95, times alone", beside / usual, "x", "<= 3")
    show("small images beside forty expensive ones: answered", len(times(during)) / len(during) * 100, "%", "100")
    show("expensive ones answered; the others are refused", sum(a.status == 200 for a in large), "of 40")
    show("memory beside forty expensive ones", grown, "MiB more")


def mixed(images: Sequence[bytes], number: int) -> Iterator[bytes]:
    """Yield requests of all kinds: good, large, damaged, of another type, to nowhere."""
    chance = Random(0)  # noqa: S311
    noise = np.random.default_rng(0).integers(0, 256, (600, 800, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "JPEG")
    other = [
        post(buffer.getvalue()),
        post(b"no image"),
        post(buffer.getvalue()[:9000]),
        get("/nowhere"),
        get("/readyz"),
    ]
    for _ in range(number):
        yield chance.choice(images) if chance.random() < 0.7 else chance.choice(other)


async def memory(bench: Bench) -> None:
    """Print how memory grows over two thousand requests, after as many to warm up."""
    number = int(2000 * bench.scale)
    await bench.client.all_of(mixed(bench.images, number), 16)
    before = bench.resident()
    await bench.client.all_of(mixed(bench.images, number), 16)
    show(f"memory after {number} mixed requests", bench.resident() - before, "MiB more", "<= 32")


SCENARIOS: dict[str, Callable[[Bench], Coroutine[None, None, None]]] = {
    "low": low,
    "overload": overload,
    "expensive": expensive,
    "memory": memory,
    "throughput": throughput,
}


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def serving(bundle: Path, workers: int) -> Iterator[tuple[int, int]]:
    """Run the service; yield its port and process."""
    port = free_port()
    command = [sys.executable, "-P", "-m", "pathprint.app", str(bundle), "--port", str(port), "--workers", str(workers)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(60)


async def ready(client: Client) -> None:
    """Wait until the service is ready."""
    async with asyncio.timeout(STARTED):
        while (await client.ask(get("/readyz"))).status != 200:
            await asyncio.sleep(0.2)


def pictures(data: str) -> list[bytes]:
    """Return requests with some images of a data set, as PNG files."""
    from pathprint.profiling.data.pictures import open_pictures

    found, requests = open_pictures(data), list[bytes]()
    for index in range(IMAGES):
        buffer = io.BytesIO()
        found.image(index % len(found.names)).save(buffer, "PNG")
        requests.append(post(buffer.getvalue()))
    return requests


async def run(bundle: Path, data: str, names: Sequence[str], scale: float, workers: int) -> None:
    """Start the service, and run the scenarios one after the other."""
    with serving(bundle, workers) as (port, pid):
        client = Client(port)
        await ready(client)
        bench = Bench(client, pid, pictures(data), scale, bundle, workers)
        first: list[Answer] = await client.all_of(bench.images, 4)
        assert all(answer.status == 200 for answer in first), first[0]
        for name in names:
            await SCENARIOS[name](bench)


def main() -> None:
    """Read the call, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--data", default="digits", help="images to send [%(default)s]")
    parser.add_argument("--only", nargs="+", choices=SCENARIOS, default=list(SCENARIOS), help="scenarios to run")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the usual length [%(default)s]")
    parser.add_argument("--workers", type=int, default=1, help="processes that serve [%(default)s]")
    given = parser.parse_args()
    asyncio.run(run(given.bundle, given.data, given.only, given.scale, given.workers))


if __name__ == "__main__":
    main()
