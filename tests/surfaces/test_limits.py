"""What callers may have going on: bytes, calls, time, and work without a job."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from capabilities import imaging
from capabilities.errors import ResourceExhausted
from sidecar.application.decoding import DecodingThreads
from sidecar.pb.viwo.imagegen.v1 import (
    blob_pb2,
    capability_pb2,
    common_pb2,
    entity_pb2,
    image_pb2,
    job_pb2,
    system_pb2,
)
from sidecar.surfaces.grpc.limits import MAX_CALLERS, MAX_PICTURE, OPEN_WATCHES, Rates, Turns
from sidecar.surfaces.proto.field_count import MOST_FIELDS, has_too_many_fields
from sidecar.testing.refusals import error_info, refused, retry_delay
from sidecar.testing.requests import submission, text_to_image
from sidecar.testing.server import Sidecar, started

MEGABYTE = 1024 * 1024


def png() -> bytes:
    return imaging.encode(imaging.from_pixels(bytes(8 * 8 * 3), 8, 8, 3), "png")


@pytest.fixture(scope="module")
async def impatient(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sidecar]:
    """A server that waits half a second for a message, and takes 8 estimates a minute."""
    folder = tmp_path_factory.mktemp("impatient")
    async with started(tiny, folder, receive_seconds=0.5, work_per_minute=8) as running:
        yield running


@pytest.mark.parametrize(
    "method",
    ["ImageService/TextToImage", "JobService/Watch", "CapabilityService/Get", "BlobService/Upload"],
)
async def test_a_call_whose_body_does_not_come_ends(impatient: Sidecar, method: str) -> None:
    """The client says that it will send, and never does: half open."""
    channel: Any = impatient.channel
    call = channel.stream_stream(f"/viwo.imagegen.v1.{method}")(metadata=impatient.token)
    await _ends_as_too_slow(call)


async def test_an_upload_that_stops_in_the_middle_ends(impatient: Sidecar) -> None:
    channel: Any = impatient.channel
    call = channel.stream_stream("/viwo.imagegen.v1.BlobService/Upload")(metadata=impatient.token)
    await call.write(blob_pb2.UploadRequest(chunk=png()[:20]).SerializeToString())
    await call.write(blob_pb2.UploadRequest(chunk=png()[20:]).SerializeToString())
    await _ends_as_too_slow(call)


async def _ends_as_too_slow(call: Any) -> None:
    error = await refused(call.read())
    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert error_info(error).reason == "BODY_TOO_SLOW"
    assert "0.5 seconds" in error_info(error).metadata["limit"]


async def test_an_upload_that_drips_ends_too(impatient: Sidecar) -> None:
    channel: Any = impatient.channel
    call = channel.stream_unary("/viwo.imagegen.v1.BlobService/Upload")(metadata=impatient.token)

    ended = asyncio.ensure_future(refused(call))
    while not ended.done():
        with contextlib.suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
            await call.write(blob_pb2.UploadRequest(chunk=b"x").SerializeToString())
        await asyncio.wait([ended], timeout=0.1)
    error = await ended
    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert error_info(error).reason == "BODY_TOO_SLOW"


async def test_half_open_health_checks_do_not_keep_others_out(sidecar: Sidecar) -> None:
    channel: Any = sidecar.channel
    hanging = [channel.stream_unary("/grpc.health.v1.Health/Check")() for _ in range(40)]
    async with grpc.aio.insecure_channel(
        sidecar.running.address, options=(("grpc.use_local_subchannel_pool", 1),)
    ) as other:
        health: Any = health_pb2_grpc.HealthStub(other)
        assert (await health.Check(health_pb2.HealthCheckRequest())).status == 1
    codes = {(await refused(call)).code() for call in hanging}
    assert codes <= {grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.RESOURCE_EXHAUSTED}


async def test_a_call_without_a_message_is_refused(sidecar: Sidecar) -> None:
    channel: Any = sidecar.channel
    for method in ("CapabilityService/Get", "JobService/List", "SystemService/Status"):
        call = channel.stream_unary(f"/viwo.imagegen.v1.{method}")(metadata=sidecar.token)
        await call.done_writing()
        error = await refused(call)
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert error_info(error).reason == "NO_MESSAGE"


@pytest.mark.parametrize(
    ("settings", "field"),
    [({"max_calls": 3, "max_calls_per_peer": 3}, "max_calls"), ({"max_calls": 6}, "max_calls_per_peer"),
     ({"max_calls": 9, "max_calls_per_peer": 3}, "max_calls_per_peer")],
)  # fmt: skip
async def test_calls_at_a_time_are_counted(
    tiny: Path, tmp_path: Path, settings: dict[str, int], field: str
) -> None:
    async with started(tiny, tmp_path, **settings) as sidecar:
        await _three_calls_and_no_fourth(sidecar, field)


async def _three_calls_and_no_fourth(sidecar: Sidecar, field: str) -> None:
    request = submission(await sidecar.context(), steps=150, width=256, height=256, count=4)
    job = await sidecar.jobs.Submit(request)
    watches = [sidecar.jobs.Watch(job_pb2.WatchJobRequest(id=job.id)) for _ in range(3)]
    for watch in watches:
        await watch.read()
    for call in (
        sidecar.system.Status(system_pb2.StatusRequest()),
        sidecar.jobs.Get(job_pb2.GetJobRequest(id=job.id)),
        sidecar.capabilities.List(capability_pb2.ListCapabilitiesRequest()),
        sidecar.blobs.Upload(iter([blob_pb2.UploadRequest(chunk=png())])),
    ):
        error = await refused(call)
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert (error_info(error).reason, error_info(error).metadata["field"]) == ("TOO_MANY_CALLS", field)
        assert retry_delay(error) > 0
    health: Any = health_pb2_grpc.HealthStub(sidecar.channel)
    assert (await health.Check(health_pb2.HealthCheckRequest())).status == 1
    for watch in watches:
        watch.cancel()
    # The server hears of the cancels in its own time.
    while True:
        try:
            await sidecar.jobs.Cancel(job_pb2.CancelJobRequest(id=job.id))
            break
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.RESOURCE_EXHAUSTED:
                raise


async def test_estimates_and_other_work_without_a_job_have_a_rate(impatient: Sidecar) -> None:
    context, other = await impatient.context(), await impatient.context()
    picture = common_pb2.ImageSource(data=png())

    def calls(by: common_pb2.CallContext) -> list[Any]:
        return [
            impatient.jobs.Estimate(submission(by)),
            impatient.entities.SaveImage(entity_pb2.SaveImageRequest(context=by, image=picture)),
            impatient.entities.CallVerb(entity_pb2.CallVerbRequest(context=by, entity_id=1, verb="get_data")),
            impatient.jobs.Import(job_pb2.ImportJobRequest(context=by, document_json="{}")),
        ]

    answers = await asyncio.gather(*calls(context), *calls(context), return_exceptions=True)
    assert not any(
        isinstance(item, grpc.aio.AioRpcError) and item.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        for item in answers
    )
    for call in calls(context):
        error = await refused(call)
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert error_info(error).metadata["field"] == "work_per_minute"
        assert 0 < retry_delay(error) <= 60 / 8
    assert (await impatient.jobs.Estimate(submission(other))).model_id == "sd"
    assert (await impatient.images.TextToImage(text_to_image(context))).images


async def test_uploads_have_a_rate_by_machine(tiny: Path, tmp_path: Path) -> None:
    async with started(tiny, tmp_path, work_per_minute=5) as sidecar:
        for _ in range(5):
            ref = (await sidecar.blobs.Upload(iter([blob_pb2.UploadRequest(chunk=png())]))).ref
        for call in (
            sidecar.blobs.Upload(iter([blob_pb2.UploadRequest(chunk=png())])),
            sidecar.blobs.Describe(blob_pb2.DescribeBlobRequest(ref=ref)),
            sidecar.entities.Install(entity_pb2.InstallRequest()),
        ):
            error = await refused(call)
            assert error_info(error).reason == "TOO_MANY_REQUESTS"
            assert retry_delay(error) > 0


async def test_a_picture_ends_at_32_mib_however_it_comes(sidecar: Sidecar) -> None:
    chunk = bytes(MEGABYTE)
    chunks = [blob_pb2.UploadRequest(chunk=png() if place == 0 else chunk) for place in range(33)]
    error = await refused(sidecar.blobs.Upload(iter(chunks)))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert error_info(error).metadata["limit"] == f"{MAX_PICTURE} bytes"
    context = await sidecar.context(kind="image.edit")
    large = png() + bytes(MAX_PICTURE)
    error = await refused(
        sidecar.images.Edit(image_pb2.EditRequest(
            context=context, image=common_pb2.ImageSource(data=large),
            operations=[image_pb2.EditOperation(transform=image_pb2.Transform(rotation=90))],
        ))
    )  # fmt: skip
    assert error_info(error).reason == "IMAGE_TOO_LARGE"
    error = await refused(
        sidecar.entities.SaveImage(
            entity_pb2.SaveImageRequest(context=context, image=common_pb2.ImageSource(data=large))
        )
    )
    assert error_info(error).reason == "IMAGE_TOO_LARGE"


async def test_a_large_picture_still_comes_and_goes(sidecar: Sidecar) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (2000, 2000, 3), dtype=np.uint8)
    data = imaging.encode(imaging.from_pixels(noise.tobytes(), 2000, 2000, 3), "png")
    assert len(data) > 10 * MEGABYTE
    pieces = [data[at : at + 700_001] for at in range(0, len(data), 700_001)]
    blob = await sidecar.blobs.Upload(iter([blob_pb2.UploadRequest(chunk=piece) for piece in pieces]))
    answers = [item async for item in sidecar.blobs.Download(blob_pb2.DownloadRequest(ref=blob.ref))]
    assert b"".join(item.chunk for item in answers) == data
    assert answers[0].blob == blob
    assert not answers[1].HasField("blob")


async def test_reflection_and_health_work_as_before(sidecar: Sidecar) -> None:
    stub: Any = reflection_pb2_grpc.ServerReflectionStub(sidecar.channel)
    requests = [reflection_pb2.ServerReflectionRequest(list_services="")] * 3
    answers = [item async for item in stub.ServerReflectionInfo(iter(requests), metadata=sidecar.token)]
    assert len(answers) == 3
    assert len(answers[0].list_services_response.service) > 8
    health: Any = health_pb2_grpc.HealthStub(sidecar.channel)
    watch = health.Watch(health_pb2.HealthCheckRequest())
    assert (await watch.read()).status == 1
    watch.cancel()
    error = await refused(health.Check(health_pb2.HealthCheckRequest(service="nobody")))
    assert error.code() is grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize("size", [9_000, 17_000, 200_000])
async def test_headers_have_a_bound(sidecar: Sidecar, size: int) -> None:
    metadata = (*sidecar.token, ("x-flood", "x" * 2 * size))
    error = await refused(sidecar.system.Status(system_pb2.StatusRequest(), metadata=metadata))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert (await sidecar.system.Status(system_pb2.StatusRequest())).engine_pid


@pytest.mark.parametrize(
    "request_",
    [
        image_pb2.ApplyRequest(controls=[image_pb2.Control()] * (MOST_FIELDS + 1)),
        job_pb2.SubmitBatchRequest(tasks=[job_pb2.SubmitJobRequest()] * (MOST_FIELDS + 1)),
        job_pb2.SubmitBatchRequest(variations=job_pb2.Variations(seeds=[1] * 200_000)),
        job_pb2.SubmitBatchRequest(variations=job_pb2.Variations(prompts=[""] * 200_000)),
    ],
    ids=["controls", "tasks", "seeds", "prompts"],
)
async def test_messages_of_very_many_fields_are_not_parsed(sidecar: Sidecar, request_: Any) -> None:
    call: Any = (
        sidecar.images.Apply if isinstance(request_, image_pb2.ApplyRequest) else sidecar.jobs.SubmitBatch
    )
    error = await refused(call(request_))
    assert error_info(error).reason == "TOO_MANY_FIELDS"


async def test_variations_of_a_large_task_are_not_copied(sidecar: Sidecar) -> None:
    task = submission(await sidecar.context(), "x" * 15_000)
    for variations, reason in (
        (job_pb2.Variations(task=job_pb2.SubmitJobRequest(image_to_image=image_pb2.ImageToImageRequest(
            image=common_pb2.ImageSource(data=bytes(MEGABYTE)))), count=900), "TOO_LARGE"),
        (job_pb2.Variations(task=task, prompts=["x" * 100_000], count=1000), "BAD_ARGUMENT"),
    ):  # fmt: skip
        error = await refused(sidecar.jobs.SubmitBatch(job_pb2.SubmitBatchRequest(variations=variations)))
        assert error_info(error).reason == reason


def test_a_picture_is_not_many_fields() -> None:
    source = common_pb2.ImageSource(data=bytes(MEGABYTE))
    whole = entity_pb2.SaveImageRequest(image=source).SerializeToString()
    assert not has_too_many_fields(whole, entity_pb2.SaveImageRequest.DESCRIPTOR)
    for broken in (whole[:-1], b"\xff" * 100_000, b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01" * 9000):
        assert not has_too_many_fields(broken, entity_pb2.SaveImageRequest.DESCRIPTOR)


def test_a_bucket_fills_again_and_remembers_only_so_many() -> None:
    now = [0.0]
    rates = Rates(60, lambda: now[0])
    for _ in range(60):
        rates.count("a", "Estimate")
    with pytest.raises(ResourceExhausted) as refusal:
        rates.count("a", "Estimate")
    assert refusal.value.retry_after == pytest.approx(1)
    now[0] = 1.01
    rates.count("a", "Estimate")
    for number in range(3 * MAX_CALLERS):
        rates.count(str(number), "Estimate")
    assert len(rates._left) == MAX_CALLERS


async def test_turns_are_shared_between_connections() -> None:
    turns = Turns(4)
    await turns.take("a")
    await turns.take("a")
    third = asyncio.ensure_future(turns.take("a"))
    await turns.take("b")
    left = asyncio.ensure_future(turns.take("a"))
    await asyncio.sleep(0)
    assert not third.done()
    left.cancel()
    turns.give_back("a")
    await third
    turns.give_back("a")
    turns.give_back("a")
    turns.give_back("b")
    await asyncio.gather(*(turns.take(name) for name in "aabb"))


async def test_so_few_decode_at_a_time() -> None:
    import threading

    threads = DecodingThreads(2)
    running, most, gate = 0, 0, threading.Event()
    lock, both = threading.Lock(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def decode() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
            if running == 2:
                loop.call_soon_threadsafe(both.set)
        gate.wait()
        with lock:
            running -= 1

    calls = [asyncio.ensure_future(threads.run(decode)) for _ in range(7)]
    await both.wait()
    calls[6].cancel()
    gate.set()
    await asyncio.gather(*calls[:6])
    assert most == 2
    threads.close()


async def test_watches_without_a_token_keep_nobody_from_asking(sidecar: Sidecar) -> None:
    async with grpc.aio.insecure_channel(sidecar.running.address) as stranger:
        health: Any = health_pb2_grpc.HealthStub(stranger)
        watches = [health.Watch(health_pb2.HealthCheckRequest()) for _ in range(OPEN_WATCHES)]
        for watch in watches:
            assert (await watch.read()).status == 1
        error = await refused(anext(aiter(health.Watch(health_pb2.HealthCheckRequest()))))
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert (await health.Check(health_pb2.HealthCheckRequest())).status == 1
        ours: Any = health_pb2_grpc.HealthStub(sidecar.channel)
        watch = ours.Watch(health_pb2.HealthCheckRequest(), metadata=sidecar.token)
        assert (await watch.read()).status == 1
        for each in (*watches, watch):
            each.cancel()


@pytest.mark.parametrize(("mebibytes", "piece"), [(33, 1), (40, 1), (100, 1), (40, 4)])
async def test_an_upload_that_is_too_large_is_told_so(sidecar: Sidecar, mebibytes: int, piece: int) -> None:
    async def pieces() -> Any:
        for _ in range(mebibytes // piece + 1):
            yield blob_pb2.UploadRequest(chunk=bytes(piece * MEGABYTE))

    error = await refused(sidecar.blobs.Upload(pieces()))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert error_info(error).metadata["limit"] == f"{32 * 1024 * 1024} bytes"
