"""IllustrationService: a picture for every thing of a world."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial

from capabilities.errors import Refusal
from entity_store.illustrations import Selection
from sidecar.application.illustration import Illustration, Outcome, Wish
from sidecar.engines.events import Failed
from sidecar.pb.viwo.imagegen.v1 import illustration_pb2 as pb
from sidecar.pb.viwo.imagegen.v1 import illustration_pb2_grpc
from sidecar.surfaces.grpc.caller import Context, principal
from sidecar.surfaces.proto import conversions, job_messages
from sidecar.surfaces.proto.field_names import path_in

_named = partial(path_in, pb.IllustrateRequest.DESCRIPTOR)


class IllustrationServicer(illustration_pb2_grpc.IllustrationServiceServicer):
    def __init__(self, illustration: Illustration) -> None:
        self._illustration = illustration

    async def Plan(self, request: pb.IllustrateRequest, context: Context) -> pb.IllustrationPlan:
        try:
            plan = await self._illustration.plan(principal(), _wish(request))
        except Refusal as refusal:
            raise refusal.spelled(_named) from None
        return pb.IllustrationPlan(
            entities=plan.entities,
            drawings=plan.drawings,
            illustrated=plan.illustrated,
            left_out=plan.left_out,
            compute=plan.compute,
            seconds=plan.seconds,
            model_id=plan.model_id,
            examples=plan.examples,
        )

    async def Run(self, request: pb.IllustrateRequest, context: Context) -> AsyncIterator[pb.Illustrated]:
        try:
            async for outcome in self._illustration.run(principal(), _wish(request)):
                yield _illustrated(outcome)
        except Refusal as refusal:
            raise refusal.spelled(_named) from None

    async def Undo(
        self, request: pb.UndoIllustrationsRequest, context: Context
    ) -> pb.UndoIllustrationsResponse:
        removed = await self._illustration.undo(principal(), _selection(request.selection))
        return pb.UndoIllustrationsResponse(removed=removed)


def _wish(request: pb.IllustrateRequest) -> Wish:
    return Wish(
        conversions.call(request.context),
        _selection(request.selection),
        conversions.generation_options(request.options),
        request.prompt,
        request.budget,
    )


def _selection(selection: pb.EntitySelection) -> Selection:
    return Selection(selection.room_id, selection.prototype_id, selection.name)


def _illustrated(outcome: Outcome) -> pb.Illustrated:
    entity = outcome.entity
    return pb.Illustrated(
        entity_id=0 if entity is None else entity.id,
        name="" if entity is None else entity.name,
        ref=outcome.ref,
        failure=None
        if outcome.refusal is None
        else job_messages.failure(Failed.of(outcome.refusal.spelled(_named))),
        done=outcome.done,
        total=outcome.total,
        compute=outcome.compute,
        warnings=outcome.warnings,
    )
