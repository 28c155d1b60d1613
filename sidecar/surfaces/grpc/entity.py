"""EntityService: pictures as entities of the world."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import Mapping

from capabilities import imaging
from capabilities.errors import (
    FailedPrecondition,
    PermissionDenied,
    ResourceExhausted,
)
from capabilities.methods import TYPES, arguments_from_json
from capabilities.methods.edit import Edit
from capabilities.operations import Composite, Operation
from capabilities.params import parse_row
from capabilities.plain_text import require_plain_metadata
from capabilities.policy import Caller, Grant, authorize, require_owner, require_target, require_unexpired
from capabilities.tasks import Output, Size
from entity_store import verbs
from entity_store.authority import Authority
from entity_store.images import THUMBNAIL_SIDE, Images, data_url
from entity_store.world import Entity
from sidecar.application.decoding import DecodingThreads
from sidecar.application.planning import Planner
from sidecar.engines.builtin.workers import PictureWorkers
from sidecar.engines.events import EncodedImage
from sidecar.pb.viwo.imagegen.v1 import common_pb2, entity_pb2_grpc
from sidecar.pb.viwo.imagegen.v1 import entity_pb2 as pb
from sidecar.surfaces.grpc.interceptor import Context
from sidecar.surfaces.proto import conversions

RETRIES = 5
"""How often a verb works again when another call changed the picture meanwhile."""


class EntityServicer(entity_pb2_grpc.EntityServiceServicer):
    def __init__(
        self,
        authority: Authority,
        images: Images,
        admission: Planner,
        workers: PictureWorkers,
        threads: DecodingThreads,
    ) -> None:
        self._authority = authority
        self._images = images
        self._admission = admission
        self._workers = workers
        self._threads = threads

    async def SaveImage(self, request: pb.SaveImageRequest, context: Context) -> pb.ImageEntity:
        return await self._threads.run(self._save, request)

    async def Get(self, request: pb.GetEntityRequest, context: Context) -> pb.ImageEntity:
        return await asyncio.to_thread(self._get, request)

    async def List(self, request: pb.ListEntitiesRequest, context: Context) -> pb.ListEntitiesResponse:
        return await asyncio.to_thread(self._list, request)

    async def Install(self, request: pb.InstallRequest, context: Context) -> pb.InstallResponse:
        scripts = {"picture": verbs.SCRIPTS, "room": verbs.ROOM_SCRIPTS}
        prototype_id = await asyncio.to_thread(self._images.install)
        return pb.InstallResponse(prototype_id=prototype_id, verbs_json=json.dumps(scripts))

    async def CallVerb(self, request: pb.CallVerbRequest, context: Context) -> pb.CallVerbResponse:
        return await self._threads.run(self._call_verb, request)

    def _save(self, request: pb.SaveImageRequest) -> pb.ImageEntity:
        call = conversions.call(request.context)
        _require_here(request.context)
        self._require_image_capability(call.capability_id, call.caller)
        metadata = conversions.from_struct(request.metadata)
        require_plain_metadata(metadata)
        data = self._images.find_file(conversions.image_source(request.image))
        placement = conversions.save_options(request.options).named_after(str(metadata.get("prompt", "")))
        self._images.require_placeable(call.caller, placement)
        picture = self._images.store(data)
        metadata = {**(imaging.read_metadata(data) or {}), **metadata}
        return conversions.entity(
            self._images.save(picture, call.caller, placement, metadata, image_type="uploaded")
        )

    def _get(self, request: pb.GetEntityRequest) -> pb.ImageEntity:
        entity = self._images.get(request.id)
        data = self._images.data(entity) if request.include_data else b""
        message = conversions.entity(entity, data=data, history=self._images.history(request.id))
        conversions.masked(message, request.read_mask)
        return message

    def _list(self, request: pb.ListEntitiesRequest) -> pb.ListEntitiesResponse:
        size = conversions.page_size(request.page_size, 50)
        before = conversions.page_number(request.page_token)
        entities = self._images.page(room_id=request.room_id, before=before, limit=size + 1)
        return pb.ListEntitiesResponse(
            entities=[conversions.entity(entity) for entity in entities[:size]],
            next_page_token=str(entities[size - 1].id) if len(entities) > size else "",
        )

    def _call_verb(self, request: pb.CallVerbRequest) -> pb.CallVerbResponse:
        _require_here(request.context)
        arguments = arguments_from_json(request.arguments_json)
        entity = self._images.get(request.entity_id)
        result: object
        if request.verb == "get_data":
            result = data_url(self._images.data(entity), str(entity.props.get("format", "png")))
        elif request.verb == "get_metadata":
            result = conversions.metadata_of(entity)
        elif request.verb == "place":
            caller = conversions.caller(request.context)
            self._require_may_edit(request, caller)
            room = conversions.entity_id("room", arguments[0] if arguments else None, required=True)
            entity = self._images.place(request.entity_id, caller, room)
            result = {"location": entity.props["location"]}
        elif request.verb in verbs.EDITING:
            grant = self._require_may_edit(request, conversions.caller(request.context))
            entity = self._edit(entity, request.verb, arguments, grant)
            result = {"ref": entity.props["image_ref"], "version": entity.props["version"]}
        else:
            raise verbs.unknown(request.verb)
        return pb.CallVerbResponse(result_json=json.dumps(result), entity=conversions.entity(entity))

    def _edit(self, entity: Entity, verb: str, arguments: list[object], grant: Grant | None) -> Entity:
        operation, overlays = self._change(verb, arguments)
        # Pictures among the arguments can be megabytes; the history keeps what they are, not what they hold.
        kept = json.dumps([_short(value) for value in arguments])
        for _ in range(RETRIES):
            files = {"image": self._images.data(entity), **overlays}
            task, sizes = self._task(entity, operation, files)
            if grant is not None:
                grant.allow(task, sizes)
            self._admission.require_possible(task, sizes)
            (made,) = self._workers.edit(task, files, None, THUMBNAIL_SIDE).images
            assert isinstance(made, EncodedImage)
            info = imaging.ImageInfo(task.output.format, made.width, made.height, made.has_alpha)
            picture = self._images.keep(made.data, info, made.thumbnail)
            changed = self._images.replace(entity.id, str(entity.props["image_ref"]), picture, verb, kept)
            if changed is not None:
                return changed
            entity = self._images.get(entity.id)
        raise ResourceExhausted(
            f"entity {entity.id} is being changed by others all the time; try again",
            reason="BUSY_ENTITY",
            field="entity_id",
            retry_after=1,
        )

    def _change(self, verb: str, arguments: list[object]) -> tuple[Operation, dict[str, bytes]]:
        """What a verb does, and the file of the picture that it lays on top, where it does that."""
        asked = verbs.change(verb, arguments)
        if not isinstance(asked.operation, Composite):
            return asked.operation, {}
        source = conversions.script_source(asked.overlay, field="overlay")
        data = self._images.find_file(source, field="overlay")
        ref, _ = self._images.inspect(data, field="overlay")
        return asked.operation.model_copy(update={"overlay": ref}), {"overlay_0": data}

    def _task(
        self, entity: Entity, operation: Operation, files: Mapping[str, bytes]
    ) -> tuple[Edit, dict[str, Size]]:
        """The task of an edit, and the sizes of its pictures by their roles."""
        pictures = {role: self._images.inspect(data, field=role) for role, data in files.items()}
        sizes = {role: (info.width, info.height) for role, (_, info) in pictures.items()}
        width, height = operation.size(*sizes["image"])
        imaging.require_size("the result would be", "arguments", width, height)
        name = entity.props.get("format")
        output = Output(format=name if name in ("jpeg", "webp") else "png")
        ref = pictures["image"][0]
        return Edit(image=ref, operations=(operation,), width=width, height=height, output=output), sizes

    def _require_may_edit(self, request: pb.CallVerbRequest, caller: Caller) -> Grant | None:
        """By an `image.edit` capability in the context, whose limits then hold, or by control over the entity as in viwo."""
        capability_id = request.context.capability_id
        if capability_id:
            capability = self._authority.get(capability_id)
            if capability.type == "image.edit":
                now = dt.datetime.now(dt.UTC)
                grant = authorize(
                    capability, caller, capability_type="image.edit", method=request.verb, now=now
                )
                require_target(grant.params, request.entity_id)
                # A picture holds the means to change itself; that does not say who may have it changed.
                if capability.owner_id == request.entity_id:
                    self._images.require_control(Caller(caller.caller_id), request.entity_id, request.verb)
                return grant
        self._images.require_control(caller, request.entity_id, request.verb)
        return None

    def _require_image_capability(self, capability_id: str, caller: Caller) -> None:
        capability = self._authority.get(capability_id)
        require_owner(capability, caller)
        if capability.type not in TYPES:
            raise PermissionDenied(
                f"saving a picture needs an image capability; {capability_id} is '{capability.type}'",
                reason="WRONG_TYPE",
                field="context.capability_id",
                limit=", ".join(sorted(TYPES)),
                asked=capability.type,
            )
        require_unexpired(parse_row(capability.params), dt.datetime.now(dt.UTC))


def _require_here(context: common_pb2.CallContext) -> None:
    """Raises FailedPrecondition for a call from a world that this sidecar cannot reach."""
    if context.capability_statement:
        raise FailedPrecondition(
            "entities are kept by the plugin where capabilities are stated",
            reason="WORLD_ELSEWHERE",
            field="context.capability_statement",
        )


def _short(value: object) -> object:
    if isinstance(value, str) and len(value) > 200 and not value.startswith("sha256:"):
        return f"(picture, {len(value)} characters)"
    return value
