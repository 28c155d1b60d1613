"""Pictures as entities, and pictures in the store: the use cases without a surface."""

from __future__ import annotations

import pytest

from capabilities import imaging
from capabilities.call_options import CallOptions, Placement
from capabilities.errors import FailedPrecondition, InvalidArgument, NotFound, PermissionDenied
from capabilities.policy import Caller
from entity_store import rooms
from entity_store.capability_rows import insert
from entity_store.rooms import CANVAS_TYPE
from entity_store.world import create_entity, update_props
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


def contents(here: InProcess) -> list[object]:
    return list(here.assembly.world.entity(here.room).props.get("contents", []))


async def test_a_picture_is_taken_down_by_whoever_may_change_it_or_holds_the_room(here: InProcess) -> None:
    entity_id = await saved(here)
    assert contents(here) == [entity_id]
    landlord = here.entity(name="Landlord")
    with pytest.raises(PermissionDenied):
        await here.use.entities.call_verb(ASKER, Call("", Caller(landlord)), entity_id, "takeDown", [])
    with here.assembly.world.transaction() as connection:
        insert(connection, landlord, "entity.control", {"target_id": here.room})
    taken = await here.use.entities.call_verb(ASKER, Call("", Caller(landlord)), entity_id, "takeDown", [])
    assert (taken.value, contents(here)) == ({"location": None}, [])
    assert taken.entity.props.get("location") != here.room
    owner = Call("", Caller(here.painter))
    # Where it hangs nowhere, nothing happens; and it can be hung again.
    await here.use.entities.call_verb(ASKER, owner, entity_id, "takeDown", [])
    await here.use.entities.call_verb(ASKER, owner, entity_id, "place", [here.room])
    assert contents(here) == [entity_id]


async def test_replacing_shows_another_picture_and_keeps_the_versions(here: InProcess) -> None:
    entity_id = await saved(here)
    before = (await here.use.entities.get(ASKER, entity_id)).entity.props["image_ref"]
    other = await here.use.pictures.upload(ASKER, png_of(30, 30, "another"), field="data")
    owner = Call("", Caller(here.painter))
    result = await here.use.entities.call_verb(ASKER, owner, entity_id, "replace", [other.ref])
    assert result.value == {"ref": other.ref, "version": 2}
    assert (result.entity.props["width"], result.entity.props["derived_from"]) == (30, before)
    assert [version.ref for version in (await here.use.entities.get(ASKER, entity_id)).history] == [
        before, other.ref,
    ]  # fmt: skip
    with pytest.raises(NotFound):
        await here.use.entities.call_verb(ASKER, owner, entity_id, "replace", ["sha256:" + "0" * 64])
    with pytest.raises(InvalidArgument, match=r"replace takes \(picture\)"):
        await here.use.entities.call_verb(ASKER, owner, entity_id, "replace", [])
    stranger = Call("", Caller(here.entity(name="Stranger")))
    with pytest.raises(PermissionDenied):
        await here.use.entities.call_verb(ASKER, stranger, entity_id, "replace", [other.ref])


async def test_all_pictures_of_a_canvas_hang_where_it_hangs(here: InProcess) -> None:
    with here.assembly.world.transaction() as connection:
        canvas = create_entity(connection, {"image_type": CANVAS_TYPE, "name": "a canvas"}, 2)
        insert(connection, here.painter, "entity.control", {"target_id": canvas})
        rooms.put_into(connection, canvas, here.room)
    options = CallOptions(Placement("cups", "", canvas_id=canvas))
    job = await here.made(options=options, count=3)
    ids = [image.entity_id for image in job.images]
    assert ids[0] == canvas
    assert contents(here) == ids
    assert all(here.assembly.world.entity(entity_id).props["location"] == here.room for entity_id in ids)


async def test_what_is_gone_is_taken_out_of_rooms_and_nothing_else(here: InProcess) -> None:
    entity_id = await saved(here)
    with here.assembly.world.transaction() as connection:
        update_props(connection, here.room, {"contents": [999_999, entity_id, "a note", 888_888]})
        assert rooms.repair_contents(connection) == {here.room: [999_999, 888_888]}
        assert rooms.repair_contents(connection) == {}
    assert contents(here) == [entity_id, "a note"]


async def test_converting_keeps_prompt_and_seed_unless_told_not_to(here: InProcess) -> None:
    pixels = imaging.from_pixels(bytes(32 * 32 * 3), 32, 32, 3)
    drawn = imaging.encode(pixels, "png", metadata={"prompt": "a cup", "seed": 7})
    ref = (await here.use.pictures.upload(ASKER, drawn, field="data")).ref
    right = here.right("image.edit")
    save = CallOptions(Placement("a cup", ""))
    kept = await here.made(call=right, method="convert", image=ref, format="webp", options=save)
    (data,) = await here.use.generation.files(ASKER, kept)
    told = imaging.read_metadata(data) or {}
    assert (told["prompt"], told["seed"]) == ("a cup", 7)
    view = await here.use.entities.get(ASKER, kept.images[0].entity_id)
    assert f'"seed": {told["seed"]}' in str(view.entity.props["metadata"])
    bare = await here.made(call=right, method="convert", image=ref, format="webp", preserve_metadata=False)
    (data,) = await here.use.generation.files(ASKER, bare)
    assert "prompt" not in (imaging.read_metadata(data) or {})
