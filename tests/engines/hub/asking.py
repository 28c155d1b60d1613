"""Short ways to ask a sidecar for the models of a hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sidecar.engines.local import hub_cache
from sidecar.pb.viwo.imagegen.v1 import image_pb2, model_pb2
from sidecar.testing.hub import Repository
from sidecar.testing.requests import text_to_image
from sidecar.testing.server import Sidecar

SIZE: dict[str, Any] = {"width": 64, "height": 64}


def drawn(context: Any, model_id: str, seed: int = 7) -> image_pb2.TextToImageRequest:
    return text_to_image(context, model_id=model_id, seed=seed, guidance_scale=7.0, **SIZE)


async def draw(sidecar: Sidecar, model_id: str) -> None:
    answer = await sidecar.images.TextToImage(drawn(await sidecar.context(), model_id))
    assert answer.images


async def pulled(sidecar: Sidecar, model_id: str, **options: Any) -> list[model_pb2.PullModelProgress]:
    """All that a download tells."""
    request = model_pb2.PullModelRequest(id=model_id, **options)
    return [state async for state in sidecar.models.Pull(request)]


async def model(sidecar: Sidecar, model_id: str) -> model_pb2.Model:
    answer = await sidecar.models.List(model_pb2.ListModelsRequest(page_size=1000))
    found: model_pb2.Model = next(item for item in answer.models if item.id == model_id)
    return found


def blobs(repository: Repository) -> Path:
    return hub_cache.repository_folder(repository.name) / "blobs"
