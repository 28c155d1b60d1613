"""What is paid for without a job: set aside before it is asked for, and settled when it is known what it came to."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.engine import Connection

from capabilities.budgets import Calendar, Cost
from sidecar.engines.events import Failed
from sidecar.queue.ledger import budgets
from sidecar.queue.model import Terms, new_id
from sidecar.queue.store.database import Database


class Purchases:
    """One that is never settled, as when the server dies, stays spent: it may have been billed."""

    def __init__(self, database: Database, calendar: Callable[[], Calendar]) -> None:
        self._do = database.do
        self._calendar = calendar

    async def reserve(self, terms: Terms, price: Cost) -> str:
        """The id of a purchase. Raises ResourceExhausted where a cap forbids it, or there were too many lately."""
        purchase_id, calendar = new_id(), self._calendar()

        def work(connection: Connection) -> Failed | None:
            budgets.require_rate(connection, terms, calendar.now)
            return budgets.reserve(connection, purchase_id, price, terms, calendar)

        blocked = await self._do(work)
        if blocked is not None:
            raise blocked.refusal()
        return purchase_id

    async def settle(self, purchase_id: str, spent: Cost) -> None:
        """Done once: settled again, nothing changes."""
        await self._do(lambda connection: budgets.settle(connection, purchase_id, spent))
