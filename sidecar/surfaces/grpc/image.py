"""ImageService: calls that wait for their pictures."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator

from google.protobuf import json_format

from capabilities import methods
from capabilities.errors import Refusal
from capabilities.methods.refine_prompt import RefinePromptArguments
from sidecar.application.generation import Generation, GenerationRequest
from sidecar.application.prompt_refinement import PromptRefinement, RefinedPrompt
from sidecar.pb.viwo.imagegen.v1 import image_pb2 as pb
from sidecar.pb.viwo.imagegen.v1 import image_pb2_grpc
from sidecar.queue.model import Job
from sidecar.surfaces import script_answers
from sidecar.surfaces.grpc.caller import Context, principal
from sidecar.surfaces.proto import conversions, job_messages, requests
from sidecar.telemetry import Meter


class ImageServicer(image_pb2_grpc.ImageServiceServicer):
    def __init__(
        self, generation: Generation, refinement: PromptRefinement, meter: Meter, currency: str = ""
    ) -> None:
        self._generation = generation
        self._refinement = refinement
        self._meter = meter
        self._currency = currency

    async def TextToImage(self, request: pb.TextToImageRequest, context: Context) -> pb.ImageResponse:
        return await self._answer(requests.text_to_image(request))

    async def ImageToImage(self, request: pb.ImageToImageRequest, context: Context) -> pb.ImageResponse:
        return await self._answer(requests.image_to_image(request))

    async def ControlTypes(
        self, request: pb.ControlTypesRequest, context: Context
    ) -> pb.ControlTypesResponse:
        method = methods.find("getAvailableTypes")
        answer = await self._generation.tell(principal(), conversions.call(request.context), method)
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

    async def Convert(self, request: pb.ConvertRequest, context: Context) -> pb.ImageResponse:
        return await self._answer(requests.convert(request))

    async def RefinePrompt(
        self, request: pb.RefinePromptRequest, context: Context
    ) -> AsyncIterator[pb.RefinePromptResponse]:
        call, arguments = requests.refine_prompt(request)
        async with contextlib.aclosing(self._refinement.stream(principal(), call, arguments)) as pieces:
            async for piece in pieces:
                if isinstance(piece, RefinedPrompt):
                    yield pb.RefinePromptResponse(
                        refined=pb.RefinedPrompt(
                            prompt=piece.prompt,
                            refined_by=piece.refined_by,
                            cost=job_messages.cost(piece.spent, self._currency),
                        )
                    )
                else:
                    yield pb.RefinePromptResponse(text=piece)

    async def Invoke(self, request: pb.InvokeRequest, context: Context) -> pb.InvokeResponse:
        """As a script sees it: a refusal is an answer too, so that nothing is thrown inside the world."""
        try:
            asked = requests.invoked(request)
            if asked.method.answer is not None:
                answer = script_answers.told(
                    await self._generation.tell(principal(), asked.call, asked.method)
                )
            elif isinstance(asked.arguments, RefinePromptArguments):
                answer = script_answers.refined(await self._refined(asked, asked.arguments))
            else:
                job, files = await self._made(asked)
                answer = script_answers.made(job, files)
        except Refusal as refusal:
            self._meter.refused.labels(refusal.code.value, refusal.reason).inc()
            answer = script_answers.refused(refusal)
        return pb.InvokeResponse(result_json=json.dumps(answer))

    async def _refined(self, asked: GenerationRequest, arguments: RefinePromptArguments) -> RefinedPrompt:
        try:
            return await self._refinement.refine(principal(), asked.call, arguments)
        except Refusal as refusal:
            raise refusal.spelled(asked.spelled) from None

    async def _answer(self, request: GenerationRequest) -> pb.ImageResponse:
        job, files = await self._made(request)
        return job_messages.image_response(job, files, self._currency)

    async def _made(self, request: GenerationRequest) -> tuple[Job, list[bytes]]:
        """The job that succeeded, and its files where they are wanted."""
        job = await self._generation.wait(principal(), request)
        wanted = not request.options.references_only
        return job, await self._generation.files(principal(), job) if wanted else []
