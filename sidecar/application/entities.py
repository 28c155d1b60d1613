"""Pictures as entities of the world: saved, read, and changed by their verbs."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from capabilities import imaging
from capabilities.call_options import Placement
from capabilities.errors import (
    FailedPrecondition,
    InvalidArgument,
    PermissionDenied,
    ResourceExhausted,
    brief,
)
from capabilities.methods import TYPES
from capabilities.methods.edit import Edit
from capabilities.operations import Composite, Operation, Transform
from capabilities.params import parse_row
from capabilities.plain_text import require_plain_metadata
from capabilities.policy import Caller, Grant, authorize, require_owner, require_target, require_unexpired
from capabilities.principals import Kind, Principal
from capabilities.tasks import Output, Size
from entity_store import verbs
from entity_store.authority import Authority
from entity_store.images import THUMBNAIL_SIDE, Images, Picture, Version, data_url
from entity_store.world import Entity, json_object
from sidecar.application.access import Access, Admitted, Call
from sidecar.application.decoding import DecodingThreads
from sidecar.application.picture_access import PictureAccess
from sidecar.application.planning import Planner
from sidecar.engines.builtin.workers import PictureWorkers
from sidecar.engines.events import EncodedImage

log = logging.getLogger("viwo_imagegen.access")

RETRIES = 5
"""How often a verb works again when another call changed the picture meanwhile."""


@dataclass(frozen=True)
class EntityView:
    """An entity, its picture's file where that was asked for, and every version of it, oldest first."""

    entity: Entity
    data: bytes = b""
    history: Sequence[Version] = ()


@dataclass(frozen=True)
class VerbResult:
    """What a verb answers, as JSON, and the entity after it."""

    value: object
    entity: Entity


class Entities:
    """All public methods belong to the event loop's thread."""

    def __init__(
        self,
        access: Access,
        pictures: PictureAccess,
        authority: Authority,
        images: Images,
        planner: Planner,
        workers: PictureWorkers,
        threads: DecodingThreads,
    ) -> None:
        self._access = access
        self._pictures = pictures
        self._authority = authority
        self._images = images
        self._planner = planner
        self._workers = workers
        self._threads = threads

    async def save(
        self,
        principal: Principal,
        call: Call,
        source: bytes | str | int,
        placement: Placement,
        metadata: Mapping[str, Any],
    ) -> Entity:
        """A picture as an entity. Raises InvalidArgument, NotFound, PermissionDenied, FailedPrecondition."""
        _require_here(call)
        admitted = self._access.admit(principal, call)
        await self._pictures.require_sources(principal, admitted, {"image": source})
        return await self._threads.run(self._save, admitted, source, placement, metadata)

    async def get(self, principal: Principal, entity_id: int, *, with_data: bool = False) -> EntityView:
        """Raises NotFound, also for one that is not in sight, FailedPrecondition for an entity that holds no picture."""
        await self._require_seen(principal, entity_id)
        return await asyncio.to_thread(self._get, entity_id, with_data)

    async def page(self, principal: Principal, *, room_id: int, before: int, limit: int) -> list[Entity]:
        """Image entities, newest first; `before` is the id to go on from, `room_id` 0 all rooms."""
        self._access.require_own_world(principal)
        seen_by = None if principal.acts_as_any else principal.owner_ids
        return await asyncio.to_thread(
            self._images.page, room_id=room_id, before=before, limit=limit, seen_by=seen_by
        )

    async def install(self, principal: Principal) -> tuple[int, Mapping[str, object]]:
        """The prototype's id, and the scripts of pictures and rooms; 0 for a world on another machine, whose plugin makes
        its own.
        """
        scripts = {"picture": verbs.SCRIPTS, "room": verbs.ROOM_SCRIPTS}
        if principal.kind is Kind.OPERATOR:
            log.warning(
                "a plugin calls with the operator's token, which may do anything; give it the key in the file "
                "'kernel-key' of the data folder, or one of 'viwo-imagegen key create --kernel'"
            )
        if principal.world != self._access.world:
            return 0, scripts
        return await asyncio.to_thread(self._images.install), scripts

    async def call_verb(
        self, principal: Principal, call: Call, entity_id: int, verb: str, arguments: Sequence[object]
    ) -> VerbResult:
        """Run a verb of a picture; `call` may name no capability. Raises what the verb's right and its work refuse."""
        _require_here(call)
        await self._require_seen(principal, entity_id)
        call = replace(call, caller=principal.as_caller(call.caller))
        other = arguments[0] if verb in ("composite", "replace") and arguments else None
        if isinstance(other, Mapping):
            other = other.get("id")
        if isinstance(other, str | int) and not principal.acts_as_any:
            await self._pictures.require(principal, {"overlay" if verb == "composite" else "picture": other})
        return await self._threads.run(self._call_verb, call, entity_id, verb, list(arguments))

    async def _require_seen(self, principal: Principal, entity_id: int) -> None:
        self._access.require_own_world(principal)
        if not principal.acts_as_any:
            await asyncio.to_thread(self._images.require_seen, principal.owner_ids, entity_id)

    def _save(
        self, admitted: Admitted, source: bytes | str | int, placement: Placement, metadata: Mapping[str, Any]
    ) -> Entity:
        _require_image_capability(admitted)
        require_plain_metadata(metadata)
        data = self._images.find_file(source)
        placement = placement.named_after(str(metadata.get("prompt", "")))
        self._images.require_placeable(admitted.caller, placement)
        picture = self._images.store(data)
        known = {**(imaging.read_metadata(data) or {}), **metadata}
        return self._images.save(picture, admitted.caller, placement, known, image_type="uploaded")

    def _get(self, entity_id: int, with_data: bool) -> EntityView:
        entity = self._images.get(entity_id)
        data = self._images.data(entity) if with_data else b""
        return EntityView(entity, data, self._images.history(entity_id))

    def _call_verb(self, call: Call, entity_id: int, verb: str, arguments: list[object]) -> VerbResult:
        entity = self._images.get(entity_id)
        if verb == "get_data":
            return VerbResult(
                data_url(self._images.data(entity), str(entity.props.get("format", "png"))), entity
            )
        if verb == "get_metadata":
            return VerbResult(metadata_of(entity), entity)
        if verb == "place":
            self._require_may_edit(call, entity_id, verb)
            room = _entity_id("room", arguments[0] if arguments else None)
            entity = self._images.place(entity_id, call.caller, room)
            return VerbResult({"location": entity.props["location"]}, entity)
        if verb == "takeDown":
            self._require_may_take_down(call, entity_id)
            self._images.take_down(entity_id)
            return VerbResult({"location": None}, self._images.get(entity_id))
        if verb == "replace" or verb in verbs.EDITING:
            grant = self._require_may_edit(call, entity_id, verb)
            if verb == "replace":
                entity = self._replace(entity, arguments, grant)
            else:
                entity = self._edit(entity, verb, arguments, grant)
            return VerbResult({"ref": entity.props["image_ref"], "version": entity.props["version"]}, entity)
        raise verbs.unknown(verb)

    def _replace(self, entity: Entity, arguments: list[object], grant: Grant | None) -> Entity:
        """Another picture as the next version; the ones before stay in the history."""
        if len(arguments) != 1:
            raise InvalidArgument(
                f"replace takes (picture); got {len(arguments)} arguments",
                reason="MISSING_ARGUMENT" if not arguments else "TOO_MANY_ARGUMENTS",
                field="picture",
                limit="1 argument",
                asked=f"{len(arguments)} arguments",
            )
        data = self._images.find_file(_script_source(arguments[0], field="picture"), field="picture")
        picture = self._images.store(data, field="picture")
        size = (picture.info.width, picture.info.height)
        task = Edit(
            image=picture.ref,
            operations=(Transform(),),
            width=size[0],
            height=size[1],
            output=Output(format="png"),
        )
        if grant is not None:
            grant.allow(task, {"image": size})
        self._planner.require_possible(task, {"image": size})
        return self._next_version(entity, lambda _: picture, "replace", arguments)

    def _edit(self, entity: Entity, verb: str, arguments: list[object], grant: Grant | None) -> Entity:
        operation, overlays = self._change(verb, arguments)

        def edited(entity: Entity) -> Picture:
            files = {"image": self._images.data(entity), **overlays}
            task, sizes = self._task(entity, operation, files)
            if grant is not None:
                grant.allow(task, sizes)
            self._planner.require_possible(task, sizes)
            (made,) = self._workers.edit(task, files, None, THUMBNAIL_SIDE).images
            assert isinstance(made, EncodedImage)
            info = imaging.ImageInfo(task.output.format, made.width, made.height, made.has_alpha)
            return self._images.keep(made.data, info, made.thumbnail)

        return self._next_version(entity, edited, verb, arguments)

    def _next_version(
        self, entity: Entity, make: Callable[[Entity], Picture], verb: str, arguments: Sequence[object]
    ) -> Entity:
        """What `make` makes of the entity's picture, made again where another call has changed it meanwhile.

        Raises ResourceExhausted where that happens every time.
        """
        # Pictures among the arguments can be megabytes; the history keeps what they are, not what they hold.
        kept = json.dumps([_short(value) for value in arguments])
        for _ in range(RETRIES):
            changed = self._images.replace(
                entity.id, str(entity.props["image_ref"]), make(entity), verb, kept
            )
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
        source = _script_source(asked.overlay, field="overlay")
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

    def _require_may_take_down(self, call: Call, entity_id: int) -> None:
        """Whoever may change a picture, and whoever controls the room that it hangs in."""
        room_id = self._images.room_of(entity_id)
        if room_id and self._images.is_controlled(call.caller, room_id):
            return
        self._require_may_edit(call, entity_id, "takeDown")

    def _require_may_edit(self, call: Call, entity_id: int, verb: str) -> Grant | None:
        """By an `image.edit` capability in the context, whose limits then hold, or by control over the entity as in viwo."""
        caller = call.caller
        if call.capability_id:
            capability = self._authority.get(call.capability_id)
            if capability.type == "image.edit":
                now = dt.datetime.now(dt.UTC)
                grant = authorize(capability, caller, capability_type="image.edit", method=verb, now=now)
                require_target(grant.params, entity_id)
                # A picture holds the means to change itself; that does not say who may have it changed.
                if capability.owner_id == entity_id:
                    self._images.require_control(Caller(caller.caller_id), entity_id, verb)
                return grant
        self._images.require_control(caller, entity_id, verb)
        return None


def _require_image_capability(admitted: Admitted) -> None:
    capability = admitted.capability
    require_owner(capability, admitted.caller)
    if capability.type not in TYPES:
        raise PermissionDenied(
            f"saving a picture needs an image capability; {capability.id} is '{capability.type}'",
            reason="WRONG_TYPE",
            field="context.capability_id",
            limit=", ".join(sorted(TYPES)),
            asked=capability.type,
        )
    require_unexpired(parse_row(capability.params), dt.datetime.now(dt.UTC))


def metadata_of(entity: Entity) -> dict[str, Any]:
    """The entity's metadata; empty where another program left something unreadable."""
    return json_object(entity.props.get("metadata"))


def _require_here(call: Call) -> None:
    """Raises FailedPrecondition for a call from a world that this sidecar cannot reach."""
    if call.statement:
        raise FailedPrecondition(
            "entities are kept by the plugin where capabilities are stated",
            reason="WORLD_ELSEWHERE",
            field="context.capability_statement",
        )


def _script_source(value: object, *, field: str) -> bytes | str | int:
    """A picture as a script passes one: an entity or its id, a reference, base64 or a data URL."""
    if isinstance(value, Mapping):
        value = value.get("id")
    if isinstance(value, str) or (
        isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**63
    ):
        return value
    raise InvalidArgument(
        f"'{field}' is no picture: give an image entity or its id, 'sha256:...', base64 or a data URL; "
        f"got {brief(value, 40)}",
        reason="BAD_PICTURE",
        field=field,
        asked=brief(value, 40),
    )


def _entity_id(name: str, value: object) -> int:
    """An entity's id; a script may pass the entity itself. Raises InvalidArgument."""
    if isinstance(value, dict):
        value = value.get("id")
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 2**63:
        raise InvalidArgument(
            f"'{name}' must be an entity or its id; got {brief(value)}",
            reason="BAD_ARGUMENT",
            field=name,
            limit="an entity id",
            asked=brief(value),
        )
    return value


def _short(value: object) -> object:
    if isinstance(value, str) and len(value) > 200 and not value.startswith("sha256:"):
        return f"(picture, {len(value)} characters)"
    return value
