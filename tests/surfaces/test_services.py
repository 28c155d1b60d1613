"""The services beside ImageService and JobService, over gRPC."""

from __future__ import annotations

import json
from typing import Any

import grpc
import numpy as np
import pytest

from capabilities import imaging
from capabilities.methods import METHODS
from entity_store.world import SYSTEM_ID
from sidecar.pb.viwo.imagegen.v1 import (
    blob_pb2,
    capability_pb2,
    common_pb2,
    entity_pb2,
    model_pb2,
)
from sidecar.surfaces.proto.conversions import from_struct, to_struct
from sidecar.testing.pictures import pixels
from sidecar.testing.refusals import error_info, refused
from sidecar.testing.server import Sidecar

GREEN = imaging.encode(imaging.from_pixels(bytes([0, 200, 0]) * 40 * 30, 40, 30, 3))


async def saved(sidecar: Sidecar, data: bytes = GREEN, **options: Any) -> entity_pb2.ImageEntity:
    request = entity_pb2.SaveImageRequest(
        context=await sidecar.context(),
        image=common_pb2.ImageSource(data=data),
        options=common_pb2.SaveOptions(**options),
        metadata=to_struct({"prompt": "green"}),
    )
    entity: entity_pb2.ImageEntity = await sidecar.entities.SaveImage(request)
    return entity


def verb(
    sidecar: Sidecar, entity_id: int, name: str, *arguments: object, capability_id: str = "", caller: int = 0
) -> Any:
    caller = caller or sidecar.painter
    context = common_pb2.CallContext(capability_id=capability_id, caller_id=caller, this_id=caller)
    return sidecar.entities.CallVerb(
        entity_pb2.CallVerbRequest(
            context=context, entity_id=entity_id, verb=name, arguments_json=json.dumps(arguments)
        )
    )


class TestCapabilities:
    async def test_delegation_narrows_and_giving_moves(self, sidecar: Sidecar) -> None:
        parent = await sidecar.mint({"max_steps": 20, "allowed_models": ["a", "b"]})
        child = await sidecar.capabilities.Delegate(
            capability_pb2.DelegateRequest(
                parent_id=parent,
                caller_id=sidecar.painter,
                restrictions=to_struct({"max_steps": 50, "allowed_models": ["b", "c"]}),
            )
        )
        params = from_struct(child.params)
        assert params.pop("budget_account")
        assert params == {"max_steps": 20, "allowed_models": ["b"]}
        assert child.parent_id == parent
        friend = sidecar.entity(name="Friend")
        given = await sidecar.capabilities.Give(
            capability_pb2.GiveRequest(id=child.id, caller_id=sidecar.painter, target_id=friend)
        )
        assert given.owner_id == friend
        error = await refused(
            sidecar.capabilities.Give(
                capability_pb2.GiveRequest(id=child.id, caller_id=sidecar.painter, target_id=friend)
            )
        )
        assert error.code() is grpc.StatusCode.PERMISSION_DENIED

    async def test_revoking_takes_what_was_delegated_along(self, sidecar: Sidecar) -> None:
        top = await sidecar.mint()
        chain = [top]
        for _ in range(3):
            child = await sidecar.capabilities.Delegate(
                capability_pb2.DelegateRequest(parent_id=chain[-1], caller_id=sidecar.painter)
            )
            chain.append(child.id)
        answer = await sidecar.capabilities.Revoke(
            capability_pb2.RevokeRequest(id=top, caller_id=sidecar.painter)
        )
        assert list(answer.revoked_ids) == chain
        for capability_id in chain:
            error = await refused(
                sidecar.capabilities.Get(capability_pb2.GetCapabilityRequest(id=capability_id))
            )
            assert error.code() is grpc.StatusCode.NOT_FOUND

    async def test_limits_that_nobody_holds_are_not_minted(self, sidecar: Sidecar) -> None:
        name = "max_colour"
        held = await sidecar.capabilities.List(
            capability_pb2.ListCapabilitiesRequest(owner_id=SYSTEM_ID, type="sys.mint")
        )
        request = capability_pb2.MintRequest(
            authority_id=held.capabilities[0].id,
            caller_id=SYSTEM_ID,
            type="diffusers.generate",
            params=to_struct({name: 1}),
        )
        error = await refused(sidecar.capabilities.Mint(request))
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert error_info(error).metadata["field"] == name

    async def test_an_expiry_is_told_as_a_time(self, sidecar: Sidecar) -> None:
        capability_id = await sidecar.mint({"expires_at": "2040-02-03T04:05:06+01:00"})
        got = await sidecar.capabilities.Get(capability_pb2.GetCapabilityRequest(id=capability_id))
        assert got.expire_time.ToJsonString() == "2040-02-03T03:05:06Z"

    async def test_pages(self, sidecar: Sidecar) -> None:
        owner = sidecar.entity(name="Collector")
        minted = [await sidecar.mint({"max_steps": number}, owner=owner) for number in range(1, 6)]
        found: list[str] = []
        token = ""
        while True:
            page = await sidecar.capabilities.List(
                capability_pb2.ListCapabilitiesRequest(owner_id=owner, page_size=2, page_token=token)
            )
            found += [item.id for item in page.capabilities]
            token = page.next_page_token
            if not token:
                break
        assert found == minted

    async def test_methods_are_described_from_the_table(self, sidecar: Sidecar) -> None:
        answer = await sidecar.capabilities.DescribeMethods(capability_pb2.DescribeMethodsRequest())
        assert [item.name for item in answer.methods] == [method.name for method in METHODS]
        by_name = {item.name: item for item in answer.methods[0].parameters}
        assert by_name["prompt"].required
        assert by_name["prompt"].positional
        assert "num_inference_steps" in by_name["numInferenceSteps"].aliases
        assert list(by_name["format"].enum_values) == ["png", "jpeg", "webp"]
        assert by_name["width"].minimum == 1


class TestEntities:
    async def test_a_saved_picture_reads_back(self, sidecar: Sidecar) -> None:
        entity = await saved(sidecar, name="grass", room_id=sidecar.room)
        request = entity_pb2.GetEntityRequest(id=entity.id, include_data=True)
        got = await sidecar.entities.Get(request)
        assert got.image.data == GREEN
        assert (got.name, got.location, got.version) == ("grass", sidecar.room, 1)
        assert got.metadata["prompt"] == "green"
        assert [item.verb for item in got.history] == ["save"]
        listed = await sidecar.entities.List(entity_pb2.ListEntitiesRequest(room_id=sidecar.room))
        assert entity.id in [item.id for item in listed.entities]

    async def test_verbs_make_versions_and_lose_nothing(self, sidecar: Sidecar) -> None:
        entity = await saved(sidecar)
        turned = await verb(sidecar, entity.id, "transform", 90, 2)
        assert (turned.entity.image.width, turned.entity.image.height) == (60, 80)
        grey = await verb(sidecar, entity.id, "filter", "grayscale")
        assert grey.entity.version == 3
        red = imaging.encode(imaging.from_pixels(bytes([255, 0, 0]) * 4, 2, 2, 3))
        other = await saved(sidecar, red)
        for number, overlay in enumerate((other.id, other.image.ref)):
            answer = await verb(sidecar, entity.id, "composite", overlay, number * 10, 5)
            assert answer.entity.version == 4 + number
        got = await sidecar.entities.Get(entity_pb2.GetEntityRequest(id=entity.id, include_data=True))
        data = pixels(got.image.data)
        assert data.shape == (80, 60, 3)
        for x in (0, 10):
            assert np.array_equal(data[5:7, x : x + 2], np.full((2, 2, 3), (255, 0, 0)))
        grey_value = data[40, 40]
        assert grey_value[0] == grey_value[1] == grey_value[2]
        assert [item.verb for item in got.history] == [
            "save",
            "transform",
            "filter",
            "composite",
            "composite",
        ]
        for before, after in zip(got.history, got.history[1:], strict=False):
            assert after.derived_from == before.ref
            download = sidecar.blobs.Download(blob_pb2.DownloadRequest(ref=before.ref))
            assert b"".join([part.chunk async for part in download])

    async def test_reading_verbs(self, sidecar: Sidecar) -> None:
        entity = await saved(sidecar)
        answer = await verb(sidecar, entity.id, "get_data")
        assert imaging.decode_base64(json.loads(answer.result_json)) == GREEN
        answer = await verb(sidecar, entity.id, "get_metadata")
        assert json.loads(answer.result_json)["prompt"] == "green"

    async def test_only_who_controls_a_picture_changes_it(self, sidecar: Sidecar) -> None:
        entity = await saved(sidecar)
        stranger = sidecar.entity(name="Stranger")
        error = await refused(verb(sidecar, entity.id, "filter", "blur", caller=stranger))
        assert error.code() is grpc.StatusCode.PERMISSION_DENIED
        editing = await sidecar.mint(owner=stranger, kind="image.edit")
        await verb(sidecar, entity.id, "filter", "blur", capability_id=editing, caller=stranger)
        bound = await sidecar.mint({"target_id": entity.id + 1}, owner=stranger, kind="image.edit")
        error = await refused(
            verb(sidecar, entity.id, "filter", "blur", capability_id=bound, caller=stranger)
        )
        assert "target_id" in str(error_info(error))
        narrow = await sidecar.mint({"allowed_methods": ["transform"]}, owner=stranger, kind="image.edit")
        error = await refused(
            verb(sidecar, entity.id, "filter", "blur", capability_id=narrow, caller=stranger)
        )
        assert "allowed_methods" in (error.details() or "")

    async def test_a_picture_changes_itself_for_those_who_control_it(self, sidecar: Sidecar) -> None:
        entity = await saved(sidecar)
        held = await sidecar.capabilities.List(
            capability_pb2.ListCapabilitiesRequest(owner_id=entity.id, type="image.edit")
        )
        own = held.capabilities[0].id

        def asked(caller: int) -> entity_pb2.CallVerbRequest:
            context = common_pb2.CallContext(capability_id=own, caller_id=caller, this_id=entity.id)
            return entity_pb2.CallVerbRequest(
                context=context, entity_id=entity.id, verb="filter", arguments_json='["grayscale"]'
            )

        changed = await sidecar.entities.CallVerb(asked(sidecar.painter))
        assert changed.entity.version == 2
        error = await refused(sidecar.entities.CallVerb(asked(sidecar.entity(name="Stranger"))))
        assert error.code() is grpc.StatusCode.PERMISSION_DENIED

    async def test_a_picture_is_put_into_a_room(self, sidecar: Sidecar) -> None:
        entity = await saved(sidecar)
        answer = await verb(sidecar, entity.id, "place", {"id": sidecar.room})
        assert answer.entity.location == sidecar.room
        error = await refused(verb(sidecar, entity.id, "place", "hall"))
        assert "'room' must be an entity or its id" in (error.details() or "")

    @pytest.mark.parametrize(
        ("name", "arguments", "words"),
        [
            ("explode", [], "it has transform, filter, composite"),
            ("transform", ["left"], "'rotation' must be a number"),
            ("transform", [0, 0], "'scale' must be above 0"),
            ("transform", [0, 10000], "the result would be"),
            ("filter", ["sepia"], "blur, sharpen, grayscale"),
            ("composite", [], "'overlay' is required"),
            ("composite", ["???"], "'overlay' is not valid base64"),
            ("composite", [1], "entity 1 holds no picture"),
            ("transform", [1, 1, 1], "takes (rotation, scale)"),
        ],
    )
    async def test_bad_verbs_say_what_is_wrong(
        self, sidecar: Sidecar, name: str, arguments: list[object], words: str
    ) -> None:
        entity = await saved(sidecar)
        error = await refused(verb(sidecar, entity.id, name, *arguments))
        assert words in (error.details() or "")


class TestBlobs:
    async def test_a_picture_larger_than_a_message_travels_in_chunks(self, sidecar: Sidecar) -> None:
        noise = np.random.default_rng(1).integers(0, 256, (1200, 1200, 3), dtype=np.uint8)
        data = imaging.encode(imaging.from_pixels(noise.tobytes(), 1200, 1200, 3))
        assert len(data) > 4 * 1024 * 1024
        chunks = [
            blob_pb2.UploadRequest(chunk=data[at : at + 500_000]) for at in range(0, len(data), 500_000)
        ]
        blob = await sidecar.blobs.Upload(iter(chunks))
        assert (blob.width, blob.height, blob.size_bytes) == (1200, 1200, len(data))
        parts = [part async for part in sidecar.blobs.Download(blob_pb2.DownloadRequest(ref=blob.ref))]
        assert b"".join(part.chunk for part in parts) == data
        assert parts[0].blob == blob
        assert len(parts) > 1

    async def test_what_another_program_left_odd_spoils_nothing(self, sidecar: Sidecar) -> None:
        data = imaging.encode(imaging.decode(GREEN), metadata={"big": 10**400, "deep": [[[[[[[]]]]]]]})
        entity = await saved(sidecar, data)
        world = sidecar.running.world
        odd = (
            '{"image_ref": "x", "name": "\\ud800", "metadata": "{\\"a\\": NaN, \\"b\\": 1e999}", "width": -5}',
            '{"image_ref": "x", "metadata": 3, "width": "wide", "version": 1.5}',
            "not json at all",
            "[]",
        )
        with world.transaction() as connection:
            made = [
                connection.execute(
                    "INSERT INTO entities (props) VALUES (?) RETURNING id", (props,)
                ).fetchone()[0]
                for props in odd
            ]
        listed = await sidecar.entities.List(entity_pb2.ListEntitiesRequest(page_size=1000))
        found = [item.id for item in listed.entities]
        assert {entity.id, *made[:2]} <= set(found)
        assert not set(made[2:]) & set(found)
        with world.transaction() as connection:
            connection.executemany("DELETE FROM entities WHERE id = ?", [(number,) for number in made])

    async def test_messages_may_be_large_both_ways(self, sidecar: Sidecar) -> None:
        noise = np.random.default_rng(2).integers(0, 256, (1800, 1800, 3), dtype=np.uint8)
        data = imaging.encode(imaging.from_pixels(noise.tobytes(), 1800, 1800, 3))
        assert len(data) > 8 * 1024 * 1024
        entity = await saved(sidecar, data)
        props = sidecar.running.world.entity(entity.id).props
        assert "image" not in props, "large files are referenced only"
        got = await sidecar.entities.Get(entity_pb2.GetEntityRequest(id=entity.id, include_data=True))
        assert got.image.data == data


class TestModels:
    async def test_lists_loads_and_unloads(self, sidecar: Sidecar) -> None:
        listed = {item.id: item for item in (await sidecar.models.List(model_pb2.ListModelsRequest())).models}
        model = listed["sd"]
        assert model.family == "StableDiffusionPipeline"
        assert (model.defaults.width, model.defaults.height, model.is_default) == (64, 64, True)
        assert model.size_bytes > 0
        assert (await sidecar.models.Load(model_pb2.LoadModelRequest(id="sd"))).loaded
        assert not (await sidecar.models.Unload(model_pb2.UnloadModelRequest(id="sd"))).loaded
        for call in (sidecar.models.Load, sidecar.models.Unload):
            error = await refused(call(model_pb2.LoadModelRequest(id="sdd")))
            assert error.code() is grpc.StatusCode.NOT_FOUND
            assert "did you mean 'sd'?" in (error.details() or "")
