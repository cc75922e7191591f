"""Traffic of clients who attack nobody: different images, video, a fixed camera, retries, copies in other forms."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

Queries = NDArray[np.uint8]


def as_picture(image: Queries) -> Image.Image:
    """Return an image ``c h w`` as Pillow has it."""
    return Image.fromarray(image[0] if len(image) == 1 else image.transpose(1, 2, 0))


def as_array(picture: Image.Image, like: Queries) -> Queries:
    """Return a picture as ``c h w``, of the size of another image."""
    channels, height, width = like.shape
    fitted = picture.convert("L" if channels == 1 else "RGB")
    if fitted.size != (width, height):
        fitted = fitted.resize((width, height), Image.Resampling.BILINEAR)
    array = np.asarray(fitted)
    return array[None] if channels == 1 else array.transpose(2, 0, 1)


def saved(picture: Image.Image, form: str, quality: int) -> Image.Image:
    """Return a picture that was saved and opened again."""
    buffer = io.BytesIO()
    picture.save(buffer, form, quality=quality)
    return Image.open(buffer)


def _noisy(image: Queries, rng: np.random.Generator) -> Queries:
    return np.clip(image + rng.normal(0, 2, image.shape), 0, 255).round().astype(np.uint8)


def camera(image: Queries, rng: np.random.Generator, frames: int) -> Queries:
    """Return frames of a camera that nothing moves before: sensor noise of 2 levels, and JPEG of quality 85."""
    return np.stack([as_array(saved(as_picture(_noisy(image, rng)), "JPEG", 85), image) for _ in range(frames)])


def video(image: Queries, rng: np.random.Generator, frames: int) -> Queries:
    """Return frames of a camera that pans by 0.5 % of the width a frame and sways, with noise and JPEG."""
    picture = as_picture(image)
    width, height = picture.size
    view, found = 0.6, []
    angle = rng.uniform(0, 2 * np.pi)
    x, y = rng.uniform(0, 1 - view, 2)
    for _ in range(frames):
        angle += rng.normal(0, 0.1)
        x, y = x + 0.005 * np.cos(angle), y + 0.005 * np.sin(angle)
        if not (0 <= x <= 1 - view and 0 <= y <= 1 - view):
            angle += np.pi
            x, y = np.clip((x, y), 0, 1 - view)
        box = (x * width, y * height, (x + view) * width, (y + view) * height)
        frame = as_array(picture.resize((width, height), Image.Resampling.BILINEAR, box), image)
        found.append(as_array(saved(as_picture(_noisy(frame, rng)), "JPEG", 85), image))
    return np.stack(found)


def forms(image: Queries) -> Queries:
    """Return 30 copies of one image: saved as JPEG and WebP, scaled, brightened, cropped, turned."""
    picture = as_picture(image)
    width, height = picture.size
    copies = [saved(picture, form, quality) for form in ("JPEG", "WEBP") for quality in (95, 90, 80, 70, 50)]
    copies += [picture.resize((max(4, int(width * s)), max(4, int(height * s)))) for s in (0.9, 0.75, 0.5, 0.33, 0.25)]
    copies += [ImageEnhance.Brightness(picture).enhance(share) for share in (0.8, 0.9, 1.1, 1.2, 1.3)]
    copies += [
        picture.crop((width * c, height * c, width * (1 - c), height * (1 - c))) for c in (0.02, 0.05, 0.1, 0.15, 0.2)
    ]
    copies += [picture.rotate(angle, Image.Resampling.BILINEAR) for angle in (-4, -2, -1, 2, 4)]
    return np.stack([as_array(copy, image) for copy in copies])
