"""From image bytes to the network input, declared once and stored with the network.

Three forms, always in this order: an *image* (Pillow), *pixels* (float32 in [0, 1], ``c h w``) and
the *network input* (pixels normalised). Attacks and the detector work on pixels.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from pathprint.models.errors import ImageError, NetworkFileError, PreprocessingError

FORMATS = ("PNG", "JPEG", "BMP", "WEBP")
MAX_SIDE = 8192
MAX_PIXELS = 25_000_000
MAX_ASPECT = 16
"""Largest ratio of an image's sides: scaling the shorter side to the network's size makes a thin image enormous."""
MAX_SCANS = 100
"""Most scans of a JPEG file. Programs write about ten; each costs a pass over all pixels, however few bytes it has."""
_SCAN = b"\xff\xda"
_RUNS = (1, 2)
"""Compressions of BMP files (RLE8 and RLE4) that Pillow unpacks in Python, where a few kilobytes cost many seconds."""
_STEPS = 10_000
_BYTES_OF_A_STEP = 1024
"""A file may be read in ``_STEPS`` steps, and one more for so many bytes: programs write pieces of kilobytes."""
MAX_NOTES = 1000
"""Most entries of EXIF data. Cameras write about a hundred; Pillow looks at each, and may be sent 65,535."""
_EXIF = b"Exif\0\0"
_EXIF_OF_JPEG = re.compile(rb"\xff\xe1(..)" + _EXIF, re.DOTALL)
_STRIP = 1 << 15
"""Pixels that are laid over black at a time: Pillow lets no other thread run meanwhile, and needs memory for each."""
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_MODES = {"1", "L", "LA", "P", "PA", "RGB", "RGBA"}


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How an image becomes a network input.

    Attributes:
        channels: 1 (grey) or 3 (RGB).
        size: height and width of the input.
        resize: shorter side of the frame, a rectangle of the shape of ``size``, that an image is scaled to cover
            before the centre crop to ``size``. For a square size it is the length that the image's shorter side is
            scaled to. An image that already has ``size`` is taken as it is if ``resize`` equals its shorter side.
        mean, std: one per channel; the network input is ``(pixels - mean) / std``.
        stretch: scale an image to the frame exactly, whatever that does to its proportions, so that nothing of it
            lies outside.

    Raises:
        PreprocessingError: the frame is smaller than the size that is cut out of it, or a side is 0 or above
            ``MAX_SIDE``.
    """

    channels: int
    size: tuple[int, int]
    resize: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    stretch: bool = False

    def __post_init__(self) -> None:
        if min(self.size) < 1 or max(*self.size, self.resize) > MAX_SIDE:
            raise PreprocessingError(
                f"the size {self.size[0]}x{self.size[1]} and `resize` {self.resize} must lie in 1 .. {MAX_SIDE}."
            )
        if self.resize < min(self.size):
            raise PreprocessingError(
                f"`resize` {self.resize} is smaller than the size {self.size[0]}x{self.size[1]} cut out of it, which "
                f"would be black at its edges; give {min(self.size)} or more."
            )

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Shape ``(c, h, w)`` of one network input."""
        return (self.channels, *self.size)

    def pixels(self, image: Image.Image) -> Tensor:
        """Return the image as float32 pixels in [0, 1], ``c h w``: bilinear resize, centre crop."""
        fitted = in_mode(image, "L" if self.channels == 1 else "RGB")
        if fitted.size != (self.size[1], self.size[0]) or self.resize != min(self.size):
            fitted = self._cut(fitted)
        array = np.array(fitted, dtype=np.uint8).reshape(*self.size, self.channels)
        return torch.from_numpy(array).permute(2, 0, 1).contiguous().float() / 255

    def _cut(self, image: Image.Image) -> Image.Image:
        """Return ``size`` out of the middle of an image that covers the frame, or is stretched to it."""
        height, width = self.size
        if _is_square(self.size) and not self.stretch:
            return _centre(_scaled(image, self.resize), self.size)
        # Cut before scaling: scaled as a whole, a thin image beside a wide size would be enormous.
        return image.resize((width, height), Image.Resampling.BILINEAR, self._box(*image.size))

    def _box(self, width: int, height: int) -> tuple[float, float, float, float]:
        """Return the part of an image, ``(left, top, right, bottom)``, that becomes the network's input."""
        share = min(self.size) / self.resize
        rows, columns = height * share, width * share
        if not self.stretch:
            scale = min(height / self.size[0], width / self.size[1]) * share
            rows, columns = min(scale * self.size[0], height), min(scale * self.size[1], width)
        left, top = (width - columns) / 2, (height - rows) / 2
        return left, top, left + columns, top + rows

    def normalise(self, pixels: Tensor) -> Tensor:
        """Return the network inputs of pixels ``… c h w`` in [0, 1], in the shape of the pixels; differentiable."""
        shape = (self.channels, 1, 1)
        mean = torch.tensor(self.mean, dtype=pixels.dtype, device=pixels.device).reshape(shape)
        std = torch.tensor(self.std, dtype=pixels.dtype, device=pixels.device).reshape(shape)
        return (pixels - mean) / std

    def to_dict(self) -> dict[str, Any]:
        """Return the declaration as JSON-able data.

        ``stretch`` is left out where it is False and the size is square: the fingerprints of networks that were stored
        before there was a choice stay what they are.
        """
        data = asdict(self)
        if not self.stretch and _is_square(self.size):
            del data["stretch"]
        return data

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Preprocessing:
        """Return the declaration stored by ``to_dict``.

        Raises:
            NetworkFileError: a field is missing or of the wrong kind, or the network was stored by a version that
                left black bars beside images for inputs that are not square.
        """
        try:
            height, width = (int(side) for side in data["size"])
            mean, std = (tuple(float(v) for v in data[key]) for key in ("mean", "std"))
            if "stretch" not in data and not _is_square((height, width)):
                raise NetworkFileError(
                    f"the network takes images of {height}x{width} and was stored by a version that could leave black "
                    "bars beside them; profile it again."
                )
            stretch = bool(data.get("stretch", False))
            return Preprocessing(int(data["channels"]), (height, width), int(data["resize"]), mean, std, stretch)
        except (KeyError, TypeError, ValueError, PreprocessingError) as error:
            raise NetworkFileError(f"the stored preprocessing is malformed: {error!r}") from error


def _is_square(size: tuple[int, int]) -> bool:
    return size[0] == size[1]


def decode(data: bytes) -> Image.Image:
    """Return the fully loaded image in ``data``, turned upright by its EXIF orientation; its ``format`` is kept.

    Raises:
        ImageError: the data is empty, not in one of ``FORMATS``, truncated, too large or too thin, animated, made of
            too many scans, or of a colour mode without a plain meaning (CMYK, 16 bit, float).
    """
    return loaded(opened(data))


def opened(data: bytes) -> Image.Image:
    """Return the image in ``data``, of which only the header has been read: it says what decoding will cost.

    Raises:
        ImageError: the header says that the image is none that we accept.
    """
    if not data:
        raise ImageError("empty_input", "the image has no bytes.")
    image = _open(data)
    if image.width > MAX_SIDE or image.height > MAX_SIDE or image.width * image.height > MAX_PIXELS:
        raise ImageError(
            "image_too_large",
            f"the image is {image.width} x {image.height}; at most {MAX_SIDE} per side and "
            f"{MAX_PIXELS:,} pixels are accepted.",
        )
    if max(image.size) > MAX_ASPECT * min(image.size):
        raise ImageError(
            "image_too_large",
            f"the image is {image.width} x {image.height}; one side may be at most {MAX_ASPECT} times the other.",
        )
    if image.format == "BMP" and image.info.get("compression") in _RUNS:
        raise ImageError("undecodable_image", "compressed BMP files are not accepted; save the image as PNG.")
    # Phones write JPEG files with a second picture inside (MPO); the first one is the photograph.
    if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":
        raise ImageError("multi_frame", "the image has several frames; send one still image.")
    if image.mode not in _MODES:
        allowed = ", ".join(sorted(_MODES))
        raise ImageError("unsupported_color_mode", f"colour mode {image.mode} is not accepted; allowed: {allowed}.")
    if scans(image, data) > MAX_SCANS:
        raise ImageError(
            "image_too_large", f"the image is drawn in more than {MAX_SCANS} scans; save it as an ordinary JPEG."
        )
    return image


def scans(image: Image.Image, data: bytes) -> int:
    """Return how many times the pixels in ``data`` are drawn over: once, or in each scan of a progressive JPEG file."""
    return max(data.count(_SCAN), 1) if image.format in ("JPEG", "MPO") else 1


def loaded(image: Image.Image) -> Image.Image:
    """Return an ``opened`` image with its pixels, turned upright by its EXIF orientation; its ``format`` is kept.

    Raises:
        ImageError: the data are truncated or damaged.
    """
    try:
        image.load()
        _check_notes(_exif_of(image))
        return _upright(image)
    except (OSError, SyntaxError, ValueError) as error:
        raise ImageError("truncated_image", "the image data is truncated or damaged.") from error


def _check_notes(exif: bytes) -> None:
    """Check how much is to be read in EXIF data; what cannot be read at all is left alone.

    Raises:
        ImageError: they have too many entries.
    """
    block = exif.removeprefix(_EXIF).removeprefix(_EXIF)
    order: Literal["little", "big"] = "little" if block.startswith(b"II") else "big"
    start = int.from_bytes(block[4:8], order)
    if int.from_bytes(block[start : start + 2], order) > MAX_NOTES:
        raise ImageError(
            "undecodable_image", f"the image has more than {MAX_NOTES:,} notes (EXIF); save it without them."
        )


def _exif_of(image: Image.Image) -> bytes:
    """Return the EXIF data of an image, which old programs wrote into PNG files as text."""
    text = image.info.get("Raw profile type exif", "")
    try:
        return image.info.get("exif") or bytes.fromhex("".join(text.split("\n")[3:]))
    except ValueError:
        return b""


def _exif_of_jpeg(data: bytes) -> bytes:
    """Return the EXIF data of a JPEG file, which may lie in several segments; Pillow reads it with the header."""
    if not data.startswith(b"\xff\xd8") or _EXIF not in data:
        return b""
    found = _EXIF_OF_JPEG.finditer(data)
    return b"".join(data[one.end() : one.start() + 2 + int.from_bytes(one[1], "big")] for one in found)


def _upright(image: Image.Image) -> Image.Image:
    """Turn an image upright by its EXIF orientation; leave it as it is if that is missing or unreadable.

    Pillow's ``exif_transpose`` is not used: it writes the EXIF block anew, and fails on odd entries in it.
    """
    try:
        orientation = image.getexif().get(_ORIENTATION)
    except Exception:  # Pillow's EXIF parser raises many types on hostile blocks
        return image
    turn = _TURNS.get(orientation) if isinstance(orientation, int) else None
    if turn is None:
        return image
    turned = image.transpose(turn)
    turned.format = image.format  # which says what the bytes were
    return turned


class _Steps(io.BytesIO):
    """Bytes of an image that end its decoding when they are read in too many steps.

    Pillow walks through the pieces of a file in Python, where millions of empty ones would cost many seconds.
    """

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._left = _STEPS + len(data) // _BYTES_OF_A_STEP

    def _step(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise ImageError("undecodable_image", "the file is cut into too many small pieces; save the image anew.")

    def read(self, size: int | None = -1, /) -> bytes:
        self._step()
        return super().read(size)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        self._step()
        return super().seek(offset, whence)


def _open(data: bytes) -> Image.Image:
    try:
        with warnings.catch_warnings():
            # Our own size check decides; Pillow only warns, and only for far larger images.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            _check_notes(_exif_of_jpeg(data))
            return Image.open(_Steps(data), formats=FORMATS)
    except ImageError:
        raise
    except Image.DecompressionBombError as error:
        raise ImageError("image_too_large", f"the image has more than {MAX_PIXELS:,} pixels.") from error
    except Exception as error:  # Pillow's parsers raise many types on hostile headers
        raise ImageError("undecodable_image", f"the bytes are not a {', '.join(FORMATS)} image.") from error


def in_mode(image: Image.Image, mode: str) -> Image.Image:
    """Convert an image to ``mode``, with transparency laid over black, as in most data sets."""
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        return _over_black(image, mode)
    return image if image.mode == mode else image.convert(mode)


def _over_black(image: Image.Image, mode: str) -> Image.Image:
    """Return an image with transparency laid over black, in ``mode``; strip by strip, as it may be large."""
    found = Image.new(mode, image.size)
    rows = max(_STRIP // image.width, 1)
    for top in range(0, image.height, rows):
        strip = image.crop((0, top, image.width, min(top + rows, image.height))).convert("RGBA")
        opaque = Image.alpha_composite(Image.new("RGBA", strip.size, (0, 0, 0, 255)), strip)
        found.paste(opaque.convert(mode), (0, top))
    return found


# Written with Pillow alone: importing torchvision takes several times as long as a detection, because it imports the
# compiler of torch. Tests compare both functions with torchvision's.


def _scaled(image: Image.Image, side: int) -> Image.Image:
    """Scale an image bilinearly until its shorter side has the length ``side``; the other one is rounded down."""
    short, long = sorted(image.size)
    other = int(side * long / short)
    size = (side, other) if image.width <= image.height else (other, side)
    return image if image.size == size else image.resize(size, Image.Resampling.BILINEAR)


def _centre(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Cut ``size`` (height, width) out of the middle of a larger image; of two middles, the even one."""
    height, width = size
    left, top = round((image.width - width) / 2), round((image.height - height) / 2)
    return image.crop((left, top, left + width, top + height))


def to_image(pixels: Tensor) -> Image.Image:
    """Return pixels ``c h w`` in [0, 1] as an 8-bit image; undoes ``Preprocessing.pixels``, but not its resize."""
    array = (pixels.clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
    return Image.fromarray(array[:, :, 0] if array.shape[2] == 1 else array)


def to_8_bit(pixels: Tensor) -> Tensor:
    """Return pixels, clamped to [0, 1] and rounded to the 256 levels that an 8-bit image file can hold."""
    return (pixels.clamp(0, 1) * 255).round() / 255
