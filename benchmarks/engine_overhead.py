"""What the sidecar costs in front of a ComfyUI: against a bare script that sends the same graph and polls its history."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2

from sidecar.pb.viwo.imagegen.v1 import model_pb2
from sidecar.testing.foreign.server import ForeignServer
from sidecar.testing.process import Served, served
from sidecar.testing.requests import not_reused, text_to_image

REAL = "VIWO_TEST_COMFYUI_URL"
"""Names a running ComfyUI; unset: the fake, which draws for a second. `..._MODEL` and `..._SIDE` as its test takes them."""
DISK = Path(__file__).resolve().parents[1] / "build"
"""Not the system's folder for temporary files, which may lie in memory."""
ENGINE = "comfy"
PAIRS = 15
WARM_UP = 2
POLL_EVERY = 0.1
STEPS = 8


async def engine_overhead() -> dict[str, Any]:
    """Seconds from the gRPC call to the stored picture, divided by those of the bare script; in pairs, each first in turn."""
    DISK.mkdir(exist_ok=True)
    ratios, ours, theirs = [], [], []
    async with _comfyui() as url, httpx2.AsyncClient(base_url=url, timeout=600, trust_env=False) as http:
        engines = json.dumps([{"name": ENGINE, "kind": "comfyui", "urls": [url]}])
        with tempfile.TemporaryDirectory(dir=DISK) as folder:
            async with served(folder=folder, VIWO_IMAGEGEN_ENGINES=engines) as sidecar:
                await sidecar.wait_ready()
                model = await _model(sidecar)
                context = await sidecar.context({})

                async def through_the_sidecar(seed: int) -> float:
                    side = int(os.environ.get("VIWO_TEST_COMFYUI_SIDE", "512"))
                    request = text_to_image(
                        context, "a red apple", model_id=model, seed=seed, steps=STEPS, width=side, height=side,
                        output=not_reused(),
                    )  # fmt: skip
                    begun = time.perf_counter()
                    answer = await sidecar.images.TextToImage(request)
                    seconds = time.perf_counter() - begun
                    assert answer.images[0].ref
                    return seconds

                await through_the_sidecar(0)
                graph = await _last_graph(http)
                for number in range(1, WARM_UP + PAIRS + 1):
                    if number % 2:
                        mine, bare = await through_the_sidecar(number), await _bare(http, graph, number)
                    else:
                        bare, mine = await _bare(http, graph, number), await through_the_sidecar(number)
                    if number > WARM_UP:
                        ours.append(mine)
                        theirs.append(bare)
                        ratios.append(mine / bare)
    return {
        "value": round(statistics.median(ratios), 4),
        "unit": "ratio of seconds",
        "n": PAIRS,
        "better": "lower",
        "baseline": 1.05,
        "sidecar_seconds": round(statistics.median(ours), 4),
        "bare_seconds": round(statistics.median(theirs), 4),
        "server": "real" if REAL in os.environ else "fake",
    }


@asynccontextmanager
async def _comfyui() -> AsyncIterator[str]:
    """The address of the real one, or of a fake that ends with this process."""
    if REAL in os.environ:
        yield os.environ[REAL]
        return
    async with ForeignServer("comfyui", seconds=1) as fake:
        yield fake.url


async def _model(sidecar: Served) -> str:
    """The id of the model to draw with, once the sidecar knows what the server has."""
    wanted = os.environ.get("VIWO_TEST_COMFYUI_MODEL")
    while True:
        listed = (await sidecar.models.List(model_pb2.ListModelsRequest())).models
        able = [
            model.id
            for model in listed
            if model.id.startswith(f"{ENGINE}:") and "textToImage" in model.methods
        ]
        found: list[str] = [id for id in able if not wanted or id == f"{ENGINE}:{wanted}"]
        if found:
            return found[0]
        await asyncio.sleep(POLL_EVERY)


async def _last_graph(http: httpx2.AsyncClient) -> Mapping[str, Any]:
    """What the sidecar has had drawn, as the server's history has it."""
    history = (await http.get("/history")).raise_for_status().json()
    newest = max((entry["prompt"] for entry in history.values()), key=lambda prompt: prompt[0])
    graph: Mapping[str, Any] = newest[2]
    return graph


async def _bare(http: httpx2.AsyncClient, graph: Mapping[str, Any], seed: int) -> float:
    """Seconds from sending a graph to having its picture."""
    text = json.dumps(graph)
    label = next(
        node["inputs"]["filename_prefix"] for node in graph.values() if node["class_type"] == "SaveImage"
    )
    # As the connector does: equal graphs are answered from the server's cache.
    nodes = json.loads(text.replace(label.rpartition("/")[2], uuid.uuid4().hex))
    for node in nodes.values():
        if "seed" in node["inputs"]:
            node["inputs"]["seed"] = seed
    begun = time.perf_counter()
    sent = (await http.post("/prompt", json={"prompt": nodes})).raise_for_status().json()
    while True:
        await asyncio.sleep(POLL_EVERY)
        told = (await http.get(f"/history/{sent['prompt_id']}")).raise_for_status().json()
        if sent["prompt_id"] in told:
            break
    images = [
        image for output in told[sent["prompt_id"]]["outputs"].values() for image in output.get("images", ())
    ]
    picture = (await http.get("/view", params=images[0])).raise_for_status().content
    seconds = time.perf_counter() - begun
    assert picture.startswith(b"\x89PNG")
    return seconds
