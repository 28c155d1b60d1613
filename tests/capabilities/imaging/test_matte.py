"""Clearing the plain ground behind a subject."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from capabilities import imaging


def icon(ground: tuple[int, int, int] = (255, 255, 255)) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """A red disc with a white eye, drawn large and shrunk, so that its edge is soft."""
    large = Image.new("RGB", (512, 512), ground)
    pen = ImageDraw.Draw(large)
    pen.ellipse((96, 96, 416, 416), fill=(200, 30, 40))
    pen.ellipse((200, 200, 280, 280), fill=ground)
    return np.asarray(large.resize((64, 64), Image.Resampling.BOX))


def cleared(
    pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    image = imaging.from_pixels(pixels.tobytes(), pixels.shape[1], pixels.shape[0], 3)
    made = imaging.clear_ground(image)
    return np.frombuffer(imaging.to_pixels(made), np.uint8).reshape(made.height, made.width, 4)


def test_ground_goes_and_what_looks_like_it_inside_stays() -> None:
    made = cleared(icon())
    assert made[2, 2, 3] == 0
    assert made[32, 18, 3] == 255
    assert made[30, 30, 3] == 255, "the white eye is part of the subject"


def test_on_black_no_white_rim_shows() -> None:
    pixels = icon()
    made = cleared(pixels).astype(float)
    alpha = made[..., 3:] / 255
    on_black = made[..., :3] * alpha
    rim = (alpha[..., 0] > 0) & (alpha[..., 0] < 1)
    assert rim.sum() > 50
    # Red is the subject's only strong band: green and blue in the rim would be what is left of the ground.
    assert on_black[rim][:, 1:].max() < 90
    assert on_black[rim][:, 0].max() <= 215


def test_laid_back_on_its_ground_it_is_the_picture_again() -> None:
    pixels = icon()
    made = cleared(pixels).astype(float)
    alpha = made[..., 3:] / 255
    again = made[..., :3] * alpha + 255 * (1 - alpha)
    assert np.abs(again - pixels).max() <= 10
    assert np.abs(again - pixels).mean() < 0.5


@given(st.tuples(*[st.integers(0, 255)] * 3), st.integers(1, 40), st.integers(1, 40))
def test_a_picture_of_one_colour_is_all_ground(colour: tuple[int, int, int], width: int, height: int) -> None:
    pixels = np.broadcast_to(np.array(colour, np.uint8), (height, width, 3)).copy()
    assert (cleared(pixels)[..., 3] == 0).all()


def square(
    ground: tuple[int, int, int], subject: tuple[int, int, int], place: slice = slice(16, 48)
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    pixels = np.full((64, 64, 3), ground, np.uint8)
    pixels[place, place] = subject
    return pixels


def test_a_pale_subject_on_a_clean_ground_has_no_holes() -> None:
    for subject in ((250, 250, 255), (251, 251, 251), (255, 255, 245)):
        made = cleared(square((255, 255, 255), subject))
        assert (made[20:44, 20:44, 3] == 255).all(), subject
        assert (made[:10, :, 3] == 0).all()


def test_a_subject_that_touches_a_corner_or_an_edge_does_not_keep_the_ground() -> None:
    for place in (slice(0, 30), slice(34, 64)):
        made = cleared(square((240, 240, 240), (30, 60, 200), place))
        other = (50, 50) if place.start == 0 else (8, 8)
        assert made[other][3] == 0
        assert (made[place, place][4:-4, 4:-4, 3] == 255).all()


def test_a_noisy_ground_goes_too() -> None:
    noise = np.random.default_rng(3).integers(-3, 4, (64, 64, 3))
    pixels = (square((200, 220, 180), (20, 20, 20)).astype(int) + noise).clip(0, 255).astype(np.uint8)
    made = cleared(pixels)
    assert (made[:12, :, 3] == 0).all()
    assert (made[20:44, 20:44, 3] == 255).all()


def test_what_stands_on_nothing_stays_as_it_is() -> None:
    pixels = np.zeros((64, 64, 4), np.uint8)
    pixels[16:48, 16:48] = 255
    image = imaging.from_pixels(pixels.tobytes(), 64, 64, 4)
    assert (imaging.clear_ground(image).numpy() == pixels).all()
    assert imaging.has_plain_ground(image)


def test_whether_the_ground_is_plain_is_told() -> None:
    plain = square((255, 255, 255), (9, 9, 9), slice(0, 30))
    photo = np.random.default_rng(4).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    for pixels, is_plain in ((plain, True), (photo, False)):
        assert imaging.has_plain_ground(imaging.from_pixels(pixels.tobytes(), 64, 64, 3)) is is_plain
