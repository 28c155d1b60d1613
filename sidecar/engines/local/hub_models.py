"""Models that come from a hub: which are not here yet, why they cannot be had, and having them."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncGenerator, Callable, Iterable

from capabilities.errors import Code, Refusal
from sidecar.engines.api import DownloadProgress, EngineRequest
from sidecar.engines.events import CANCELED, Event, Failed, Loading
from sidecar.engines.local import hub_cache
from sidecar.engines.local.catalog import Catalog
from sidecar.engines.local.download_messages import Progress
from sidecar.engines.local.downloads import Downloads


class HubModels:
    """All methods belong to the event loop's thread, unless they say otherwise."""

    def __init__(self, catalog: Catalog, downloads: Downloads) -> None:
        self._catalog = catalog
        self._downloads = downloads

    def absent(self, model_ids: Iterable[str]) -> list[str]:
        """Those of some models that are still to be downloaded. Called from any thread; raises as `Catalog.model`."""
        return [model_id for model_id in model_ids if self._catalog.model(model_id, patient=True).is_absent]

    def refusal(self, model_id: str) -> Refusal | None:
        """Why a model cannot be had, without asking a hub; None for one that is here."""
        return self._downloads.refusal(model_id) if self._catalog.is_absent(model_id) else None

    async def pull(
        self, model_id: str, *, revision: str = "", variant: str = "", dry_run: bool = False
    ) -> AsyncGenerator[DownloadProgress]:
        """As `ModelDownloader.pull`."""
        configured = await asyncio.to_thread(self._catalog.wanted, model_id)
        wanted = dataclasses.replace(
            configured, revision=revision or configured.revision, variant=variant or configured.variant
        )
        if (refusal := self._downloads.refusal(model_id)) is not None:
            raise refusal
        kept = await asyncio.to_thread(hub_cache.kept, wanted)
        before = kept.commit if kept is not None else ""
        with self._downloads.joined(wanted, dry_run=dry_run) as download:
            async for progress in download.follow():
                if progress.total:
                    yield DownloadProgress(progress.done, progress.total, progress.commit, before)
            if isinstance(download.outcome, Failed):
                raise download.outcome.refusal()
        if not dry_run:
            await asyncio.to_thread(self._catalog.fetched, model_id)

    async def ensure(self, model_id: str) -> None:
        """Download a model that is not here. Raises as `pull`."""
        if await asyncio.to_thread(self.absent, [model_id]):
            async for _ in self.pull(model_id):
                # Whoever wants to see how far it is pulls it instead.
                continue

    async def download(
        self, model_id: str, left: dict[str, EngineRequest], is_canceled: Callable[[str], bool]
    ) -> AsyncGenerator[tuple[str, Event]]:
        """Download a model for jobs that wait; those that end meanwhile are taken out of `left`. Raises as `pull`."""
        if (refusal := self._downloads.refusal(model_id)) is not None:
            raise refusal
        told: Progress | None = None
        with self._downloads.joined(self._catalog.wanted(model_id)) as download:
            async for progress in download.follow():
                for job_id in [job_id for job_id in left if is_canceled(job_id)]:
                    del left[job_id]
                    yield job_id, CANCELED
                if not left:
                    return
                if progress != told:
                    told = progress
                    for job_id in left:
                        yield job_id, Loading(model_id, progress.done, progress.total)
            if isinstance(download.outcome, Failed):
                failed = self._as_asked(model_id, download.outcome)
                for job_id in list(left):
                    del left[job_id]
                    yield job_id, failed
                return
        await asyncio.to_thread(self._catalog.fetched, model_id)

    def _as_asked(self, model_id: str, failed: Failed) -> Failed:
        """A failure in terms of what was asked: nobody names a preprocessor's weights, but a control type."""
        if self._catalog.model(model_id).source.role != "annotator":
            return failed
        return dataclasses.replace(
            failed,
            code=Code.FAILED_PRECONDITION.value,
            message=f"the preprocessor '{model_id}' needs weights from the hub: {failed.message}",
            field="type",
            retryable=False,
        )

    def wake(self) -> None:
        """Some of the jobs that wait have been canceled."""
        self._downloads.wake()

    async def stop(self) -> None:
        await self._downloads.stop()
