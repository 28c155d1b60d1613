"""Every field of every request with hostile values: each call is answered clearly and soon, and never INTERNAL."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message_factory import GetMessageClass

from capabilities import imaging
from entity_store.world import SYSTEM_ID
from sidecar.pb.viwo.imagegen.v1 import (
    blob_pb2,
    capability_pb2,
    common_pb2,
    entity_pb2,
    image_pb2,
    job_pb2,
    model_pb2,
    system_pb2,
    template_pb2,
)
from sidecar.surfaces.proto.conversions import to_struct
from sidecar.testing.refusals import details
from sidecar.testing.requests import submission
from sidecar.testing.server import Sidecar, started

BUGS = {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN}
SLOW = 5.0
"""Seconds; every call here takes a few milliseconds on an idle machine."""
FILES = (
    blob_pb2, capability_pb2, entity_pb2, image_pb2, job_pb2, model_pb2, system_pb2, template_pb2,
)  # fmt: skip
METHODS = [
    method
    for file in FILES
    for service in file.DESCRIPTOR.services_by_name.values()
    for method in service.methods
]
TEXTS = [
    "", "\0", "a\0b", "\x01\x1b[2J\x7f", "\u2028\u202e\ufeff", "\ud7ff\U0010ffff", "%s%n{0}{a}", "../../etc/passwd", "/dev/zero",
    "' OR 1=1 --", "sha256:" + "0" * 64, "sha256:" + "G" * 64, "sha256:" + "0" * 10_000, "x" * 300_000, "_" * 100_000,
    "\u00e9" * 50_000, "[" * 100_000, "[" + "1," * 99_000 + "1]", '{"a":' * 5_000, "[1e400, -1e400]", '["a", {"seed": 1e400}]',
    f'["a", {{"seed": {"9" * 400}}}]', '["\\ud800"]', '{"\\udfff": 1}', "null", "NaN", "data:image/png;base64,", "embedding:" + "." * 9000,
    "(" * 5000 + "a" + ":1.1)" * 5000, "9" * 400, "-1", "1" * 5000, "0" * 26,
]  # fmt: skip
INTEGERS = [-1, 0, 1, -(2**31), 2**31 - 1, -(2**63), 2**63 - 1, 2**32 - 1, 2**64 - 1, 2**53]
FLOATS = [-1.0, 0.0, 1e-320, 1e308, float("inf"), float("-inf"), float("nan")]
ENUMS = [-1, 1, 2, 99, 2**31 - 1, -(2**31)]


SPARED = ("hires_fix", "read_mask", "variations", "timeout")
"""Messages that are left out of a sensible request, where an empty one is refused before anything else is read."""


KINDS = {
    "controlnet.generate": ("ControlTypes", "Preprocess", "Apply"), "diffusers.inpaint": ("Inpaint", "Outpaint"),
    "diffusers.upscale": ("Upscale", "UpscaleTraditional", "UpscaleImg2Img", "FaceRestore"), "image.edit": ("Edit",),
}  # fmt: skip


class Values:
    """Requests that are good, and each of their fields made bad in turn."""

    def __init__(self, good: dict[str, Any]) -> None:
        self._good = good

    def usual(self, descriptor: Any, depth: int = 0) -> Any:
        """A message with a sensible value in each field; of alternatives the first."""
        if descriptor.full_name in self._good:
            return self._good[descriptor.full_name]
        if depth > 4:
            return GetMessageClass(descriptor)()
        message = GetMessageClass(descriptor)()
        for field in descriptor.fields:
            oneof = field.containing_oneof
            if oneof is not None and len(oneof.fields) > 1 and field is not oneof.fields[0]:
                continue
            if field.message_type is not None:
                if (
                    depth < 4
                    and field.name not in SPARED
                    and not field.message_type.GetOptions().map_entry
                    and not field.is_repeated
                ):
                    own = self._good.get(f"{descriptor.name}.{field.name}")
                    getattr(message, field.name).CopyFrom(own or self.usual(field.message_type, depth + 1))
            elif not field.is_repeated:
                value = self._good.get(f"{descriptor.name}.{field.name}", self._good.get(field.name))
                if isinstance(value, str if field.cpp_type == FieldDescriptor.CPPTYPE_STRING else int):
                    setattr(message, field.name, value)
        return message

    def hostile(self, descriptor: Any, base: Any, depth: int = 0) -> Iterator[tuple[str, Any]]:
        """Copies of a message, each with one bad field, and what was done to it."""
        for field in descriptor.fields:
            if field.message_type is not None and field.message_type.GetOptions().map_entry:
                continue
            if field.message_type is not None:
                empty = GetMessageClass(field.message_type)()
                yield (
                    f"{field.name} empty",
                    self._with(base, field, [empty] * 3 if field.is_repeated else empty),
                )
                if depth < 3:
                    inner = self.usual(field.message_type, depth + 1)
                    for words, bad in self.hostile(field.message_type, inner, depth + 1):
                        yield (
                            f"{field.name}.{words}",
                            self._with(base, field, [bad] if field.is_repeated else bad),
                        )
                continue
            for value in self._bad(field):
                shown = repr(value)
                words = f"{field.name} = {shown if len(shown) < 40 else shown[:20] + str(len(shown))}"
                try:
                    yield words, self._with(base, field, [value] * 3 if field.is_repeated else value)
                except ValueError:
                    # A number that the field cannot hold on the wire either.
                    continue

    @staticmethod
    def _with(base: Any, field: Any, value: Any) -> Any:
        message = type(base)()
        message.CopyFrom(base)
        message.ClearField(field.name)
        if field.is_repeated:
            getattr(message, field.name).extend(value)
        elif field.message_type is not None:
            getattr(message, field.name).CopyFrom(value)
            getattr(message, field.name).SetInParent()
        else:
            setattr(message, field.name, value)
        return message

    @staticmethod
    def _bad(field: Any) -> list[Any]:
        match field.cpp_type:
            case FieldDescriptor.CPPTYPE_STRING:
                return (
                    TEXTS
                    if field.type == FieldDescriptor.TYPE_STRING
                    else [b"", b"\0", b"x" * 100_000, b"\x89PNG\r\n\x1a\n"]
                )
            case FieldDescriptor.CPPTYPE_BOOL:
                return [True]
            case FieldDescriptor.CPPTYPE_ENUM:
                return ENUMS
            case FieldDescriptor.CPPTYPE_FLOAT | FieldDescriptor.CPPTYPE_DOUBLE:
                return FLOATS
            case _:
                return INTEGERS


@pytest.fixture(scope="module")
async def sidecar(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sidecar]:
    """A server of its own, whose limit on calls a minute does not answer for what it should look at."""
    async with started(tiny, tmp_path_factory.mktemp("hostile"), work_per_minute=0) as running:
        yield running


@pytest.fixture(scope="module")
async def good(sidecar: Sidecar) -> dict[str, Any]:
    """A context that may do nothing in the end, so that no picture is made, and a picture."""
    picture = imaging.encode(imaging.from_pixels(bytes(16 * 16 * 3), 16, 16, 3), "png")
    blob = await sidecar.blobs.Upload(iter([blob_pb2.UploadRequest(chunk=picture)]))
    context = await sidecar.context({"max_compute": 0, "max_pixels": 1})
    job = await sidecar.jobs.Submit(submission(await sidecar.context()))
    await sidecar.ended(job.id)
    saved = await sidecar.entities.SaveImage(
        entity_pb2.SaveImageRequest(context=context, image=common_pb2.ImageSource(ref=blob.ref))
    )
    held = await sidecar.capabilities.List(
        capability_pb2.ListCapabilitiesRequest(owner_id=SYSTEM_ID, type="sys.mint")
    )
    batch = await sidecar.jobs.SubmitBatch(
        job_pb2.SubmitBatchRequest(tasks=[submission(await sidecar.context())])
    )
    document = {
        "name": "one",
        "steps": [{"id": "a", "method": "textToImage", "arguments": {"prompt": "a cat"}}],
    }
    exported = await sidecar.jobs.Export(job_pb2.ExportJobRequest(id=job.id))
    own = {name: await sidecar.mint() for name in ("Give", "Revoke", "Get")}
    ids = {
        "GetJobRequest.id": job.id, "WatchJobRequest.id": job.id, "CancelJobRequest.id": job.id,
        "RerunJobRequest.id": job.id, "ExportJobRequest.id": job.id, "ImportJobRequest.document_json": exported.document_json,
        "GetBatchRequest.id": batch.id, "CancelBatchRequest.id": batch.id, "GetEntityRequest.id": saved.id, "CallVerbRequest.entity_id": saved.id,
        "CallVerbRequest.verb": "transform", "CallVerbRequest.arguments_json": "[90]", "MintRequest.authority_id": held.capabilities[0].id,
        "MintRequest.caller_id": SYSTEM_ID, "MintRequest.type": "diffusers.generate", "DelegateRequest.parent_id": context.capability_id,
        "DelegateRequest.caller_id": context.caller_id, "GiveRequest.id": own["Give"], "GiveRequest.caller_id": sidecar.painter,
        "GiveRequest.target_id": sidecar.painter, "RevokeRequest.id": own["Revoke"], "RevokeRequest.caller_id": sidecar.painter,
        "GetCapabilityRequest.id": own["Get"], "LoadModelRequest.id": "sd", "UnloadModelRequest.id": "sd",
        "SaveTemplateRequest.document_json": json.dumps(document), "GetTemplateRequest.name": "one",
    }  # fmt: skip
    contexts = {
        f"{name}Request.context": await sidecar.context({"max_compute": 0, "max_pixels": 1}, kind=kind)
        for kind, names in KINDS.items()
        for name in names
    }
    return {
        **ids,
        **contexts,
        "viwo.imagegen.v1.CallContext": context,
        "viwo.imagegen.v1.ImageSource": common_pb2.ImageSource(ref=blob.ref),
        "google.protobuf.Struct": to_struct({"max_steps": 5}),
        "prompt": "a cat", "method": "textToImage", "arguments_json": '["a cat"]', "ref": blob.ref, "type": "canny",
    }  # fmt: skip


def call(sidecar: Sidecar, method: Any, request: Any) -> Any:
    """The call, whatever its shape; of a stream the first answer."""
    channel: Any = sidecar.channel
    path = f"/{method.containing_service.full_name}/{method.name}"
    shape = f"{'stream' if method.client_streaming else 'unary'}_{'stream' if method.server_streaming else 'unary'}"
    answers = GetMessageClass(method.output_type).FromString
    make = getattr(channel, shape)(
        path, request_serializer=type(request).SerializeToString, response_deserializer=answers
    )
    sent = make(iter([request]) if method.client_streaming else request, metadata=sidecar.token, timeout=20)
    return anext(aiter(sent)) if method.server_streaming else sent


@pytest.mark.parametrize(
    "method", METHODS, ids=lambda method: str(method.full_name).removeprefix("viwo.imagegen.v1.")
)
async def test_no_value_of_a_field_is_a_bug(sidecar: Sidecar, good: dict[str, Any], method: Any) -> None:
    values = Values(good)
    usual = values.usual(method.input_type)
    cases = [("usual", usual), ("empty", type(usual)()), *values.hostile(method.input_type, usual)]
    # These three take the same tasks, whose fields the other methods have been asked with already.
    cases = cases[:: {"Submit": 7, "Estimate": 5, "SubmitBatch": 3}.get(method.name, 1)]
    statuses: Counter[str] = Counter()
    for words, request in cases:
        begun = time.perf_counter()
        code, message = await answered(sidecar, method, request)
        seconds = time.perf_counter() - begun
        statuses[code.name] += 1
        assert code not in BUGS, f"{words}: {code.name} {message}"
        assert seconds < SLOW, f"{words}: {seconds:.1f} s"
    assert statuses.total() == len(cases)


async def answered(sidecar: Sidecar, method: Any, request: Any) -> tuple[grpc.StatusCode, str]:
    try:
        answer = await call(sidecar, method, request)
    except StopAsyncIteration:
        return grpc.StatusCode.OK, ""
    except grpc.aio.AioRpcError as error:
        code, message = error.code(), error.details() or ""
        return (code, message) if details(error).details else (grpc.StatusCode.INTERNAL, "no details")
    failure: Any = None
    if isinstance(answer, image_pb2.InvokeResponse):
        failure = json.loads(answer.result_json).get("error")
    elif isinstance(answer, job_pb2.EstimateResponse) and answer.HasField("refusal"):
        failure = {"code": answer.refusal.code, "message": answer.refusal.message}
    return (grpc.StatusCode[failure["code"]], failure["message"]) if failure else (grpc.StatusCode.OK, "")
