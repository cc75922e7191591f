"""Attacks by many similar queries are noticed, and clients who attack nobody are left alone."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch
from structlog.testing import capture_logs
from torch import Tensor

from pathprint.app.admission.callers import Caller, set_caller, with_key
from pathprint.app.admission.charging import Quarantine
from pathprint.app.admission.keys import Key, Similar
from pathprint.app.monitoring.looks import distances, look_of, tolerance
from pathprint.app.monitoring.metrics import Metrics
from pathprint.app.monitoring.query_attacks import Alarm, QueryAttacks, Watch, Window
from pathprint.models.zoo import catalogue
from pathprint.profiling.data.datasets import Dataset
from tests.app.monitoring.decided import decision

WATCH = Watch(similar=20, window=64, callers=3)


class Asking:
    """Asks about images as the route does, and keeps the alarms."""

    def __init__(self, watch: Watch = WATCH) -> None:
        self.quarantine = Quarantine()
        self.attacks = QueryAttacks(watch, self.quarantine)
        self.alarms: list[Alarm] = []
        self.attacks.listen(self.alarms.append)

    def ask(self, image: Tensor, caller: str = "address 192.0.2.1", similar: Similar | None = None) -> None:
        key = Key(id="shop", sha256="0" * 64, similar=similar) if similar else None
        set_caller(Caller(caller, key))
        self.attacks(decision(sha256=hashlib.sha256(image.numpy().tobytes()).hexdigest()), image)


def noisy(image: Tensor, seed: int, sigma: float = 4 / 255) -> Tensor:
    noise = torch.tensor(np.random.default_rng(seed).normal(0, sigma, image.shape), dtype=torch.float32)
    return (image + noise).clamp(0, 1)


@pytest.fixture(scope="module")
def images() -> Tensor:
    """Return smooth random pictures, ``n c h w``."""
    coarse = torch.rand((40, 3, 4, 4), generator=torch.Generator().manual_seed(0))
    return torch.nn.functional.interpolate(coarse, (32, 32), mode="bicubic").clamp(0, 1)


def test_versions_of_one_image_are_an_attack(images: Tensor) -> None:
    asking = Asking()
    for seed in range(20):
        asking.ask(noisy(images[:1], seed))
    assert not asking.alarms
    asking.ask(noisy(images[:1], 20))
    (alarm,) = asking.alarms
    assert (alarm.similar, alarm.remembered, alarm.action) == (20, 21, "alert")


def test_an_attack_among_other_images_is_one_too(images: Tensor) -> None:
    asking = Asking()
    for seed in range(42):
        asking.ask(noisy(images[:1], seed) if seed % 2 else images[seed // 2 : seed // 2 + 1])
    assert len(asking.alarms) == 1


def test_different_images_are_none(images: Tensor) -> None:
    asking = Asking(Watch(similar=2))
    for index in range(len(images)):
        asking.ask(images[index : index + 1])
    assert not asking.alarms


def test_different_digits_are_none(digits: Dataset) -> None:
    asking = Asking()
    pixels = digits.pixels(np.arange(600), catalogue.ZOO["digits-cnn"].preprocessing)
    for index in range(len(pixels)):
        asking.ask(pixels[index : index + 1])
    assert not asking.alarms


def test_one_image_sent_again_and_again_counts_once(images: Tensor) -> None:
    asking = Asking(Watch(similar=2))
    for _ in range(100):
        asking.ask(images[:1])
    assert not asking.alarms


def test_callers_are_watched_apart(images: Tensor) -> None:
    asking = Asking()
    for seed in range(38):
        asking.ask(noisy(images[:1], seed), caller=f"address 192.0.2.{seed % 2}")
    assert not asking.alarms


def test_two_keys_of_one_client_are_watched_together() -> None:
    assert with_key(Key(id="shop", sha256="0" * 64)).name == with_key(Key(id="shop", sha256="1" * 64)).name


def test_an_alarm_is_raised_again_only_after_a_pause(images: Tensor) -> None:
    asking = Asking()
    for seed in range(60):
        asking.ask(noisy(images[:1], seed))
    assert len(asking.alarms) == 1
    patient = Asking(Watch(similar=20, pause=0))
    for seed in range(60):
        patient.ask(noisy(images[:1], seed))
    assert len(patient.alarms) == 40


@pytest.mark.parametrize(
    ("similar", "refused", "alarms"), [("alert", False, 1), ("refuse", True, 1), ("ignore", False, 0)]
)
def test_a_key_says_what_an_attack_leads_to(images: Tensor, similar: Similar, refused: bool, alarms: int) -> None:
    asking = Asking()
    for seed in range(21):
        asking.ask(noisy(images[:1], seed), "key shop", similar)
    assert len(asking.alarms) == alarms
    assert (asking.quarantine.seconds_left("key shop") > 0) is refused


def test_alarms_are_counted(images: Tensor) -> None:
    asking, metrics = Asking(), Metrics()
    asking.attacks.listen(metrics.alarmed)
    for seed in range(21):
        asking.ask(noisy(images[:1], seed))
    assert metrics.registry.get_sample_value("pathprint_query_alarms_total", {"action": "alert"}) == 1


def test_an_alarm_is_logged_without_the_address(images: Tensor) -> None:
    asking = Asking()
    with capture_logs() as lines:
        for seed in range(21):
            asking.ask(noisy(images[:1], seed))
    (line,) = lines
    assert (line["event"], line["request_id"], line["similar"]) == ("query attack", "4f1c", 20)
    assert "192.0.2.1" not in str(line)


def test_the_memory_of_callers_and_of_images_is_bounded(images: Tensor) -> None:
    asking = Asking(Watch(window=48, callers=3))
    for seed in range(100):
        for number in range(5):
            asking.ask(noisy(images[:1], seed), f"address 192.0.2.{number}")
    windows = asking.attacks._windows
    assert list(windows) == [f"address 192.0.2.{number}" for number in (2, 3, 4)]
    assert {len(window._looks) for window in windows.values()} <= {32, 48}


def test_a_window_forgets_the_oldest_and_keeps_the_others() -> None:
    window = Window(40)
    looks = np.arange(60, dtype=np.uint8)[:, None].repeat(64, axis=1)
    for number, look in enumerate(looks):
        window.add(look, f"{number + 1:064x}"[::-1], 0)
    assert len(window) == 40
    found = [window.add(look, "f" * 64, 0) for look in looks]
    assert found[:20] == [0] * 20
    assert found[21:] == [1] * 39  # the first of these new questions took the place of number 20


@pytest.mark.parametrize("shape", [(1, 1, 8, 8), (1, 1, 28, 28), (1, 3, 32, 32), (1, 3, 224, 224), (1, 1, 5, 9)])
def test_looks_of_noisy_copies_are_similar_at_any_size(shape: tuple[int, ...]) -> None:
    image = torch.full(shape, 0.5)
    first, second = (noisy(image, seed, sigma=8 / 255) for seed in (1, 2))
    assert distances(look_of(first), look_of(second)[None])[0] <= tolerance(image)


def test_the_distance_is_in_grey_levels() -> None:
    grey = [look_of(torch.full((1, 3, 32, 32), level / 255)) for level in (100, 107)]
    assert distances(grey[0], grey[1][None])[0] == 7


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 32, 32), (3, 7, 5), (1, 28, 30), (3, 1, 1), (3, 224, 224)])
def test_a_look_is_the_adaptive_mean_of_grey_levels(shape: tuple[int, int, int]) -> None:
    pixels = torch.rand(1, *shape, generator=torch.Generator().manual_seed(0))
    means = torch.nn.functional.adaptive_avg_pool2d(pixels.double().mean(1, keepdim=True), 8)
    assert np.abs(look_of(pixels) - means.flatten().numpy() * 255).max() <= 0.5 + 1e-3
