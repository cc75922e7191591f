"""Whatever users do to modules, a copy is captured with logits and layer names, or one sentence says why not."""

import threading
from collections.abc import Callable
from typing import Self

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, prune, spectral_norm, weight_norm
from torch.optim.swa_utils import AveragedModel
from torchvision.transforms import Normalize

from pathprint.models.capture.preparing import ready_copy
from pathprint.models.errors import NetworkWarning
from pathprint.models.network import Network
from tests.models.holders import NAMES, PIXELS, PLAIN, Holder


def changed(change: Callable[[nn.Sequential], object], runs: bool = True) -> Holder:
    """Return a holder to whose layers something was done, and that was run once."""
    made = Holder()
    change(made.n)
    if runs:
        made(PIXELS)
    return made


class ReturnsNothing(Holder):
    def train(self, mode: bool = True) -> None:  # type: ignore[override]
        super().train(mode)

    def eval(self) -> None:  # type: ignore[override]
        super().eval()

    def cpu(self) -> None:  # type: ignore[override]
        super().cpu()

    def float(self) -> None:  # type: ignore[override]
        super().float()


class StaysInTraining(Holder):
    def __init__(self) -> None:
        super().__init__()
        self.n.insert(3, nn.Dropout(0.9))

    def train(self, mode: bool = True) -> Self:
        return super().train(True)


class Keeps(Holder):
    def forward(self, x: Tensor) -> Tensor:
        self.last = self.n[:3](x)
        self.all = [self.last, {"twice": self.last * 2}]
        logits: Tensor = self.n[3](self.last)
        return logits


class HasLock(Holder):
    def __init__(self) -> None:
        super().__init__()
        self.lock, self.settings = threading.Lock(), {"logger": threading.Event()}

    def forward(self, x: Tensor) -> Tensor:
        with self.lock:
            return super().forward(x)


class WithoutGradients(Holder):
    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)


class Inference(Holder):
    @torch.inference_mode()
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)


class InParts(Holder):
    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad(), torch.enable_grad():
            features = self.n[:3](x)
        with torch.set_grad_enabled(False):
            logits: Tensor = self.n[3](features)
            return logits


class Casts(Holder):
    def forward(self, x: Tensor) -> Tensor:
        features = self.n[:3](x.to(torch.bfloat16)).half()
        logits: Tensor = self.n[3](features.to(dtype=torch.bfloat16, memory_format=torch.contiguous_format)).float()
        return logits.to("cpu", torch.float64).type(torch.float32)


class Autocast(Holder):
    @torch.autocast("cpu", torch.bfloat16)  # type: ignore[untyped-decorator]
    def forward(self, x: Tensor) -> Tensor:
        features = self.n[:3](x)
        with torch.autocast("cpu", enabled=False):
            logits: Tensor = self.n[3](features.float())
            return logits


class Normalises(Holder):
    def __init__(self) -> None:
        super().__init__()
        self.t, self.mean = Normalize([0.5], [0.25]), torch.tensor([0.1], dtype=torch.float64)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(self.t(x - self.mean.to(x)))


def hooked(made: Holder) -> Holder:
    """Keep every activation and gradient, as tools for looking at networks do."""
    kept: list[object] = []
    for part in made.modules():
        part.register_forward_hook(lambda _, inputs, output: kept.extend([*inputs, output]))
        part.register_forward_pre_hook(lambda _, inputs: kept.append(inputs))
    made.n[0].register_full_backward_hook(lambda *_: None)
    made(PIXELS.clone().requires_grad_()).sum().backward()
    return made


def halved(made: Holder) -> Holder:
    """Change the output of a layer in a hook: the logits depend on it."""
    made.n[0].register_forward_hook(lambda _, __, output: output / 2)
    return made


def amount(kind: Callable[..., object]) -> Callable[[nn.Sequential], object]:
    return lambda n: kind(n[0], "weight", amount=0.3)


def structured(n: nn.Sequential) -> None:
    prune.ln_structured(n[0], "weight", 0.5, n=2, dim=0)  # type: ignore[no-untyped-call]


MODULES: dict[str, Callable[[], nn.Module]] = {
    "train() returns nothing": ReturnsNothing,
    "keeps an activation": lambda: changed_keeps(),
    "cannot be copied": HasLock,
    "no_grad": WithoutGradients,
    "inference_mode": Inference,
    "gradients on and off": InParts,
    "hooks that keep tensors": lambda: hooked(Holder()),
    "a hook that changes the output": lambda: halved(Holder()),
    "normalises": Normalises,
    "pruned": lambda: changed(amount(prune.l1_unstructured)),
    "pruned twice": lambda: changed(lambda n: [amount(prune.random_unstructured)(n) for _ in range(2)]),
    "pruned channels": lambda: changed(structured),
    "pruned globally": lambda: changed(
        lambda n: prune.global_unstructured([(n[0], "weight"), (n[3], "bias")], prune.L1Unstructured, amount=0.2)
    ),
    "weight norm, old": lambda: changed(lambda n: weight_norm(n[3])),
    "weight norm": lambda: changed(lambda n: parametrizations.weight_norm(n[3])),
    "spectral norm, old": lambda: changed(lambda n: spectral_norm(n[0])),
    "spectral norm": lambda: changed(lambda n: parametrizations.spectral_norm(n[0])),
    "orthogonal": lambda: changed(lambda n: parametrizations.orthogonal(n[3])),
    "frozen": lambda: Holder().requires_grad_(False),
    "double": lambda: Holder().double(),
}


def changed_keeps() -> nn.Module:
    made = Keeps()
    made(PIXELS)
    return made


@pytest.mark.parametrize("name", list(MODULES))
def test_a_copy_has_the_modules_logits_and_plain_weights(name: str) -> None:
    module = MODULES[name]()
    nn.Module.train(module, False)
    x = PIXELS.double() if name == "double" else PIXELS
    with torch.no_grad():
        expected = module(x)
        copied = ready_copy(module)
        torch.testing.assert_close(copied(PIXELS), expected.float(), rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(module(x), expected)  # so the module is as it was
    assert copied.state_dict().keys() == Holder().state_dict().keys()
    assert not any(part.training for part in copied.modules())


def test_nothing_is_dropped_at_random_whatever_train_does() -> None:
    copied = ready_copy(StaysInTraining())
    torch.testing.assert_close(copied(PIXELS), copied(PIXELS))


EXPORTED = ("train() returns nothing", "keeps an activation", "cannot be copied", "no_grad", "inference_mode")
ALSO = ("gradients on and off", "hooks that keep tensors", "a hook that changes the output", "normalises", "pruned")


@pytest.mark.parametrize("name", [*EXPORTED, *ALSO])
def test_layers_keep_their_names_and_logits_when_they_are_captured(name: str) -> None:
    module = MODULES[name]()
    network = Network.capture(module, PLAIN)
    assert [node.layer for node in network.graph.weighted] == NAMES
    with torch.no_grad():
        torch.testing.assert_close(network.logits(PIXELS), module(PIXELS), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("build", [Casts, Autocast])
@pytest.mark.parametrize("stored", [torch.float32, torch.bfloat16])
def test_casts_inside_are_left_out(build: type[Holder], stored: torch.dtype) -> None:
    network = Network.capture(build().to(stored), PLAIN)
    assert [node.layer for node in network.graph.weighted] == NAMES
    expected = Holder().to(stored).float()(PIXELS)
    torch.testing.assert_close(network.logits(PIXELS), expected, rtol=1e-4, atol=1e-4)


WRAPPED: dict[str, Callable[[], nn.Module]] = {
    "DataParallel": lambda: nn.DataParallel(Holder()),
    "torch.compile": lambda: torch.compile(Holder()),  # type: ignore[dict-item,return-value]
    "AveragedModel": lambda: AveragedModel(nn.DataParallel(Holder())),
}


@pytest.mark.parametrize("name", list(WRAPPED))
def test_the_network_inside_of_a_wrapper_is_taken_and_that_is_said(name: str) -> None:
    with pytest.warns(NetworkWarning, match=f"{name}; the Holder inside of it is taken"):
        network = Network.capture(WRAPPED[name](), PLAIN)
    assert network.fingerprint == Network.capture(Holder(), PLAIN).fingerprint


def test_wrapped_parts_are_unwrapped_too() -> None:
    made, compiled = Holder(), Holder()
    made.n[0] = nn.DataParallel(torch.compile(made.n[0]))  # type: ignore[type-var]
    compiled.compile()
    plain = Network.capture(Holder(), PLAIN).fingerprint
    assert Network.capture(made, PLAIN).fingerprint == Network.capture(compiled, PLAIN).fingerprint == plain


def test_squeezing_everything_keeps_the_axis_of_the_images() -> None:
    class Squeezes(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.fc = nn.Conv2d(1, 3, 3), nn.Linear(3, 2)

        def forward(self, x: Tensor) -> Tensor:
            logits: Tensor = self.fc(torch.squeeze(self.conv(x).mean((2, 3), keepdim=True)).squeeze())
            return logits

    module = Squeezes()
    network = Network.capture(module, PLAIN)
    torch.testing.assert_close(network.logits(PIXELS), module(PIXELS))
    torch.testing.assert_close(network.logits(PIXELS[:1]), module(PIXELS)[:1])


def test_what_a_module_prints_goes_to_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    class Prints(Holder):
        def forward(self, x: Tensor) -> Tensor:
            print("shape", tuple(x.shape)[1:])  # noqa: T201  # what users do
            return super().forward(x)

    Network.capture(Prints(), PLAIN)
    out, err = capfd.readouterr()
    assert (out, "shape (1, 6, 6)" in err) == ("", True)
