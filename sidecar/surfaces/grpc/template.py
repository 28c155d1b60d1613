"""TemplateService: chains of tasks under a name, and their runs."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence

from capabilities import strict_json
from capabilities.errors import InvalidArgument, brief
from sidecar.application.workflows import runs as work
from sidecar.application.workflows.runs import Runs
from sidecar.application.workflows.saved_templates import Saved
from sidecar.pb.viwo.imagegen.v1 import template_pb2 as pb
from sidecar.pb.viwo.imagegen.v1 import template_pb2_grpc
from sidecar.queue.model import Job
from sidecar.surfaces.grpc.caller import Context, principal
from sidecar.surfaces.proto import conversions, job_messages


class TemplateServicer(template_pb2_grpc.TemplateServiceServicer):
    def __init__(self, runs: Runs, currency: str = "") -> None:
        self._runs = runs
        self._currency = currency

    async def Save(self, request: pb.SaveTemplateRequest, context: Context) -> pb.Template:
        shared = request.shared if request.HasField("shared") else None
        return _template(await self._runs.templates.save(principal(), request.document_json, shared=shared))

    async def Get(self, request: pb.GetTemplateRequest, context: Context) -> pb.Template:
        return _template(await self._runs.templates.get(principal(), request.name))

    async def List(self, request: pb.ListTemplatesRequest, context: Context) -> pb.ListTemplatesResponse:
        size = conversions.page_size(request.page_size, 100)
        found = await self._runs.templates.page(principal(), request.page_token, size + 1)
        page = [_template(saved) for saved in found[:size]]
        return pb.ListTemplatesResponse(
            templates=page, next_page_token=page[-1].name if len(found) > size else ""
        )

    async def Delete(self, request: pb.DeleteTemplateRequest, context: Context) -> pb.DeleteTemplateResponse:
        await self._runs.templates.delete(principal(), request.name)
        return pb.DeleteTemplateResponse()

    async def Run(self, request: pb.RunTemplateRequest, context: Context) -> pb.TemplateRun:
        calls = [conversions.call(item) for item in request.contexts]
        run = await self._runs.run(principal(), request.name, _values(request.parameters_json), calls)
        return self._message(run, [])

    async def GetRun(self, request: pb.GetRunRequest, context: Context) -> pb.TemplateRun:
        return self._message(*await self._runs.find(principal(), request.id))

    async def WatchRun(self, request: pb.GetRunRequest, context: Context) -> AsyncIterator[pb.TemplateRun]:
        async for run, jobs in self._runs.watch(principal(), request.id):
            yield self._message(run, jobs)

    async def CancelRun(self, request: pb.CancelRunRequest, context: Context) -> pb.TemplateRun:
        return self._message(*await self._runs.cancel(principal(), request.id))

    def _message(self, run: work.Run, jobs: Sequence[Job]) -> pb.TemplateRun:
        message = pb.TemplateRun(
            id=run.id,
            template=run.template.name,
            state=job_messages.STATES[run.state],
            jobs=[job_messages.job(job, currency=self._currency) for job in jobs],
            steps=len(run.template.steps),
            create_time=conversions.timestamp(run.created),
            end_time=conversions.timestamp(run.ended),
        )
        if run.failure is not None:
            message.failure.CopyFrom(job_messages.failure(run.failure))
        return message


def _template(saved: Saved) -> pb.Template:
    return pb.Template(
        name=saved.template.name,
        document_json=json.dumps(saved.template.model_dump(mode="json"), indent=2, ensure_ascii=False),
        update_time=conversions.timestamp(saved.updated),
        owner_id=saved.owner_id,
        shared=saved.shared,
    )


def _values(text: str) -> dict[str, object]:
    try:
        values = strict_json.loads(text or "{}")
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise InvalidArgument(
            f"'parameters_json' must be a JSON object; got {brief(text)}",
            reason="BAD_JSON",
            field="parameters_json",
            asked=brief(text),
        )
    return values
