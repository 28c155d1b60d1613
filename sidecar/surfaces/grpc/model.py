"""ModelService: what the engines can run, and what is in their memory."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from capabilities.budgets import Price
from sidecar.application.models import Models
from sidecar.engines.api import ModelListing
from sidecar.pb.viwo.imagegen.v1 import model_pb2 as pb
from sidecar.pb.viwo.imagegen.v1 import model_pb2_grpc
from sidecar.surfaces.grpc.caller import Context, principal
from sidecar.surfaces.proto import conversions


class ModelServicer(model_pb2_grpc.ModelServiceServicer):
    def __init__(self, models: Models, currency: str) -> None:
        self._models = models
        self._currency = currency

    async def List(self, request: pb.ListModelsRequest, context: Context) -> pb.ListModelsResponse:
        size = conversions.page_size(request.page_size, 100)
        start = conversions.page_number(request.page_token)
        listings, problems = await self._models.list(principal())
        return pb.ListModelsResponse(
            models=[self._model(item) for item in listings[start : start + size]],
            next_page_token=str(start + size) if start + size < len(listings) else "",
            # With the first page only, since they are the same for all.
            problems=[pb.ModelProblem(file=item.file, reason=item.reason) for item in problems]
            if start == 0
            else [],
        )

    async def Load(self, request: pb.LoadModelRequest, context: Context) -> pb.Model:
        return self._model(await self._models.load(principal(), request.id))

    async def Unload(self, request: pb.UnloadModelRequest, context: Context) -> pb.Model:
        return self._model(await self._models.unload(principal(), request.id))

    async def Pull(
        self, request: pb.PullModelRequest, context: Context
    ) -> AsyncIterator[pb.PullModelProgress]:
        last = pb.PullModelProgress()
        told = self._models.pull(
            principal(), request.id, request.revision, request.variant, dry_run=request.dry_run
        )
        async with contextlib.aclosing(told) as states:
            async for state in states:
                if isinstance(state, ModelListing):
                    last.model.CopyFrom(self._model(state))
                else:
                    last = pb.PullModelProgress(
                        bytes_done=state.done,
                        bytes_total=state.total,
                        commit=state.commit,
                        previous_commit=state.previous_commit,
                    )
                yield last

    def _model(self, item: ModelListing) -> pb.Model:
        facts = item.facts
        price = self._models.price(item)
        return pb.Model(
            id=facts.id,
            description=item.description,
            family=item.family,
            engine=item.engine,
            size_bytes=item.size,
            loaded=item.loaded,
            defaults=pb.ModelDefaults(
                steps=facts.steps if facts.has_steps else 0,
                guidance_scale=facts.guidance_scale,
                width=facts.width,
                height=facts.height,
            ),
            methods=sorted(facts.methods),
            is_default=facts.id == self._models.default,
            revision=item.revision,
            downloaded=item.downloaded,
            origin=item.origin,
            license=item.license,
            ignored_options=sorted(facts.ignores),
            told_by=item.told_by,
            granularity=facts.granularity,
            fixed_size=facts.fixed_size,
            plain_ground=facts.plain_ground,
            paid=self._models.is_paid(item),
            price=None if price.is_free else self._price(price),
            compute_per_image=None if facts.has_steps else facts.compute_per_image,
        )

    def _price(self, price: Price) -> pb.Price:
        return pb.Price(
            image_micros=price.per_image,
            megapixel_step_micros=price.per_megapixel_step,
            currency=self._currency,
        )
