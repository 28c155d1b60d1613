"""Capability parameters and their restriction algebra: a child can be narrower than its parent, never wider.

Each parameter is one of a few kinds, and each kind has a *meet*: sets intersect, limits take the minimum, permissions
hold only where both grant them, and an expiry takes the earlier moment. The meet is associative, commutative and
idempotent, so the order and number of delegations cannot matter. A name that nobody knows is refused when minted and
denied when used.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from capabilities.errors import InvalidArgument, PermissionDenied, brief

WILDCARD = "*"
BUDGET_ACCOUNT = "budget_account"
ALLOWED_ENGINES = "allowed_engines"
GRANTED_ENGINES = "(granted engines)"
"""Of `allowed_engines`, those that the sidecar itself granted, which may cost money; no kind below, so no row says it."""
MAX_ACCOUNT = 64
"""Characters of a budget account's name."""
MAX_TEXT = 4096
"""Characters of a parameter that is a text."""
MAX_PRIORITY = 10
"""Highest priority of a job; the lowest is its negative."""
MAX_NAMES = 1000
"""Names in a parameter that lists some: every use of the capability reads them all."""
MAX_NAME = 512
MAX_AMOUNT = 2**53 // 1_000_000
"""Largest amount of compute or money: in its smallest unit still a whole number that every program holds exactly."""
MAX_WHOLE = 2**53
UTC = dt.UTC

Value = bool | int | float | str | frozenset[str] | dt.datetime
Params = Mapping[str, Value]


@dataclass(frozen=True)
class Kind:
    """How the values of a parameter are read, compared and written."""

    name: str
    description: str
    widens: ClassVar[bool] = False
    """Whether it allows what nobody may without it."""

    def read(self, raw: object) -> Value:
        raise ValueError(self.description)

    def meet(self, left: Value, right: Value) -> Value:
        raise NotImplementedError(self.name)

    def write(self, value: Value) -> object:
        return value

    def added(self, value: Value) -> Value:
        """What a child gets that asks for it where its parent has none."""
        return value


class Limit(Kind):
    """A ceiling; the meet is the smaller."""

    def meet(self, left: Value, right: Value) -> Value:
        assert isinstance(left, int | float)
        assert isinstance(right, int | float)
        return min(left, right)


class WholeLimit(Limit):
    def read(self, raw: object) -> Value:
        number = _number(raw)
        if number is None or number != int(number) or not 1 <= number <= MAX_WHOLE:
            raise ValueError(f"must be a whole number from 1 to {MAX_WHOLE}")
        return int(number)


class AmountLimit(Limit):
    def read(self, raw: object) -> Value:
        number = _number(raw)
        if number is None or not 0 <= number <= MAX_AMOUNT:
            raise ValueError(f"must be a number from 0 to {MAX_AMOUNT}; leave it out for no limit")
        return float(number)


class Names(Kind):
    """A set of allowed names; the meet is the intersection."""

    def read(self, raw: object) -> Value:
        if not isinstance(raw, list | tuple | set | frozenset) or not all(
            isinstance(item, str) for item in raw
        ):
            raise ValueError("must be a list of strings")
        names = frozenset(raw)
        if len(names) > MAX_NAMES or any(len(name) > MAX_NAME for name in names):
            raise ValueError(f"must have at most {MAX_NAMES} names, of at most {MAX_NAME} characters each")
        return names

    def meet(self, left: Value, right: Value) -> Value:
        assert isinstance(left, frozenset)
        assert isinstance(right, frozenset)
        return left & right

    def write(self, value: Value) -> object:
        assert isinstance(value, frozenset)
        return sorted(value)


class Permission(Kind):
    """Something off unless granted; a child has it only where its parent does."""

    widens = True

    def read(self, raw: object) -> Value:
        if not isinstance(raw, bool):
            raise ValueError("must be true or false")
        return raw

    def meet(self, left: Value, right: Value) -> Value:
        return bool(left) and bool(right)

    def added(self, value: Value) -> Value:
        return False


class Wildcard(Permission):
    """viwo's own: what it means here, nothing being limited that is not named, holds without it too."""

    widens = False


class Rank(Kind):
    """A height that is 0 unless granted; a child's is at most its parent's."""

    widens = True

    def read(self, raw: object) -> Value:
        number = _number(raw)
        if number is None or number != int(number) or not 0 <= number <= MAX_PRIORITY:
            raise ValueError(f"must be a whole number from 0 to {MAX_PRIORITY}")
        return int(number)

    def meet(self, left: Value, right: Value) -> Value:
        assert isinstance(left, int)
        assert isinstance(right, int)
        return min(left, right)

    def added(self, value: Value) -> Value:
        return 0


class Moment(Kind):
    """A point in time; the meet is the earlier."""

    def read(self, raw: object) -> Value:
        if isinstance(raw, str):
            try:
                moment = dt.datetime.fromisoformat(raw)
            except ValueError:
                raise ValueError(
                    "must be an RFC 3339 time such as 2030-01-31T12:00:00Z, or Unix seconds"
                ) from None
            try:
                return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
            except OverflowError:
                raise ValueError("must be a time between the years 1 and 9999") from None
        number = _number(raw)
        if number is None:
            raise ValueError("must be an RFC 3339 time such as 2030-01-31T12:00:00Z, or Unix seconds")
        # JavaScript's Date.now() counts milliseconds; read as seconds those would lie after the year 5000.
        seconds = number / 1000 if number > 1e11 else number
        try:
            return dt.datetime.fromtimestamp(seconds, UTC)
        except (OverflowError, ValueError, OSError):
            raise ValueError("must be a time between the years 1 and 9999") from None

    def meet(self, left: Value, right: Value) -> Value:
        assert isinstance(left, dt.datetime)
        assert isinstance(right, dt.datetime)
        return min(left, right)

    def write(self, value: Value) -> object:
        assert isinstance(value, dt.datetime)
        return value.isoformat().replace("+00:00", "Z")


class Fixed(Kind):
    """A choice that can be made once: a child keeps it and cannot choose another."""

    def read(self, raw: object) -> Value:
        if not isinstance(raw, str) or not raw:
            raise ValueError("must be a non-empty string")
        return raw

    def meet(self, left: Value, right: Value) -> Value:
        if left != right:
            raise ValueError(f"is already {brief(left)} and cannot become {brief(right)}")
        return left


class Account(Fixed):
    """Written by minting, and by nobody else."""

    def read(self, raw: object) -> Value:
        if not isinstance(raw, str) or not 0 < len(raw) <= MAX_ACCOUNT:
            raise ValueError(f"must be a text of 1 to {MAX_ACCOUNT} characters")
        return raw


class Default(Fixed):
    """Of viwo's former plugin: what a call gets that leaves it out; a number, a text, or nothing at all."""

    def read(self, raw: object) -> Value:
        number = _number(raw)
        if number is not None:
            return number
        if raw is not None and not isinstance(raw, str):
            raise ValueError("must be a number or a text")
        if raw and len(raw) > MAX_TEXT:
            raise ValueError(f"must have at most {MAX_TEXT} characters")
        return raw or ""


class Target(Fixed):
    """One entity, chosen once."""

    def read(self, raw: object) -> Value:
        number = _number(raw)
        if number is None or number != int(number) or not 1 <= number < 2**63:
            raise ValueError("must be an entity id")
        return int(number)


def _number(raw: object) -> float | int | None:
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return None
    # An integer of hundreds of digits cannot even be asked whether it is finite.
    return raw if (abs(raw) < 2**63 if isinstance(raw, int) else math.isfinite(raw)) else None


KINDS: dict[str, Kind] = {
    "allowed_models": Names("names", "Model ids that may be used, for every model a call touches."),
    "default_model": Fixed("fixed", "Model used where the call names none."),
    ALLOWED_ENGINES: Names("names", "Engines that may be used; left out: those that cost nothing."),
    "max_compute": AmountLimit("limit", "Compute of one call in megapixel-steps."),
    "max_width": WholeLimit("limit", "Width in pixels."),
    "max_height": WholeLimit("limit", "Height in pixels."),
    "max_pixels": WholeLimit("limit", "Width x height of one picture."),
    "max_images": WholeLimit("limit", "Pictures in one call."),
    "max_steps": WholeLimit("limit", "Denoising steps."),
    "allowed_methods": Names("names", "Method names that may be called."),
    "max_concurrent": WholeLimit("limit", "Jobs that run at a time; more of them wait in the queue."),
    "rate_per_minute": WholeLimit("limit", "Jobs accepted within any 60 seconds."),
    "max_priority": Rank("rank", "Highest priority that its jobs may ask for; 0 unless granted."),
    "compute_per_session": AmountLimit("limit", "Megapixel-steps until the server is started again."),
    "compute_per_day": AmountLimit("limit", "Megapixel-steps in a day (UTC)."),
    "compute_per_month": AmountLimit("limit", "Megapixel-steps in a month (UTC)."),
    "money_per_session": AmountLimit("limit", "Money for paid models until the server is started again."),
    "money_per_day": AmountLimit("limit", "Money for paid models in a day (UTC)."),
    "money_per_month": AmountLimit("limit", "Money for paid models in a month (UTC)."),
    "target_id": Target("target", "The image entity that may be edited, and no other."),
    "expires_at": Moment("moment", "When the capability stops working."),
    "allow_unsafe": Permission("permission", "Answer pictures that a safety checker flagged."),
    BUDGET_ACCOUNT: Account("account", "Whose budgets it spends; written when it is minted."),
    "server_url": Default("default", "Address of viwo's former image server; has no effect."),
    "width": Default("default", "Width in pixels where a call of `apply` names none."),
    "height": Default("default", "Height in pixels where a call of `apply` names none."),
    "num_inference_steps": Default("default", "Steps where a call of `apply` names none."),
    "guidance_scale": Default("default", "Guidance scale where a call of `apply` names none."),
    "strength": Default("default", "Scale of the control image where a call of `apply` names none."),
    "negative_prompt": Default("default", "Negative prompt where a call of `apply` names none."),
    "seed": Default("default", "Seed where a call of `apply` names none."),
    WILDCARD: Wildcard("permission", "viwo's wildcard: nothing is limited but what is named beside it."),
}


def parse(raw: Mapping[str, object]) -> dict[str, Value]:
    """Parameters from JSON, for minting and delegating.

    Raises InvalidArgument naming the parameter that is unknown, not of its type, or not the caller's to say.
    """
    if BUDGET_ACCOUNT in raw:
        raise InvalidArgument(
            f"capability parameter '{BUDGET_ACCOUNT}' is written by this sidecar; leave it out",
            reason="BAD_PARAMETER",
            field=BUDGET_ACCOUNT,
            asked=brief(raw[BUDGET_ACCOUNT]),
        )
    return _parse(raw)


def _parse(raw: Mapping[str, object]) -> dict[str, Value]:
    params: dict[str, Value] = {}
    for name, value in raw.items():
        kind = KINDS.get(name)
        if kind is None:
            raise InvalidArgument(
                _unknown(name), reason="UNKNOWN_PARAMETER", field=name[:80], asked=brief(value)
            )
        try:
            params[name] = kind.read(value)
        except ValueError as error:
            raise InvalidArgument(
                f"capability parameter '{name}' {error}; got {brief(value)}",
                reason="BAD_PARAMETER",
                field=name,
                asked=brief(value),
            ) from None
    return params


def parse_row(raw: Mapping[str, object]) -> dict[str, Value]:
    """Parameters of a row in the world database, which another program may have written.

    Raises PermissionDenied: what cannot be understood cannot be obeyed, so it allows nothing.
    """
    try:
        return _parse(raw)
    except InvalidArgument as error:
        raise PermissionDenied(
            f"this capability allows nothing here: {error.message}",
            reason=error.reason,
            field=error.field,
            asked=error.asked,
        ) from None


def restrict(parent: Params, restrictions: Params) -> dict[str, Value]:
    """The meet of a parent's parameters and the restrictions asked for.

    What the restrictions leave out stays as the parent has it. Raises PermissionDenied where a fixed choice of the
    parent would change.
    """
    child = dict(parent)
    for name, value in restrictions.items():
        kind = KINDS[name]
        if name not in parent:
            # A limit that the parent lacks is a new limit; a permission that it lacks is not to be had.
            child[name] = kind.added(value)
            continue
        try:
            child[name] = kind.meet(parent[name], value)
        except ValueError as error:
            raise PermissionDenied(
                f"capability parameter '{name}' {error}",
                reason="NOT_NARROWER",
                field=name,
                limit=brief(parent[name]),
                asked=brief(value),
            ) from None
    if GRANTED_ENGINES in parent:
        child[GRANTED_ENGINES] = _names(parent, GRANTED_ENGINES) & _names(child, ALLOWED_ENGINES)
    return child


def confirmed(params: Params, granted: Params | None) -> dict[str, Value]:
    """What counts of a row's parameters: those that widen, only as far as they were granted to that very row.

    `allowed_engines` does both: as the row has it, it narrows; what of it was granted is told as `GRANTED_ENGINES`.
    `granted`: what the sidecar has on record for it; None where it has nothing.
    """
    found = dict(params)
    for name, value in params.items():
        kind = KINDS[name]
        if not kind.widens:
            continue
        if granted is None or name not in granted:
            del found[name]
        else:
            found[name] = kind.meet(value, granted[name])
    if granted is not None and ALLOWED_ENGINES in granted:
        found[GRANTED_ENGINES] = _names(granted, ALLOWED_ENGINES) & _names(params, ALLOWED_ENGINES)
    return found


def to_record(params: Params) -> dict[str, object]:
    """What is put on record as granted, as JSON values, for a child with these parameters."""
    if ALLOWED_ENGINES not in params:
        return dump(params)
    return dump({**params, ALLOWED_ENGINES: _names(params, GRANTED_ENGINES)})


def _names(params: Params, name: str) -> frozenset[str]:
    names = params.get(name, frozenset())
    assert isinstance(names, frozenset)
    return names


def dump(params: Params) -> dict[str, object]:
    """Parameters as JSON values, in the order of the table above."""
    return {name: KINDS[name].write(params[name]) for name in KINDS if name in params}


def _unknown(name: str) -> str:
    return f"unknown capability parameter '{brief(name)}'; known are {', '.join(KINDS)}"
