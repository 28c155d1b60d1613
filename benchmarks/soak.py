"""Half an hour of everything: mixed methods, model switches, cancels, errors, killed engines. Not for CI."""

from __future__ import annotations

import asyncio
import json
import os
import random
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import grpc
import psutil

from sidecar.pb.viwo.imagegen.v1 import (
    common_pb2,
    image_pb2,
    job_pb2,
    model_pb2,
)
from sidecar.testing.crash import is_engine
from sidecar.testing.process import Served, served

MINUTES = float(os.environ.get("SOAK_MINUTES", "30"))
CLIENTS = 4
SETTLED = 5
"""Minute from which memory is compared: models are loaded and caches filled by then."""
PATIENCE = 180.0


async def soak() -> dict[str, Any]:
    """Resident memory at the end against minute 5, of the server and of the engine; stuck jobs; open files."""
    with tempfile.TemporaryDirectory() as models:
        await asyncio.to_thread(_build_models, Path(models))
        environment = {
            "VIWO_IMAGEGEN_MODEL_DIRS": json.dumps([models]),
            "VIWO_IMAGEGEN_MAX_LOADED_MODELS": "2",
        }
        async with served(**environment) as sidecar:
            return await _soak(sidecar)


async def _soak(sidecar: Served) -> dict[str, Any]:
    await sidecar.load_model()
    end = time.monotonic() + MINUTES * 60
    counts: Counter[str] = Counter()
    watch = asyncio.create_task(_watch(sidecar, end))
    clients = [asyncio.create_task(_client(sidecar, number, end, counts)) for number in range(CLIENTS)]
    await asyncio.gather(*clients)
    samples = await watch
    await asyncio.sleep(2)
    open_states = [job_pb2.JOB_STATE_QUEUED, job_pb2.JOB_STATE_RUNNING]
    stuck = await sidecar.jobs.List(job_pb2.ListJobsRequest(states=open_states))
    settled = [sample for sample in samples if sample["minute"] >= min(SETTLED, MINUTES / 2)]
    # Three minutes each: how much is in use at one moment depends on which models are loaded then.
    first, last = settled[:9], settled[-9:]

    def grown(name: str) -> float:
        before = sorted(sample[name] for sample in first)[len(first) // 2]
        after = sorted(sample[name] for sample in last)[len(last) // 2]
        return float(after / before)

    return {
        "value": round(max(grown("server_mb"), grown("engine_mb")), 4),
        "unit": "resident memory at the end divided by that at minute 5, the larger of server and engine",
        "n": sum(counts.values()),
        "better": "lower",
        "baseline": 1.05,
        "server": round(grown("server_mb"), 4),
        "engine": round(grown("engine_mb"), 4),
        "files": round(grown("files"), 4),
        "stuck": len(stuck.jobs),
        "minutes": MINUTES,
        "calls": dict(sorted(counts.items())),
        "samples": samples[:: max(1, len(samples) // 15)],
    }


async def _watch(sidecar: Served, end: float) -> list[dict[str, float]]:
    """Memory and open files, three times a minute."""
    begun = time.monotonic()
    server = psutil.Process(sidecar.process.pid)
    samples = []
    while time.monotonic() < end:
        await asyncio.sleep(20 if MINUTES > 2 else 2)
        engines = [child for child in server.children() if is_engine(child)]
        if not engines:
            continue
        engine = engines[0]
        samples.append({
            "minute": round((time.monotonic() - begun) / 60, 2),
            "server_mb": round(server.memory_info().rss / 1e6, 1),
            "engine_mb": round(engine.memory_info().rss / 1e6, 1),
            "files": float(server.num_fds() + engine.num_fds()),
        })  # fmt: skip
    return samples


async def _client(sidecar: Served, number: int, end: float, counts: Counter[str]) -> None:
    chance = random.Random(number)
    kinds = (
        "diffusers.generate",
        "image.edit",
        "diffusers.upscale",
        "diffusers.inpaint",
        "controlnet.generate",
    )
    contexts = {kind: await sidecar.context(kind=kind) for kind in kinds}
    first = await sidecar.images.TextToImage(_draw(contexts, chance, "icons"))
    picture = common_pb2.ImageSource(ref=first.images[0].ref)
    while time.monotonic() < end:
        name, call = _choose(sidecar, contexts, chance, picture)
        try:
            await call
        except grpc.aio.AioRpcError as error:
            name += f" {error.code().name}"
        except asyncio.CancelledError:
            name += " canceled"
        counts[name] += 1


def _choose(
    sidecar: Served, contexts: dict[str, common_pb2.CallContext], chance: random.Random, picture: Any
) -> tuple[str, Any]:
    images = sidecar.images
    kind = chance.choices(
        ("draw", "switch", "batch", "edit", "upscale", "change", "edges", "bad", "leave", "unload"),
        (30, 12, 8, 20, 4, 8, 4, 8, 10, 1),
    )[0]
    match kind:
        case "draw":
            return kind, images.TextToImage(_draw(contexts, chance, "icons"))
        case "switch":
            model = chance.choice(["sd-a", "sd-b", "sd-c"])
            return kind, images.TextToImage(_draw(contexts, chance, model))
        case "batch":
            return kind, _batch(sidecar, contexts, chance)
        case "edit":
            edit = image_pb2.EditRequest(
                context=contexts["image.edit"],
                image=picture,
                operations=[
                    image_pb2.EditOperation(transform=image_pb2.Transform(rotation=chance.uniform(0, 360)))
                ],
            )
            return kind, images.Edit(edit)
        case "upscale":
            request = image_pb2.UpscaleRequest(context=contexts["diffusers.upscale"], image=picture, factor=2)
            request.output.job.reuse = common_pb2.REUSE_NEVER
            return kind, images.Upscale(request)
        case "change":
            change = image_pb2.ImageToImageRequest(
                context=contexts["diffusers.generate"], image=picture, prompt="a blue cup", strength=0.5
            )
            return kind, images.ImageToImage(change)
        case "edges":
            edges = image_pb2.PreprocessRequest(
                context=contexts["controlnet.generate"], image=picture, type="canny"
            )
            return kind, images.Preprocess(edges)
        case "bad":
            bad = _draw(contexts, chance, chance.choice(["icons", "no such model"]))
            bad.options.steps = 100_000
            return kind, images.TextToImage(bad)
        case "leave":
            # A client that goes away in the middle: its job is canceled.
            return kind, images.TextToImage(
                _draw(contexts, chance, "icons"), timeout=chance.uniform(0.05, 0.6)
            )
        case _:
            return kind, sidecar.models.Unload(model_pb2.UnloadModelRequest(id="sd-a"))


async def _batch(sidecar: Served, contexts: Any, chance: random.Random) -> None:
    task = job_pb2.SubmitJobRequest(text_to_image=_draw(contexts, chance, "icons"))
    request = job_pb2.SubmitBatchRequest(variations=job_pb2.Variations(task=task, count=4))
    batch = await sidecar.jobs.SubmitBatch(request)
    if chance.random() < 0.3:
        await sidecar.jobs.CancelBatch(job_pb2.CancelBatchRequest(id=batch.id))
    async for _ in sidecar.jobs.WatchBatch(job_pb2.GetBatchRequest(id=batch.id), timeout=PATIENCE):
        pass


def _draw(
    contexts: dict[str, common_pb2.CallContext], chance: random.Random, model: str
) -> image_pb2.TextToImageRequest:
    options = image_pb2.GenerationOptions(
        seed=chance.randrange(2**40), model_id=model, steps=chance.choice([4, 8])
    )
    prompt = chance.choice(["a red apple", "a blue cup", "a dragon", "a tree"])
    output = common_pb2.OutputOptions(references_only=True)
    if chance.random() < 0.2:
        output.save.name = "soaked"
    return image_pb2.TextToImageRequest(
        context=contexts["diffusers.generate"], prompt=prompt, options=options, output=output
    )


def _build_models(folder: Path) -> None:
    """Three small models of random weights, so that models have to be switched."""
    from sidecar.testing import tiny_models

    for seed, name in enumerate(("sd-a", "sd-b", "sd-c")):
        tiny_models.stable_diffusion(folder / name, seed=seed)
