"""Capture turns a module into a canonical graph with the same logits, or says all that it cannot."""

import copy
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn
from torch.export import register_dataclass

from pathprint.models.errors import CaptureError, UnsupportedOperationError
from pathprint.models.network import Network
from pathprint.models.preprocessing import Preprocessing
from pathprint.models.zoo.catalogue import ZOO
from tests.definitions.float64 import assert_same_function

SMALL = Preprocessing(3, (32, 32), 32, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))


def randomised(module: nn.Module) -> nn.Module:
    """Give every BatchNorm random statistics, so that folding has something to do."""
    torch.manual_seed(0)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            assert part.running_mean is not None
            assert part.running_var is not None
            nn.init.normal_(part.running_mean)
            nn.init.uniform_(part.running_var, 0.5, 2)
            nn.init.normal_(part.weight)
            nn.init.normal_(part.bias)
    return module


@pytest.mark.parametrize("name", ["alexnet", "vgg11_bn", "resnet18", "squeezenet1_1", "mobilenet_v2"])
def test_torchvision_logits_stay_the_same(name: str) -> None:
    side = 64 if name != "alexnet" else 96
    shape = Preprocessing(3, (side, side), side, SMALL.mean, SMALL.std)
    module = randomised(torchvision.models.get_model(name, num_classes=7)).eval()
    network = Network.capture(module, shape)
    pixels = torch.rand(3, 3, side, side)
    assert_same_function(lambda x: network.graph.run(shape.normalise(x)), lambda x: module(shape.normalise(x)), pixels)


@pytest.mark.parametrize("name", list(ZOO))
def test_our_networks_keep_their_logits_for_any_batch(name: str) -> None:
    entry = ZOO[name]
    module = randomised(entry.build(10)).eval()
    network = Network.capture(module, entry.preprocessing)
    for n in (1, 2, 5):
        x = torch.rand(n, *entry.preprocessing.input_shape)
        assert_same_function(network.graph.run, module, x)


class Gamma(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.lgamma(x)


class Cancelling(nn.Module):
    """A BatchNorm takes away a bias of 1e5, after which a float32 sum has two decimals.

    An export has logits that are larger by ``wrong`` than the module's.
    """

    def __init__(self, wrong: float) -> None:
        super().__init__()
        self.conv, self.norm, self.wrong = nn.Conv2d(3, 7, 32), nn.BatchNorm2d(7), wrong
        assert self.norm.running_mean is not None
        assert self.conv.bias is not None
        nn.init.constant_(self.norm.running_mean, 1e5)
        nn.init.constant_(self.conv.bias, 1e5)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.norm(self.conv(x)).flatten(1)
        return logits + self.wrong if torch.compiler.is_exporting() else logits


def test_logits_may_differ_by_what_rounding_does_to_them_and_no_more() -> None:
    module = Cancelling(0.0).eval()
    network = Network.capture(module, SMALL)
    pixels = torch.rand(20, *SMALL.input_shape)
    with torch.inference_mode():
        found, expected = network.logits(pixels), module(SMALL.normalise(pixels))
    assert not torch.allclose(found, expected, rtol=1e-4, atol=1e-4)  # else this is no test
    with pytest.raises(CaptureError, match="the captured logits differ from the module's by"):
        Network.capture(Cancelling(1e-3), SMALL)


def test_foldable_batch_norms_are_folded() -> None:
    network = Network.capture(randomised(torchvision.models.resnet18(num_classes=5)), SMALL)
    assert not [node for node in network.graph.nodes if "batch_norm" in node.operation]


def test_batch_norm_with_another_reader_of_its_convolution_stays() -> None:
    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm, self.fc = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(8, 2)

        def forward(self, x: Tensor) -> Tensor:
            y = self.conv(x)
            logits: Tensor = self.fc(torch.cat([y, self.norm(y)], 1).mean((2, 3)))
            return logits

    network = Network.capture(randomised(Both()), SMALL)
    assert [node.layer for node in network.graph.nodes if "batch_norm" in node.operation] == ["norm"]


def test_module_is_untouched_in_training_mode_and_in_double() -> None:
    module = randomised(torchvision.models.resnet18(num_classes=3)).double().train()
    state = copy.deepcopy(module.state_dict())
    Network.capture(module, SMALL)
    assert module.training
    assert all(torch.equal(value, state[name]) for name, value in module.state_dict().items())
    assert next(module.parameters()).dtype is torch.float64


def test_module_is_untouched_after_a_refusal() -> None:
    module = nn.Sequential(nn.Conv2d(3, 2, 3), nn.LogSoftmax(1), nn.Flatten(), nn.Linear(1800, 2)).train()
    with pytest.raises(UnsupportedOperationError):
        Network.capture(module, SMALL)
    assert module.training
    assert not module[0]._forward_hooks


def test_every_unsupported_operation_is_listed_with_its_layer() -> None:
    module = nn.Sequential(nn.Conv2d(3, 2, 3), nn.LogSoftmax(1), nn.Flatten(), nn.Linear(1800, 2), Gamma())
    with pytest.raises(
        UnsupportedOperationError, match=r"2 operation.*log_softmax\.int in 1; aten\.lgamma\.default in 4"
    ):
        Network.capture(module, SMALL)


class Applied(nn.Module):
    """A network that is one function of its flattened image."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x).flatten(1)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: x.softmax(-1), r"1 operation.*softmax\.int"),
        (lambda x: x @ x.mT, r"1 operation.*matmul"),
        (
            lambda x: F.conv_transpose2d(x, torch.ones(()).expand(3, 2, 2, 2).contiguous()),
            r"1 operation.*conv_transpose2d.* put zeros between",
        ),
        (lambda x: torch.bmm(x[:, 0], x[:, 1]), r"1 operation.*bmm.* one factor is a constant"),
        (lambda x: (x > 0).float(), r"2 operation.*gt\.Scalar.*where\.Scalar .*torch\.where\(x > 0, x, y\)"),
        (lambda x: x + (x > 0), r"1 operation.*gt\.Scalar .*torch\.where\(x > 0, x, y\)"),
        (
            lambda x: torch.where(x > 0, 1.0, -1.0),
            r"2 operation.*gt\.Scalar.*where\.Scalar .*torch\.where\(x > 0, x, y\)",
        ),
        (lambda x: torch.topk(x, 2)[0], r"1 operation.*topk.* only the largest has a path"),
        (lambda x: x.std(1), r"1 operation.*std\.dim"),
        (lambda x: 2.0 ** x.pow(x.relu()), r"2 operation.*pow\.Tensor_Tensor.*pow\.Scalar"),
        (lambda x: x * x[:, :1] * x.softmax(-1), r"1 operation.*softmax\.int"),
        (lambda x: F.scaled_dot_product_attention(x, x, x, is_causal=True), r"1 operation.*scaled_dot_product"),
        (lambda x: torch.einsum("ncij->nci", x), r"1 operation.*einsum"),
        (lambda x: torch.lgamma(x).softmax(-1), r"2 operation.*lgamma\.default.*softmax\.int"),
    ],
)
def test_coefficients_on_the_way_to_the_logits_are_refused(function: Callable[[Tensor], Tensor], message: str) -> None:
    with pytest.raises(UnsupportedOperationError, match=message):
        Network.capture(Applied(function), SMALL)


@pytest.mark.parametrize(
    ("function", "operations"),
    [
        (lambda x: torch.maximum(x, torch.tensor(0.1)), {"maximum"}),
        (lambda x: torch.max(x, x.flip(3)), {"flip", "ge", "where"}),
        (lambda x: torch.where(torch.ones(32) > 2, x, 0.0), {"where"}),
        (lambda x: torch.where(x > 0, x, torch.zeros_like(x)), {"gt", "expand", "where"}),
        (lambda x: x.masked_fill(x[:, :1] > 0, 0.0), {"slice", "gt", "expand", "where"}),
    ],
)
def test_masks_and_operands_that_depend_on_the_image_have_one_shape(
    function: Callable[[Tensor], Tensor], operations: set[str]
) -> None:
    network = Network.capture(Applied(function), SMALL)
    assert {node.operation.split(".")[1] for node in network.graph.nodes} == {*operations, "reshape", "sym_size"}


class Projecting(nn.Module):
    """A network whose last layer is a product with parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3072, 5)
        self.weight, self.bias = nn.Parameter(torch.randn(5, 2)), nn.Parameter(torch.randn(2))

    def forward(self, x: Tensor) -> Tensor:
        return torch.addmm(self.bias, self.first(x.flatten(1)), self.weight.softmax(0))


def test_a_product_with_parameters_is_a_layer_with_its_weights_and_bias() -> None:
    module = Projecting()
    graph = Network.capture(module, SMALL).graph
    assert [node.layer for node in graph.weighted] == ["first", "linear"]
    weight, bias = (graph.constants[name] for name in graph.weighted[1].reads[1:])
    torch.testing.assert_close(weight, module.weight.softmax(0).T.contiguous())
    assert torch.equal(bias, module.bias)


def test_what_depends_on_no_image_becomes_a_constant() -> None:
    mask = torch.zeros(32, 32)

    def masked(x: Tensor) -> Tensor:
        mine = x.new_zeros(32, 32)
        mine[:4] = 1
        return (x + mask.masked_fill(mine.unsqueeze(0) != mine.unsqueeze(1), -100.0).mean(0)).relu()

    network = Network.capture(Applied(masked), SMALL)
    assert {node.operation.split(".")[1] for node in network.graph.nodes} == {"sym_size", "add", "relu", "reshape"}
    assert len(network.graph.constants) == 1


def test_each_call_of_a_shared_layer_has_its_own_name() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.fc = nn.Conv2d(3, 3, 3, padding=1), nn.Linear(3, 2)

        def forward(self, x: Tensor) -> Tensor:
            logits: Tensor = self.fc(F.relu(self.conv(F.relu(self.conv(x)))).mean((2, 3)))
            return logits

    network = Network.capture(Twice(), SMALL)
    layers = [node.layer for node in network.graph.nodes if "conv" in node.operation or "linear" in node.operation]
    assert layers == ["conv", "conv@2", "fc"]


@dataclass
class Output:
    """What classifiers of Hugging Face return, in small."""

    logits: Tensor
    hidden: Tensor


register_dataclass(Output)


class Returning(nn.Module):
    """A classifier that returns what ``wrap`` makes of logits and features."""

    def __init__(self, wrap: Callable[[Tensor, Tensor], object]) -> None:
        super().__init__()
        self.fc, self.wrap = nn.Linear(3072, 2), wrap

    def forward(self, x: Tensor) -> object:
        features = x.flatten(1)
        return self.wrap(self.fc(features), features)


@pytest.mark.parametrize(
    "wrap", [Output, lambda y, x: {"hidden": x, "logits": y}, lambda y, _: {"logits": y}, lambda y, _: (y,)]
)
def test_logits_are_taken_out_of_what_the_network_returns(wrap: Callable[[Tensor, Tensor], object]) -> None:
    module = Returning(wrap)
    pixels = torch.rand(3, *SMALL.input_shape)
    network = Network.capture(module, SMALL)
    torch.testing.assert_close(network.logits(pixels), module.fc(SMALL.normalise(pixels).flatten(1)))
    assert [node.layer for node in network.graph.nodes if "linear" in node.operation] == ["fc"]


@pytest.mark.parametrize("wrap", [lambda y, x: (y, x), lambda y, x: {"scores": y, "hidden": x}])
def test_several_values_without_logits_are_refused(wrap: Callable[[Tensor, Tensor], object]) -> None:
    with pytest.raises(CaptureError, match="returns 2 values; it must return the logits n k alone, or an object"):
        Network.capture(Returning(wrap), SMALL)


@pytest.mark.parametrize(
    ("function", "operations"),
    [
        (lambda x: torch.addcmul(torch.ones(32), torch.full((32,), 2.0), x), {"add", "mul"}),
        (lambda x: x.sum((2, 3), keepdim=True), {"mean", "mul"}),
        (lambda x: x.mean(1), {"permute", "mean"}),
        (lambda x: x.mean((1, 2), keepdim=True), {"permute", "mean", "unsqueeze"}),
        (lambda x: x.relu().square(), {"relu", "square"}),
        (lambda x: x.relu() ** 3, {"relu", "pow"}),
        (lambda x: x.neg().type_as(x), {"neg"}),
        (
            lambda x: F.scaled_dot_product_attention(x, x, x, torch.ones(32, 32).tril().ge(1)),
            {"mul", "transpose", "matmul", "where", "softmax"},
        ),
    ],
)
def test_forms_of_an_operation_are_rewritten(function: Callable[[Tensor], Tensor], operations: set[str]) -> None:
    network = Network.capture(Applied(function), SMALL)  # which compares the logits
    assert {node.operation.split(".")[1] for node in network.graph.nodes} == {*operations, "reshape", "sym_size"}


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (nn.Conv2d(3, 2, 3), r"returns shape .* it must return logits n k"),
        (nn.Linear(5, 2), r"cannot be exported for inputs \(3, 32, 32\)"),
    ],
)
def test_what_is_no_classifier_is_refused(module: nn.Module, message: str) -> None:
    with pytest.raises(CaptureError, match=message):
        Network.capture(module, SMALL)


def test_wrong_number_of_labels_is_refused() -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(3072, 4))
    with pytest.raises(CaptureError, match="2 labels were given for 4 logits"):
        Network.capture(module, SMALL, ("a", "b"))


def test_fingerprint_changes_with_every_part() -> None:
    torch.manual_seed(0)
    last = nn.Linear(3072, 2)
    module = nn.Sequential(nn.Flatten(), last)
    network = Network.capture(module, SMALL, ("a", "b"))
    with torch.no_grad():
        last.bias[0] += 1e-6
    others = [
        Network.capture(module, SMALL, ("a", "b")),
        Network(network.name, network.graph, ("a", "c"), network.preprocessing),
        Network(network.name, network.graph, network.labels, Preprocessing(3, (32, 32), 33, SMALL.mean, SMALL.std)),
    ]
    assert network.fingerprint not in {other.fingerprint for other in others}
    assert len({other.fingerprint for other in others}) == 3
