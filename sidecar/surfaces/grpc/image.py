"""ImageService: calls that wait for their pictures."""

from __future__ import annotations

import asyncio
import base64
import json

from google.protobuf import json_format

from capabilities import methods
from capabilities.budgets import UNITS
from capabilities.call_options import CallOptions
from capabilities.errors import Refusal
from entity_store.blobs import Blobs
from sidecar.application.decoding import DecodingThreads
from sidecar.application.planning import Planner
from sidecar.engines.events import Failed
from sidecar.pb.viwo.imagegen.v1 import image_pb2 as pb
from sidecar.pb.viwo.imagegen.v1 import image_pb2_grpc
from sidecar.queue.job_queue import JobQueue
from sidecar.queue.model import Job, State
from sidecar.surfaces.grpc.interceptor import Context
from sidecar.surfaces.proto import conversions, job_messages, requests
from sidecar.surfaces.proto.requests import GenerationRequest
from sidecar.telemetry import Meter


class ImageServicer(image_pb2_grpc.ImageServiceServicer):
    def __init__(
        self,
        admission: Planner,
        queue: JobQueue,
        blobs: Blobs,
        meter: Meter,
        threads: DecodingThreads,
        currency: str = "",
    ) -> None:
        self._admission = admission
        self._queue = queue
        self._blobs = blobs
        self._meter = meter
        self._threads = threads
        self._currency = currency
        self._cancelations: set[asyncio.Task[Job]] = set()

    async def TextToImage(self, request: pb.TextToImageRequest, context: Context) -> pb.ImageResponse:
        return await self._answer(requests.text_to_image(request))

    async def ImageToImage(self, request: pb.ImageToImageRequest, context: Context) -> pb.ImageResponse:
        return await self._answer(requests.image_to_image(request))

    async def ControlTypes(
        self, request: pb.ControlTypesRequest, context: Context
    ) -> pb.ControlTypesResponse:
        method = methods.find("getAvailableTypes")
        answer = await asyncio.to_thread(self._admission.answer, conversions.call(request.context), method)
        return json_format.ParseDict(answer, pb.ControlTypesResponse())

    async def Preprocess(self, request: pb.PreprocessRequest, context: Context) -> pb.ImageResponse:
        return await self._answer(requests.preprocess(request))

    async def Apply(self, request: pb.ApplyRequest, context: Context) -> pb.ImageResponse:
        return await self._answer(requests.apply(request))

    async def Inpaint(self, request: pb.InpaintRequest, context: Context) -> pb.ImageResponse:
        return await self._answer(requests.inpaint(request))

    async def Outpaint(self, request: pb.OutpaintRequest, context: Context) -> pb.ImageResponse:
        return await self._answer(requests.outpaint(request))

    async def Upscale(self, request: pb.UpscaleRequest, context: Context) -> pb.ImageResponse:
        return await self._answer(requests.upscale(request))

    async def UpscaleTraditional(
        self, request: pb.UpscaleTraditionalRequest, context: Context
    ) -> pb.ImageResponse:
        return await self._answer(requests.upscale_traditional(request))

    async def UpscaleImg2Img(self, request: pb.UpscaleImg2ImgRequest, context: Context) -> pb.ImageResponse:
        return await self._answer(requests.upscale_img2img(request))

    async def FaceRestore(self, request: pb.FaceRestoreRequest, context: Context) -> pb.ImageResponse:
        return await self._answer(requests.face_restore(request))

    async def Edit(self, request: pb.EditRequest, context: Context) -> pb.ImageResponse:
        return await self._answer(requests.edit(request))

    async def Invoke(self, request: pb.InvokeRequest, context: Context) -> pb.InvokeResponse:
        """As a script sees it: a refusal is an answer too, so that nothing is thrown inside the world."""
        try:
            wish = requests.invoked(request)
            if wish.method.answer is not None:
                call = conversions.call(wish.context)
                told = await asyncio.to_thread(self._admission.answer, call, wish.method)
                return pb.InvokeResponse(result_json=json.dumps({"ok": True, **told}))
            job = await self._wait(wish)
            files = await self._files(job, wish.options)
        except Refusal as refusal:
            self._meter.refused.labels(refusal.code.value, refusal.reason).inc()
            return pb.InvokeResponse(result_json=json.dumps({"ok": False, "error": _error(refusal)}))
        return pb.InvokeResponse(result_json=json.dumps(_script_answer(job, files)))

    async def _answer(self, wish: GenerationRequest) -> pb.ImageResponse:
        job = await self._wait(wish)
        return job_messages.image_response(job, await self._files(job, wish.options), self._currency)

    async def _wait(self, wish: GenerationRequest) -> Job:
        """The ended job. Raises its failure; a client that goes away cancels it unless it asked to keep it."""
        order = await wish.plan(self._admission, self._threads)
        job = order.job
        try:
            job = await self._queue.submit(order)
            ended = job if job.state.final else await self._queue.finished(job.id)
        except asyncio.CancelledError:
            if not wish.keep and not self._queue.stopping:
                # This call is being torn down, so the cancelation must live outside of it.
                cancelation = asyncio.get_running_loop().create_task(self._queue.cancel(job.id))
                self._cancelations.add(cancelation)
                cancelation.add_done_callback(self._cancelations.discard)
            raise
        if ended.state is not State.SUCCEEDED:
            failure = ended.failure or Failed("INTERNAL", "the job failed without saying why")
            raise failure.refusal()
        return ended

    async def _files(self, job: Job, options: CallOptions) -> list[bytes]:
        if options.references_only:
            return []
        return [await asyncio.to_thread(self._blobs.get, image.ref) for image in job.images]


def _script_answer(job: Job, files: list[bytes]) -> dict[str, object]:
    """Keys `id`, `type` and `owner_id` never stand together here: viwo would take the object for a capability."""
    images: list[dict[str, object]] = []
    for index, image in enumerate(job.images):
        facts: dict[str, object] = {
            "ref": image.ref, "format": image.format, "width": image.width, "height": image.height, "seed": image.seed,
        }  # fmt: skip
        if files:
            facts["image"] = base64.b64encode(files[index]).decode("ascii")
        if image.entity_id:
            facts["entity"] = image.entity_id
        images.append(facts)
    return {
        "ok": True,
        **images[0],
        "images": images,
        "job": job.id,
        "model": job.task.model_id,
        "compute": job.spent.compute / UNITS,
        **({"reused": True} if job.answered_by else {}),
        "seconds": round(job.work_seconds, 3),
        **({"warnings": list(job.warnings)} if job.warnings else {}),
    }


def _error(refusal: Refusal) -> dict[str, object]:
    return {
        "code": refusal.code.value,
        "message": refusal.message,
        "reason": refusal.reason,
        "field": refusal.field,
        "limit": refusal.limit,
        "asked": refusal.asked,
        **({} if refusal.retry_after is None else {"retryAfter": round(refusal.retry_after, 1)}),
    }
