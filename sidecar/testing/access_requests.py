"""A request for every RPC, about things of one owner: what the access matrix asks with every credential."""

from __future__ import annotations

import json
import secrets
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from google.protobuf import struct_pb2

from sidecar.pb.viwo.imagegen.v1 import (
    blob_pb2,
    capability_pb2,
    common_pb2,
    entity_pb2,
    illustration_pb2,
    image_pb2,
    job_pb2,
    key_pb2,
    model_pb2,
    picture_pb2,
    system_pb2,
    template_pb2,
)
from sidecar.testing.pictures import plain

if TYPE_CHECKING:
    from sidecar.testing.access_matrix import Matrix

KINDS = ("diffusers.generate", "diffusers.inpaint", "diffusers.upscale", "controlnet.generate", "image.edit")
PICTURE = common_pb2.ImageSource(data=plain(64, 64))


def _generates(message: type[Any], kind: str, **fields: Any) -> Callable[[Matrix], Awaitable[Any]]:
    async def make(things: Matrix) -> Any:
        return message(context=await things.context(kind), **fields)

    return make


async def _submission(things: Matrix) -> job_pb2.SubmitJobRequest:
    drawing = image_pb2.TextToImageRequest(context=await things.context(), prompt="a cup")
    drawing.options.seed = 7
    return job_pb2.SubmitJobRequest(text_to_image=drawing)


async def _ended(things: Matrix) -> Any:
    job = await things.operator.jobs.Submit(await _submission(things))
    async for event in things.operator.jobs.Watch(job_pb2.WatchJobRequest(id=job.id)):
        if event.WhichOneof("event") == "ended":
            return event.ended
    raise AssertionError("the job has not ended")


def _of_job(message: type[Any]) -> Callable[[Matrix], Awaitable[Any]]:
    async def make(things: Matrix) -> Any:
        return message(id=(await _ended(things)).id)

    return make


def _of_batch(message: type[Any]) -> Callable[[Matrix], Awaitable[Any]]:
    async def make(things: Matrix) -> Any:
        request = job_pb2.SubmitBatchRequest(tasks=[await _submission(things)])
        return message(id=(await things.operator.jobs.SubmitBatch(request)).id)

    return make


async def _batch(things: Matrix) -> Any:
    return job_pb2.SubmitBatchRequest(tasks=[await _submission(things)])


async def _import(things: Matrix) -> Any:
    job = await _ended(things)
    document = await things.operator.jobs.Export(job_pb2.ExportJobRequest(id=job.id))
    return job_pb2.ImportJobRequest(context=await things.context(), document_json=document.document_json)


async def _ref(things: Matrix) -> str:
    return str((await _ended(things)).images[0].ref)


def _of_picture(message: type[Any]) -> Callable[[Matrix], Awaitable[Any]]:
    async def make(things: Matrix) -> Any:
        return message(ref=await _ref(things))

    return make


async def _budgets(things: Matrix) -> Any:
    return job_pb2.BudgetStatusRequest(context=await things.context())


async def _save(things: Matrix) -> Any:
    return entity_pb2.SaveImageRequest(context=await things.context(), image=PICTURE)


async def _entity(things: Matrix) -> int:
    request = await _save(things)
    request.options.room_id = things.room
    return int((await things.operator.entities.SaveImage(request)).id)


async def _get_entity(things: Matrix) -> Any:
    return entity_pb2.GetEntityRequest(id=await _entity(things))


async def _list_entities(things: Matrix) -> Any:
    await _entity(things)
    return entity_pb2.ListEntitiesRequest()


async def _call_verb(things: Matrix) -> Any:
    context = common_pb2.CallContext(caller_id=things.painter)
    return entity_pb2.CallVerbRequest(
        context=context, entity_id=await _entity(things), verb="transform", arguments_json="[90]"
    )


async def _mint(things: Matrix) -> Any:
    return capability_pb2.MintRequest(
        authority_id=things.mint_id,
        caller_id=things.painter,
        type="diffusers.generate",
        params=struct_pb2.Struct(),
    )


async def _capability(things: Matrix, kind: str = "diffusers.generate") -> str:
    return str((await things.context(kind)).capability_id)


async def _delegate(things: Matrix) -> Any:
    return capability_pb2.DelegateRequest(parent_id=await _capability(things), caller_id=things.painter)


async def _give(things: Matrix) -> Any:
    return capability_pb2.GiveRequest(
        id=await _capability(things), caller_id=things.painter, target_id=things.stranger
    )


async def _revoke(things: Matrix) -> Any:
    return capability_pb2.RevokeRequest(id=await _capability(things), caller_id=things.painter)


async def _approve(things: Matrix) -> Any:
    return capability_pb2.ApproveRequest(id=await _capability(things))


async def _get_capability(things: Matrix) -> Any:
    return capability_pb2.GetCapabilityRequest(id=await _capability(things))


def _plain(message: type[Any], **fields: Any) -> Callable[[Matrix], Awaitable[Any]]:
    async def make(things: Matrix) -> Any:
        return message(**fields)

    return make


def _document(name: str) -> str:
    step = {"name": "draw", "method": "textToImage", "arguments": {"prompt": "a cup", "seed": 5}}
    return json.dumps({"format": "viwo-template/1", "name": name, "steps": [step]})


async def _template(things: Matrix) -> str:
    """The name of a private template of the painter's."""
    name = f"t{secrets.token_hex(4)}"
    metadata = [("authorization", f"Bearer {things.texts['right key']}")]
    method = things.method("TemplateService/Save")
    await things.call(method, template_pb2.SaveTemplateRequest(document_json=_document(name)), metadata)
    return name


def _of_template(message: type[Any]) -> Callable[[Matrix], Awaitable[Any]]:
    async def make(things: Matrix) -> Any:
        return message(name=await _template(things))

    return make


async def _run_template(things: Matrix) -> Any:
    name = f"s{secrets.token_hex(4)}"
    shared = template_pb2.SaveTemplateRequest(document_json=_document(name), shared=True)
    await things.operator.templates.Save(shared)
    return template_pb2.RunTemplateRequest(contexts=[await things.context()], name=name)


def _of_run(message: type[Any]) -> Callable[[Matrix], Awaitable[Any]]:
    async def make(things: Matrix) -> Any:
        return message(id=(await things.operator.templates.Run(await _run_template(things))).id)

    return make


async def _key(things: Matrix) -> str:
    made = await things.operator.keys.Create(key_pb2.CreateKeyRequest(entity_id=things.painter))
    return str(made.key.id)


def _of_key(message: type[Any]) -> Callable[[Matrix], Awaitable[Any]]:
    async def make(things: Matrix) -> Any:
        return message(id=await _key(things))

    return make


async def _create_key(things: Matrix) -> Any:
    return key_pb2.CreateKeyRequest(entity_id=things.painter)


REQUESTS: dict[str, Callable[[Matrix], Awaitable[Any]]] = {
    "CapabilityService/Mint": _mint,
    "CapabilityService/Delegate": _delegate,
    "CapabilityService/Give": _give,
    "CapabilityService/Revoke": _revoke,
    "CapabilityService/Approve": _approve,
    "CapabilityService/PushRevocations": _plain(
        capability_pb2.PushRevocationsRequest, capability_ids=["none"]
    ),
    "CapabilityService/Get": _get_capability,
    "CapabilityService/List": _plain(capability_pb2.ListCapabilitiesRequest),
    "CapabilityService/DescribeMethods": _plain(capability_pb2.DescribeMethodsRequest),
    "ImageService/TextToImage": _generates(image_pb2.TextToImageRequest, KINDS[0], prompt="a cup"),
    "ImageService/ImageToImage": _generates(
        image_pb2.ImageToImageRequest, KINDS[0], prompt="a cup", image=PICTURE
    ),
    "ImageService/ControlTypes": _generates(image_pb2.ControlTypesRequest, KINDS[3]),
    "ImageService/RefinePrompt": _generates(image_pb2.RefinePromptRequest, KINDS[0], prompt="a cup"),
    "ImageService/Preprocess": _generates(
        image_pb2.PreprocessRequest, KINDS[3], image=PICTURE, type="canny"
    ),
    "ImageService/Apply": _generates(
        image_pb2.ApplyRequest, KINDS[3], prompt="a cup",
        controls=[image_pb2.Control(image=PICTURE, type="canny")],
    ),
    "ImageService/Inpaint": _generates(
        image_pb2.InpaintRequest, KINDS[1], prompt="a cup", image=PICTURE, mask=PICTURE
    ),
    "ImageService/Outpaint": _generates(
        image_pb2.OutpaintRequest, KINDS[1], prompt="a cup", image=PICTURE, left=16
    ),
    "ImageService/Upscale": _generates(image_pb2.UpscaleRequest, KINDS[2], image=PICTURE),
    "ImageService/UpscaleTraditional": _generates(
        image_pb2.UpscaleTraditionalRequest, KINDS[2], image=PICTURE
    ),
    "ImageService/UpscaleImg2Img": _generates(
        image_pb2.UpscaleImg2ImgRequest, KINDS[2], image=PICTURE, prompt="a cup"
    ),
    "ImageService/FaceRestore": _generates(image_pb2.FaceRestoreRequest, KINDS[2], image=PICTURE),
    "ImageService/Edit": _generates(
        image_pb2.EditRequest, KINDS[4], image=PICTURE,
        operations=[image_pb2.EditOperation(filter=image_pb2.Filter(kind=image_pb2.FILTER_KIND_BLUR))],
    ),
    "ImageService/Convert": _generates(
        image_pb2.ConvertRequest, KINDS[4], image=PICTURE,
        output=common_pb2.OutputOptions(format=common_pb2.IMAGE_FORMAT_JPEG),
    ),
    "JobService/Submit": _submission,
    "JobService/SubmitBatch": _batch,
    "JobService/Estimate": _submission,
    "JobService/Get": _of_job(job_pb2.GetJobRequest),
    "JobService/List": _plain(job_pb2.ListJobsRequest),
    "JobService/Watch": _of_job(job_pb2.WatchJobRequest),
    "JobService/GetBatch": _of_batch(job_pb2.GetBatchRequest),
    "JobService/WatchBatch": _of_batch(job_pb2.GetBatchRequest),
    "JobService/Cancel": _of_job(job_pb2.CancelJobRequest),
    "JobService/CancelBatch": _of_batch(job_pb2.CancelBatchRequest),
    "JobService/Rerun": _of_job(job_pb2.RerunJobRequest),
    "JobService/Export": _of_job(job_pb2.ExportJobRequest),
    "JobService/Import": _import,
    "JobService/History": _of_picture(job_pb2.HistoryRequest),
    "JobService/BudgetStatus": _budgets,
    "EntityService/SaveImage": _save,
    "EntityService/Get": _get_entity,
    "EntityService/List": _list_entities,
    "EntityService/CallVerb": _call_verb,
    "EntityService/Install": _plain(entity_pb2.InstallRequest),
    "IllustrationService/Plan": _generates(illustration_pb2.IllustrateRequest, KINDS[0]),
    "IllustrationService/Run": _generates(illustration_pb2.IllustrateRequest, KINDS[0]),
    "IllustrationService/Undo": _plain(illustration_pb2.UndoIllustrationsRequest),
    "BlobService/Upload": _plain(blob_pb2.UploadRequest, chunk=PICTURE.data),
    "BlobService/Describe": _of_picture(blob_pb2.DescribeBlobRequest),
    "BlobService/Download": _of_picture(blob_pb2.DownloadRequest),
    "PictureService/List": _plain(picture_pb2.ListPicturesRequest),
    "PictureService/Describe": _of_picture(picture_pb2.DescribePictureRequest),
    "PictureService/Thumbnail": _of_picture(picture_pb2.ThumbnailRequest),
    "ModelService/List": _plain(model_pb2.ListModelsRequest),
    "ModelService/Load": _plain(model_pb2.LoadModelRequest, id="icons"),
    "ModelService/Unload": _plain(model_pb2.UnloadModelRequest, id="icons"),
    "ModelService/Pull": _plain(model_pb2.PullModelRequest, id="icons"),
    "TemplateService/Save": _plain(template_pb2.SaveTemplateRequest, document_json=_document("anybodys")),
    "TemplateService/Get": _of_template(template_pb2.GetTemplateRequest),
    "TemplateService/List": _plain(template_pb2.ListTemplatesRequest),
    "TemplateService/Delete": _of_template(template_pb2.DeleteTemplateRequest),
    "TemplateService/Run": _run_template,
    "TemplateService/GetRun": _of_run(template_pb2.GetRunRequest),
    "TemplateService/WatchRun": _of_run(template_pb2.GetRunRequest),
    "TemplateService/CancelRun": _of_run(template_pb2.CancelRunRequest),
    "SystemService/Status": _plain(system_pb2.StatusRequest),
    "SystemService/Metrics": _plain(system_pb2.MetricsRequest),
    "KeyService/Create": _create_key,
    "KeyService/List": _plain(key_pb2.ListKeysRequest),
    "KeyService/Rotate": _of_key(key_pb2.RotateKeyRequest),
    "KeyService/Revoke": _of_key(key_pb2.RevokeKeyRequest),
}  # fmt: skip


async def _invoke(things: Matrix) -> Any:
    return image_pb2.InvokeRequest(
        context=await things.context(), method="textToImage", arguments_json='["a cup"]'
    )


REQUESTS["ImageService/Invoke"] = _invoke
