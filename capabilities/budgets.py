"""What work costs, and the caps that hold for it: whole numbers throughout, so that sums are exact to the unit."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from capabilities.params import Value
from capabilities.tasks import Size, Task

UNITS = 1_000_000
"""Pixel-steps in a megapixel-step, and micro-units in a unit of money."""

SERVER = "server"
"""The account that everything counts against."""

Tier = Literal["low", "medium", "high"]


class Period(enum.StrEnum):
    SESSION = "session"
    DAY = "day"
    MONTH = "month"


@dataclass(frozen=True)
class Cost:
    """Compute in pixel-steps (width x height x steps), money in millionths of the currency."""

    compute: int = 0
    money: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.compute + other.compute, self.money + other.money)

    def __sub__(self, other: Cost) -> Cost:
        return Cost(self.compute - other.compute, self.money - other.money)

    def share(self, done: int, of: int) -> Cost:
        """What part of the work costs, rounded up to the unit."""
        if of <= 0 or done >= of:
            return self
        return Cost(-(-self.compute * done // of), -(-self.money * done // of))


@dataclass(frozen=True)
class Price:
    """What a paid model costs, in millionths of the currency: for each time that it draws, and for each megapixel-step.

    `billed_when_canceled`: the provider may bill a call that was canceled, so it counts as spent. `is_of_engine`: it is what
    an engine takes for a drawing, whichever of its models are used together.
    """

    per_image: int = 0
    per_megapixel_step: int = 0
    billed_when_canceled: bool = False
    is_of_engine: bool = False

    @property
    def is_free(self) -> bool:
        return not self.per_image and not self.per_megapixel_step


FREE = Price()
NOTHING = Cost()


def cost(task: Task, price_of: Callable[[str], Price], sizes: Mapping[str, Size]) -> Cost:
    """What a task will cost: its compute, and the price of every paid model that it touches; `sizes` of its inputs."""
    compute = round(task.charge(sizes) * UNITS)
    return Cost(compute, sum(_money(task, compute, model, price_of(model)) for model in task.models))


def _money(task: Task, compute: int, model: str, price: Price) -> int:
    """What one of a task's models costs in it."""
    if price.is_of_engine and model != task.model_id:
        # A LoRA costs nothing by itself then; an upscaler is a drawing of its own.
        return price.per_image * task.count if (model, "upscale") in task.needs else 0
    return price.per_image * task.drawings + -(-price.per_megapixel_step * compute // UNITS)


@dataclass(frozen=True)
class Cap:
    """What an account may spend in a period; None: as much as it likes. Accounts: "server", "owner:ID", "capability:ID"."""

    account: str
    period: Period
    compute: int | None = None
    money: int | None = None

    @property
    def scope(self) -> str:
        return self.account.partition(":")[0]


def capability_account(capability_id: str, world: str = "") -> str:
    """`world` is empty for the sidecar's own."""
    return f"capability:{_in(world)}{capability_id}"


def owner_account(owner_id: int, world: str = "") -> str:
    """`world` is empty for the sidecar's own."""
    return f"owner:{_in(world)}{owner_id}"


def _in(world: str) -> str:
    return f"{world}/" if world else ""


def caps_of(account: str, params: Mapping[str, Value]) -> Iterable[Cap]:
    """The caps among a capability's parameters."""
    for period in Period:
        limits = [params.get(f"{unit}_per_{period}") for unit in ("compute", "money")]
        compute, money = (
            round(limit * UNITS) if isinstance(limit, int | float) else None for limit in limits
        )
        if compute is not None or money is not None:
            yield Cap(account, period, compute, money)


@dataclass(frozen=True)
class Calendar:
    """The present period of each kind, in UTC."""

    session: str
    """Identifies the time since the server was started."""
    now: float
    """Unix seconds."""

    @property
    def _moment(self) -> dt.datetime:
        return dt.datetime.fromtimestamp(self.now, dt.UTC)

    @property
    def day(self) -> str:
        return f"{self._moment:%Y-%m-%d}"

    @property
    def month(self) -> str:
        return f"{self._moment:%Y-%m}"

    def key(self, period: Period) -> str:
        """The name of the present period."""
        return f"{period}:{getattr(self, period)}"

    def reset(self, period: Period) -> float | None:
        """When it ends, in Unix seconds; None for a session, which ends when the server does."""
        midnight = self._moment.replace(hour=0, minute=0, second=0, microsecond=0)
        match period:
            case Period.SESSION:
                return None
            case Period.DAY:
                return (midnight + dt.timedelta(days=1)).timestamp()
            case Period.MONTH:
                return (midnight.replace(day=1) + dt.timedelta(days=32)).replace(day=1).timestamp()
