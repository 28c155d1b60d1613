"""What owners share goes on working, and what they do not share is nobody else's."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import Any

import grpc
import pytest

from entity_store.rooms import put_into
from sidecar import server
from sidecar.config import Settings
from sidecar.pb.viwo.imagegen.v1 import (
    blob_pb2,
    common_pb2,
    entity_pb2,
    image_pb2,
    job_pb2,
    key_pb2,
    template_pb2,
)
from sidecar.testing.client import Client
from sidecar.testing.fake_engine import FakeEngine
from sidecar.testing.refusals import error_info
from sidecar.testing.server import Sidecar, connected

LIMITS = {"allowed_models": ["icons"]}


@pytest.fixture
async def sidecar(tmp_path: Path) -> AsyncIterator[Sidecar]:
    settings = Settings(data_dir=tmp_path, port=0, default_model="icons")
    async with server.running(settings, [FakeEngine()]) as running, connected(running) as made:
        yield made


class Somebody:
    """An entity with a key and capabilities of its own."""

    def __init__(self, client: Client, entity_id: int) -> None:
        self.client = client
        self.id = entity_id

    async def draws(self, sidecar: Sidecar, **save: Any) -> common_pb2.Image:
        """A picture of theirs, saved as an entity."""
        request = image_pb2.TextToImageRequest(prompt=f"a cup of {self.id}")
        request.output.save.CopyFrom(common_pb2.SaveOptions(**save))
        made: image_pb2.ImageResponse = await self.client.images.TextToImage(request)
        return made.images[0]

    async def sees(self, ref: str) -> bool:
        try:
            await self.client.blobs.Describe(blob_pb2.DescribeBlobRequest(ref=ref))
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.NOT_FOUND:
                raise
            return False
        return True


async def somebody(sidecar: Sidecar, **props: object) -> Somebody:
    entity_id = sidecar.entity(**props)
    request = key_pb2.CreateKeyRequest(entity_id=entity_id)
    request.limits.update(LIMITS)
    made = await sidecar.keys.Create(request)
    return Somebody(Client(sidecar.channel, made.text, owner=entity_id), entity_id)


async def refused(call: Awaitable[Any]) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call
    return error.value


async def test_a_neighbours_picture_is_looked_at_and_laid_over_ones_own(sidecar: Sidecar) -> None:
    ada = await somebody(sidecar, name="Ada", location=sidecar.room)
    bob = await somebody(sidecar, name="Bob", location=sidecar.room)
    eve = await somebody(sidecar, name="Eve")
    hers = await ada.draws(sidecar, room_id=sidecar.room)
    his = await bob.draws(sidecar, room_id=sidecar.room)
    assert await bob.sees(hers.ref)
    assert not await eve.sees(hers.ref)
    history = await bob.client.jobs.History(job_pb2.HistoryRequest(ref=hers.ref))
    assert history.ref == hers.ref
    error = await refused(eve.client.jobs.History(job_pb2.HistoryRequest(ref=hers.ref)))
    assert error.code() is grpc.StatusCode.NOT_FOUND

    def composite(entity: int, overlay: object) -> entity_pb2.CallVerbRequest:
        return entity_pb2.CallVerbRequest(
            context=common_pb2.CallContext(caller_id=bob.id), entity_id=entity, verb="composite",
            arguments_json=json.dumps([overlay, 8, 8]),
        )  # fmt: skip

    for overlay in (hers.ref, hers.entity_id):
        await bob.client.entities.CallVerb(composite(his.entity_id, overlay))
    edited = image_pb2.EditRequest(image=common_pb2.ImageSource(ref=hers.ref))
    edited.operations.add().filter.kind = image_pb2.FILTER_KIND_GRAYSCALE
    await bob.client.images.Edit(edited)
    error = await refused(eve.client.images.Edit(edited))
    assert error_info(error).reason == "UNKNOWN_PICTURE"


async def test_a_picture_that_is_given_away_is_read_by_whoever_has_it(sidecar: Sidecar) -> None:
    ada = await somebody(sidecar, name="Ada", location=sidecar.room)
    bob = await somebody(sidecar, name="Bob")
    picture = await ada.draws(sidecar)
    assert not await bob.sees(picture.ref)
    with sidecar.running.world.transaction() as connection:
        put_into(connection, picture.entity_id, bob.id)
    assert await bob.sees(picture.ref)
    assert await ada.sees(picture.ref), "who had it made keeps reading it"


async def test_a_shared_template_is_run_by_another_and_a_private_one_is_not_there(sidecar: Sidecar) -> None:
    ada, bob = await somebody(sidecar, name="Ada"), await somebody(sidecar, name="Bob")
    step = {"name": "draw", "method": "textToImage", "arguments": {"prompt": "a cup", "seed": 5}}
    for name in ("shared", "private"):
        document = json.dumps({"format": "viwo-template/1", "name": name, "steps": [step]})
        await ada.client.templates.Save(
            template_pb2.SaveTemplateRequest(document_json=document, shared=name == "shared")
        )

    def run(name: str) -> template_pb2.RunTemplateRequest:
        return template_pb2.RunTemplateRequest(name=name, contexts=[common_pb2.CallContext(caller_id=bob.id)])

    error = await refused(bob.client.templates.Run(run("private")))
    assert error.code() is grpc.StatusCode.NOT_FOUND
    keys = (await sidecar.keys.List(key_pb2.ListKeysRequest())).keys
    bound = next(key for key in keys if key.entity_id == bob.id).capabilities["diffusers.generate"]
    request = template_pb2.RunTemplateRequest(
        name="shared", contexts=[common_pb2.CallContext(capability_id=bound, caller_id=bob.id)]
    )
    begun = await bob.client.templates.Run(request)
    seen = [item async for item in bob.client.templates.WatchRun(template_pb2.GetRunRequest(id=begun.id))]
    assert seen[-1].state == job_pb2.JOB_STATE_SUCCEEDED
    error = await refused(ada.client.templates.GetRun(template_pb2.GetRunRequest(id=begun.id)))
    assert error.code() is grpc.StatusCode.NOT_FOUND, "the run is of whoever ran it"
    # Deleting another's shared template is not to be had either.
    error = await refused(bob.client.templates.Delete(template_pb2.DeleteTemplateRequest(name="shared")))
    assert error.code() is grpc.StatusCode.NOT_FOUND


async def test_a_key_acts_as_its_entity_and_by_its_capabilities_only(sidecar: Sidecar) -> None:
    ada = await somebody(sidecar, name="Ada")
    other = await sidecar.context(owner=sidecar.painter)
    request = image_pb2.TextToImageRequest(context=other, prompt="a cup")
    assert error_info(await refused(ada.client.images.TextToImage(request))).reason == "NOT_YOUR_ENTITY"
    own = await sidecar.context(owner=ada.id)
    request.context.CopyFrom(common_pb2.CallContext(capability_id=own.capability_id, caller_id=ada.id))
    assert error_info(await refused(ada.client.images.TextToImage(request))).reason == "NOT_BOUND"
    request.context.CopyFrom(common_pb2.CallContext())
    made = await ada.client.images.TextToImage(request)
    job = await ada.client.jobs.Get(job_pb2.GetJobRequest(id=made.job_id))
    assert (job.context.caller_id, job.state) == (ada.id, job_pb2.JOB_STATE_SUCCEEDED)


async def test_an_operator_or_plugin_that_acts_as_somebody_is_told_no_more_than_they_are(
    sidecar: Sidecar,
) -> None:
    ada, bob = await somebody(sidecar, name="Ada"), await somebody(sidecar, name="Bob")
    picture = await ada.draws(sidecar)
    as_bob = (*sidecar.token, ("viwo-act-as", str(bob.id)))
    jobs = await sidecar.jobs.List(job_pb2.ListJobsRequest(), metadata=as_bob)
    assert not jobs.jobs
    error = await refused(
        sidecar.blobs.Describe(blob_pb2.DescribeBlobRequest(ref=picture.ref), metadata=as_bob)
    )
    assert error.code() is grpc.StatusCode.NOT_FOUND
    wrong = (*sidecar.token, ("viwo-act-as", "Bob"))
    error = await refused(sidecar.jobs.List(job_pb2.ListJobsRequest(), metadata=wrong))
    assert error_info(error).metadata["field"] == "viwo-act-as"
    elsewhere = (*sidecar.token, ("viwo-world", "f" * 32))
    error = await refused(sidecar.jobs.List(job_pb2.ListJobsRequest(), metadata=elsewhere))
    assert error.code() is grpc.StatusCode.FAILED_PRECONDITION


async def test_what_was_made_for_one_owner_does_not_answer_another(sidecar: Sidecar) -> None:
    ada, bob = await somebody(sidecar, name="Ada"), await somebody(sidecar, name="Bob")
    request = image_pb2.TextToImageRequest(prompt="a cup")
    request.options.seed = 7

    async def answered_by(somebody: Somebody) -> tuple[str, str]:
        made = await somebody.client.images.TextToImage(request)
        job = await somebody.client.jobs.Get(job_pb2.GetJobRequest(id=made.job_id))
        return job.id, job.answered_by

    first, _ = await answered_by(ada)
    assert (await answered_by(ada))[1] == first
    assert (await answered_by(bob))[1] == ""


async def test_whoever_acts_as_some_entities_calls_as_no_other(sidecar: Sidecar) -> None:
    ada, bob = await somebody(sidecar, name="Ada"), await somebody(sidecar, name="Bob")
    request = image_pb2.TextToImageRequest(context=await sidecar.context(owner=ada.id), prompt="a cup")
    as_both = (*sidecar.token, ("viwo-act-as", f"{ada.id},{bob.id}"))
    await sidecar.images.TextToImage(request, metadata=as_both)
    as_bob = (*sidecar.token, ("viwo-act-as", str(bob.id)))
    error = await refused(sidecar.images.TextToImage(request, metadata=as_bob))
    assert error_info(error).reason == "NOT_YOUR_ENTITY"
