"""A picture for every thing of a world: once each, equal prompts drawn once, within the budget, and taken away again."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from pathlib import Path
from typing import Any

import grpc
import pytest

from capabilities.errors import InvalidArgument, NotFound, PermissionDenied, ResourceExhausted
from entity_store.illustrations import PROPERTY, Selection
from entity_store.world import World, create_entity
from sidecar.application.illustration import Outcome, Wish
from sidecar.engines.glyphs.engine import MODEL
from sidecar.pb.viwo.imagegen.v1 import common_pb2, illustration_pb2, image_pb2
from sidecar.testing import process
from sidecar.testing.fake_engine import FakeEngine
from sidecar.testing.refusals import error_info, refused
from sidecar.testing.server import Sidecar
from tests.application.in_process import ASKER, InProcess

NAMES = ("a rusty sword", "a wooden shield", "a rusty sword", "a dragon", "A Dragon", "a rusty sword")


async def outcomes(here: InProcess, wish: Wish) -> list[Outcome]:
    return [outcome async for outcome in here.use.illustration.run(ASKER, wish)]


def picture(here: InProcess, entity_id: int) -> Any:
    (raw,) = here.assembly.world.row("SELECT props FROM entities WHERE id = ?", entity_id) or ("{}",)
    return json.loads(raw).get(PROPERTY)


@pytest.fixture
def things(here: InProcess) -> list[int]:
    return [here.entity(name=name, description="It lies here.", location=here.room) for name in NAMES]


def wish(here: InProcess, **more: Any) -> Wish:
    return Wish(here.right(), Selection(**more.pop("selection", {"name": "a *"})), **more)


class TestPlan:
    async def test_says_what_it_would_do_and_does_nothing(
        self, here: InProcess, engine: FakeEngine, things: list[int]
    ) -> None:
        plan = await here.use.illustration.plan(ASKER, wish(here))
        assert (plan.entities, plan.drawings, plan.illustrated) == (6, 4, 0)
        assert plan.compute == pytest.approx(4 * (await here.made()).task.compute, rel=5)
        assert plan.examples[0].startswith("a rusty sword")
        assert all(picture(here, thing) is None for thing in things)

    async def test_leaves_out_what_can_have_none(self, here: InProcess, things: list[int]) -> None:
        here.entity(description="without a name")
        here.entity(name="a picture", image_ref="sha256:" + "0" * 64)
        kind = here.entity(name="a kind of thing")
        with here.assembly.world.transaction() as connection:
            connection.execute("UPDATE entities SET prototype_id = ? WHERE id = ?", (kind, things[0]))
            connection.execute('UPDATE entities SET props = \'{"name": "\\ud800\' WHERE id = ?', (things[1],))
        plan = await here.use.illustration.plan(ASKER, wish(here, selection={}))
        ids = {entity.id for entity in here.use.illustration._illustrations.find(Selection()).candidates}
        assert kind not in ids
        assert things[1] not in ids
        assert things[0] in ids
        assert plan.left_out >= 6

    async def test_by_room_prototype_and_pattern(self, here: InProcess, things: list[int]) -> None:
        attic = here.entity(name="Attic")
        chest = here.entity(name="a chest", location=attic)
        kind = here.entity(name="kind")
        with here.assembly.world.transaction() as connection:
            connection.execute("UPDATE entities SET prototype_id = ? WHERE id = ?", (kind, things[3]))
        find = here.use.illustration._illustrations.find

        def ids(**selection: Any) -> set[int]:
            return {entity.id for entity in find(Selection(**selection)).candidates}

        assert ids(room_id=attic) == {attic, chest}
        assert ids(prototype_id=kind) == {things[3]}
        assert ids(name="*SWORD") == {things[0], things[2], things[5]}
        assert ids(name="a [ds]*") == {things[3], things[4]}
        for selection, field in (({"room_id": 9999}, "room_id"), ({"prototype_id": 9999}, "prototype_id")):
            with pytest.raises(NotFound) as raised:
                await here.use.illustration.plan(ASKER, wish(here, selection=selection))
            assert raised.value.field == f"selection.{field}"

    @pytest.mark.parametrize(
        "template", ["{nmae}", "{name", "{name!r}", "{name:>99999999}", "{name.__class__}", "{0}", "{}"]
    )
    async def test_a_template_is_checked(self, here: InProcess, template: str) -> None:
        with pytest.raises(InvalidArgument) as raised:
            await here.use.illustration.plan(ASKER, wish(here, prompt=template))
        assert raised.value.field == "prompt"

    @pytest.mark.parametrize("budget", [-1.0, float("nan"), float("inf")])
    async def test_a_budget_is_a_number(self, here: InProcess, budget: float) -> None:
        with pytest.raises(InvalidArgument) as raised:
            await here.use.illustration.plan(ASKER, wish(here, budget=budget))
        assert raised.value.field == "budget"

    async def test_what_the_capability_forbids_is_said_first(
        self, here: InProcess, things: list[int]
    ) -> None:
        asked = Wish(here.right(max_width=8), Selection())
        with pytest.raises(PermissionDenied):
            await here.use.illustration.plan(ASKER, asked)


class TestRun:
    async def test_each_gets_one_and_equal_prompts_are_drawn_once(
        self, here: InProcess, engine: FakeEngine, things: list[int]
    ) -> None:
        made = await outcomes(here, wish(here))
        assert sorted(outcome.entity.id for outcome in made if outcome.entity) == sorted(things)
        assert [outcome.done for outcome in made] == list(range(1, 7))
        kept = {thing: picture(here, thing) for thing in things}
        assert kept[things[0]]["ref"] == kept[things[2]]["ref"] == kept[things[5]]["ref"]
        assert all(value["entity"] == thing for thing, value in kept.items())
        assert all(value["thumbnail"].startswith("data:image/webp;base64,") for value in kept.values())
        assert len(await here.use.jobs.page(ASKER, limit=50)) == 4 if hasattr(here.use.jobs, "page") else True

    async def test_again_it_finds_nothing_to_do(self, here: InProcess, things: list[int]) -> None:
        await outcomes(here, wish(here))
        before = {thing: picture(here, thing) for thing in things}
        assert await outcomes(here, wish(here)) == []
        assert {thing: picture(here, thing) for thing in things} == before
        new = here.entity(name="a new sword", location=here.room)
        (only,) = await outcomes(here, wish(here))
        assert only.entity is not None
        assert only.entity.id == new

    async def test_what_has_a_picture_of_its_own_keeps_it(self, here: InProcess, things: list[int]) -> None:
        own = {"entity": things[0], "wanted": "0" * 32, "ref": "sha256:" + "1" * 64}
        borrowed = {**own, "entity": things[1] + 1}
        with here.assembly.world.transaction() as connection:
            for thing, kept in ((things[0], own), (things[1], borrowed)):
                connection.execute(
                    "UPDATE entities SET props = json_set(props, '$.picture_of', json(?)) WHERE id = ?",
                    (json.dumps(kept), thing),
                )
        await outcomes(here, wish(here))
        assert picture(here, things[0]) == own
        # One that came along from a prototype or a copy is not its own.
        assert picture(here, things[1])["entity"] == things[1]

    async def test_the_budget_ends_it(self, here: InProcess, things: list[int]) -> None:
        one = (await here.use.illustration.plan(ASKER, wish(here))).compute / 4
        made = await outcomes(here, wish(here, budget=2.5 * one))
        assert isinstance(made[-1].refusal, ResourceExhausted)
        assert made[-1].entity is None
        assert made[-1].compute <= 2.5 * one
        hung = sum(picture(here, thing) is not None for thing in things)
        assert 0 < hung < 6
        rest = await outcomes(here, wish(here))
        assert len(rest) == 6 - hung

    async def test_a_failure_is_told_and_the_rest_goes_on(self, here: InProcess, things: list[int]) -> None:
        await outcomes(here, wish(here, selection={"name": "*sword"}))
        with here.assembly.world.transaction() as connection:
            connection.execute("DELETE FROM entities WHERE id = ?", (things[1],))
        made = await outcomes(here, wish(here))
        assert {outcome.entity.id for outcome in made if outcome.entity} == {things[3], things[4]}

    async def test_templates(self, here: InProcess, things: list[int]) -> None:
        plan = await here.use.illustration.plan(
            ASKER, wish(here, prompt="{prototype}: {name}. {description}")
        )
        assert plan.examples[0] == ": a rusty sword. It lies here."

    async def test_whoever_leaves_ends_it(self, here: InProcess, things: list[int]) -> None:
        async for outcome in here.use.illustration.run(ASKER, wish(here)):
            assert outcome.done == 1
            break
        await outcomes(here, wish(here))
        assert all(picture(here, thing) is not None for thing in things)

    async def test_undone_by_one_call(self, here: InProcess, things: list[int]) -> None:
        own = {"entity": things[0], "wanted": "0" * 32, "ref": "sha256:" + "1" * 64}
        with here.assembly.world.transaction() as connection:
            connection.execute(
                "UPDATE entities SET props = json_set(props, '$.picture_of', json(?)) WHERE id = ?",
                (json.dumps(own), things[0]),
            )
        await outcomes(here, wish(here))
        assert await here.use.illustration.undo(ASKER, Selection(name="*dragon")) == 2
        assert await here.use.illustration.undo(ASKER, Selection()) == 3
        assert [picture(here, thing) for thing in things] == [own, None, None, None, None, None]


async def test_over_grpc(sidecar: Sidecar) -> None:
    room = sidecar.entity(name="Illustrated Hall")
    things = [sidecar.entity(name=name, location=room) for name in NAMES]
    request = illustration_pb2.IllustrateRequest(
        context=await sidecar.context(),
        selection=illustration_pb2.EntitySelection(room_id=room),
        options=image_pb2.GenerationOptions(model_id=MODEL, width=64, height=64),
    )
    plan = await sidecar.illustrations.Plan(request)
    assert (plan.entities, plan.model_id) == (7, MODEL)
    assert plan.compute == pytest.approx(plan.drawings * 64 * 64 / 1e6)
    events = [event async for event in sidecar.illustrations.Run(request)]
    assert {event.entity_id for event in events if event.ref} == {room, *things}
    again = await sidecar.illustrations.Plan(request)
    assert (again.entities, again.illustrated) == (0, 7)
    undone = await sidecar.illustrations.Undo(
        illustration_pb2.UndoIllustrationsRequest(selection=request.selection)
    )
    assert undone.removed == 7
    request.prompt = "{colour}"
    error = await refused(sidecar.illustrations.Plan(request))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert error_info(error).metadata["field"] == "prompt"


async def test_killed_on_the_way_each_has_exactly_one(tmp_path: Path) -> None:
    """The server is killed five times; nothing is drawn twice, and everything has its picture."""
    folder = tmp_path
    first = await process.start(folder, {})
    context = await first.context()
    await first.stop()
    world = World(folder / "world.sqlite", own=True)
    with world.transaction() as connection:
        things = [
            create_entity(connection, {"name": f"a sword number {place % 90}"}, 2) for place in range(120)
        ]
    world.close()
    request = illustration_pb2.IllustrateRequest(
        context=common_pb2.CallContext(), selection=illustration_pb2.EntitySelection(name="a sword *"),
        options=image_pb2.GenerationOptions(model_id=MODEL, width=256, height=256),
    )  # fmt: skip
    request.context.CopyFrom(context)
    for kills in range(6):
        server = await process.start(folder, {})
        seen = 0
        try:
            async for _ in server.illustrations.Run(request):
                seen += 1
                if kills < 5 and seen >= 12:
                    await server.kill()
                    break
        except grpc.aio.AioRpcError:
            assert kills < 5
        if kills == 5:
            assert await server.stop() == 0
    world = World(folder / "world.sqlite", own=True)
    kept = [json.loads(row[0])[PROPERTY] for row in world.rows(
        f"SELECT props FROM entities WHERE id IN ({','.join(map(str, things))})")]  # fmt: skip
    world.close()
    assert len(kept) == 120
    assert {value["entity"] for value in kept} == set(things)
    assert await asyncio.to_thread(_drawings, folder) == 90


def _drawings(folder: Path) -> int:
    """Drawings that were really made: those that were not answered by another."""
    with sqlite3.connect(folder / "jobs.sqlite") as connection:
        (count,) = connection.execute(
            "SELECT count(*) FROM jobs WHERE state = 'succeeded' AND answered_by IS NULL"
        ).fetchone()
    return int(count)
