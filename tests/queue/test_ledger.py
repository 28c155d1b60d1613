"""Budgets hold to the last unit, whatever is reserved, settled, canceled or killed at the same time."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from capabilities.budgets import SERVER, Cap, Cost, Period, capability_account, owner_account
from capabilities.errors import Canceled
from sidecar.engines.api import LOCAL
from sidecar.engines.events import Failed
from sidecar.queue.ledger import budgets
from sidecar.queue.model import Job, PlannedJob, State, Terms
from sidecar.queue.scheduling.preference import Preference
from sidecar.queue.store.database import Database
from sidecar.queue.store.job_store import JobStore
from tests.queue.stores import job

CANCELED = Failed.of(Canceled("stop"))
# A tree of capabilities: the child's spending counts against its parent.
CHILDREN = {"parent": ("parent",), "child": ("child", "parent"), "other": ("other",)}
OWNERS = {"parent": 1, "child": 2, "other": 2}
CAPS = {
    Cap(capability_account("parent"), Period.DAY, 300, 40),
    Cap(capability_account("child"), Period.SESSION, 200),
    Cap(owner_account(2), Period.MONTH, 350),
    Cap(SERVER, Period.DAY, 500, 60),
}
# Amounts that often end exactly at a cap, or one unit above it.
costs = st.builds(Cost, st.sampled_from([0, 1, 50, 100]), st.sampled_from([0, 1, 10, 20]))


def terms(capability: str) -> Terms:
    accounts = (
        *(capability_account(name) for name in CHILDREN[capability]), owner_account(OWNERS[capability]), SERVER,
    )  # fmt: skip
    return Terms(accounts, tuple(cap for cap in CAPS if cap.account in accounts))


class Budgets(RuleBasedStateMachine):
    """A world's worth of callers, all at once, on a real file; a model that only adds up what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.jobs: dict[str, tuple[str, Cost]] = {}
        self.session: set[str] = set()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    @initialize()
    def open(self) -> None:
        # A clock that stands: a day that ends in the middle of a test would start its budgets anew.
        self.store = JobStore(Database(Path(self.folder.name) / "jobs.sqlite"), clock=lambda: 1.8e9)
        self.run(self.store.open())

    def teardown(self) -> None:
        self.run(self.store.close())
        self.loop.close()
        self.folder.cleanup()

    @rule(orders=st.lists(st.tuples(st.sampled_from(sorted(CHILDREN)), costs), min_size=1, max_size=4))
    def submit_at_once(self, orders: list[tuple[str, Cost]]) -> None:
        async def all_of_them() -> list[list[Job]]:
            calls = [
                self.store.add(
                    [PlannedJob(job(capability_id=name, owner_id=OWNERS[name], cost=cost), terms(name))],
                    max_waiting=1000,
                )
                for name, cost in orders
            ]
            return await asyncio.gather(*calls)

        for (name, cost), (added,) in zip(orders, self.run(all_of_them()), strict=True):
            room = [cap for cap in CAPS if cap.account in terms(name).accounts and not self.fits(cap, cost)]
            if added.state is State.BLOCKED_BUDGET:
                assert room, "blocked although every cap had room"
                assert added.failure is not None
                assert added.failure.field.startswith(("compute_per_", "money_per_"))
            else:
                assert not room
                self.jobs[added.id] = (name, cost)
                self.session.add(added.id)

    @rule(done=st.integers(0, 6))
    def work(self, done: int) -> None:
        """Begin jobs; some of them succeed, some fail half way, one stays as it is."""

        async def some() -> None:
            for number in range(done):
                taken = await self.store.take(LOCAL, Preference(0))
                for one in taken:
                    name, cost = self.jobs[one.id]
                    if number % 3 == 0:
                        await self.store.succeed(one.id, [], 1)
                    elif number % 3 == 1:
                        spent = cost.share(number, 6)
                        await asyncio.gather(
                            self.store.fail(one.id, CANCELED, spent), self.store.fail(one.id, CANCELED, cost)
                        )
                        settled = (await self.store.get(one.id)).spent
                        assert settled in (spent, cost)
                        self.jobs[one.id] = (name, settled)

        self.run(some())

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        if self.jobs:
            job_id = data.draw(st.sampled_from(sorted(self.jobs)))
            ended = self.run(self.store.cancel_queued(job_id, CANCELED))
            if ended is not None:
                self.jobs[job_id] = (self.jobs[job_id][0], Cost())

    @rule()
    def crash(self) -> None:
        """The server is gone without a word; another is started on the same file."""
        self.store._database.close_here()
        self.open()
        self.session = set()

    @invariant()
    def no_cap_is_exceeded(self) -> None:
        if not hasattr(self, "store"):
            return
        for balance in self.run(self.store.budgets(list(CAPS))):
            assert balance.spent == self.spent(balance.cap)
            assert balance.cap.compute is None or balance.spent.compute <= balance.cap.compute
            assert balance.cap.money is None or balance.spent.money <= balance.cap.money
        assert self.run(self.store._do(budgets.differences)) == {}

    def spent(self, cap: Cap) -> Cost:
        counted = [
            cost
            for job_id, (name, cost) in self.jobs.items()
            if cap.account in terms(name).accounts
            and (cap.period is not Period.SESSION or job_id in self.session)
        ]
        return sum(counted, Cost())

    def fits(self, cap: Cap, cost: Cost) -> bool:
        spent = self.spent(cap)
        return not (
            (cap.compute is not None and cost.compute and spent.compute + cost.compute > cap.compute)
            or (cap.money is not None and cost.money and spent.money + cost.money > cap.money)
        )


TestBudgets = Budgets.TestCase
TestBudgets.settings = settings(
    max_examples=40, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
