"""The verbs against what viwo's own image library makes of the same pictures (sharp 0.33.5 with libvips 8.15.3)."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from capabilities import imaging

THEIRS = json.loads((Path(__file__).parents[2] / "fixtures" / "viwo_image_io.json").read_text())


def file(name: str) -> bytes:
    return base64.b64decode(THEIRS[name])


def visible(data: bytes) -> np.ndarray[Any, Any]:
    """Values as they show: colours times opacity, and the opacity."""
    values = np.asarray(Image.open(io.BytesIO(data))).astype(float)
    values = values.reshape(*values.shape[:2], -1)
    if values.shape[2] in (1, 3):
        return values
    alpha = values[..., -1:]
    return np.concatenate([values[..., :-1] * alpha / 255, alpha], axis=2)


@pytest.mark.parametrize("bands", [3, 4])
@pytest.mark.parametrize("kind", ["blur", "sharpen", "grayscale"])
def test_filters_are_within_two_levels(kind: str, bands: int) -> None:
    made = imaging.encode(imaging.filter_image(imaging.decode(file(f"picture{bands}")), kind))
    ours, theirs = visible(made), visible(file(f"{kind}{bands}"))
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() <= 2


@pytest.mark.parametrize(("turn", "size"), THEIRS["sizes"].items())
def test_sizes_are_the_same(turn: str, size: list[int]) -> None:
    rotation, scale = map(float, turn.split())
    made = imaging.transform(imaging.decode(file("picture3")), rotation, scale)
    assert [made.width, made.height] == size


@pytest.mark.parametrize(("quality", "whole"), [(100, True), (95, True), (90, True), (80, False)])
def test_a_jpeg_has_full_chroma_from_90_on(quality: int, whole: bool) -> None:
    data = imaging.encode(imaging.decode(file("picture3")), "jpeg", quality=quality)
    layers = Image.open(io.BytesIO(data)).layer  # type: ignore[attr-defined]
    assert (layers[0][1:3] == (1, 1)) == whole


@pytest.mark.parametrize(
    ("color", "shown"),
    [
        ("#ffffff", (255, 255, 255)),
        ("#000000", (0, 0, 0)),
        ("#ff8800", (255, 136, 0)),
        ("#00FF7f", (0, 255, 127)),
    ],
)
def test_the_ground_under_a_jpeg_is_what_was_asked_for(color: str, shown: tuple[int, int, int]) -> None:
    clear = imaging.from_pixels(bytes(16 * 16 * 4), 16, 16, 4)
    data = imaging.encode(clear, "jpeg", quality=95, background_color=color)
    assert np.abs(np.asarray(Image.open(io.BytesIO(data))).astype(int) - shown).max() <= 2
    grey = imaging.encode(
        imaging.filter_image(clear, "grayscale"), "jpeg", quality=95, background_color=color
    )
    assert Image.open(io.BytesIO(grey)).mode == "L"
