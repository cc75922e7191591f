"""A network from a ``.pt2`` file is the network that its module gives; a hostile or unfit file is refused."""

import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.export import Dim, export, save

from pathprint.models.errors import CaptureError, NetworkFileError, PreprocessingError, UnsupportedOperationError
from pathprint.models.network import Network
from pathprint.models.zoo import catalogue
from pathprint.models.zoo.declared import Declared, default_for
from tests.models.archives import (
    CONSTANTS,
    PROGRAM,
    SAMPLES,
    WEIGHTS,
    Changes,
    Small,
    archive,
    changed,
    edit,
    exported,
    pickled,
    plainly_pickled,
    small,
)


def test_file_gives_the_network_that_the_module_gives(tmp_path: Path) -> None:
    module = small()
    found = catalogue.build(str(archive(tmp_path, module)))
    expected = Network.capture(module, default_for((3, 12, 16)))
    assert found.fingerprint == expected.fingerprint
    assert [n.layer for n in found.graph.nodes if "conv" in n.operation or "linear" in n.operation] == [
        "body.0",
        "head",
    ]
    pixels = torch.rand(3, 3, 12, 16)
    assert torch.equal(found.logits(pixels), expected.logits(pixels))
    assert found.name == "net.pt2"


def test_weights_beside_the_file_take_the_place_of_its_own(tmp_path: Path) -> None:
    other = small()
    nn.init.normal_(other.head.weight)
    torch.save(other.state_dict(), tmp_path / "w.pth")
    found = catalogue.build(str(archive(tmp_path)), tmp_path / "w.pth")
    assert found.fingerprint == Network.capture(other, default_for((3, 12, 16))).fingerprint


class Blocks(Small):
    """Switches gradients and autocast for all, for parts, inside of one another, and where nothing is computed."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way = way

    def forward(self, x: Tensor) -> Tensor:
        match self.way:
            case "whole":
                with torch.no_grad():
                    return super().forward(x)
            case "autocast":
                with torch.autocast("cpu", torch.bfloat16, enabled=False):
                    return super().forward(x)
            case "nested":
                with torch.no_grad():
                    seen = self.body(x)
                    with torch.enable_grad():
                        more = seen * 2 + self.shift
                    pair = seen.relu(), more + seen
            case _:
                with torch.no_grad():
                    pair = self.body(x), x.mean((2, 3))[:, :1, None, None]
        with torch.no_grad():
            one = pair[0] + pair[1]
        logits: Tensor = self.head(one.mean((2, 3)).view(x.shape[0], -1))
        return logits


@pytest.mark.parametrize("way", ["whole", "autocast", "nested", "parts"])
@pytest.mark.parametrize("strict", [False, True])
def test_blocks_without_gradients_are_dissolved(tmp_path: Path, way: str, strict: bool) -> None:
    module = Blocks(way).eval()
    with torch.enable_grad():
        program = export(module, (torch.rand(2, 3, 12, 16),), dynamic_shapes=({0: Dim("n", min=1)},), strict=strict)
    save(program, tmp_path / "b.pt2")
    with zipfile.ZipFile(tmp_path / "b.pt2") as file:
        name = next(name for name in file.namelist() if name.endswith(PROGRAM))
        assert b"wrap_with_" in file.read(name)
    found = catalogue.build(str(tmp_path / "b.pt2"))
    assert found.fingerprint == Network.capture(module, default_for((3, 12, 16))).fingerprint
    pixels = torch.rand(3, 3, 12, 16)
    with torch.inference_mode():
        expected = module(found.preprocessing.normalise(pixels))
    torch.testing.assert_close(found.logits(pixels), expected, rtol=1e-4, atol=1e-4)


def at_operation(data: Any, target: str) -> None:
    data["graph_module"]["graph"]["nodes"][0]["target"] = target


def in_every_shape(data: Any, expression: str) -> None:
    for meta in data["graph_module"]["graph"]["tensor_values"].values():
        meta["sizes"][:1] = [{"as_expr": {"expr_str": expression, "hint": {"as_int": 2}}}]


def as_pickle(data: Any) -> None:
    name, entry = next(iter(data["config"].items()))
    data["config"][name] = {**entry, "use_pickle": True, "tensor_meta": None}


def as_object(prefix: str) -> Callable[[Any], None]:
    def change(data: Any) -> None:
        entry = {"path_name": f"{prefix}0", "is_param": False, "use_pickle": True, "tensor_meta": None}
        data["config"] = {"secret": entry}

    return change


@pytest.mark.parametrize("way", ["pickle", "expression"])
def test_payload_of_these_tests_is_live(tmp_path: Path, way: str) -> None:
    marker = tmp_path / "marker"
    changes: Changes = hostile(marker)["expression"][0] if way == "expression" else {SAMPLES: pickled(marker)}
    with suppress(Exception):  # the payload leaves nothing that torch could go on with
        torch.export.load(changed(archive(tmp_path), changes))
    assert marker.exists()


@pytest.mark.filterwarnings("ignore")
def test_pickled_sample_inputs_are_not_read(tmp_path: Path) -> None:
    path = changed(archive(tmp_path), {SAMPLES: pickled(tmp_path / "marker"), "extra/x": pickled(tmp_path / "marker")})
    assert catalogue.build(str(path)).labels == ("0", "1", "2", "3", "4")
    assert not (tmp_path / "marker").exists()


def hostile(marker: Path) -> dict[str, tuple[Changes, str]]:
    """Return ways to let a file run code, each with what is said to it."""
    call = f"__import__('pathlib').Path({str(marker)!r}).touch()"
    return {
        "weight": ({WEIGHTS: edit(as_pickle), "data/weights/weight_0": pickled(marker)}, "holds .* as pickles"),
        "constant": ({CONSTANTS: edit(as_pickle), "data/constants/tensor_0": pickled(marker)}, "holds .* as pickles"),
        "opaque": (
            {CONSTANTS: edit(as_object("opaque_obj_")), "data/constants/opaque_obj_0": plainly_pickled(marker)},
            "holds secret as pickles",
        ),
        "custom": (
            {CONSTANTS: edit(as_object("custom_obj_")), "data/constants/custom_obj_0": pickled(marker)},
            "holds secret as pickles",
        ),
        "function": ({PROGRAM: edit(lambda data: at_operation(data, "torch.load"))}, r"1 operation.*torch\.load"),
        "builtin": ({PROGRAM: edit(lambda data: at_operation(data, "_operator.call"))}, r"1 operation.*operator\.call"),
        "expression": ({PROGRAM: edit(lambda data: in_every_shape(data, call))}, ""),
    }


@pytest.mark.parametrize("way", ["weight", "constant", "opaque", "custom", "function", "builtin", "expression"])
def test_hostile_file_runs_nothing(tmp_path: Path, way: str) -> None:
    marker = tmp_path / "marker"
    changes, message = hostile(marker)[way]
    path = changed(archive(tmp_path), {SAMPLES: pickled(marker), **changes})
    if message:
        with pytest.raises((NetworkFileError, CaptureError), match=message) as caught:
            catalogue.build(str(path))
        assert "\n" not in str(caught.value)
    else:  # expressions are never evaluated, so this one does no harm
        catalogue.build(str(path))
    assert not marker.exists()


def test_every_unsupported_operation_of_a_file_is_listed(tmp_path: Path) -> None:
    class Odd(Small):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x).digamma().lgamma()

    with pytest.raises(UnsupportedOperationError, match=r"2 operation.*digamma\.default.*lgamma\.default"):
        catalogue.build(str(archive(tmp_path, Odd().eval())))


class Two(nn.Module):
    """Takes and returns two tensors."""

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        return x + y, y


def test_network_for_a_fixed_number_of_images_is_refused(tmp_path: Path) -> None:
    save(export(small(), (torch.zeros(2, 3, 12, 16),)), tmp_path / "net.pt2")
    with pytest.raises(CaptureError, match=r"takes exactly 2 image.*dynamic_shapes"):
        catalogue.build(str(tmp_path / "net.pt2"))


def test_network_in_training_mode_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match=r"training.*module\.eval\(\)"):
        catalogue.build(str(archive(tmp_path, small().train())))
    with pytest.raises(CaptureError, match=r"aten\.dropout\.default in 0 is in training mode"):
        catalogue.build(str(archive(tmp_path, nn.Sequential(nn.Dropout(), nn.Flatten(), nn.Linear(576, 2)))))


def test_network_of_two_inputs_or_outputs_is_refused(tmp_path: Path) -> None:
    image, axes = torch.zeros(2, 3, 4, 4), {0: Dim("n", min=1)}
    save(export(Two(), (image, image), dynamic_shapes=(axes, axes)), tmp_path / "net.pt2")
    with pytest.raises(CaptureError, match="returns 2 values"):
        catalogue.build(str(tmp_path / "net.pt2"))

    class Sum(nn.Module):
        def forward(self, x: Tensor, y: Tensor) -> Tensor:
            return x + y

    save(export(Sum(), (image, image), dynamic_shapes=(axes, axes)), tmp_path / "net.pt2")
    with pytest.raises(CaptureError, match="takes 2 tensors; it must take one"):
        catalogue.build(str(tmp_path / "net.pt2"))


def test_size_that_the_file_leaves_open_can_be_declared(tmp_path: Path) -> None:
    axes = ({0: Dim("n", min=1), 2: Dim("h", min=4), 3: Dim("w", min=4)},)
    save(export(small(), (torch.zeros(2, 3, 12, 16),), dynamic_shapes=axes), tmp_path / "net.pt2")
    assert catalogue.build(str(tmp_path / "net.pt2")).preprocessing.size == (12, 16)
    assert catalogue.build(str(tmp_path / "net.pt2"), declared=Declared(size=(20, 20))).preprocessing.size == (20, 20)


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def without_weights(path: Path) -> None:
    changed(path, {WEIGHTS: edit(lambda data: data["config"].clear())})


def with_a_shape_of_text(path: Path) -> None:
    changed(path, {WEIGHTS: edit(lambda data: data["config"]["head.bias"]["tensor_meta"].update(sizes="5"))})


def with_a_huge_view(path: Path) -> None:
    def stretch(data: Any) -> None:
        meta = data["config"]["head.bias"]["tensor_meta"]
        meta["sizes"], meta["strides"] = [{"as_int": 2**40}], [{"as_int": 0}]

    changed(path, {WEIGHTS: edit(stretch)})


def of_deep_json(path: Path) -> None:
    changed(path, {PROGRAM: b"[" * 200_000})


def without_a_program(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("notes.txt", "nothing")


def of_text(path: Path) -> None:
    path.write_text("no archive")


def compressed(path: Path) -> None:
    changed(path, {"data/weights/weight_0": bytes(2**20)}, zipfile.ZIP_DEFLATED)


def as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (Path.unlink, "does not exist; a file that torch.export.save wrote is expected"),
        (as_folder, "is a folder"),
        (truncated, "is damaged or not a .pt2 archive"),
        (of_text, "is damaged or not a .pt2 archive"),
        (without_a_program, "holds no exported program"),
        (without_weights, "does not describe a network.*KeyError"),
        (with_a_shape_of_text, "is malformed"),
        (with_a_huge_view, "is larger than its 20 bytes"),
        (of_deep_json, "is malformed"),
        (compressed, "holds more than its own size"),
    ],
)
def test_damaged_file_is_refused(tmp_path: Path, damage: Callable[[Path], object], message: str) -> None:
    path = archive(tmp_path)
    damage(path)
    with pytest.raises(NetworkFileError, match=rf"net\.pt2.*{message}"):
        catalogue.build(str(path))


def test_grey_network_gets_grey_images(tmp_path: Path) -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 3)).eval()
    save(exported(module, (1, 8, 8)), tmp_path / "net.pt2")
    assert catalogue.build(str(tmp_path / "net.pt2")).preprocessing.input_shape == (1, 8, 8)


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        (Declared(mean=(0.5,)), r"the mean \(0\.5,\) and the standard deviation"),
        (Declared(std=(0.0, 1.0, 1.0)), "standard deviations above 0"),
        (Declared(std=(float("nan"), 1.0, 1.0)), "do not fit"),
        (Declared(resize=8), "`resize` 8 is smaller than the size 12x16"),
    ],
)
def test_preprocessing_that_fits_no_image_is_refused(declared: Declared, message: str) -> None:
    with pytest.raises(PreprocessingError, match=message):
        declared.over(default_for((3, 12, 16)))


def test_declared_preprocessing_takes_the_place_of_the_default() -> None:
    default = default_for((3, 224, 224))
    assert (default.resize, default_for((3, 32, 32)).resize) == (256, 32)
    assert Declared().over(default) == default
    changed_size = Declared(size=(448, 448), mean=(0.5,) * 3, std=(0.5,) * 3).over(default)
    assert (changed_size.size, changed_size.resize, changed_size.mean) == ((448, 448), 512, (0.5, 0.5, 0.5))
    stretched = Declared(size=(256, 448), stretch=True).over(default)
    assert (stretched.size, stretched.resize, stretched.stretch) == ((256, 448), 256, True)
    assert Declared(size=(256, 448)).over(default).resize == 293
    assert Declared(stretch=False).over(stretched).resize == 256
    with pytest.raises(PreprocessingError, match="takes 4 channels"):
        default_for((4, 8, 8))
