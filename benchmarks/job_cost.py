"""What one job costs beside the drawing: an engine that answers at once, durable commits on the checkout's own disk."""

from __future__ import annotations

import asyncio
import itertools
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from benchmarks.figures import quantile
from sidecar import child_process
from sidecar.pb.viwo.imagegen.v1 import common_pb2
from sidecar.testing.process import served
from sidecar.testing.requests import not_reused, text_to_image

DISK = Path(__file__).resolve().parents[1] / "build"
"""Not the system's folder for temporary files, which may lie in memory."""
COMMAND = child_process.command("sidecar.testing.fake_server")
SIDE = 128
WARM_UP = 50
CALLS = 300
CALLERS = 32
CALLS_EACH = 20

Call = Callable[[int], Awaitable[object]]


async def job_cost() -> dict[str, Any]:
    """Milliseconds from call to answer of a 128 px picture kept as an entity, for one caller; jobs a second for 32.

    The same for a crop of a 128 px picture, called as a script calls it.
    """
    DISK.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=DISK) as folder:
        async with served(folder=folder, command=COMMAND, VIWO_IMAGEGEN_MAX_QUEUE="100000") as sidecar:
            drawing = await sidecar.context()
            editing = await sidecar.context(kind="image.edit")

            async def draw(number: int) -> None:
                output = not_reused(save=common_pb2.SaveOptions(name=f"picture {number}"))
                answer = await sidecar.images.TextToImage(
                    text_to_image(drawing, seed=number, width=SIDE, height=SIDE, output=output)
                )
                assert answer.images[0].entity_id

            first = await sidecar.images.TextToImage(text_to_image(drawing, width=SIDE, height=SIDE))
            picture = first.images[0].ref

            async def crop(number: int) -> None:
                # Another part each time, or the answer would come from the store.
                x, y, size = number % 61, number // 61, SIDE // 2
                answer = await sidecar.in_world(editing, "crop", picture, x, y, size, size, {"reuse": False})
                assert answer["images"]

            drawn, drawn_together = await _timed(draw)
            cropped, cropped_together = await _timed(crop)
    return {
        "value": _median(drawn),
        "unit": "ms, median of one caller",
        "n": CALLS,
        "better": "lower",
        "baseline": 8.0,
        "p99_ms": round(1000 * quantile(drawn, 0.99), 2),
        "per_second": drawn_together,
        "callers": CALLERS,
        "crop_ms": _median(cropped),
        "crop_per_second": cropped_together,
    }


async def _timed(call: Call) -> tuple[list[float], float]:
    """Seconds of each call of one caller, and calls a second of many callers."""
    numbers = itertools.count()
    for _ in range(WARM_UP):
        await call(next(numbers))
    seconds = []
    for _ in range(CALLS):
        begun = time.perf_counter()
        await call(next(numbers))
        seconds.append(time.perf_counter() - begun)

    async def caller() -> None:
        for _ in range(CALLS_EACH):
            await call(next(numbers))

    begun = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return seconds, round(CALLERS * CALLS_EACH / (time.perf_counter() - begun), 1)


def _median(seconds: list[float]) -> float:
    return round(1000 * statistics.median(seconds), 2)
