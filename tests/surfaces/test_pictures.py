"""The gallery: pictures that were made are found again, each by whoever may see it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from capabilities import imaging
from sidecar import server
from sidecar.config import Settings
from sidecar.pb.viwo.imagegen.v1 import blob_pb2, common_pb2, image_pb2, key_pb2
from sidecar.pb.viwo.imagegen.v1 import picture_pb2 as pb
from sidecar.testing.client import Client
from sidecar.testing.fake_engine import FakeEngine
from sidecar.testing.pictures import plain
from sidecar.testing.refusals import error_info, refused
from sidecar.testing.requests import text_to_image
from sidecar.testing.server import Sidecar, connected


@pytest.fixture(scope="module")
async def sidecar(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sidecar]:
    folder = tmp_path_factory.mktemp("gallery")
    settings = Settings(data_dir=folder, port=0, default_model="icons")
    async with server.running(settings, [FakeEngine()]) as running, connected(running) as made:
        yield made


async def drawn(sidecar: Sidecar, prompt: str, owner: int = 0, **options: Any) -> str:
    """The reference of the last of the pictures of a prompt."""
    context = await sidecar.context(owner=owner)
    made = await sidecar.images.TextToImage(text_to_image(context, prompt, **options))
    return str(made.images[-1].ref)


async def refs(client: Any, **which: Any) -> list[str]:
    return [one.ref for one in (await client.pictures.List(pb.ListPicturesRequest(**which))).pictures]


async def test_a_picture_is_found_by_its_words_seed_method_time_and_owner(sidecar: Sidecar) -> None:
    owner = sidecar.entity(name="Ada")
    began = time.time()
    cup = await drawn(sidecar, "Ein BLAUER Becher, Ölfarbe", owner, seed=11, negative_prompt="blurry")
    hat = await drawn(sidecar, "a blue hat, 100% wool_", owner, seed=12)
    mine = {"owner_id": owner}
    assert await refs(sidecar, **mine) == [hat, cup], "the newest first"
    for words, found in {
        "becher blauer": [cup], "ÖLFARBE": [cup], "blue becher": [], "100%": [hat], "wool_": [hat],
        "wool%": [], "a_blue": [], "": [hat, cup],
    }.items():  # fmt: skip
        assert await refs(sidecar, words=words, **mine) == found, words
    assert await refs(sidecar, seed=11, **mine) == [cup]
    assert await refs(sidecar, seed=0, **mine) == []
    assert await refs(sidecar, model_id="icons", **mine) == [hat, cup]
    assert await refs(sidecar, model_id="none", **mine) == []
    assert await refs(sidecar, method="textToImage", **mine) == [hat, cup]
    assert await refs(sidecar, method="crop", **mine) == []
    request = pb.ListPicturesRequest(owner_id=owner)
    request.start_time.FromSeconds(int(began))
    assert len((await sidecar.pictures.List(request)).pictures) == 2
    request.end_time.FromSeconds(int(began))
    assert not (await sidecar.pictures.List(request)).pictures
    for prefix in (cup, cup[:20], cup.removeprefix("sha256:")[:12]):
        assert await refs(sidecar, ref_prefix=prefix) == [cup]
    (told,) = (await sidecar.pictures.List(pb.ListPicturesRequest(seed=11, owner_id=owner))).pictures
    assert (told.prompt, told.negative_prompt) == ("Ein BLAUER Becher, Ölfarbe", "blurry")
    assert (told.method, told.model_id, told.seed) == ("textToImage", "icons", 11)
    assert (told.owner_id, told.caller_id) == (owner, owner)
    assert told.create_time.seconds >= int(began)


async def test_a_picture_of_a_batch_has_its_own_seed_and_the_list_comes_in_pages(sidecar: Sidecar) -> None:
    owner = sidecar.entity(name="Bea")
    await drawn(sidecar, "a cup", owner, seed=70, count=5)
    seen, token = [], ""
    while True:
        page = await sidecar.pictures.List(
            pb.ListPicturesRequest(owner_id=owner, page_size=2, page_token=token)
        )
        seen += [(one.seed, one.image_index) for one in page.pictures]
        token = page.next_page_token
        if not token:
            break
    assert seen == [(74, 4), (73, 3), (72, 2), (71, 1), (70, 0)]


async def test_what_is_stored_is_described_with_what_it_was_made_from_and_what_shows_it(
    sidecar: Sidecar,
) -> None:
    context = await sidecar.context(kind="image.edit")
    source = common_pb2.ImageSource(data=plain(80, 60))
    request = image_pb2.EditRequest(context=context, image=source)
    request.operations.add().filter.kind = image_pb2.FILTER_KIND_BLUR
    request.output.save.CopyFrom(common_pb2.SaveOptions(name="a blur"))
    made = (await sidecar.images.Edit(request)).images[0]
    told = await sidecar.pictures.Describe(pb.DescribePictureRequest(ref=made.ref))
    assert (told.ref, told.width, told.height, told.size_bytes) == (made.ref, 80, 60, made.size_bytes)
    assert not told.HasField("seed")
    assert told.prompt == ""
    assert list(told.entity_ids) == [made.entity_id]
    (begun_with,) = told.inputs
    assert begun_with.role == "image"

    async def chunks() -> AsyncIterator[blob_pb2.UploadRequest]:
        yield blob_pb2.UploadRequest(chunk=plain(33, 44))

    brought = await sidecar.blobs.Upload(chunks())
    told = await sidecar.pictures.Describe(pb.DescribePictureRequest(ref=brought.ref))
    assert (told.width, told.height, told.method, told.job_id) == (33, 44, "", "")
    assert not told.HasField("create_time")


async def test_a_small_one_is_made_in_two_sizes(sidecar: Sidecar) -> None:
    ref = await drawn(sidecar, "a wide cup", width=512, height=256)
    for side, expected in ((0, (256, 128)), (256, (256, 128)), (64, (64, 32))):
        small = await sidecar.pictures.Thumbnail(pb.ThumbnailRequest(ref=ref, side=side))
        info = imaging.probe(small.data)
        assert (info.format, info.width, info.height) == ("webp", *expected)
    error = await refused(sidecar.pictures.Thumbnail(pb.ThumbnailRequest(ref=ref, side=100)))
    assert dict(error_info(error).metadata) == {"field": "side", "limit": "64 or 256", "asked": "100"}


async def test_anothers_pictures_are_not_there(sidecar: Sidecar) -> None:
    ada, eve = sidecar.entity(name="Ada"), sidecar.entity(name="Eve")
    hers = await drawn(sidecar, "a secret", ada, seed=99)
    keys = {
        who: (await sidecar.keys.Create(key_pb2.CreateKeyRequest(entity_id=who))).text for who in (ada, eve)
    }
    owner, other = (Client(sidecar.channel, keys[who], owner=who) for who in (ada, eve))
    assert await refs(owner) == [hers]
    for which in ({}, {"owner_id": ada}, {"ref_prefix": hers}, {"words": "secret"}, {"seed": 99}):
        assert await refs(other, **which) == [], which
    for answer in (
        other.pictures.Describe(pb.DescribePictureRequest(ref=hers)),
        other.pictures.Thumbnail(pb.ThumbnailRequest(ref=hers)),
    ):
        assert (await refused(answer)).code() is grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("page_token", "1/../1"), ("page_token", "x"), ("page_size", 1001), ("page_size", -1),
        ("ref_prefix", "sha256:xyz"), ("ref_prefix", "A"), ("ref_prefix", "f" * 65), ("words", "a " * 17),
        ("words", "a" * 257), ("words", "\0"), ("model_id", "\0"), ("method", "\0"),
    ],
)  # fmt: skip
async def test_a_search_that_cannot_be_is_refused(sidecar: Sidecar, field: str, value: Any) -> None:
    error = await refused(sidecar.pictures.List(pb.ListPicturesRequest(**{field: value})))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert error_info(error).metadata["field"] == field
