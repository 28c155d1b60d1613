"""Two thousand malformed inputs: each is answered with a clear status, and the server stays as it was."""

from __future__ import annotations

import json
import random
import struct
import zlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

import grpc
import psutil

from capabilities import imaging
from sidecar.pb.viwo.imagegen.v1 import blob_pb2, common_pb2, entity_pb2, image_pb2, job_pb2
from sidecar.surfaces.proto.conversions import to_struct
from sidecar.testing.refusals import details
from sidecar.testing.requests import submission, text_to_image
from sidecar.testing.server import Sidecar

COUNT = 2000
BUGS = {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN}
MEGABYTE = 1024 * 1024

Case = tuple[str, Any]


async def test_two_thousand_malformed_inputs(sidecar: Sidecar) -> None:
    random_source = random.Random(20261121)
    context = await sidecar.context({"max_compute": 1})
    # The first two hundred warm every code path and cache, so that growth after them is a leak.
    cases = malformed(sidecar, context, random_source)
    server = psutil.Process()
    statuses: Counter[grpc.StatusCode] = Counter()
    baseline = 0
    for number in range(COUNT):
        if number == 200:
            baseline = server.memory_info().rss
        name, call = next(cases)
        statuses[await _status(name, call)] += 1
    assert statuses.total() == COUNT
    assert len(statuses) >= 4, statuses
    grown = server.memory_info().rss - baseline
    assert grown < 64 * MEGABYTE, f"memory grew by {grown / MEGABYTE:.0f} MiB"
    job = await sidecar.images.TextToImage(text_to_image(context))
    assert job.images


async def _status(name: str, call: Any) -> grpc.StatusCode:
    """How a malformed call was answered; anything but a clear refusal fails the test."""
    refusal = None
    try:
        answer = await call
    except grpc.aio.AioRpcError as error:
        refusal = error
    if refusal is not None:
        assert refusal.code() not in BUGS, f"{name}: {refusal.code()} {refusal.details()}"
        assert refusal.details(), name
        assert details(refusal).details, name
        return refusal.code()
    assert isinstance(answer, image_pb2.InvokeResponse), f"{name} was accepted"
    result = json.loads(answer.result_json)
    assert result["ok"] is False, name
    assert result["error"]["code"] not in ("INTERNAL", "UNKNOWN"), f"{name}: {result['error']}"
    return grpc.StatusCode.OK


def malformed(sidecar: Sidecar, context: common_pb2.CallContext, source: random.Random) -> Iterator[Case]:
    """Endless malformed calls, of every kind in turn."""
    raw = _raw_methods(sidecar)
    pictures = list(_bad_pictures(source))
    while True:
        method = source.choice(list(raw))
        yield f"random bytes to {method}", raw[method](source.randbytes(source.randrange(1, 400)))
        yield "number options", sidecar.images.TextToImage(_bad_numbers(context, source))
        yield "bad picture", sidecar.entities.SaveImage(_save(context, source.choice(pictures)))
        data = bytearray(source.choice(pictures))
        yield "truncated picture", sidecar.entities.SaveImage(_save(context, bytes(data[: len(data) // 2])))
        yield "script arguments", sidecar.images.Invoke(_bad_script(context, source))
        yield "bad context", sidecar.images.TextToImage(text_to_image(_bad_context(context, source)))
        yield "bad verb", sidecar.entities.CallVerb(_bad_verb(context, source))
        yield (
            "no job",
            sidecar.jobs.Get(job_pb2.GetJobRequest(id=source.choice(["", "x" * 10_000, "' OR 1=1 --"]))),
        )
        yield (
            "bad page",
            sidecar.jobs.List(job_pb2.ListJobsRequest(page_size=source.choice([-1, 10**6, 2**31 - 1]))),
        )
        yield (
            "no picture",
            sidecar.entities.SaveImage(
                entity_pb2.SaveImageRequest(
                    context=context, image=common_pb2.ImageSource(ref="sha256:../../etc/passwd")
                )
            ),
        )
        yield "long prompt", sidecar.images.TextToImage(text_to_image(context, "x" * MEGABYTE))
        yield "not a number", sidecar.capabilities.Mint(_bad_mint(source))
        yield "empty submission", sidecar.jobs.Submit(job_pb2.SubmitJobRequest())
        yield "huge request id", sidecar.jobs.Submit(_with_request_id(submission(context), "x" * 1000))
        yield (
            "bad upload",
            sidecar.blobs.Upload(iter([blob_pb2.UploadRequest(chunk=source.choice(pictures))])),
        )
        download = sidecar.blobs.Download(
            blob_pb2.DownloadRequest(ref=source.choice(["", "sha256:", "x" * 99]))
        )
        yield "bad download", anext(aiter(download))


def _raw_methods(sidecar: Sidecar) -> dict[str, Any]:
    """Calls that send bytes as they are."""
    names = (
        "ImageService/TextToImage", "ImageService/Invoke", "JobService/Submit", "CapabilityService/Mint",
        "EntityService/SaveImage", "EntityService/CallVerb", "ModelService/Load",
    )  # fmt: skip

    def caller(name: str) -> Any:
        channel: Any = sidecar.channel
        call = channel.unary_unary(f"/viwo.imagegen.v1.{name}")
        # A leading byte that no field may have keeps random bytes from being a message by chance.
        return lambda data: call(b"\x07" + data, metadata=sidecar.token)

    return {name: caller(name) for name in names}


def _bad_numbers(context: common_pb2.CallContext, source: random.Random) -> image_pb2.TextToImageRequest:
    integers = [-(2**31), -1, 0, 2**31 - 1]
    options: dict[str, Any] = source.choice(
        [
            {"width": source.choice(integers)}, {"height": source.choice(integers)},
            {"steps": source.choice(integers)}, {"count": source.choice(integers)},
            {"seed": source.choice([-1, -(2**63), 2**53, 2**63 - 1])},
            {"guidance_scale": source.choice([float("nan"), float("inf"), -1.0, 1e308])},
            {"scheduler": source.choice(["\x01", "🐉" * 30, "x" * 65])},
            {"model_id": source.choice(["", "../../etc", "no/such/model", "x" * 600, "a\0b"])},
        ]
    )  # fmt: skip
    return text_to_image(context, **options)


def _bad_script(context: common_pb2.CallContext, source: random.Random) -> image_pb2.InvokeRequest:
    texts = [
        "", "[]", "{}", "null", "[1]", '["a", 1]', '["\\ud800"]', '["a", {"seed": NaN}]', '["a", {"steps": 1e400}]',
        '["a", {"width": "64"}]', '["a", {"seed": true}]', "[" * 100_000, '["a", {"save": 1}]', '["a\\u0000b"]',
        '["a", {"room": -1, "save": true}]', '["a", {"room": 1e30, "save": true}]', "\u2028", '["a", "b", "c"]',
        json.dumps(["x" * MEGABYTE]), json.dumps(["a", {"width": 10**40}]), '["a", {"save": true, "name": "\\udfff"}]',
        json.dumps(["a", {source.choice("abcxyz") * 9: source.random()}]),
    ]  # fmt: skip
    method = source.choice(["textToImage", "text_to_image"]) if source.random() < 0.9 else "💥" * 9
    return image_pb2.InvokeRequest(context=context, method=method, arguments_json=source.choice(texts))


def _bad_context(context: common_pb2.CallContext, source: random.Random) -> common_pb2.CallContext:
    bad = common_pb2.CallContext()
    bad.CopyFrom(context)
    change: dict[str, Any] = source.choice(
        [
            {"capability_id": ""}, {"capability_id": "x" * 100_000}, {"capability_id": "'; DROP TABLE capabilities"},
            {"caller_id": 0}, {"caller_id": -5}, {"caller_id": 2**63 - 1, "this_id": -(2**63)},
            {"capability_statement": "eyJhbGciOiJub25lIn0"},
        ]
    )  # fmt: skip
    for name, value in change.items():
        setattr(bad, name, value)
    return bad


def _bad_verb(context: common_pb2.CallContext, source: random.Random) -> entity_pb2.CallVerbRequest:
    return entity_pb2.CallVerbRequest(
        context=context,
        entity_id=source.choice([0, -1, 1, 2, 2**63 - 1]),
        verb=source.choice(["transform", "filter", "composite", "get_data", "explode", ""]),
        arguments_json=source.choice(["[]", "[NaN]", "{", "[1e999]", '["\\ud800"]']),
    )


def _bad_mint(source: random.Random) -> Any:
    from sidecar.pb.viwo.imagegen.v1 import capability_pb2

    params = to_struct({"max_steps": source.choice([-1, 0.5, "many"]), "who": "knows"})
    if source.random() < 0.3:
        params.fields["max_compute"].number_value = float("nan")
    return capability_pb2.MintRequest(
        authority_id=source.choice(["", "nothing"]), caller_id=3, type="diffusers.generate", params=params
    )


def _with_request_id(request: job_pb2.SubmitJobRequest, request_id: str) -> job_pb2.SubmitJobRequest:
    request.request_id = request_id
    return request


def _save(context: common_pb2.CallContext, data: bytes) -> entity_pb2.SaveImageRequest:
    return entity_pb2.SaveImageRequest(context=context, image=common_pb2.ImageSource(data=data))


def _bad_pictures(source: random.Random) -> Iterator[bytes]:
    noise = imaging.from_pixels(source.randbytes(48 * 48 * 3), 48, 48, 3)
    for name in ("png", "jpeg", "webp"):
        whole = imaging.encode(noise, name)
        for _ in range(12):
            yield whole[: source.randrange(1, len(whole) - 30)]
    yield b""
    yield source.randbytes(5000)
    yield b"\x89PNG\r\n\x1a\n" + source.randbytes(200)
    yield b"\xff\xd8\xff" + source.randbytes(200)
    yield b"RIFF\x00\x01\x00\x00WEBP" + source.randbytes(200)
    yield b"GIF89a\xff\xff\xff\xff" + source.randbytes(200)
    yield b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>"
    yield b"%PDF-1.4"
    yield b"II*\0" + source.randbytes(100)
    yield _bomb(60_000, 60_000)
    yield _bomb(16_000, 16_000)
    yield _bomb(2**31 - 1, 1)


def _bomb(width: int, height: int) -> bytes:
    """A PNG whose header claims a size that its few bytes inflate towards."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(b"\0" * MEGABYTE, 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
