"""Every RPC with every kind of credential: what each should be answered, and what it was."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import message_factory, struct_pb2

from capabilities.principals import Scope
from entity_store.authority import insert
from entity_store.world import create_entity
from sidecar import server
from sidecar.client import MESSAGE_OPTIONS
from sidecar.config import Settings
from sidecar.pb.viwo.imagegen.v1 import (
    blob_pb2,
    capability_pb2,
    common_pb2,
    entity_pb2,
    image_pb2,
    job_pb2,
    key_pb2,
    model_pb2,
    system_pb2,
    template_pb2,
)
from sidecar.surfaces.permissions import RPCS, Rule
from sidecar.testing.client import Client
from sidecar.testing.fake_engine import FakeEngine
from sidecar.testing.pictures import plain
from sidecar.testing.refusals import error_info

FILES = (
    blob_pb2, capability_pb2, entity_pb2, image_pb2, job_pb2, key_pb2, model_pb2, system_pb2, template_pb2,
)  # fmt: skip
CREDENTIALS = (
    "none",
    "wrong key",
    "key without the scope",
    "another owner's key",
    "another world's kernel",
    "right key",
)
KINDS = ("diffusers.generate", "diffusers.inpaint", "diffusers.upscale", "controlnet.generate", "image.edit")
PICTURE = common_pb2.ImageSource(data=plain(64, 64))


def methods() -> Iterator[tuple[str, Any]]:
    """Every RPC of the contract: "Service/Method" and its descriptor."""
    for file in FILES:
        for service in file.DESCRIPTOR.services_by_name.values():
            for method in service.methods:
                yield f"{service.name}/{method.name}", method


@dataclass
class Matrix:
    """A server on a fake engine with things of one owner, and credentials of everybody."""

    channel: grpc.aio.Channel
    operator: Client
    painter: int
    stranger: int
    room: int
    mint_id: str
    """The right of the painter to mint."""
    texts: dict[str, str]
    """The credentials by their names; the key without the scope is made for each scope."""

    async def context(self, kind: str = "diffusers.generate") -> common_pb2.CallContext:
        return await self.operator.context(owner=self.painter, kind=kind)

    async def request(self, rpc: str) -> Any:
        """A request about things of the painter, made anew, so that one which ends something ends nothing else."""
        return await _REQUESTS[rpc](self)

    async def ask(self, rpc: str, credential: str) -> tuple[str, str]:
        """The status that a credential is answered, and the reason of a refusal."""
        request = await self.request(rpc)
        text = self.texts[credential]
        if credential == "key without the scope":
            text = await self._without(RPCS[rpc].scope)
        metadata = [("authorization", f"Bearer {text}")] if text else []
        method = dict(methods())[rpc]
        try:
            answer = await self._call(method, request, metadata)
        except grpc.aio.AioRpcError as error:
            return error.code().name, error_info(error).reason
        if rpc == "ImageService/Invoke":
            # Within the world a refusal is an answer.
            told = json.loads(answer.result_json)
            if not told["ok"]:
                return told["error"]["code"], told["error"]["reason"]
        if rpc == "JobService/Estimate" and answer.HasField("refusal"):
            return answer.refusal.code, answer.refusal.reason
        return "OK", ""

    async def _without(self, scope: Scope | None) -> str:
        others = [str(item) for item in Scope if item is not scope]
        made = await self.operator.keys.Create(
            key_pb2.CreateKeyRequest(entity_id=self.painter, scopes=others)
        )
        return str(made.text)

    async def _call(self, method: Any, request: Any, metadata: list[tuple[str, str]]) -> Any:
        path = f"/{method.containing_service.full_name}/{method.name}"
        reply = message_factory.GetMessageClass(method.output_type)
        serialize, parse = type(request).SerializeToString, reply.FromString
        if method.client_streaming:

            async def requests() -> AsyncIterator[Any]:
                yield request

            return await self.channel.stream_unary(path, serialize, parse)(requests(), metadata=metadata)
        if method.server_streaming:
            stream = self.channel.unary_stream(path, serialize, parse)(request, metadata=metadata)
            async for first in stream:
                stream.cancel()
                return first
            return None
        return await self.channel.unary_unary(path, serialize, parse)(request, metadata=metadata)


def wrong_answers(rpc: str, answers: Iterable[tuple[str, tuple[str, str]]]) -> list[str]:
    """What is not as it should be among an RPC's answers to the credentials."""
    wrong = []
    for credential, (status, reason) in answers:
        expected = expectation(rpc, credential)
        if not any(
            status == code and (not reasons or reason in reasons) for code, reasons in expected.items()
        ):
            wrong.append(f"{rpc} with {credential}: {status} {reason}, expected {expected}")
    return wrong


def expectation(rpc: str, credential: str) -> dict[str, frozenset[str]]:
    """The statuses that are right, each with the reasons that are, or any."""
    permission = RPCS[rpc]
    anything: frozenset[str] = frozenset()
    match credential:
        case "none":
            return {"UNAUTHENTICATED": frozenset({"NO_TOKEN"})}
        case "wrong key":
            return {"UNAUTHENTICATED": frozenset({"BAD_KEY"})}
        case "key without the scope" if permission.scope is not None:
            return {"PERMISSION_DENIED": frozenset({"MISSING_SCOPE"})}
        case "another owner's key" if permission.scope is Scope.ADMIN:
            return {"PERMISSION_DENIED": frozenset({"MISSING_SCOPE"})}
        case "another owner's key":
            return {
                Rule.CAPABILITY: {"PERMISSION_DENIED": frozenset({"NOT_YOUR_ENTITY", "NOT_OWNER"})},
                Rule.CALLER: {"PERMISSION_DENIED": frozenset({"NOT_YOUR_ENTITY", "NOT_A_KERNEL"})},
                Rule.OWN: {"NOT_FOUND": anything},
                Rule.PICTURE: {"NOT_FOUND": anything},
                Rule.SEEN: {"NOT_FOUND": anything},
                Rule.LIST: {"OK": anything},
                Rule.NEW: {"OK": anything},
                Rule.ANYBODY: {"OK": anything},
            }[permission.rule]
        case "another world's kernel" if permission.scope is Scope.ADMIN:
            return {"PERMISSION_DENIED": frozenset({"MISSING_SCOPE"})}
        case "another world's kernel":
            elsewhere = {"FAILED_PRECONDITION": frozenset({"WORLD_ELSEWHERE"})}
            return {
                # The template of the owner's world is not there.
                Rule.CAPABILITY: {"NOT_FOUND": anything} if rpc == "TemplateService/Run" else elsewhere,
                Rule.CALLER: elsewhere | {"OK": anything} if rpc.endswith("PushRevocations") else elsewhere,
                Rule.OWN: {"NOT_FOUND": anything} | elsewhere,
                Rule.PICTURE: {"NOT_FOUND": anything} | elsewhere,
                Rule.SEEN: elsewhere,
                Rule.LIST: {"OK": anything} | elsewhere,
                Rule.NEW: {"OK": anything},
                Rule.ANYBODY: {"OK": anything},
            }[permission.rule]
    if rpc.endswith("PushRevocations"):
        return {"PERMISSION_DENIED": frozenset({"NOT_A_KERNEL"})}
    # The fake engine has no models for some methods, and loads none: then it is the right that was not refused.
    return {"OK": anything, "FAILED_PRECONDITION": frozenset({"MODEL_CANNOT", "ENGINE_CANNOT", "ENGINE_LOADS_ITSELF", "NO_MODEL", "NO_RESTORER"}),
            "NOT_FOUND": frozenset({"UNKNOWN_MODEL", "NO_MODEL"})}  # fmt: skip


@asynccontextmanager
async def matrix(folder: Path) -> AsyncIterator[Matrix]:
    """A server of its own, with everybody's credentials."""
    settings = Settings(data_dir=folder, port=0, default_model="icons")
    async with (
        server.running(settings, [FakeEngine()]) as running,
        grpc.aio.insecure_channel(running.address, options=MESSAGE_OPTIONS) as channel,
    ):
        with running.world.transaction() as connection:
            room, elsewhere = (create_entity(connection, {"name": name}, 2) for name in ("Studio", "Cellar"))
            painter = create_entity(connection, {"name": "Painter", "location": room}, 2)
            stranger = create_entity(connection, {"name": "Stranger", "location": elsewhere}, 2)
            mint_id = insert(connection, painter, "sys.mint", {"namespace": "diffusers"}).id
        operator = Client(channel, running.token, owner=painter)
        below_admin = [str(scope) for scope in Scope if scope is not Scope.ADMIN]

        async def key(**values: Any) -> str:
            made = await operator.keys.Create(key_pb2.CreateKeyRequest(**values))
            return str(made.text)

        texts = {
            "none": "",
            "wrong key": "vk_0123456789ab_" + secrets.token_urlsafe(32),
            "key without the scope": "",
            "another owner's key": await key(entity_id=stranger, scopes=below_admin),
            "another world's kernel": await key(kind=key_pb2.KEY_KIND_KERNEL, world="f" * 32),
            "right key": await key(entity_id=painter, scopes=[str(scope) for scope in Scope]),
        }
        yield Matrix(channel, operator, painter, stranger, room, mint_id, texts)


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
    method = dict(methods())["TemplateService/Save"]
    await things._call(method, template_pb2.SaveTemplateRequest(document_json=_document(name)), metadata)
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


_REQUESTS: dict[str, Callable[[Matrix], Awaitable[Any]]] = {
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
    "BlobService/Upload": _plain(blob_pb2.UploadRequest, chunk=PICTURE.data),
    "BlobService/Describe": _of_picture(blob_pb2.DescribeBlobRequest),
    "BlobService/Download": _of_picture(blob_pb2.DownloadRequest),
    "ModelService/List": _plain(model_pb2.ListModelsRequest),
    "ModelService/Load": _plain(model_pb2.LoadModelRequest, id="icons"),
    "ModelService/Unload": _plain(model_pb2.UnloadModelRequest, id="icons"),
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


_REQUESTS["ImageService/Invoke"] = _invoke
