"""Bytes become an image or a clear refusal; images become pixels by one rule."""

import io
import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps
from torchvision.models import get_model_weights
from torchvision.transforms.v2 import functional as transform

from pathprint.models.errors import ImageError, NetworkFileError, PreprocessingError
from pathprint.models.preprocessing import MAX_PIXELS, Preprocessing, _scaled, decode, in_mode, to_8_bit, to_image
from pathprint.models.zoo import catalogue

GREY = Preprocessing(1, (8, 8), 8, (0.0,), (1.0,))
RGB = Preprocessing(3, (24, 32), 24, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
SIZES = st.tuples(st.integers(1, 60), st.integers(1, 60))


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@given(st.binary(min_size=64, max_size=64))
@settings(max_examples=25)
def test_image_of_the_right_size_passes_unchanged(values: bytes) -> None:
    image = Image.frombytes("L", (8, 8), values)
    pixels = GREY.pixels(decode(encoded(image)))
    assert (pixels * 255).round().byte().flatten().tolist() == list(values)
    assert to_image(pixels).tobytes() == values
    torch.testing.assert_close(to_8_bit(pixels), pixels)


def test_larger_image_is_resized_on_its_short_side_and_cropped_in_the_middle() -> None:
    image = Image.new("RGB", (200, 48))
    image.paste((255, 0, 0), (68, 0, 132, 48))
    pixels = RGB.pixels(image)
    assert pixels.shape == (3, 24, 32)
    torch.testing.assert_close(pixels[0, :, 2:-2], torch.ones(24, 28))


SIDE = st.integers(1, 40)


@given(st.tuples(SIDE, SIDE), SIDE, st.sampled_from(["L", "RGB"]))
def test_scaling_is_torchvisions(given_size: tuple[int, int], shorter: int, mode: str) -> None:
    image = Image.effect_noise(given_size, 90).convert(mode)
    expected = transform.resize(image, [shorter], antialias=True)
    assert _scaled(image, shorter).tobytes() == expected.tobytes()


@given(SIZES, SIZES, st.integers(0, 1), st.booleans())
@settings(max_examples=200, deadline=None)
def test_no_shape_leaves_a_part_of_the_input_uncovered(
    size: tuple[int, int], image: tuple[int, int], margin: int, stretch: bool
) -> None:
    preprocessing = Preprocessing(1, size, min(size) + margin, (0.0,), (1.0,), stretch)
    assert preprocessing.pixels(Image.new("L", image, 255)).min() == 1


@given(st.integers(1, 60), SIZES, st.integers(0, 20))
@settings(max_examples=100, deadline=None)
def test_square_inputs_are_cut_from_the_scaled_shorter_side(side: int, size: tuple[int, int], margin: int) -> None:
    image = Image.effect_noise(size, 80)
    scaled = transform.center_crop(transform.resize(image, [side + margin], antialias=True), [side, side])
    preprocessing = Preprocessing(1, (side, side), side + margin, (0.0,), (1.0,))
    assert to_image(preprocessing.pixels(image)).tobytes() == scaled.tobytes()


@pytest.mark.parametrize(
    ("resize", "stretch", "height", "width"),
    [(192, False, 112, 112), (192, True, 112, 96), (384, False, 224, 192), (288, True, 168, 144)],
)
def test_proportions_are_kept_unless_stretched(resize: int, stretch: bool, height: int, width: int) -> None:
    image = Image.new("L", (300, 300))
    image.paste(255, (75, 75, 225, 225))
    pixels = Preprocessing(1, (224, 192), resize, (0.0,), (1.0,), stretch).pixels(image)[0]
    assert float(pixels[:, 96].sum()) == pytest.approx(height, abs=1)
    assert float(pixels[112].sum()) == pytest.approx(width, abs=1)


@given(SIZES, SIZES, st.integers(0, 20))
@settings(max_examples=100, deadline=None)
def test_what_is_cut_out_keeps_its_proportions_and_fits_the_image(
    size: tuple[int, int], image: tuple[int, int], margin: int
) -> None:
    declared = Preprocessing(1, size, min(size) + margin, (0.0,), (1.0,))
    left, top, right, bottom = declared._box(*image)
    assert 0 <= left < right <= image[0]
    assert 0 <= top < bottom <= image[1]
    assert (right - left) * size[0] == pytest.approx((bottom - top) * size[1])
    assert (left + right, top + bottom) == pytest.approx(image)
    # Of the rectangles of this shape in the image it is the largest, made smaller by ``resize``.
    covered = max((right - left) / image[0], (bottom - top) / image[1])
    assert covered == pytest.approx(min(size) / declared.resize)


@pytest.mark.parametrize("size", [(64, 2048), (2048, 64)])
@pytest.mark.parametrize("image", [(500, 8000), (8000, 500)])
def test_thin_images_are_never_scaled_as_a_whole(
    size: tuple[int, int], image: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[tuple[int, int]] = []
    resize = Image.Image.resize

    def recorded(self: Image.Image, to: tuple[int, int], *options: object) -> Image.Image:
        made.append(to)
        return resize(self, to, *options)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(Image.Image, "resize", recorded)
    pixels = Preprocessing(1, size, 64, (0.0,), (1.0,)).pixels(Image.new("L", image, 255))
    assert (tuple(pixels.shape[1:]), made) == (size, [size[::-1]])


@pytest.mark.parametrize(("size", "resize"), [((0, 10), 10), ((-3, 5), 5), ((8, 8193), 8), ((8, 8), 8193)])
def test_sides_out_of_range_are_refused(size: tuple[int, int], resize: int) -> None:
    with pytest.raises(PreprocessingError, match=r"must lie in 1 \.\. 8192"):
        Preprocessing(1, size, resize, (0.0,), (1.0,))


@pytest.mark.parametrize("size", [(8, 8), (16, 48), (48, 16)])
@pytest.mark.parametrize("stretch", [False, True])
def test_declaration_is_stored_and_read(size: tuple[int, int], stretch: bool) -> None:
    declared = Preprocessing(1, size, 20, (0.5,), (0.25,), stretch)
    assert Preprocessing.from_dict(json.loads(json.dumps(declared.to_dict()))) == declared
    assert ("stretch" in declared.to_dict()) == (stretch or size != (8, 8))  # fingerprints of square networks stay


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"size": [16, 48], "resize": 16}, "takes images of 16x48 .* black bars .* profile it again"),
        ({"resize": 7}, "malformed: .*`resize` 7 is smaller than the size 8x8"),
        ({"size": [0, 0], "resize": 0}, "malformed"),
        ({"size": [8]}, "malformed"),
        ({"mean": None}, "malformed"),
    ],
)
def test_stored_declaration_that_leaves_black_or_makes_no_sense_is_refused(
    changed: dict[str, object], message: str
) -> None:
    with pytest.raises(NetworkFileError, match=message):
        Preprocessing.from_dict({**GREY.to_dict(), **changed})


@pytest.mark.parametrize("name", [name for name in catalogue.names() if name.startswith("torchvision:")])
def test_torchvisions_own_declarations_cover_their_crop(name: str) -> None:
    weights = next(iter(get_model_weights(name.split(":")[1])))
    preset = weights.transforms()
    assert preset.resize_size[0] >= preset.crop_size[0]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_every_accepted_mode_gives_pixels_in_range(mode: str) -> None:
    image = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).convert("RGB").convert(mode)
    pixels = GREY.pixels(decode(encoded(image)))
    assert pixels.shape == (1, 8, 8)
    assert 0 <= pixels.min() <= pixels.max() <= 1


def test_transparent_pixels_are_black() -> None:
    assert GREY.pixels(Image.new("RGBA", (8, 8), (255, 255, 255, 0))).max() == 0


@pytest.mark.parametrize("orientation", range(10))
def test_camera_orientation_is_applied_as_pillow_does(orientation: int) -> None:
    image = Image.effect_noise((16, 24), 80)
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(image, "JPEG", exif=exif)
    assert decode(data).tobytes() == ImageOps.exif_transpose(Image.open(io.BytesIO(data))).tobytes()


def test_second_picture_of_a_phones_jpeg_is_ignored() -> None:
    first, second = (Image.effect_noise((16, 16), 80) for _ in range(2))
    data = encoded(first, "MPO", save_all=True, append_images=[second])
    assert decode(data).tobytes() == Image.open(io.BytesIO(encoded(first, "JPEG"))).tobytes()


def animated() -> bytes:
    frames = [Image.new("L", (8, 8), level) for level in (0, 255)]
    return encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:])


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty_input"),
        (b"hello, this is no image", "undecodable_image"),
        (encoded(Image.new("L", (8, 8)), "GIF"), "undecodable_image"),
        (encoded(Image.effect_noise((64, 64), 50))[:600], "truncated_image"),
        (encoded(Image.effect_noise((64, 64), 50), "JPEG")[:600], "truncated_image"),
        (encoded(Image.new("1", (9000, 10))), "image_too_large"),
        (encoded(Image.new("1", (6000, MAX_PIXELS // 6000 + 1))), "image_too_large"),
        (encoded(Image.new("1", (20000, 20000))), "image_too_large"),
        (encoded(Image.new("1", (170, 10))), "image_too_large"),
        (encoded(Image.new("CMYK", (8, 8)), "JPEG"), "unsupported_color_mode"),
        (encoded(Image.new("I;16", (8, 8))), "unsupported_color_mode"),
        (animated(), "multi_frame"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{len(value)} bytes",
)
def test_bad_bytes_are_refused_with_a_code(data: bytes, code: str) -> None:
    with pytest.raises(ImageError) as caught:
        decode(data)
    assert caught.value.code == code


@given(st.binary(max_size=400))
@settings(max_examples=200)
def test_random_bytes_never_raise_anything_else(data: bytes) -> None:
    with pytest.raises(ImageError):
        decode(b"\x89PNG\r\n\x1a\n" + data)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
@pytest.mark.parametrize("target", ["L", "RGB"])
@pytest.mark.parametrize("size", [(7, 5), (1000, 700), (3, 300_000), (300_000, 2)])
def test_transparency_is_laid_over_black_alike_in_strips_and_at_once(
    mode: str, target: str, size: tuple[int, int]
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 4), dtype=np.uint8)
    image = Image.fromarray(noise).convert(mode)
    if mode == "P":
        image.info["transparency"] = bytes(range(256))
    overlay = image.convert("RGBA")
    whole = Image.alpha_composite(Image.new("RGBA", size, (0, 0, 0, 255)), overlay).convert(target)
    assert in_mode(image, target).tobytes() == whole.tobytes()
