"""Edits against references computed another way."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow
from PIL import ImageFilter

from capabilities import imaging
from capabilities.errors import InvalidArgument
from tests.capabilities.imaging.pictures import encoded, image_of, noise, pixels_of


@given(st.integers(1, 30), st.integers(1, 30), st.sampled_from([3, 4]), st.integers(0, 9))
def test_four_quarter_turns_are_none(width: int, height: int, bands: int, seed: int) -> None:
    image = original = image_of(noise(width, height, bands, seed))
    for _ in range(4):
        image = imaging.transform(image, 90, 1)
    assert np.array_equal(pixels_of(image), pixels_of(original))


@pytest.mark.parametrize(("degrees", "turns"), [(90, -1), (180, 2), (270, 1), (-90, 1), (450, -1), (360, 0)])
def test_quarter_turns_are_clockwise_and_exact(degrees: float, turns: int) -> None:
    pixels = noise(6, 4)
    turned = imaging.transform(image_of(pixels), degrees, 1)
    assert np.array_equal(pixels_of(turned), np.rot90(pixels, turns))


def test_rotation_comes_before_scaling() -> None:
    image = imaging.transform(image_of(noise(40, 20)), 90, 2)
    assert (image.width, image.height) == (40, 80)


def test_other_angles_get_transparent_corners() -> None:
    image = imaging.transform(image_of(np.full((40, 40, 3), 200, np.uint8)), 45, 1)
    side = 40 * math.sqrt(2)
    assert abs(image.width - side) < 2
    assert image(0, 0)[3] == 0
    middle = image(image.width // 2, image.height // 2)
    assert middle == [200, 200, 200, 255]


def test_blur_matches_a_gaussian_of_the_same_width() -> None:
    pixels = noise(64, 64)
    ours = pixels_of(imaging.filter_image(image_of(pixels), "blur")).astype(int)
    theirs = np.asarray(Pillow.fromarray(pixels).filter(ImageFilter.GaussianBlur(5))).astype(int)
    assert abs(ours[20:44, 20:44] - theirs[20:44, 20:44]).max() <= 6


def test_blur_does_not_bleed_out_of_invisible_pixels() -> None:
    pixels = np.zeros((40, 40, 4), np.uint8)
    pixels[:, 20:] = (255, 0, 0, 255)
    blurred = pixels_of(imaging.filter_image(image_of(pixels), "blur"))
    visible = blurred[blurred[..., 3] > 8]
    assert visible[..., 0].min() > 240


def test_sharpen_makes_edges_steeper() -> None:
    pixels = np.full((32, 32, 3), 90, np.uint8)
    pixels[:, 16:] = 160
    sharpened = pixels_of(imaging.filter_image(image_of(pixels), "sharpen"))
    assert int(sharpened.max()) - int(sharpened.min()) > 70


def test_grayscale_is_the_luminance_and_keeps_alpha() -> None:
    pixels = noise(16, 16, 4)
    grey = pixels_of(imaging.filter_image(image_of(pixels), "grayscale"))
    assert np.array_equal(grey[..., 0], grey[..., 1])
    assert np.array_equal(grey[..., 3], pixels[..., 3])
    linear = np.where(pixels / 255 <= 0.04045, pixels / 255 / 12.92, ((pixels / 255 + 0.055) / 1.055) ** 2.4)
    luminance = linear[..., :3] @ np.array([0.2, 0.7, 0.1])
    reference = np.where(luminance <= 0.0031308, luminance * 12.92, 1.055 * luminance ** (1 / 2.4) - 0.055)
    assert abs(grey[..., 0] - reference * 255).max() <= 1


@given(st.integers(-12, 24), st.integers(-12, 24), st.sampled_from([3, 4]), st.sampled_from([3, 4]))
def test_composite_is_real_alpha_blending(x: int, y: int, base_bands: int, overlay_bands: int) -> None:
    base, overlay = noise(20, 16, base_bands, 1), noise(10, 8, overlay_bands, 2)
    if base_bands == 4:
        base[..., 3] = 255
    result = pixels_of(imaging.composite(image_of(base), image_of(overlay), x, y))
    reference = base.astype(float)
    for row in range(8):
        for column in range(10):
            if 0 <= y + row < 16 and 0 <= x + column < 20:
                alpha = overlay[row, column, 3] / 255 if overlay_bands == 4 else 1.0
                target = reference[y + row, x + column]
                target[:3] = overlay[row, column, :3] * alpha + target[:3] * (1 - alpha)
    assert result.shape == base.shape
    assert abs(result - reference).max() <= 2


def test_crop_and_resize() -> None:
    pixels = noise(20, 10)
    assert np.array_equal(pixels_of(imaging.crop(image_of(pixels), 3, 2, 5, 4)), pixels[2:6, 3:8])
    image = imaging.resize(image_of(pixels), 40, 20, "nearest")
    assert np.array_equal(pixels_of(image), pixels.repeat(2, 0).repeat(2, 1))
    image = imaging.resize(image_of(noise(20, 10, 4)), 7, 9)
    assert (image.width, image.height, image.bands) == (7, 9, 4)


NAN = float("nan")


@pytest.mark.parametrize(
    ("work", "field"),
    [
        (lambda image: imaging.transform(image, NAN, 1), "rotation"),
        (lambda image: imaging.transform(image, float("inf"), 1), "rotation"),
        (lambda image: imaging.transform(image, 0, 0), "scale"),
        (lambda image: imaging.transform(image, 0, -1), "scale"),
        (lambda image: imaging.transform(image, 0, 1e9), "scale"),
        (lambda image: imaging.filter_image(image, "sepia"), "kind"),
        (lambda image: imaging.filter_image(image, "blur", sigma=0), "sigma"),
        (lambda image: imaging.filter_image(image, "blur", sigma=NAN), "sigma"),
        (lambda image: imaging.composite(image, image, 10**6, 0), "x"),
        (lambda image: imaging.crop(image, 0, 0, 99, 1), "crop"),
        (lambda image: imaging.crop(image, -1, 0, 1, 1), "crop"),
        (lambda image: imaging.resize(image, 0, 5), "size"),
        (lambda image: imaging.resize(image, 10**6, 5), "size"),
        (lambda image: imaging.resize(image, 5, 5, "magic"), "kernel"),
        (lambda image: imaging.encode(image, "bmp"), "format"),
    ],
)
def test_bad_numbers_name_the_argument(work: Any, field: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        work(image_of(noise(8, 8)))
    assert caught.value.field == field


def test_convert_keeps_metadata_when_asked() -> None:
    data = imaging.encode(image_of(noise(9, 9)), metadata={"seed": 1})
    assert imaging.read_metadata(imaging.convert(data, "webp", preserve_metadata=True)) == {"seed": 1}
    assert imaging.read_metadata(imaging.convert(data, "webp")) is None
    assert Pillow.open(io.BytesIO(imaging.convert(encoded("PNG"), "jpeg"))).format == "JPEG"


def test_jpeg_gets_a_white_ground() -> None:
    clear = np.zeros((16, 16, 4), np.uint8)
    assert imaging.decode(imaging.encode(image_of(clear), "jpeg"))(8, 8) == [255, 255, 255]


def test_thumbnails_keep_the_aspect_and_never_enlarge() -> None:
    small = imaging.decode(imaging.thumbnail(image_of(noise(200, 100)), 50))
    assert (small.width, small.height) == (50, 25)
    same = imaging.decode(imaging.thumbnail(imaging.encode(image_of(noise(20, 10))), 50))
    assert (same.width, same.height) == (20, 10)


def test_raw_pixels_must_fit_their_size() -> None:
    with pytest.raises(ValueError, match="are no 5 x 5 picture"):
        imaging.from_pixels(b"123", 5, 5, 3)
