"""Whose turn it is: owners, priorities, models, jobs that are taken together; on SQLite and on PostgreSQL."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from capabilities.budgets import SERVER, Cap, Cost, Period
from sidecar.engines.api import BUILTIN, LOCAL
from sidecar.queue.model import PlannedJob, State, StoredImage, Terms
from sidecar.queue.scheduling.positions import MAX_POSITION
from sidecar.queue.scheduling.preference import Preference
from sidecar.queue.store import tables
from sidecar.queue.store.job_store import JobStore
from sidecar.queue.submission import StoredResults
from tests.queue.stores import CANCELED, NONE, add, job, opened, other_model, take


class TestTurns:
    async def test_owners_take_turns_by_compute_and_not_by_count(self, jobs: JobStore) -> None:
        cheap = [job(owner_id=1, cost=Cost(10)) for _ in range(30)]
        dear = [job(owner_id=2, cost=Cost(100)) for _ in range(30)]
        await add(jobs, *dear, *cheap)
        taken = [await take(jobs) for _ in range(22)]
        counts = [sum(item is not None and item.owner_id == owner for item in taken) for owner in (1, 2)]
        assert counts == [20, 2]

    async def test_who_comes_late_is_next_and_has_saved_nothing_up(self, jobs: JobStore) -> None:
        await add(jobs, *(job(owner_id=1) for _ in range(50)))
        for _ in range(20):
            await take(jobs)
        await add(jobs, *(job(owner_id=2) for _ in range(10)))
        owners = [item.owner_id for item in [await take(jobs) for _ in range(10)] if item]
        assert owners[0] == 2
        assert sorted(owners) == [1] * 5 + [2] * 5

    async def test_higher_priorities_first(self, jobs: JobStore) -> None:
        made = await add(jobs, *(job(priority=priority, owner_id=9 + priority) for priority in (-1, 0, 3, 0)))
        taken = [await take(jobs) for _ in range(4)]
        assert [item.priority for item in taken if item] == [3, 0, 0, -1]
        assert {item.id for item in taken if item} == {item.id for item in made}

    async def test_only_so_many_of_a_capability_at_a_time(self, jobs: JobStore) -> None:
        first, second, other = await add(
            jobs,
            job(holds={"parent": 1}),
            job(holds={"parent": 1}, capability_id="d"),
            job(capability_id="e"),
        )
        taken = [await take(jobs) for _ in range(3)]
        assert [item and item.id for item in taken] == [first.id, other.id, None]
        await jobs.succeed(first.id, [], 1)
        freed = await take(jobs)
        assert freed is not None
        assert freed.id == second.id

    async def test_a_failed_attempt_waits_its_time(self, jobs: JobStore) -> None:
        (made,) = await add(jobs, job())
        await take(jobs)
        later = time.time() + 1000
        await jobs.requeue(made.id, later)
        assert await take(jobs) is None
        assert await jobs.next_ready(LOCAL, time.time()) == pytest.approx(later)
        assert await jobs.next_ready(BUILTIN, time.time()) is None

    async def test_what_the_server_cut_short_is_no_failure_of_the_job(self, place: Path | str) -> None:
        async with opened(place) as first:
            (made,) = await add(first, job())
            await take(first)
            await first.requeue(made.id, 0)
        for attempts in (2, 3):
            async with opened(place) as again:
                taken = await take(again)
                assert taken is not None
                assert (taken.attempts, taken.failures) == (attempts, 1)

    async def test_an_attempt_that_was_none_is_not_counted(self, jobs: JobStore) -> None:
        (made,) = await add(jobs, job())
        await take(jobs)
        await jobs.requeue(made.id, 0, failed=False)
        waits = await jobs.get(made.id)
        assert (waits.attempts, waits.failures, waits.state) == (0, 0, State.QUEUED)

    async def test_what_was_sent_is_owed_also_when_it_is_canceled(self, jobs: JobStore) -> None:
        terms = Terms(("capability:c", SERVER))
        paid = [job(cost=Cost(100, 500), owed=500) for _ in range(2)]
        sent, unsent = await add(jobs, *paid, terms=terms)
        await take(jobs)
        await jobs.requeue(sent.id, time.time() + 1000, sent=True)
        for one, money in ((sent, 500), (unsent, 0)):
            ended = await jobs.cancel_queued(one.id, CANCELED)
            assert ended is not None
            assert ended.spent == Cost(0, money)
        (balance,) = await jobs.budgets([Cap(SERVER, Period.DAY, None, 1000)])
        assert balance.spent == Cost(0, 500)

    async def test_a_result_that_came_meanwhile_is_waited_for_and_not_drawn_again(
        self, jobs: JobStore
    ) -> None:
        (first,) = await add(jobs, job(fingerprint="f"))
        await take(jobs)
        await jobs.succeed(first.id, [StoredImage("sha256:0", "png", 64, 64, 100, 1, 9)], 1.5)
        (late,) = await jobs.add(
            [PlannedJob(job(fingerprint="f"))], max_waiting=9, results=StoredResults(1000, lambda job: True)
        )
        assert (late.answered_by, late.lane) == (first.id, BUILTIN)
        assert await take(jobs) is None
        (taken,) = await jobs.take(BUILTIN, NONE)
        await jobs.detach(taken.id, LOCAL)
        drawn = await take(jobs)
        assert drawn is not None
        assert (drawn.id, drawn.answered_by, drawn.attempts) == (late.id, None, 1)

    async def test_a_loaded_model_goes_first_but_nobody_waits_for_it_without_end(
        self, jobs: JobStore
    ) -> None:
        await add(jobs, other_model("cold", owner_id=1), *(other_model("warm", owner_id=2) for _ in range(9)))
        preference = Preference(patience=0.2, loaded=frozenset({"warm"}))
        first = await take(jobs, preference)
        assert first is not None
        assert first.task.model_id == "warm", "it is the other's turn, but its model is not loaded"
        passed = time.monotonic()
        taken = first
        while taken.task.model_id == "warm":
            taken = await take(jobs, preference) or taken
            if taken.task.model_id == "warm":
                await add(jobs, other_model("warm", owner_id=2))
        assert 0.1 < time.monotonic() - passed < 2

    async def test_alike_jobs_are_taken_together(self, jobs: JobStore) -> None:
        made = await add(
            jobs,
            job(batch_key="a"),
            job(batch_key="b"),
            job(batch_key="a", owner_id=8),
            job(batch_key="a"),
            job(),
        )
        taken = await jobs.take(LOCAL, NONE, most=2)
        assert [item.id for item in taken] == [made[0].id, made[2].id]
        assert {item.state for item in taken} == {State.RUNNING}

    async def test_together_too_owners_take_turns(self, jobs: JobStore) -> None:
        await add(jobs, *(job(batch_key="a", owner_id=1) for _ in range(9)))
        await add(jobs, *(job(batch_key="a", owner_id=2) for _ in range(9)))
        for _ in range(3):
            taken = await jobs.take(LOCAL, NONE, most=4)
            assert sorted(item.owner_id for item in taken) == [1, 1, 2, 2]

    async def test_positions(self, jobs: JobStore) -> None:
        mine = await add(jobs, *(job(owner_id=1) for _ in range(3)))
        theirs = await add(jobs, *(job(owner_id=2) for _ in range(10)))
        urgent = await add(jobs, job(owner_id=3, priority=5))
        positions = await jobs.positions([*mine, *theirs, *urgent])
        assert positions[urgent[0].id] == 0
        assert [positions[item.id] for item in mine] == [1, 3, 5]
        assert positions[theirs[9].id] == 13
        assert MAX_POSITION >= 1000

    async def test_counts_are_mended_at_the_start(self, place: Path | str) -> None:
        async with opened(place) as first:
            await add(first, job(), job())
            await first._do(lambda connection: connection.execute(sa.update(tables.LINES).values(waiting=0)))
            assert await take(first) is None
        async with opened(place) as again:
            assert await take(again) is not None
