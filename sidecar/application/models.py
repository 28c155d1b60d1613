"""The models of all engines: listed, loaded and unloaded."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Sequence

from capabilities.budgets import Price
from capabilities.errors import NotFound, brief
from capabilities.principals import Principal
from sidecar.engines.api import DownloadProgress, ModelListing, ModelProblem
from sidecar.engines.router import Router


class Models:
    """All methods belong to the event loop's thread."""

    def __init__(self, engines: Router, price_of: Callable[[str], Price]) -> None:
        self._engines = engines
        self._price_of = price_of

    @property
    def default(self) -> str:
        """Id of the model used where neither call nor capability names one."""
        return self._engines.default

    def price(self, listing: ModelListing) -> Price:
        """What a model costs; zero throughout where it is free."""
        return self._price_of(listing.facts.id)

    def is_paid(self, listing: ModelListing) -> bool:
        """Whether its engine costs money, so that a capability must name that."""
        return self._engines.is_paid(listing.engine)

    async def list(self, principal: Principal) -> tuple[Sequence[ModelListing], Sequence[ModelProblem]]:
        """What every engine can run, by id, and what lies where models do and cannot be run."""
        await asyncio.to_thread(self._engines.refresh)
        return self._engines.models(), self._engines.problems()

    async def load(self, principal: Principal, model_id: str) -> ModelListing:
        """Bring a model into memory. Raises NotFound, Unavailable, FailedPrecondition."""
        await self._engines.load(model_id)
        return self._named(model_id)

    async def unload(self, principal: Principal, model_id: str) -> ModelListing:
        """Take a model out of memory; nothing happens where it is not in it. Raises NotFound, FailedPrecondition."""
        await self._engines.unload(model_id)
        return self._named(model_id)

    async def pull(
        self, principal: Principal, model_id: str, revision: str, variant: str, *, dry_run: bool
    ) -> AsyncGenerator[DownloadProgress | ModelListing]:
        """Download a model and tell how far that is, at last the model itself, unless it was a dry run.

        Raises NotFound, FailedPrecondition, ResourceExhausted, Unavailable.
        """
        download = self._engines.pull(model_id, revision=revision, variant=variant, dry_run=dry_run)
        async with contextlib.aclosing(download) as told:
            async for progress in told:
                yield progress
        if not dry_run:
            yield self._named(model_id)

    def _named(self, model_id: str) -> ModelListing:
        model_id = self._engines.canonical(model_id)
        found = next((item for item in self._engines.models() if item.facts.id == model_id), None)
        if found is None:
            raise NotFound(
                f"the model '{brief(model_id, 60)}' is no longer there",
                reason="UNKNOWN_MODEL",
                field="id",
                asked=brief(model_id, 60),
            )
        return found
