"""ModelService: what the engine can run, and what is in its memory."""

from __future__ import annotations

import asyncio

from capabilities.errors import NotFound, brief
from sidecar.engines.api import Engine, ModelListing
from sidecar.pb.viwo.imagegen.v1 import model_pb2 as pb
from sidecar.pb.viwo.imagegen.v1 import model_pb2_grpc
from sidecar.surfaces.grpc.interceptor import Context
from sidecar.surfaces.proto import conversions


class ModelServicer(model_pb2_grpc.ModelServiceServicer):
    def __init__(self, engine: Engine, default_model: str) -> None:
        self._engine = engine
        self._default = default_model

    async def List(self, request: pb.ListModelsRequest, context: Context) -> pb.ListModelsResponse:
        size = conversions.page_size(request.page_size, 100)
        start = conversions.page_number(request.page_token)
        await asyncio.to_thread(self._engine.refresh)
        listings = self._engine.models()
        more = start + size < len(listings)
        return pb.ListModelsResponse(
            models=[self._model(item) for item in listings[start : start + size]],
            next_page_token=str(start + size) if more else "",
            # With the first page only, since they are the same for all.
            problems=[pb.ModelProblem(file=item.file, reason=item.reason) for item in self._engine.problems()]
            if start == 0
            else [],
        )

    async def Load(self, request: pb.LoadModelRequest, context: Context) -> pb.Model:
        await self._engine.load(request.id)
        return self._named(request.id)

    async def Unload(self, request: pb.UnloadModelRequest, context: Context) -> pb.Model:
        await self._engine.unload(request.id)
        return self._named(request.id)

    def _named(self, model_id: str) -> pb.Model:
        found = next((item for item in self._engine.models() if item.facts.id == model_id), None)
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
            is_default=facts.id == self._default,
            revision=item.revision,
        )
