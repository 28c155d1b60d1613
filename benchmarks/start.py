"""How long a newcomer waits."""

from __future__ import annotations

import statistics
import time
from typing import Any

from sidecar.testing.process import served

RUNS = 5


async def cold_start() -> dict[str, Any]:
    """Seconds from the start of the process to serving, and to the first picture."""
    serving, first = [], []
    for _ in range(RUNS):
        async with served() as sidecar:
            serving.append(sidecar.serving_after)
            await sidecar.paint(await sidecar.context())
            first.append(time.perf_counter() - sidecar.started)
    return {
        "value": round(statistics.median(serving), 2),
        "unit": "s",
        "n": RUNS,
        "better": "lower",
        "baseline": None,
        "first_image_seconds": round(statistics.median(first), 2),
    }
