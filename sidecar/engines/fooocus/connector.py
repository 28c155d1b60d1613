"""Draws on a Fooocus server through Fooocus-API."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping
from typing import Any

from sidecar.engines.events import Preview
from sidecar.engines.fooocus import inventory
from sidecar.engines.fooocus.requests import request
from sidecar.engines.remote.answers import own_address, picture_of, share, whole
from sidecar.engines.remote.connector import Call, Drawing, Drawn, DrawnPicture, Inventory
from sidecar.engines.remote.failures import FailureKind, RemoteFailure, substituted
from sidecar.engines.remote.png_text import texts
from sidecar.engines.remote.settings import EngineSettings
from sidecar.engines.remote.transport import MAX_ANSWER, Host
from sidecar.engines.remote.waiting import ended

POLL_EVERY = 0.25
"""Seconds between two looks at a job."""
SEED_DIGITS = 100
"""A longer seed is nothing said; each that is read is compared with the one that was asked."""
_QUEUE_FULL, _SUCCESS = "QUEUE_IS_FULL", "SUCCESS"


class FooocusConnector:
    """Implements `Connector`."""

    def __init__(self, host: Host, settings: EngineSettings) -> None:
        self.is_paid = settings.is_paid
        self._host = host
        self._settings = settings

    async def look(self) -> Inventory:
        if key := self._host.key():
            self._host.headers["X-API-KEY"] = key
        return await inventory.look(self._host, self._settings)

    async def close(self) -> None:
        """The connection is the host's."""

    async def draw(self, call: Call) -> Drawn:
        wanted = call.drawing
        route, body = request(wanted, self._settings)
        price = wanted.count if self.is_paid else 0
        submitting = asyncio.create_task(self._submitted(call, route, body, price))
        try:
            # Whether it was taken must be known before it can be taken back.
            told = await self._until_done(call, await asyncio.shield(submitting))
        except (asyncio.CancelledError, RemoteFailure):
            await ended(self._withdrawn(submitting))
            raise
        if told.get("job_stage") == "ERROR" or not told.get("job_result"):
            # It says that it has made nothing, and nothing else.
            call.billed -= price
            raise RemoteFailure(
                FailureKind.SERVER_ERROR,
                f"{self._host.url} gave up the job, and does not say why; its log does",
            )
        results = told["job_result"]
        if not isinstance(results, list):
            raise RemoteFailure(FailureKind.BAD_ANSWER, "its answer does not list the pictures")
        pictures = [await self._picture(item, wanted) for item in results]
        for place, picture in enumerate(pictures):
            self._require_asked(wanted, picture, place)
        return Drawn(tuple(pictures))

    async def _submitted(self, call: Call, route: str, body: Mapping[str, Any], price: int) -> str:
        """The id of the job that a request becomes."""
        with call.at_cost(price):
            told = _job(await self._host.post_json(route, body))
        job_id = told.get("job_id")
        if _is_full(told) or not isinstance(job_id, str) or not job_id:
            call.billed -= price
            raise RemoteFailure(
                FailureKind.RATE_LIMITED, f"the queue of {self._host.url} is full", retry_after=10
            )
        return job_id

    async def _until_done(self, call: Call, job_id: str) -> Mapping[str, Any]:
        while True:
            told = await self._query(job_id, previews=call.wants_previews)
            if told.get("job_stage") in (_SUCCESS, "ERROR"):
                return told
            if (done := share(told.get("job_progress"), 100)) is not None:
                call.tell(done)
            if call.wants_previews and told.get("job_step_preview"):
                # A glimpse that cannot be read is not worth a job.
                with contextlib.suppress(RemoteFailure):
                    call.tell(Preview(await picture_of(told["job_step_preview"]), 0, 0, 0))
            await asyncio.sleep(POLL_EVERY)

    async def _query(self, job_id: str, *, previews: bool = False) -> Mapping[str, Any]:
        params = {"job_id": job_id, "require_step_preview": str(previews).lower()}
        try:
            answer = await self._host.call(
                "GET", "/v1/generation/query-job", params=params, repeatable=True, most=MAX_ANSWER
            )
        except RemoteFailure as failure:
            if failure.status != 404:
                raise
            raise RemoteFailure(
                FailureKind.SERVER_ERROR, f"{self._host.url} has forgotten the job that it took"
            ) from None
        return _job(await self._host.json_of(answer))

    async def _withdrawn(self, submitting: asyncio.Task[str]) -> None:
        try:
            job_id = await submitting
        finally:
            submitting.cancel()
        await self._stopped(job_id)

    async def _stopped(self, job_id: str) -> None:
        """End our job: the command is for whatever is being drawn, so it is sent only while that is ours."""
        if await self._stage_after(job_id, "WAITING") == "RUNNING":
            await self._host.post_json("/v1/generation/stop", {}, repeatable=True)
            await self._stage_after(job_id, "RUNNING")

    async def _stage_after(self, job_id: str, stage: str) -> object:
        """The stage of a job once it is no longer in this one."""
        while True:
            now = (await self._query(job_id)).get("job_stage")
            if now != stage:
                return now
            await asyncio.sleep(POLL_EVERY)

    async def _picture(self, item: object, wanted: Drawing) -> DrawnPicture:
        """One result. Raises RemoteFailure where it is none, or another's."""
        if not isinstance(item, Mapping):
            raise RemoteFailure(FailureKind.BAD_ANSWER, "one of its results is not an object")
        reason = item.get("finish_reason")
        if reason != _SUCCESS:
            raise RemoteFailure(FailureKind.SERVER_ERROR, f"the drawing ended with {str(reason)[:40]}")
        number = whole(item.get("seed"), SEED_DIGITS)
        if item.get("base64"):
            return DrawnPicture(await picture_of(item["base64"]), number)
        return DrawnPicture(await self._fetched(item.get("url")), number)

    async def _fetched(self, url: object) -> bytes:
        """A picture by its address, which must be this server's own."""
        if (own := own_address(url, self._host)) is None:
            raise RemoteFailure(
                FailureKind.BAD_ANSWER, "its picture lies on another server, which is not asked"
            )
        return (await self._host.call("GET", own, repeatable=True)).body

    def _require_asked(self, wanted: Drawing, picture: DrawnPicture, place: int) -> None:
        """Raises RemoteFailure where it drew something else than it was asked, and did not say so."""
        if wanted.kind == "upscale":
            return
        if picture.seed is not None and picture.seed != wanted.seed + place:
            raise substituted("seed", "seed", wanted.seed + place, picture.seed)
        known = self._settings.model_named(wanted.model)
        asked = (known.base or wanted.model).rpartition(".")[0]
        used = _told_model(picture.data)
        if used and used != asked:
            raise substituted("model_id", "model", asked, used)


def _told_model(data: bytes) -> str:
    """The checkpoint that a picture's own file names; empty where it names none."""
    try:
        told = json.loads(texts(data).get("parameters", ""))
    except (ValueError, RecursionError):
        return ""
    return str(told.get("base_model") or "") if isinstance(told, Mapping) else ""


def _job(told: object) -> Mapping[str, Any]:
    if not isinstance(told, Mapping):
        raise RemoteFailure(FailureKind.BAD_ANSWER, "its answer does not tell of a job")
    return told


def _is_full(told: Mapping[str, Any]) -> bool:
    results = told.get("job_result")
    return isinstance(results, list) and any(
        isinstance(item, Mapping) and item.get("finish_reason") == _QUEUE_FULL for item in results
    )
