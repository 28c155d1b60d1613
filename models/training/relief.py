"""Turns the one-colour glyphs of game-icons into reliefs: what `paint` needs to shade them in any material and light.

A relief is eight planes of 128 x 128 bytes: how much of each pixel the glyph, its filled silhouette and a rim around that
cover (0..255), then the slope of a pillow over the silhouette and of one over the glyph (x, y; 127.5 is level, 127 a slope
of 1), and the depth inside the glyph (0..255 for 0 to 24 px of 128), which tells blades from handles.
"""

from __future__ import annotations

import json
from multiprocessing import Pool
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pyvips
from scipy import ndimage

from models.training.sources import ICONS_GAME, fetch
from models.training.workspace import open_workspace, stage_parser

SIZE = 128
# Reliefs are computed at twice the size: distances to edges are whole pixels, and slopes of half the size are smooth.
WORK = 2 * SIZE
MARGIN = 16
SILHOUETTE_RADIUS, GLYPH_RADIUS = 20.0, 7.0
RIM = 7
PLANES = 8
GLYPH, SILHOUETTE, OUTLINE, BODY_X, BODY_Y, EDGE_X, EDGE_Y, DEPTH = range(PLANES)

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


def glyph_bodies(packages: Path) -> dict[str, str]:
    """The SVG body of every glyph by name, 512 units wide."""
    icons = json.loads((fetch(ICONS_GAME, packages) / "icons.json").read_text())["icons"]
    return {name: icon["body"] for name, icon in icons.items()}


def coverage(body: str) -> Floats:
    """How much of each of WORK x WORK pixels the glyph covers, 0..1."""
    edge = WORK - 2 * MARGIN
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 512 512" width="{edge}" height="{edge}">'
        f"{body.replace('currentColor', '#fff')}</svg>"
    )
    pyvips.operation_block_set("VipsForeignLoadSvg", False)
    pixels = pyvips.Image.svgload_buffer(svg.encode()).numpy()
    return np.pad(pixels[..., 3].astype(np.float32) / 255, MARGIN)


def slopes(distance: Floats, radius: float) -> tuple[Floats, Floats]:
    """The slope (x, y) of a pillow whose edge is round over `radius` pixels, -1..1."""
    share = np.minimum(distance, radius) / radius
    height = cv2.GaussianBlur(np.sqrt(1 - (1 - share) ** 2), (0, 0), 1.2) * radius
    down, across = np.gradient(height)
    return np.clip(across, -1, 1), np.clip(down, -1, 1)


def relief(body: str) -> Bytes:
    """The planes of one glyph, PLANES x SIZE x SIZE."""
    covered = coverage(body)
    glyph = (covered > 0.5).astype(np.uint8)
    round_kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    closed = cv2.morphologyEx(glyph, cv2.MORPH_CLOSE, round_kernel)
    silhouette = ndimage.binary_fill_holes(closed).astype(np.uint8)
    rim = cv2.dilate(silhouette, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (RIM, RIM)))
    body_distance = cv2.distanceTransform(silhouette, cv2.DIST_L2, 5)
    edge_distance = cv2.distanceTransform(glyph, cv2.DIST_L2, 5)
    planes = np.empty((PLANES, WORK, WORK), np.float32)
    planes[GLYPH] = cv2.GaussianBlur(covered, (0, 0), 0.5) * 255
    planes[SILHOUETTE] = cv2.GaussianBlur(silhouette.astype(np.float32), (0, 0), 0.6) * 255
    planes[OUTLINE] = cv2.GaussianBlur(rim.astype(np.float32), (0, 0), 0.6) * 255
    for first, distance, radius in (
        (BODY_X, body_distance, SILHOUETTE_RADIUS),
        (EDGE_X, edge_distance, GLYPH_RADIUS),
    ):
        across, down = slopes(distance, radius)
        planes[first], planes[first + 1] = 127.5 + 127 * across, 127.5 + 127 * down
    planes[DEPTH] = np.minimum(edge_distance / 48, 1) * 255
    small = planes.reshape(PLANES, SIZE, 2, SIZE, 2).mean(axis=(2, 4))
    return small.round().astype(np.uint8)


def main() -> None:
    workspace = open_workspace(stage_parser(__doc__).parse_args())
    bodies = glyph_bodies(workspace.packages)
    partial = workspace.reliefs.with_suffix(".partial.npy")
    planes = np.lib.format.open_memmap(
        partial, mode="w+", dtype=np.uint8, shape=(len(bodies), PLANES, SIZE, SIZE)
    )
    with Pool(2) as pool:
        for place, made in enumerate(pool.imap(relief, bodies.values(), chunksize=32)):
            planes[place] = made
    planes.flush()
    partial.rename(workspace.reliefs)
    print(f"{len(bodies)} reliefs in {workspace.reliefs}")


if __name__ == "__main__":
    main()
