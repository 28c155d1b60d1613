"""The job database: states that change once, turns, leases, answers; on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from capabilities.budgets import SERVER, Cap, Cost, Period
from capabilities.errors import FailedPrecondition, NotFound, ResourceExhausted
from sidecar.engines.api import BUILTIN
from sidecar.pb.viwo.imagegen.v1 import job_pb2
from sidecar.queue.ledger import budgets
from sidecar.queue.model import PlannedJob, State, StoredImage, Terms, new_id
from sidecar.queue.store import job_store, tables
from sidecar.queue.store.job_store import JobStore
from sidecar.queue.store.reader import Batch
from sidecar.testing.server import started
from tests.databases import fresh
from tests.queue.stores import CANCELED, FAILED, NONE, add, job, opened, take


class TestJobs:
    async def test_one_reads_back_whole(self, jobs: JobStore) -> None:
        (made,) = await add(
            jobs, job(holds={"c": 2}, deadline=9e9, fingerprint="f", batch_key="a", priority=-1)
        )
        assert await jobs.get(made.id) == made
        taken = await take(jobs)
        assert taken is not None
        assert (taken.state, taken.attempts) == (State.RUNNING, 1)
        assert await jobs.get(made.id) == taken
        image = StoredImage("sha256:0", "png", 64, 64, 100, 1, 9)
        done, twins = await jobs.succeed(made.id, [image], 1.5)
        assert done is not None
        assert (done.images, done.work_seconds, done.state, twins) == ((image,), 1.5, State.SUCCEEDED, [])
        assert done.spent == made.cost

    async def test_an_ended_job_does_not_change(self, jobs: JobStore) -> None:
        (made,) = await add(jobs, job())
        assert await jobs.succeed(made.id, [], 1) == (None, []), "it was never begun"
        assert len(await jobs.fail(made.id, CANCELED)) == 1
        assert await jobs.fail(made.id, CANCELED) == []
        assert await jobs.cancel_queued(made.id, CANCELED) is None
        assert await take(jobs) is None
        assert (await jobs.get(made.id)).state is State.CANCELED

    async def test_each_is_taken_once_and_in_order(self, jobs: JobStore) -> None:
        made = await add(jobs, *(job() for _ in range(20)))
        taken = await asyncio.gather(*(take(jobs) for _ in range(25)))
        assert sorted(item.id for item in taken if item) == [item.id for item in made]
        assert sum(item is None for item in taken) == 5

    async def test_the_queue_is_bounded_and_a_batch_goes_in_whole_or_not(self, jobs: JobStore) -> None:
        await add(jobs, job(), job(), most=3)
        with pytest.raises(ResourceExhausted, match="3 jobs wait already"):
            await add(jobs, job(), job(), most=3)
        found, _ = await jobs.page()
        assert len(found) == 2

    async def test_a_deadline_ends_what_waits(self, jobs: JobStore) -> None:
        late, early = await add(jobs, job(deadline=time.time() - 1), job(deadline=time.time() + 1000))
        (ended,) = await jobs.expire()
        assert (ended.id, ended.failure and ended.failure.code) == (late.id, "DEADLINE_EXCEEDED")
        taken = await take(jobs)
        assert taken is not None
        assert taken.id == early.id

    async def test_a_batch_stops_at_an_error_or_goes_on(self, jobs: JobStore) -> None:
        for stop in (True, False):
            batch = Batch(new_id(), stop, time.time())
            orders = [PlannedJob(job(batch_id=batch.id, batch_index=place)) for place in range(3)]
            first, *rest = await jobs.add(orders, max_waiting=10, batch=batch)
            await take(jobs)
            ended = await jobs.fail(first.id, FAILED)
            assert [item.id for item in ended] == (
                [first.id, *(item.id for item in rest)] if stop else [first.id]
            )
            states = [item.state for item in (await jobs.batch(batch.id)).jobs]
            assert states == [State.FAILED, *[State.CANCELED if stop else State.QUEUED] * 2]
        with pytest.raises(NotFound):
            await jobs.batch("none")


class TestLeases:
    async def test_what_a_dead_server_ran_is_queued_again_but_not_for_ever(self, place: Path | str) -> None:
        async with opened(place) as first:
            (made,) = await add(first, job())
        for _ in range(job_store.MAX_BEGINNINGS):
            async with opened(place) as again:
                taken = await take(again)
                assert taken is not None
                assert taken.id == made.id
        async with opened(place) as last:
            final = await last.get(made.id)
            assert final.state is State.FAILED
            assert final.failure is not None
            assert final.failure.reason == "SERVER_LOST"

    async def test_a_job_that_nobody_works_on_is_queued_again(self, place: Path | str) -> None:
        async with opened(place, lease=-1) as forgetful:
            (made,) = await add(forgetful, job())
            assert await take(forgetful) is not None
            assert await forgetful.beat([]) == ([made.id], [])
        async with opened(place, lease=1000) as mindful:
            assert await take(mindful) is not None
            assert await mindful.beat([made.id]) == ([], [])

    async def test_another_runners_job_is_left_alone_until_its_lease_ends(self, place: Path | str) -> None:
        async with opened(place, runner="a", lease=1000) as a:
            await add(a, job())
            assert await take(a) is not None
            async with opened(place, runner="b") as b:
                assert await take(b) is None
                assert await b.beat([]) == ([], [])
        async with opened(place, runner="a", lease=-1) as dead:
            assert await take(dead) is not None, "its own job is taken back at once"
            async with opened(place, runner="b") as b:
                assert await take(b) is not None, "the lease had ended"

    async def test_two_servers_do_not_share_a_database(
        self, tiny: Path, tmp_path: Path, postgres: str
    ) -> None:
        with fresh(postgres) as url:
            async with started(tiny, tmp_path / "one", database_url=url):
                with pytest.raises(FailedPrecondition, match="another sidecar is using the job database"):
                    async with started(tiny, tmp_path / "two", database_url=url):
                        pass
            # The lock went with the server.
            async with started(tiny, tmp_path / "two", database_url=url) as again:
                assert not (await again.jobs.List(job_pb2.ListJobsRequest())).jobs

    async def test_what_is_no_database(self, tiny: Path, tmp_path: Path) -> None:
        for url in ("nonsense", "nosuch+driver://x"):
            with pytest.raises(FailedPrecondition, match="database_url cannot be used"):
                async with started(tiny, tmp_path, database_url=url):
                    pass


class TestAnswers:
    async def test_a_result_is_found_while_it_is_fresh(self, jobs: JobStore) -> None:
        (made,) = await add(jobs, job(fingerprint="f"))
        assert await jobs.answer("f", 0) is None, "not done yet"
        await take(jobs)
        await jobs.succeed(made.id, [StoredImage("sha256:0", "png", 64, 64, 100, 1, 9)], 1.5)
        found = await jobs.answer("f", 0)
        assert found is not None
        assert found.id == made.id
        assert await jobs.answer("f", time.time() + 1) is None
        assert await jobs.answer("g", 0) is None

    async def test_a_twin_waits_for_the_result_and_costs_nothing(self, jobs: JobStore) -> None:
        terms = Terms(("capability:c", SERVER))
        first, twin = await add(jobs, job(fingerprint="f"), job(fingerprint="f"), terms=terms)
        await take(jobs)
        assert await take(jobs) is None, "its twin is being drawn"
        _, twins = await jobs.succeed(first.id, [StoredImage("sha256:0", "png", 64, 64, 100, 1, 9)], 1.5)
        assert twins == [twin.id]
        (handed,) = await jobs.take(BUILTIN, NONE)
        assert (handed.id, handed.answered_by) == (twin.id, first.id)
        done, _ = await jobs.succeed(twin.id, [], 0)
        assert done is not None
        assert done.spent == Cost()
        (balance,) = await jobs.budgets([Cap(SERVER, Period.DAY, 1000)])
        assert balance.spent == first.cost

    async def test_a_twin_draws_itself_when_the_first_fails(self, jobs: JobStore) -> None:
        first, twin = await add(jobs, job(fingerprint="f"), job(fingerprint="f"))
        await take(jobs)
        await jobs.fail(first.id, FAILED)
        taken = await take(jobs)
        assert taken is not None
        assert (taken.id, taken.answered_by) == (twin.id, None)


class TestLedger:
    async def test_what_a_cap_forbids_is_blocked_and_told_exactly(self, jobs: JobStore) -> None:
        terms = Terms(("capability:c", SERVER), (Cap("capability:c", Period.DAY, 250),))
        made = await add(jobs, job(), job(), job(), terms=terms)
        assert [item.state for item in made] == [State.QUEUED, State.QUEUED, State.BLOCKED_BUDGET]
        failure = made[2].failure
        assert failure is not None
        assert failure.code == "RESOURCE_EXHAUSTED"
        assert failure.message.startswith(
            "compute_per_day of capability c is 0.00025; 0.0002 are spent or reserved, 5e-05 remain, "
            "and this needs 0.0001; it resets in "
        )
        assert 0 < (failure.retry_after or 0) <= 24 * 3600
        await jobs.fail(made[0].id, CANCELED, Cost(20))
        (after,) = await add(jobs, job(), terms=terms)
        assert after.state is State.QUEUED
        (balance,) = await jobs.budgets(terms.caps)
        assert balance.spent == Cost(220)

    async def test_money_is_capped_like_compute(self, jobs: JobStore) -> None:
        terms = Terms((SERVER,), (Cap(SERVER, Period.MONTH, None, 5),))
        paid, more = await add(jobs, job(cost=Cost(0, 3)), job(cost=Cost(0, 3)), terms=terms)
        assert (paid.state, more.state) == (State.QUEUED, State.BLOCKED_BUDGET)
        assert more.failure is not None
        assert more.failure.field == "money_per_month"
        (free,) = await add(jobs, job(cost=Cost(9, 0)), terms=terms)
        assert free.state is State.QUEUED

    async def test_a_session_ends_with_the_server(self, place: Path | str) -> None:
        terms = Terms((SERVER,), (Cap(SERVER, Period.SESSION, 100),))
        async with opened(place) as first:
            assert [item.state for item in await add(first, job(), job(), terms=terms)] == [
                State.QUEUED,
                State.BLOCKED_BUDGET,
            ]
        async with opened(place) as again:
            (made,) = await add(again, job(), terms=terms)
            assert made.state is State.QUEUED

    async def test_only_so_many_in_a_minute(self, jobs: JobStore) -> None:
        terms = Terms(("capability:c",), rates={"capability:c": 2})
        await add(jobs, job(), job(), terms=terms)
        with pytest.raises(ResourceExhausted) as refusal:
            await add(jobs, job(), terms=terms)
        assert refusal.value.field == "rate_per_minute"
        assert refusal.value.retry_after == pytest.approx(60, abs=5)

    async def test_balances_are_the_sum_of_the_ledger_and_can_be_mended(self, jobs: JobStore) -> None:
        await add(jobs, job(), job(), terms=Terms((SERVER, "owner:3")))
        assert await jobs._do(budgets.differences) == {}
        await jobs._do(lambda c: c.execute(sa.update(tables.BALANCES).values(compute=7)))
        wrong = await jobs._do(budgets.differences)
        assert len(wrong) == 6
        await jobs._do(lambda connection: budgets.repair(connection, wrong))
        assert await jobs._do(budgets.differences) == {}


def test_ids_sort_by_creation() -> None:
    ids = [new_id() for _ in range(5000)]
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)
