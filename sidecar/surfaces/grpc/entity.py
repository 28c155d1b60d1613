"""EntityService: pictures as entities of the world."""

from __future__ import annotations

import json
from functools import partial

from capabilities.errors import Refusal
from capabilities.methods import arguments_from_json
from sidecar.application.entities import Entities
from sidecar.pb.viwo.imagegen.v1 import entity_pb2 as pb
from sidecar.pb.viwo.imagegen.v1 import entity_pb2_grpc
from sidecar.surfaces.grpc.caller import Context, principal
from sidecar.surfaces.proto import conversions
from sidecar.surfaces.proto.field_names import path_in


class EntityServicer(entity_pb2_grpc.EntityServiceServicer):
    def __init__(self, entities: Entities) -> None:
        self._entities = entities

    async def SaveImage(self, request: pb.SaveImageRequest, context: Context) -> pb.ImageEntity:
        try:
            entity = await self._entities.save(
                principal(),
                conversions.call(request.context),
                conversions.image_source(request.image),
                conversions.save_options(request.options),
                conversions.from_struct(request.metadata),
            )
        except Refusal as refusal:
            raise refusal.spelled(partial(path_in, pb.SaveImageRequest.DESCRIPTOR)) from None
        return conversions.entity(entity)

    async def Get(self, request: pb.GetEntityRequest, context: Context) -> pb.ImageEntity:
        view = await self._entities.get(principal(), request.id, with_data=request.include_data)
        message = conversions.entity(view.entity, data=view.data, history=view.history)
        conversions.masked(message, request.read_mask)
        return message

    async def List(self, request: pb.ListEntitiesRequest, context: Context) -> pb.ListEntitiesResponse:
        size = conversions.page_size(request.page_size, 50)
        before = conversions.page_number(request.page_token)
        entities = await self._entities.page(
            principal(), room_id=request.room_id, before=before, limit=size + 1
        )
        return pb.ListEntitiesResponse(
            entities=[conversions.entity(entity) for entity in entities[:size]],
            next_page_token=str(entities[size - 1].id) if len(entities) > size else "",
        )

    async def Install(self, request: pb.InstallRequest, context: Context) -> pb.InstallResponse:
        prototype_id, scripts = await self._entities.install(principal())
        return pb.InstallResponse(prototype_id=prototype_id, verbs_json=json.dumps(scripts))

    async def CallVerb(self, request: pb.CallVerbRequest, context: Context) -> pb.CallVerbResponse:
        result = await self._entities.call_verb(
            principal(),
            conversions.call(request.context),
            request.entity_id,
            request.verb,
            arguments_from_json(request.arguments_json),
        )
        return pb.CallVerbResponse(
            result_json=json.dumps(result.value), entity=conversions.entity(result.entity)
        )
