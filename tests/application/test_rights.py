"""Rights are looked at again when a job begins, and what ends without a result costs what was worked."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Sequence

import pytest

from capabilities.budgets import NOTHING, Cost
from capabilities.call_options import CallOptions, Placement
from capabilities.errors import PermissionDenied
from capabilities.policy import Caller
from entity_store import rooms
from entity_store.capability_rows import insert
from entity_store.rooms import CANVAS_TYPE
from entity_store.world import create_entity
from sidecar.application.access import Call
from sidecar.engines.api import EngineRequest
from sidecar.engines.events import Event, Failed, Step
from sidecar.queue.model import Job, State
from sidecar.testing.fake_engine import FakeEngine
from tests.application.in_process import ASKER, InProcess

COST = Cost(4 * 128 * 128)


class Held:
    """The engine works on one job until it is told to go on, so that others wait."""

    def __init__(self, engine: FakeEngine) -> None:
        self.begun, self.go = asyncio.Event(), asyncio.Event()
        engine.script = self._hold

    def _hold(self, request: EngineRequest) -> Sequence[Event | asyncio.Event]:
        self.begun.set()
        return [self.go]


async def waiting(here: InProcess, held: Held, call: Call) -> Job:
    """A job that waits behind one that runs."""
    await here.use.generation.submit(ASKER, here.request(seed=1))
    await held.begun.wait()
    return await here.use.generation.submit(ASKER, here.request(call, seed=2))


async def test_what_waits_under_a_revoked_capability_ends_at_once_and_costs_nothing(
    here: InProcess, engine: FakeEngine
) -> None:
    held = Held(engine)
    call = here.right()
    job = await waiting(here, held, call)
    await here.use.capabilities.revoke(ASKER, call.capability_id, here.painter)
    ended = await here.assembly.queue.finished(job.id)
    assert (ended.state, ended.spent) == (State.FAILED, NOTHING)
    assert ended.failure is not None
    assert (ended.failure.code, ended.failure.reason) == ("PERMISSION_DENIED", "REVOKED")
    held.go.set()


@pytest.mark.parametrize("how", ["deleted", "given away", "expired"])
async def test_a_right_that_ended_while_a_job_waited_is_seen_when_it_begins(
    here: InProcess, engine: FakeEngine, how: str
) -> None:
    held = Held(engine)
    call = here.right()
    job = await waiting(here, held, call)
    other = here.entity(name="Other")
    past = (dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1)).isoformat()
    statement = {
        "deleted": ("DELETE FROM capabilities WHERE id = ?", ()),
        "given away": ("UPDATE capabilities SET owner_id = ? WHERE id = ?", (other,)),
        "expired": ("UPDATE capabilities SET params = json_set(params, '$.expires_at', ?) WHERE id = ?", (past,)),
    }[how]  # fmt: skip
    with here.assembly.world.transaction() as connection:
        connection.execute(statement[0], (*statement[1], call.capability_id))
    held.go.set()
    ended = await here.assembly.queue.finished(job.id)
    assert (ended.state, ended.spent) == (State.FAILED, NOTHING)
    assert ended.failure is not None
    assert (ended.failure.code, "while the job waited" in ended.failure.message) == (
        "PERMISSION_DENIED",
        True,
    )


async def test_a_picture_that_has_no_place_any_more_is_paid_for(here: InProcess, engine: FakeEngine) -> None:
    with here.assembly.world.transaction() as connection:
        canvas = create_entity(connection, {"image_type": CANVAS_TYPE, "name": "a canvas"}, 2)
        insert(connection, here.painter, "entity.control", {"target_id": canvas})
        rooms.put_into(connection, canvas, here.room)
    held = Held(engine)
    call = here.right(compute_per_day=COST.compute / 1e6)
    options = CallOptions(Placement("a cup", "", canvas_id=canvas))
    job = await here.use.generation.submit(ASKER, here.request(call, options=options))
    await held.begun.wait()
    with here.assembly.world.transaction() as connection:
        connection.execute("DELETE FROM entities WHERE id = ?", (canvas,))
    held.go.set()
    ended = await here.assembly.queue.finished(job.id)
    assert (ended.state, ended.spent) == (State.FAILED, COST)
    again = await here.use.generation.submit(ASKER, here.request(call, seed=9))
    assert again.state is State.BLOCKED_BUDGET, "the cap is spent"


@pytest.mark.parametrize(
    ("failure", "steps", "spent"),
    [
        (Failed("PERMISSION_DENIED", "flagged", "UNSAFE_PICTURE"), 4, COST),
        (Failed("PERMISSION_DENIED", "flagged", "UNSAFE_PICTURE"), 0, COST),
        (Failed("CANCELLED", "canceled", "CANCELED"), 1, COST.share(1, 4)),
        (Failed("DEADLINE_EXCEEDED", "too late", "DEADLINE"), 3, COST.share(3, 4)),
        (Failed("RESOURCE_EXHAUSTED", "no memory", "OUT_OF_MEMORY"), 3, NOTHING),
        (Failed("INTERNAL", "a bug", "BUG"), 3, NOTHING),
        (Failed("FAILED_PRECONDITION", "does not load", "MODEL_FAULT"), 0, NOTHING),
    ],
)
async def test_each_end_costs_what_was_worked_unless_the_server_is_to_blame(
    here: InProcess, engine: FakeEngine, failure: Failed, steps: int, spent: Cost
) -> None:
    engine.script = lambda request: [*(Step(step, 4, 0) for step in range(1, steps + 1)), failure]
    job = await here.use.generation.submit(ASKER, here.request())
    ended = await here.assembly.queue.finished(job.id)
    assert (ended.state.final, ended.spent) == (True, spent)


async def test_another_holder_is_told_nothing_of_what_it_was_delegated_from(here: InProcess) -> None:
    root = here.right(compute_per_day=COST.compute / 1e6)
    child = await here.use.capabilities.delegate(ASKER, root.capability_id, here.painter, {})
    friend = here.entity(name="Friend")
    await here.use.capabilities.give(ASKER, child.id, here.painter, friend)
    call = Call(child.id, Caller(friend))
    await here.use.generation.wait(ASKER, here.request(root, seed=1))
    job = await here.use.generation.submit(ASKER, here.request(call, seed=2))
    assert job.failure is not None
    told = f"{job.failure}"
    assert root.capability_id not in told
    assert "delegated from" in told
    with pytest.raises(PermissionDenied):
        await here.use.generation.submit(ASKER, here.request(Call(root.capability_id, Caller(friend))))
