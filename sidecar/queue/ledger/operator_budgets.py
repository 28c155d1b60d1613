"""What the operator lets the sidecar spend, what it costs, and when that is much."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from capabilities.budgets import FREE, UNITS, Cap, Cost, Price, Tier

DEFAULT_MEDIUM = Cost(10 * UNITS, 50_000)
DEFAULT_HIGH = Cost(100 * UNITS, 500_000)


@dataclass(frozen=True)
class Budgets:
    """What the operator lets the sidecar spend, and the prices it counts with."""

    server: tuple[Cap, ...] = ()
    owner: tuple[Cap, ...] = ()
    """Caps of every owner; their account is filled in."""
    price_of: Callable[[str], Price] = lambda model_id: FREE
    medium_from: Cost = DEFAULT_MEDIUM
    """A cost of this much, of either kind, is of the tier "medium"."""
    high_from: Cost = DEFAULT_HIGH

    def tier(self, price: Cost) -> Tier:
        if _reaches(price, self.high_from):
            return "high"
        return "medium" if _reaches(price, self.medium_from) else "low"

    def caps(self, account: str) -> tuple[Cap, ...]:
        """Those of an owner's account, and the sidecar's own."""
        general = (replace(cap, account=account) for cap in self.owner if cap.account in ("owner", account))
        return (*general, *self.server)


def _reaches(price: Cost, threshold: Cost) -> bool:
    return price.compute >= threshold.compute or price.money >= threshold.money
