"""Pictures that tell what they were drawn from, so that a test can see which prompt, seed and model really made one."""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import itertools
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from PIL import Image

Pixels = np.ndarray[Any, np.dtype[np.uint8]]
"""Height x width x 3, or height x width of a mask, white where something is drawn."""

BLOCKS = 16
"""Blocks of colour in a stripe."""
TOLERANCE = 32
"""Levels that a block may be off on average, and still be read: JPEG, a resampled copy, a lossy autoencoder."""


@dataclass(frozen=True)
class Control:
    """A picture that guides the drawing."""

    model: str
    picture: Pixels
    weight: float = 1.0
    start: float = 0.0
    end: float = 1.0

    def summary(self) -> dict[str, object]:
        """What is told of it as JSON."""
        return {
            "model": self.model, "weight": self.weight, "start": self.start, "end": self.end,
            "picture": digest(self.picture), "size": [self.picture.shape[1], self.picture.shape[0]],
        }  # fmt: skip


@dataclass(frozen=True)
class Drawing:
    """All that decides a picture. Sizes in pixels."""

    prompt: str
    negative: str = ""
    seed: int | str = 0
    model: str = ""
    width: int = 64
    height: int = 64
    steps: int = 4
    guidance: float = 7.0
    sampler: str = ""
    scheduler: str = ""
    loras: tuple[tuple[str, float], ...] = ()
    controls: tuple[Control, ...] = ()
    init: Pixels | None = None
    mask: Pixels | None = None
    strength: float = 1.0
    """How much of the initial picture is replaced; 1: all."""
    notes: dict[str, object] = field(default_factory=dict)
    """What else the server was asked for and the pixels do not show."""

    def stripes(self) -> dict[str, str]:
        """What each stripe of the picture stands for, from top to bottom."""
        settings = f"{self.steps} {float(self.guidance):g} {self.sampler} {self.scheduler}"
        parts = [f"{name}={float(weight):g}" for name, weight in self.loras]
        parts += [f"{control.model}={float(control.weight):g}" for control in self.controls]
        return {
            "prompt": self.prompt, "negative": self.negative, "seed": str(self.seed), "model": self.model,
            "settings": settings, "parts": ",".join(parts),
        }  # fmt: skip

    def summary(self) -> dict[str, object]:
        """What is told of it as JSON."""
        told: dict[str, object] = {
            name: getattr(self, name)
            for name in (
                "prompt",
                "negative",
                "seed",
                "model",
                "width",
                "height",
                "steps",
                "guidance",
                "sampler",
            )
        }
        return told | {
            "scheduler": self.scheduler, "strength": self.strength, "loras": [list(lora) for lora in self.loras],
            "controls": [control.summary() for control in self.controls],
            "init": None if self.init is None else digest(self.init),
            "mask": None if self.mask is None else digest(self.mask),
            "notes": self.notes,
        }  # fmt: skip


STRIPES = tuple(Drawing("").stripes())


def paint(drawing: Drawing) -> Pixels:
    """The picture of a drawing; pixels outside its mask are those of its initial picture."""
    painted = _painted(drawing)
    if drawing.init is None:
        return painted
    init = resized(drawing.init, drawing.width, drawing.height)
    mixed = init.astype(np.float32) * (1 - drawing.strength) + painted.astype(np.float32) * drawing.strength
    blended = np.rint(mixed).astype(np.uint8)
    if drawing.mask is None:
        return blended
    replaced = resized(drawing.mask, drawing.width, drawing.height) > 127
    return np.where(replaced[..., None], blended, init)


def shows(picture: Pixels, **expected: object) -> bool:
    """Whether a picture was drawn from these properties of a Drawing: prompt, negative, seed, model.

    It may have been resampled or compressed meanwhile; at least 64 pixels a side are needed.
    """
    height, width = picture.shape[:2]
    whole = _painted(replace(Drawing("", width=width, height=height), **expected))  # type: ignore[arg-type]
    for name in expected:
        rows = _rows(height)[STRIPES.index(name)]
        seen, meant = (picture[rows, :, :3].astype(int), whole[rows].astype(int))
        if np.abs(seen - meant).mean() > TOLERANCE:
            return False
    return True


def partial(picture: Pixels, done: float) -> Pixels:
    """What an interrupted drawing looks like: its lower part is grey, as much as is not done."""
    shown = picture.copy()
    shown[int(len(picture) * done) :] = 127
    return shown


def lossy(picture: Pixels) -> Pixels:
    """What comes back from an autoencoder: nearly the same, and nowhere equal. What was no number is black."""
    return picture ^ np.uint8(picture.any())


def resized(picture: Pixels, width: int, height: int) -> Pixels:
    """A copy of another size, by Lanczos."""
    if picture.shape[:2] == (height, width):
        return picture
    return np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.LANCZOS))


def edges(picture: Pixels, low: int = 100, high: int = 200) -> Pixels:
    """White lines on black where brightness changes quickly."""
    grey = picture.mean(axis=2) if picture.ndim == 3 else picture.astype(np.float64)
    down, across = np.gradient(grey)
    lines = (np.hypot(down, across) * 4 > (low + high) / 2).astype(np.uint8) * 255
    return np.repeat(lines[..., None], 3, axis=2)


def restored(picture: Pixels, visibility: float) -> Pixels:
    """A face restorer's work, which a test can tell: a mirrored copy shines through."""
    mixed = picture.astype(np.float32) * (1 - visibility) + picture[:, ::-1].astype(np.float32) * visibility
    return np.rint(mixed).astype(np.uint8)


def encoded(picture: Pixels, format: str = "PNG", **options: Any) -> bytes:
    """A file of a picture."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format, **options)
    return buffer.getvalue()


def decoded(data: bytes) -> Pixels:
    """Height x width x 3 of a file. Raises OSError or ValueError where it is no whole picture."""
    return np.asarray(opened(data).convert("RGB"))


def opened(data: bytes) -> Image.Image:
    """A file, read to its last pixel. Raises OSError or ValueError where it is no whole picture."""
    try:
        image = Image.open(io.BytesIO(data))
        image.load()
    except SyntaxError as broken:
        raise ValueError("no whole picture") from broken
    return image


def from_base64(text: str) -> bytes:
    """The bytes of base64 with or without a `data:` prefix. Raises ValueError."""
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as wrong:
        raise ValueError("not base64") from wrong


def to_base64(data: bytes) -> str:
    """Without a `data:` prefix."""
    return base64.b64encode(data).decode()


def digest(picture: Pixels) -> str:
    """Names the pixels of a picture, whatever file they are in."""
    return hashlib.sha256(repr(picture.shape).encode() + picture.tobytes()).hexdigest()[:16]


def _painted(drawing: Drawing) -> Pixels:
    canvas = np.zeros((drawing.height, drawing.width, 3), np.uint8)
    columns = np.arange(drawing.width) * BLOCKS // max(drawing.width, 1)
    for rows, (name, text) in zip(_rows(drawing.height), drawing.stripes().items(), strict=True):
        # The hash's highest bit alone decides a channel: what is read must not be near what is not.
        bits = np.frombuffer(hashlib.sha512(f"{name}:{text}".encode()).digest()[: BLOCKS * 3], np.uint8) >> 7
        canvas[rows] = (bits.reshape(BLOCKS, 3)[columns] * np.uint8(191)) + np.uint8(32)
    return canvas


def _rows(height: int) -> list[slice]:
    edges_at = [height * index // len(STRIPES) for index in range(len(STRIPES) + 1)]
    return [slice(top, bottom) for top, bottom in itertools.pairwise(edges_at)]
