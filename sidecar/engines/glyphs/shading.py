"""Light on a drawing, and what lies on its surface: fields of floats, made small and brought to the size of the picture."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pyvips

Field = npt.NDArray[Any]
"""Rows x columns of numbers."""
WORK = 256
"""Longest side at which light is computed, in pixels; larger pictures have it enlarged, as it is smooth."""


def image_of(field: npt.NDArray[Any]) -> pyvips.Image:
    values = np.ascontiguousarray(field, np.float32)
    rows, columns, bands = (*values.shape, 1)[:3]
    return pyvips.Image.new_from_memory(values.data, columns, rows, bands, "float")


def field_of(image: pyvips.Image) -> Field:
    values: Field = np.asarray(image.cast("float").numpy(), np.float32)
    return values


def blurred(field: Field, sigma: float) -> Field:
    """A Gaussian of a deviation in pixels."""
    return field if sigma < 0.2 else field_of(image_of(field).gaussblur(sigma, precision="float"))


def sized(field: Field, side: int) -> Field:
    """A square field at another side, smoothly."""
    rows = field.shape[0]
    if rows == side:
        return field
    made = field_of(image_of(field).resize(side / rows, kernel="cubic" if side > rows else "linear"))
    cut: Field = made[:side, :side]
    return cut


def grown(mask: Field, radius: float) -> Field:
    """A soft mask (0 to 1) that reaches so many pixels further, with round corners."""
    made = mask
    for step in range(max(0, round(radius))):
        made = _spread(made, is_square=step % 3 == 1)
    return made


def shrunk(mask: Field, radius: float) -> Field:
    return 1 - grown(1 - mask, radius)


def filled(mask: Field) -> Field:
    """A mask without the holes that do not touch the picture's border."""
    clear = ((mask < 0.5) * np.uint8(255)).astype(np.uint8)
    framed = np.pad(clear, 1, constant_values=255)
    image = pyvips.Image.new_from_memory(framed.tobytes(), framed.shape[1], framed.shape[0], 1, "uchar")
    outside = image.copy_memory().draw_flood(128, 0, 0, equal=True).numpy()[1:-1, 1:-1] == 128
    holes = (mask < 0.5) & ~outside
    made: Field = np.where(holes, np.float32(1), mask)
    return made


def pillow(mask: Field, radius: float, softness: float) -> tuple[Field, Field]:
    """The slope (to the right, down) of a pillow over a mask whose edge is round over `radius` pixels."""
    steps = max(1, round(radius))
    depth = np.zeros_like(mask)
    inside = mask
    for step in range(steps):
        depth += inside
        inside = 1 - _spread(1 - inside, is_square=step % 3 == 1)
    share = depth / steps
    height = blurred(np.sqrt(np.clip(1 - (1 - share) ** 2, 0, 1)), softness) * radius
    down, across = (np.asarray(each, np.float32) for each in np.gradient(height))
    return across, down


def lit(slope: tuple[Field, Field], light: tuple[float, float, float]) -> Field:
    """How much light falls on a surface, 0 to 1; `light` points to the right, down and towards the eye."""
    across, down = slope
    length = np.sqrt(across**2 + down**2 + 1)
    made: Field = np.clip((-across * light[0] - down * light[1] + light[2]) / length, 0, 1).astype(np.float32)
    return made


def light_from(random: np.random.Generator) -> tuple[float, float, float]:
    """From about the upper left."""
    angle, height = math.radians(232 + random.normal(0, 12)), random.uniform(0.55, 0.7)
    flat = math.sqrt(1 - height**2)
    return math.cos(angle) * flat, math.sin(angle) * flat, height


def noise(side: int, rows: int, columns: int, random: np.random.Generator) -> Field:
    """Smooth noise from 0 to 1 with so many bumps down and across."""
    coarse = random.random((rows, columns), np.float32)
    image = image_of(coarse).resize(side / columns, vscale=side / rows, kernel="cubic")
    made = field_of(image)[:side, :side]
    low, high = float(made.min()), float(made.max())
    spread: Field = (made - low) / max(high - low, 1e-6)
    return spread


def pattern(name: str, side: int, random: np.random.Generator) -> Field:
    """What a surface's pattern adds to its shade, about -0.2 to 0.2."""
    y, x = np.mgrid[:side, :side].astype(np.float32) * np.float32(128 / side)
    made: Field = np.zeros((side, side), np.float32)
    match name:
        case "grain":
            made = 0.26 * (np.modf(noise(side, 40, 4, random) * 4)[0] - 0.5)
        case "speckle":
            made = 0.4 * (noise(side, 56, 56, random) - 0.5)
        case "mottle":
            made = 0.32 * (noise(side, 12, 12, random) - 0.5)
        case "weave":
            made = 0.06 * (np.sin(x * 1.6) + np.sin(y * 1.6))
        case "facet":
            made = 0.4 * (np.floor(noise(side, 10, 10, random) * 6) / 6 - 0.42)
        case "metal":
            made = 0.1 * np.sin((x + y) / 19 + random.uniform(0, 6))
    return made


def _spread(mask: Field, *, is_square: bool) -> Field:
    """The largest value of each pixel and its neighbours; in turns of both kinds what grows is nearly round."""
    made = mask.copy()
    np.maximum(made[1:], mask[:-1], out=made[1:])
    np.maximum(made[:-1], mask[1:], out=made[:-1])
    before = made.copy() if is_square else mask
    np.maximum(made[:, 1:], before[:, :-1], out=made[:, 1:])
    np.maximum(made[:, :-1], before[:, 1:], out=made[:, :-1])
    return made
