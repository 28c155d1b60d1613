"""ModelService: what the engines can run, and what is in their memory."""

from __future__ import annotations

import asyncio

from capabilities.errors import NotFound, brief
from sidecar.engines.api import ModelListing
from sidecar.engines.router import Router
from sidecar.pb.viwo.imagegen.v1 import model_pb2 as pb
from sidecar.pb.viwo.imagegen.v1 import model_pb2_grpc
from sidecar.surfaces.grpc.interceptor import Context
from sidecar.surfaces.proto import conversions


class ModelServicer(model_pb2_grpc.ModelServiceServicer):
    def __init__(self, engines: Router) -> None:
        self._engines = engines

    async def List(self, request: pb.ListModelsRequest, context: Context) -> pb.ListModelsResponse:
        size = conversions.page_size(request.page_size, 100)
        start = conversions.page_number(request.page_token)
        await asyncio.to_thread(self._engines.refresh)
        listings = self._engines.models()
        more = start + size < len(listings)
        return pb.ListModelsResponse(
            models=[self._model(item) for item in listings[start : start + size]],
            next_page_token=str(start + size) if more else "",
            # With the first page only, since they are the same for all.
            problems=[
                pb.ModelProblem(file=item.file, reason=item.reason) for item in self._engines.problems()
            ]
            if start == 0
            else [],
        )

    async def Load(self, request: pb.LoadModelRequest, context: Context) -> pb.Model:
        await self._engines.load(request.id)
        return self._named(request.id)

    async def Unload(self, request: pb.UnloadModelRequest, context: Context) -> pb.Model:
        await self._engines.unload(request.id)
        return self._named(request.id)

    def _named(self, model_id: str) -> pb.Model:
        found = next((item for item in self._engines.models() if item.facts.id == model_id), None)
        if found is None:
            raise NotFound(
                f"the model '{brief(model_id, 60)}' is no longer there", reason="UNKNOWN_MODEL", field="id"
            )
        return self._model(found)

    def _model(self, item: ModelListing) -> pb.Model:
        facts = item.facts
        return pb.Model(
            id=facts.id,
            description=item.description,
            family=item.family,
            engine=item.engine,
            size_bytes=item.size,
            loaded=item.loaded,
            defaults=pb.ModelDefaults(
                steps=facts.steps, guidance_scale=facts.guidance_scale, width=facts.width, height=facts.height
            ),
            methods=sorted(facts.methods),
            is_default=facts.id == self._engines.default,
            revision=item.revision,
        )
