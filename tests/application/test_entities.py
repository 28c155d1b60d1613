"""Pictures as entities, and pictures in the store: the use cases without a surface."""

from __future__ import annotations

import pytest

from capabilities import imaging
from capabilities.call_options import Placement
from capabilities.errors import FailedPrecondition, InvalidArgument, NotFound, PermissionDenied
from capabilities.policy import Caller
from sidecar.application.access import Call
from sidecar.testing.fake_engine import png_of
from tests.application.in_process import ASKER, InProcess

PICTURE = png_of(40, 20, "a picture")


async def saved(here: InProcess, name: str = "a cup") -> int:
    entity = await here.use.entities.save(
        ASKER, here.right(), PICTURE, Placement(name, "", room_id=here.room), {"prompt": "a cup"}
    )
    return entity.id


async def test_a_picture_is_saved_read_and_listed(here: InProcess) -> None:
    ids = [await saved(here, name) for name in ("one", "two", "three")]
    view = await here.use.entities.get(ASKER, ids[0], with_data=True)
    assert (view.data, view.entity.props["name"]) == (PICTURE, "one")
    page = await here.use.entities.page(ASKER, room_id=here.room, before=0, limit=2)
    assert [entity.id for entity in page] == [ids[2], ids[1]]
    rest = await here.use.entities.page(ASKER, room_id=here.room, before=ids[1], limit=2)
    assert [entity.id for entity in rest] == [ids[0]]


async def test_verbs_change_a_picture_and_keep_what_it_was(here: InProcess) -> None:
    entity_id = await saved(here)
    owner = Call("", Caller(here.painter))
    result = await here.use.entities.call_verb(ASKER, owner, entity_id, "transform", [90])
    data = (await here.use.entities.get(ASKER, entity_id, with_data=True)).data
    info = imaging.probe(data)
    assert (info.width, info.height) == (20, 40)
    assert result.entity.props["version"] == 2
    history = (await here.use.entities.get(ASKER, entity_id)).history
    assert [version.verb for version in history][-1] == "transform"
    told = await here.use.entities.call_verb(ASKER, owner, entity_id, "get_metadata", [])
    assert isinstance(told.value, dict)
    assert told.value["prompt"] == "a cup"
    with pytest.raises(NotFound, match="no verb 'transfrom'"):
        await here.use.entities.call_verb(ASKER, owner, entity_id, "transfrom", [])


async def test_a_stranger_neither_changes_nor_places_a_picture(here: InProcess) -> None:
    entity_id = await saved(here)
    stranger = Call("", Caller(here.entity(name="Stranger")))
    for verb, arguments in (("place", [here.room]), ("filter", ["grayscale"])):
        with pytest.raises(PermissionDenied):
            await here.use.entities.call_verb(ASKER, stranger, entity_id, verb, list(arguments))


async def test_what_cannot_be_saved_says_why(here: InProcess) -> None:
    placement = Placement("a cup", "")
    with pytest.raises(FailedPrecondition, match="must name a capability_id"):
        await here.use.entities.save(ASKER, Call("", Caller(here.painter)), PICTURE, placement, {})
    with pytest.raises(PermissionDenied, match="needs an image capability"):
        await here.use.entities.save(ASKER, here.right("fs.read"), PICTURE, placement, {})
    stated = Call("c", Caller(here.painter), "a statement")
    with pytest.raises(FailedPrecondition, match="stated"):
        await here.use.entities.save(ASKER, stated, PICTURE, placement, {})
    with pytest.raises(NotFound):
        await here.use.entities.get(ASKER, 999_999)
    with pytest.raises(NotFound, match="holds no picture"):
        await here.use.entities.get(ASKER, here.room)


async def test_pictures_are_brought_described_and_read_in_pieces(here: InProcess) -> None:
    view = await here.use.pictures.upload(ASKER, PICTURE, field="data")
    assert (view.size, view.info.width, view.info.height) == (len(PICTURE), 40, 20)
    described = await here.use.pictures.describe(ASKER, view.ref)
    assert described.thumbnail.startswith("data:image/")
    pieces = [piece async for piece in here.use.pictures.download(ASKER, view.ref)]
    assert b"".join(data for _, data in pieces) == PICTURE
    assert pieces[0][0] is not None
    with pytest.raises(InvalidArgument) as refused:
        await here.use.pictures.upload(ASKER, PICTURE[:60], field="data")
    assert refused.value.field == "data"
    with pytest.raises(NotFound):
        await here.use.pictures.describe(ASKER, "sha256:" + "0" * 64)


async def test_installing_answers_the_scripts_of_pictures_and_rooms(here: InProcess) -> None:
    prototype, scripts = await here.use.entities.install(ASKER)
    assert (await here.use.entities.install(ASKER))[0] == prototype
    assert set(scripts) == {"picture", "room"}
