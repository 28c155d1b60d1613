"""Edits of a photo-like picture against the library that viwo itself uses, `sharp`, one thread each, in turns."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from capabilities import imaging

SHARP = "0.35.5"
SIDE = 1024
ROUNDS = 9
OPERATIONS = ("transform", "blur", "sharpen", "grayscale", "composite", "jpeg", "webp", "png")
_ROOT = Path(__file__).parents[2]


async def image_ops() -> dict[str, Any]:
    """Milliseconds of this project divided by those of sharp, decoding and encoding included."""
    return await asyncio.to_thread(_image_ops)


def _image_ops() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        photo = _pictures(folder)
        ours = stack.enter_context(_worker([sys.executable, "-m", "benchmarks.image_ops.ours", name], folder))
        theirs = stack.enter_context(_worker(_sharp(folder), folder))
        ratios: dict[str, float] = {}
        milliseconds: dict[str, tuple[float, float]] = {}
        for operation in OPERATIONS:
            pairs = [(_ask(ours, operation), _ask(theirs, operation)) for _ in range(ROUNDS + 1)][1:]
            mine, other = (statistics.median(times) for times in zip(*pairs, strict=True))
            milliseconds[operation] = (round(mine, 1), round(other, 1))
            ratios[operation] = round(mine / other, 3)
    return {
        "value": round(float(np.exp(np.mean(np.log(list(ratios.values()))))), 3),
        "unit": "x sharp's time, geometric mean",
        "n": ROUNDS,
        "better": "lower",
        "baseline": 1.0,
        "ratios": ratios,
        "milliseconds": milliseconds,
        "photo_bytes": photo,
        "sharp": SHARP,
    }


def _pictures(folder: Path) -> int:
    """A picture with the large shapes, edges and noise of a photograph, and one to lay over it; the bytes of the first."""
    random = np.random.default_rng(1)
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    waves = [np.sin(x * a + y * b + c) for a, b, c in random.uniform(0, 12, (9, 3))]
    base = np.stack([sum(waves[band::3]) for band in range(3)], axis=2)
    base = (base - base.min()) / (base.max() - base.min()) * 200 + 20
    for _ in range(60):
        left, top, size = (
            random.integers(0, SIDE - 40),
            random.integers(0, SIDE - 40),
            random.integers(20, 160),
        )
        base[top : top + size, left : left + size] += random.integers(-40, 40, 3)
    pixels = (base + random.normal(0, 2.2, base.shape)).clip(0, 255).round().astype(np.uint8)
    photo = imaging.encode(imaging.from_pixels(pixels.tobytes(), SIDE, SIDE, 3))
    (folder / "photo.png").write_bytes(photo)
    cut = np.dstack(
        [pixels[:512, :512][::-1], (np.hypot(*(np.mgrid[0:512, 0:512] - 256)) < 240) * np.uint8(200)]
    )
    (folder / "overlay.png").write_bytes(
        imaging.encode(imaging.from_pixels(cut.astype(np.uint8).tobytes(), 512, 512, 4))
    )
    return len(photo)


def _sharp(folder: Path) -> list[str]:
    """The command of sharp's side, its package being fetched first."""
    bun = next(iter(sorted((_ROOT / ".bun").glob("*/bun"))), None) or shutil.which("bun")
    if bun is None:
        raise SystemExit("bun is not there; run make plugin")
    (folder / "package.json").write_text(json.dumps({"private": True, "dependencies": {"sharp": SHARP}}))
    shutil.copy(Path(__file__).parent / "sharp.ts", folder / "sharp.ts")
    subprocess.run([str(bun), "install", "--no-progress", "--silent"], cwd=folder, check=True)
    return [str(bun), "run", "sharp.ts", str(folder)]


@contextmanager
def _worker(command: list[str], folder: Path) -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, "VIPS_CONCURRENCY": "1", "OMP_NUM_THREADS": "1"}
    place = _ROOT if command[0] == sys.executable else folder
    # It ends when its input does, so it does not outlive a benchmark that was killed.
    with subprocess.Popen(
        command, cwd=place, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as worker:
        try:
            yield worker
        finally:
            worker.kill()


def _ask(worker: subprocess.Popen[str], operation: str) -> float:
    assert worker.stdin is not None
    assert worker.stdout is not None
    worker.stdin.write(f"{operation}\n")
    worker.stdin.flush()
    return float(worker.stdout.readline().split()[0])
