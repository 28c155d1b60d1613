"""Makes the plain ground around a subject transparent."""

from __future__ import annotations

from capabilities.imaging.decode import Image

TOLERANCE = 8
"""Distance to the ground's colour (largest of the three bands, 0 to 255) up to which a pixel is ground."""
EDGE = 2
"""How far the soft edge between ground and subject reaches into the subject, in pixels."""


def clear_ground(image: Image, tolerance: int = TOLERANCE) -> Image:
    """RGBA in which the ground that touches the border is clear.

    The ground's colour is the corners' average. What has the same colour inside the subject stays: white eyes do not
    become holes. Along the edge, where the two are mixed, the alpha says how much of the subject is in a pixel, and the
    ground's part is taken out of its colour, so that no white rim shows on a dark page.
    """
    if image.hasalpha():
        image = image.flatten(background=255)
    corners = [image.getpoint(x, y) for x in (0, image.width - 1) for y in (0, image.height - 1)]
    ground = [sum(band) / len(corners) for band in zip(*corners, strict=True)]
    distance = _largest((image - ground).abs())
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
