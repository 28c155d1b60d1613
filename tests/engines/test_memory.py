"""What does not fit: refused before it is tried, or told when it happens; afterwards everything works as before."""

from __future__ import annotations

import resource
import shutil
from pathlib import Path

import grpc
import psutil
import pytest

from sidecar.engines.local import catalog
from sidecar.pb.viwo.imagegen.v1 import common_pb2, model_pb2
from sidecar.testing import tiny_models
from sidecar.testing.refusals import error_info, refused
from sidecar.testing.requests import text_to_image
from sidecar.testing.server import Sidecar, started


async def loaded(sidecar: Sidecar) -> set[str]:
    listed = await sidecar.models.List(model_pb2.ListModelsRequest())
    return {model.id for model in listed.models if model.loaded}


async def test_out_of_memory_in_the_middle(tiny: Path, tmp_path: Path) -> None:
    async with started(tiny, tmp_path) as sidecar:
        context = await sidecar.context()
        before = await sidecar.images.TextToImage(text_to_image(context))
        engine = sidecar.running.engine
        assert engine.pid is not None
        # The child may take 64 MiB more than it has; 2048 x 2048 pixels need gigabytes.
        limits = resource.prlimit(engine.pid, resource.RLIMIT_AS)
        has = psutil.Process(engine.pid).memory_info().vms
        resource.prlimit(engine.pid, resource.RLIMIT_AS, (has + 64 * 1024**2, limits[1]))
        error = await refused(sidecar.images.TextToImage(text_to_image(context, width=2048, height=2048)))
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        info = error_info(error)
        assert (info.reason, info.metadata["field"]) == ("OUT_OF_MEMORY", "options.width")
        assert "1024 x 1024" in (error.details() or "")
        # Same process, same limit, same picture: nothing of the failed job is left.
        after = await sidecar.images.TextToImage(text_to_image(context))
        assert after.images[0].data == before.images[0].data
        assert engine.starts == 1


async def test_a_model_that_cannot_fit_is_refused_before_it_is_loaded(tiny: Path, tmp_path: Path) -> None:
    async with started(tiny, tmp_path, memory_budget_gib=1e-6) as sidecar:
        error = await refused(sidecar.images.TextToImage(text_to_image(await sidecar.context())))
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert error_info(error).reason == "MODEL_TOO_LARGE"
        assert "memory_budget_gib" in (error.details() or "")
        assert await loaded(sidecar) == set()


async def test_the_model_used_longest_ago_makes_room(tmp_path: Path) -> None:
    models = tmp_path / "models"
    for seed, name in enumerate(("a", "b", "c")):
        tiny_models.stable_diffusion(models / name, seed=seed)
    each = sum(file.stat().st_size for file in (models / "a").rglob("*.safetensors"))
    budget = 2.5 * each / 1024**3
    async with started(models, tmp_path / "data", default_model="a", memory_budget_gib=budget) as sidecar:
        context = await sidecar.context()
        for model_id, expected in (("a", "a"), ("b", "ab"), ("a", "ab"), ("c", "ac"), ("b", "bc")):
            await sidecar.images.TextToImage(text_to_image(context, model_id=model_id))
            assert await loaded(sidecar) == set(expected)
        await sidecar.models.Unload(model_pb2.UnloadModelRequest(id="b"))
        assert await loaded(sidecar) == {"c"}


@pytest.mark.parametrize("flags", [True, False])
async def test_the_safety_checker(tiny: Path, tmp_path: Path, flags: bool) -> None:
    tiny_models.with_safety_checker(tmp_path / "models" / "sd", tiny / "sd", flags=flags)
    async with started(tmp_path / "models", tmp_path / "data") as sidecar:
        careful, trusted = await sidecar.context(), await sidecar.context({"allow_unsafe": True})
        assert (await sidecar.images.TextToImage(text_to_image(trusted))).images
        if flags:
            error = await refused(sidecar.images.TextToImage(text_to_image(careful)))
            assert error.code() is grpc.StatusCode.PERMISSION_DENIED
            assert error_info(error).reason == "UNSAFE_PICTURE"
            # The checker is put back after a call that did without.
            assert (await sidecar.images.TextToImage(text_to_image(trusted))).images
            await refused(sidecar.images.TextToImage(text_to_image(careful)))
        else:
            assert (await sidecar.images.TextToImage(text_to_image(careful))).images


async def test_weights_that_are_replaced_are_loaded_anew_and_draw_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "LOOK_EVERY", 0.0)
    models = tmp_path / "models"
    tiny_models.stable_diffusion(models / "a", seed=0)
    async with started(models, tmp_path / "data", default_model="a") as sidecar:
        request = text_to_image(await sidecar.context(), output=common_pb2.OutputOptions())
        first, again = [await sidecar.images.TextToImage(request) for _ in range(2)]
        assert first.images[0].ref == again.images[0].ref
        shutil.rmtree(models / "a")
        tiny_models.stable_diffusion(models / "a", seed=1)
        other = await sidecar.images.TextToImage(request)
        assert other.images[0].ref != first.images[0].ref
        assert other.cost.compute > 0
