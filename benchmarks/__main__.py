"""`python -m benchmarks NAME` prints one JSON object: name, value, unit, n, better, baseline, and what led to it."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from benchmarks import (
    access,
    colours,
    engine,
    engine_faults,
    engine_overhead,
    first_hour,
    hostile,
    icons,
    illustrating,
    image_ops,
    job_cost,
    queueing,
    sidecar_cost,
    soak,
    start,
)
from sidecar.testing.crash import crash

BENCHMARKS: dict[str, Callable[[], Coroutine[Any, Any, dict[str, Any]]]] = {
    "job_cost": job_cost.job_cost,
    "overhead": sidecar_cost.overhead,
    "health_under_load": sidecar_cost.health_under_load,
    "control_rps": sidecar_cost.control_rps,
    "cold_start": start.cold_start,
    "method_memory": engine.method_memory,
    "switch": engine.switch,
    "upscale": engine.upscale,
    "queue": queueing.queue,
    "fairness": queueing.fairness,
    "batching": queueing.batching,
    "crash": crash,
    "soak": soak.soak,
    "hostile": hostile.hostile,
    "access": access.access,
    "image_ops": image_ops.image_ops,
    "icons_quality": icons.icons_quality,
    "icons_speed": icons.icons_speed,
    "icons_attributes": colours.icons_attributes,
    "illustrate": illustrating.illustrate,
    "engine_faults": engine_faults.engine_faults,
    "engine_overhead": engine_overhead.engine_overhead,
    "first_hour": first_hour.first_hour,
}
LONG = ("soak", "first_hour")
"""Not among all: the one takes half an hour, the other installs everything from nothing."""


def main() -> None:
    names = sys.argv[1:]
    if not names or any(name not in (*BENCHMARKS, "all") for name in names):
        raise SystemExit(f"usage: python -m benchmarks NAME; names are all, {', '.join(BENCHMARKS)}")
    for name in (name for name in BENCHMARKS if name not in LONG) if "all" in names else names:
        result = asyncio.run(BENCHMARKS[name]())
        print(json.dumps({"name": name, **result}), flush=True)


if __name__ == "__main__":
    main()
