"""What the sidecar costs: against the bare pipeline, against a bare gRPC server, and while it is busy."""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from benchmarks.figures import quantile
from sidecar.pb.viwo.imagegen.v1 import capability_pb2, capability_pb2_grpc
from sidecar.testing.echo_server import echoing
from sidecar.testing.process import MODEL, served

PAIRS = 20
CALLS = 1500
ROUNDS = 7

_DIRECT = """
import json, sys, time, torch
from sidecar.engines.local.catalog import Catalog
from sidecar.engines.local.pipelines import quiet_libraries
quiet_libraries()
from diffusers import AutoPipelineForText2Image
model = Catalog([], [], "icons").model(sys.argv[1])
pipe = AutoPipelineForText2Image.from_pretrained(model.source.location, dtype=torch.float32, use_safetensors=True)
pipe.set_progress_bar_config(disable=True)
facts = model.facts
print("ready", flush=True)
for line in sys.stdin:
    begun = time.perf_counter()
    with torch.inference_mode():
        image = pipe("a red apple", width=facts.width, height=facts.height, num_inference_steps=facts.steps,
                     guidance_scale=facts.guidance_scale, generator=torch.Generator("cpu").manual_seed(7)).images[0]
    print(time.perf_counter() - begun, flush=True)
"""


async def overhead() -> dict[str, Any]:
    """TextToImage through the sidecar, divided by the same pipeline called directly; in pairs, one after the other."""
    direct = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _DIRECT, MODEL,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert direct.stdin is not None
    assert direct.stdout is not None
    await direct.stdout.readline()
    ratios, ours, theirs = [], [], []
    async with served() as sidecar:
        context = await sidecar.context()
        for number in range(PAIRS + 2):
            begun = time.perf_counter()
            await sidecar.paint(context)
            mine = time.perf_counter() - begun
            direct.stdin.write(b"go\n")
            bare = float(await direct.stdout.readline())
            # The first two warm both sides.
            if number >= 2:
                ours.append(mine)
                theirs.append(bare)
                ratios.append(mine / bare)
    direct.stdin.close()
    await direct.wait()
    return {
        "value": round(statistics.median(ratios), 4),
        "unit": "ratio of seconds",
        "n": PAIRS,
        "better": "lower",
        "baseline": 1.0,
        "sidecar_seconds": round(statistics.median(ours), 4),
        "direct_seconds": round(statistics.median(theirs), 4),
    }


async def health_under_load() -> dict[str, Any]:
    """p99 of the standard health check, in milliseconds, while pictures are being made."""
    async with served() as sidecar:
        context = await sidecar.context()
        await sidecar.paint(context)
        health: Any = health_pb2_grpc.HealthStub(sidecar.channel)
        working = asyncio.create_task(sidecar.paint(context, count=8))
        times = []
        while not working.done():
            begun = time.perf_counter()
            await health.Check(health_pb2.HealthCheckRequest())
            times.append((time.perf_counter() - begun) * 1000)
            await asyncio.sleep(0.002)
        await working
    return {
        "value": round(quantile(times, 0.99), 2),
        "unit": "ms",
        "n": len(times),
        "better": "lower",
        "baseline": None,
        "median_ms": round(statistics.median(times), 2),
    }


async def control_rps() -> dict[str, Any]:
    """CapabilityService.Get a second, divided by those of a bare echo server in the same run; one connection each."""
    ratios, ours, theirs = [], [], []
    async with served() as sidecar, echoing() as address, grpc.aio.insecure_channel(address) as bare:
        context = await sidecar.context()
        request = capability_pb2.GetCapabilityRequest(id=context.capability_id)
        gets: Any = capability_pb2_grpc.CapabilityServiceStub(sidecar.channel)
        echoes: Any = capability_pb2_grpc.CapabilityServiceStub(bare)
        for number in range(ROUNDS + 1):
            mine = await _rate(gets.Get, request, sidecar.token)
            plain = await _rate(echoes.Get, request, sidecar.token)
            if number:
                ours.append(mine)
                theirs.append(plain)
                ratios.append(mine / plain)
    return {
        "value": round(statistics.median(ratios), 3),
        "unit": "ratio of calls a second",
        "n": ROUNDS,
        "better": "higher",
        "baseline": 1.0,
        "get_rps": round(statistics.median(ours)),
        "echo_rps": round(statistics.median(theirs)),
    }


async def _rate(call: Any, request: Any, token: Any) -> float:
    begun = time.perf_counter()
    for _ in range(CALLS):
        await call(request, metadata=token)
    return CALLS / (time.perf_counter() - begun)
