"""Makes the plain ground around a subject transparent."""

from __future__ import annotations

from typing import Any

from capabilities.imaging.decode import Image

TOLERANCE = 8
"""Distance to the ground's colour (largest of the three bands, 0 to 255) up to which a pixel may be ground."""
CLEAN = 2
"""The same for a ground without any noise: a subject that is hardly paler or darker is still told from it."""
PLAIN = 0.5
"""Part of the border that must be of one colour for a picture to have a plain ground."""
EDGE = 2
"""How far the soft edge between ground and subject reaches into the subject, in pixels."""


def clear_ground(image: Image, tolerance: int = TOLERANCE) -> Image:
    """RGBA in which the ground that touches the border is clear.

    The ground's colour is what most of the border has, so a subject may touch it; how far a pixel may be from that follows
    the noise that the ground has there, up to `tolerance`. What has the same colour inside the subject stays: white eyes
    do not become holes. Along the edge, where the two are mixed, the alpha says how much of the subject is in a pixel, and
    the ground's part is taken out of its colour, so that no white rim shows on a dark page. A picture whose border is clear
    already has no other ground: it is answered as it is.
    """
    if image.hasalpha():
        if int(_border(image)[:, 3].min()) == 0:
            return image
        image = image.flatten(background=255)
    ground, noise, _ = _ground(image, tolerance)
    distance = _largest((image - ground).abs())
    tolerance = min(tolerance, max(CLEAN, round(2 * noise) + CLEAN))
    outside = _touching_border(distance <= tolerance)
    # How different the subject is near by: an edge pixel that is half as different is half subject.
    strongest = _largest_near(distance)
    share = (distance / (strongest > 1).ifthenelse(strongest, 1)).clamp(min=0, max=1)
    near = _largest_near(outside)
    alpha = (near > 0).ifthenelse(share, 1)
    # Ground that is clean, or a shade off with no subject near by, is clear altogether.
    faint = (distance <= tolerance / 3) | (strongest <= 4 * tolerance)
    alpha = ((outside > 0) & faint).ifthenelse(0, alpha)
    pure = ((image - ground) / (alpha > 0.02).ifthenelse(alpha, 1) + ground).clamp(min=0, max=255)
    return pure.bandjoin(alpha * 255).rint().cast("uchar").copy(interpretation="srgb").copy_memory()


def has_plain_ground(image: Image, tolerance: int = TOLERANCE) -> bool:
    """Whether enough of the border is of one colour, or clear, for the ground to be told from the subject."""
    if image.hasalpha():
        if int(_border(image)[:, 3].min()) == 0:
            return True
        image = image.flatten(background=255)
    return _ground(image, tolerance)[2] >= PLAIN


def _ground(image: Image, tolerance: int) -> tuple[list[float], float, float]:
    """The colour that most of the border has, how far its pixels are from that, and which part of the border has it."""
    import numpy as np

    border = _border(image).astype(np.float32)
    colour = np.median(border, axis=0)
    distance = np.abs(border - colour).max(axis=1)
    alike = distance[distance <= tolerance]
    noise = float(np.percentile(alike, 95)) if len(alike) else 0.0
    return [float(band) for band in colour], noise, len(alike) / len(distance)


def _border(image: Image) -> Any:
    """The outermost pixels: so many x bands."""
    import numpy as np

    width, height = image.width, image.height
    lines = [(0, 0, width, 1), (0, height - 1, width, 1), (0, 0, 1, height), (width - 1, 0, 1, height)]
    return np.concatenate([image.crop(*line).numpy().reshape(-1, image.bands) for line in lines])


def _largest_near(image: Image) -> Image:
    """The largest value within `EDGE` pixels of each."""
    window = 2 * EDGE + 1
    framed = image.embed(EDGE, EDGE, image.width + 2 * EDGE, image.height + 2 * EDGE, extend="copy")
    return framed.rank(window, window, window * window - 1).extract_area(
        EDGE, EDGE, image.width, image.height
    )


def _largest(image: Image) -> Image:
    bands = image.bandsplit()
    largest = bands[0]
    for band in bands[1:]:
        largest = (largest > band).ifthenelse(largest, band)
    return largest


def _touching_border(mask: Image) -> Image:
    """The part of a mask (255 or 0) that is connected to the picture's border, as 255 or 0."""
    framed = mask.embed(1, 1, mask.width + 2, mask.height + 2, extend="background", background=255)
    flooded = framed.copy_memory().draw_flood(128, 0, 0, equal=True)
    return (flooded == 128).extract_area(1, 1, mask.width, mask.height)
