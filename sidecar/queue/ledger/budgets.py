"""The ledger: what jobs reserve and spend, by account and period. Every function works inside a caller's transaction."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from capabilities.budgets import NOTHING, UNITS, Calendar, Cap, Cost, Period
from capabilities.errors import Code, ResourceExhausted
from sidecar.engines.events import Failed
from sidecar.queue.model import Terms, cost_of, is_time
from sidecar.queue.store.database import adding
from sidecar.queue.store.prepared import Prepared
from sidecar.queue.store.tables import BALANCES, LEDGER

RATE_WINDOW = 60.0
"""Seconds that `rate_per_minute` looks back."""


_OF_JOB = (LEDGER.c.job_id == sa.bindparam("its_job")) & LEDGER.c.settled.is_(False)
_INSERT = Prepared(sa.insert(LEDGER))
_OPEN_ROWS = Prepared(sa.select(LEDGER).where(_OF_JOB))
_SETTLE = Prepared(
    sa.update(LEDGER)
    .where(_OF_JOB)
    .values(compute=sa.bindparam("spent_compute"), money=sa.bindparam("spent_money"), settled=True)
)
_ADD = adding(BALANCES, "compute", "money")
_BALANCES = sa.select(BALANCES).where(
    BALANCES.c.account.in_(sa.bindparam("accounts", expanding=True)),
    BALANCES.c.period.in_(sa.bindparam("periods", expanding=True)),
)


@dataclass(frozen=True)
class Balance:
    """A cap and what has been spent or is reserved of it."""

    cap: Cap
    spent: Cost
    reset: float | None

    def over(self, more: Cost) -> bool:
        """Whether it cannot take this much more. What costs nothing always fits."""
        return _exceeds(self.spent.compute, more.compute, self.cap.compute) or _exceeds(
            self.spent.money, more.money, self.cap.money
        )


def _exceeds(spent: int, more: int, cap: int | None) -> bool:
    return cap is not None and more > 0 and spent + more > cap


def require_rate(connection: Connection, terms: Terms, now: float) -> None:
    """Raises ResourceExhausted where an account has had as many jobs accepted in the last minute as it may."""
    for account, most in terms.rates.items():
        oldest = connection.execute(
            sa.select(LEDGER.c.created)
            .where(LEDGER.c.account == account, LEDGER.c.created > now - RATE_WINDOW)
            .order_by(LEDGER.c.created.desc())
            .offset(most - 1)
            .limit(1)
        ).scalar()
        if oldest is not None and is_time(oldest):
            wait = max(0.001, oldest + RATE_WINDOW - now)
            raise ResourceExhausted(
                f"rate_per_minute of {_words(account, terms)} is {most}; try again in {wait:.0f} s",
                reason="RATE_LIMITED",
                field="rate_per_minute",
                limit=str(most),
                asked=str(most + 1),
                retry_after=wait,
            )


def reserve(
    connection: Connection, job_id: str, price: Cost, terms: Terms, calendar: Calendar
) -> Failed | None:
    """Set aside what something will cost; answers why not, where a cap forbids it, and then nothing is set aside.

    One that is forbidden counts towards the rate all the same.
    """
    periods = [calendar.key(period) for period in Period]
    # Added first and looked at then: of two servers that add at the same time, the second sees the first's.
    _add(connection, terms.accounts, periods, price)
    over = [
        balance
        for balance in balances(connection, terms.caps, calendar)
        if dataclasses.replace(balance, spent=balance.spent - price).over(price)
    ]
    if over:
        _add(connection, terms.accounts, periods, NOTHING - price)
        _insert(connection, job_id, terms, calendar, NOTHING, settled=True)
        balance = dataclasses.replace(over[0], spent=over[0].spent - price)
        return _blocked(balance, price, calendar.now, terms)
    _insert(connection, job_id, terms, calendar, price, settled=False)
    return None


def _insert(
    connection: Connection, job_id: str, terms: Terms, calendar: Calendar, price: Cost, *, settled: bool
) -> None:
    rows = [
        {
            "job_id": job_id,
            "account": account,
            "created": calendar.now,
            "session": calendar.session,
            "day": calendar.day,
            "month": calendar.month,
            "compute": price.compute,
            "money": price.money,
            "settled": settled,
        }
        for account in terms.accounts
    ]
    if rows:
        _INSERT.run_each(connection, rows)


def settle(connection: Connection, job_id: str, spent: Cost) -> None:
    """Turn what a job reserved into what it did spend. Done once: settled again, nothing changes."""
    rows = _OPEN_ROWS.rows(connection, {"its_job": job_id})
    for row in rows:
        difference = spent - cost_of(row.compute, row.money)
        if difference != NOTHING:
            keys = [f"session:{row.session}", f"day:{row.day}", f"month:{row.month}"]
            _add(connection, [row.account], keys, difference)
    if rows:
        values = {"its_job": job_id, "spent_compute": spent.compute, "spent_money": spent.money}
        _SETTLE.run(connection, values)


def balances(connection: Connection, caps: Sequence[Cap], calendar: Calendar) -> list[Balance]:
    """Every cap with what is spent of it."""
    if not caps:
        return []
    accounts, periods = {cap.account for cap in caps}, {calendar.key(cap.period) for cap in caps}
    rows = connection.execute(_BALANCES, {"accounts": list(accounts), "periods": list(periods)})
    found = {(row.account, row.period): cost_of(row.compute, row.money) for row in rows}
    return [
        Balance(cap, found.get((cap.account, calendar.key(cap.period)), NOTHING), calendar.reset(cap.period))
        for cap in caps
    ]


def differences(connection: Connection) -> dict[tuple[str, str], tuple[Cost, Cost]]:
    """Balances that are not the sum of their ledger rows: what they are, and what they should be."""
    kept = {
        (row.account, row.period): cost_of(row.compute, row.money)
        for row in connection.execute(sa.select(BALANCES))
    }
    summed: dict[tuple[str, str], Cost] = {}
    for period in Period:
        column = LEDGER.c[str(period)]
        sums = connection.execute(
            sa.select(LEDGER.c.account, column, sa.func.sum(LEDGER.c.compute), sa.func.sum(LEDGER.c.money))
            .group_by(LEDGER.c.account, column)
        )  # fmt: skip
        for account, name, compute, money in sums:
            summed[account, f"{period}:{name}"] = Cost(int(compute), int(money))
    return {
        key: (kept.get(key, NOTHING), summed.get(key, NOTHING))
        for key in kept.keys() | summed.keys()
        if kept.get(key, NOTHING) != summed.get(key, NOTHING)
    }


def repair(connection: Connection, wrong: Mapping[tuple[str, str], tuple[Cost, Cost]]) -> None:
    """Set balances to what the ledger says."""
    for (account, period), (is_now, should_be) in wrong.items():
        difference = should_be - is_now
        _add(connection, [account], [period], difference)


def forget(connection: Connection, before: float, now: float) -> int:
    """Remove rows that no present period counts, older than a moment; how many that were."""
    newest = sa.select(LEDGER.c.session).order_by(LEDGER.c.created.desc()).limit(1)
    calendar = Calendar(connection.execute(newest).scalar() or "", now)
    old = (
        (LEDGER.c.created < before)
        & LEDGER.c.settled.is_(True)
        & (LEDGER.c.session != calendar.session)
        & (LEDGER.c.month != calendar.month)
    )
    periods = {
        f"{period}:{name}"
        for period in Period
        for (name,) in connection.execute(sa.select(LEDGER.c[str(period)]).where(old).distinct())
    }
    removed = connection.execute(sa.delete(LEDGER).where(old)).rowcount
    for period in periods:
        kind, _, name = period.partition(":")
        left = connection.execute(sa.select(LEDGER.c.job_id).where(LEDGER.c[kind] == name).limit(1)).first()
        if left is None:
            connection.execute(sa.delete(BALANCES).where(BALANCES.c.period == period))
    for (account, period), (is_now, should_be) in differences(connection).items():
        _add(connection, [account], [period], should_be - is_now)
    return removed


def _add(connection: Connection, accounts: Iterable[str], periods: Sequence[str], more: Cost) -> None:
    rows = [
        {"account": account, "period": period, "compute": more.compute, "money": more.money}
        # In one order everywhere, so that two servers cannot wait for each other.
        for account in sorted(accounts)
        for period in sorted(periods)
    ]
    if rows:
        _ADD.run_each(connection, rows)


def _blocked(balance: Balance, asked: Cost, now: float, terms: Terms) -> Failed:
    cap = balance.cap
    if _exceeds(balance.spent.compute, asked.compute, cap.compute):
        name, most, spent, wanted = "compute", cap.compute, balance.spent.compute, asked.compute
    else:
        name, most, spent, wanted = "money", cap.money, balance.spent.money, asked.money
    assert most is not None
    wait = None if balance.reset is None else max(1.0, balance.reset - now)
    when = "when the server is started again" if wait is None else f"in {_duration(wait)}"
    what = f"{name}_per_{cap.period} of {_words(cap.account, terms)}"
    return Failed(
        Code.RESOURCE_EXHAUSTED.value,
        f"{what} is {most / UNITS:g}; {spent / UNITS:g} are spent or reserved, {max(0, most - spent) / UNITS:g} remain, "
        f"and this needs {wanted / UNITS:g}; it resets {when}",
        reason="BUDGET_SPENT",
        field=f"{name}_per_{cap.period}",
        limit=f"{most / UNITS:g}",
        asked=f"{wanted / UNITS:g}",
        retry_after=wait,
        account=told(cap.account, terms.accounts[0]),
        remaining=f"{max(0, most - spent) / UNITS:g}",
    )


def told(account: str, own: str) -> str:
    """An account as whoever spends from it may know it: which capability theirs was delegated from is not their business.

    `own` is the account of the capability that they hold.
    """
    scope, _, name = account.partition(":")
    if scope == "capability" and account != own:
        return scope
    return f"{scope}:{name.rpartition('/')[2]}" if name else scope


def _words(account: str, terms: Terms) -> str:
    scope, _, name = told(account, terms.accounts[0]).partition(":")
    if scope == "capability" and not name:
        return "a capability that this one was delegated from"
    return f"{scope} {name}".rstrip()


def _duration(seconds: float) -> str:
    hours, minutes = divmod(int(seconds) // 60, 60)
    return f"{hours} h {minutes} min" if hours else f"{max(1, minutes)} min"
