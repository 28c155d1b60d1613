"""Whether a capability allows a task, decided from the row in the world database alone."""

from __future__ import annotations

import datetime as dt
import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from capabilities.errors import PermissionDenied, brief
from capabilities.params import ALLOWED_ENGINES, GRANTED_ENGINES, Params, Value, confirmed, parse_row
from capabilities.tasks import Size, Task

NO_INPUTS: Mapping[str, Size] = {}

COMPUTE_LIMITS = frozenset({"max_compute", "compute_per_session", "compute_per_day", "compute_per_month"})
"""Parameters that limit compute, of one call or of many."""

MOST_LISTED = 20
"""Names that a refusal lists."""


@dataclass(frozen=True)
class Capability:
    """A row of viwo's table `capabilities`; `params` is its JSON, not yet understood."""

    id: str
    owner_id: int
    type: str
    params: Mapping[str, object]
    parent_id: str | None = None
    granted: Mapping[str, object] | None = None
    """The parameters that the sidecar has on record for this row; None for one that another program made."""

    def limits(self) -> dict[str, Value]:
        """Its parameters as far as they count. Raises PermissionDenied where they cannot be understood."""
        return confirmed(parse_row(self.params), None if self.granted is None else parse_row(self.granted))


@dataclass(frozen=True)
class Caller:
    """Who calls: the entity ids of `std.caller()` and of `this`; `this_id` 0 when no verb is running."""

    caller_id: int
    this_id: int = 0

    def owns(self, owner_id: int) -> bool:
        return owner_id > 0 and owner_id in (self.caller_id, self.this_id)

    def __str__(self) -> str:
        return f"entity {self.caller_id}" + (f" in a verb of entity {self.this_id}" if self.this_id else "")


@dataclass(frozen=True)
class Grant:
    """A capability that has been checked: its parameters, understood."""

    capability: Capability
    params: Mapping[str, Value]

    @property
    def default_model(self) -> str | None:
        """The model for a call that names none, where the capability settles it."""
        allowed = self.params.get("allowed_models")
        default = self.params.get("default_model")
        assert allowed is None or isinstance(allowed, frozenset)
        if isinstance(default, str) and (allowed is None or default in allowed):
            return default
        if allowed is not None and len(allowed) == 1:
            return str(next(iter(allowed)))
        return None

    def allow(
        self, task: Task, sizes: Mapping[str, Size] = NO_INPUTS, bare: Callable[[str], str] = str
    ) -> None:
        """Raises PermissionDenied naming the parameter, its limit and what was asked.

        `sizes`: of the task's inputs; `bare`: the id of a model without the name of its engine.
        """
        for model in sorted(task.models):
            require_model(self.params, model, "this capability", bare=bare(model))
        require_metered(self.params, task)
        check(self.params, task, "this capability", sizes)


def authorize(
    capability: Capability, caller: Caller, *, capability_type: str, method: str, now: dt.datetime
) -> Grant:
    """The right to call a method at all.

    Raises PermissionDenied when the caller does not own the capability, its type does not cover the method, a
    parameter is not understood, the method is not allowed, or it has expired.
    """
    require_owner(capability, caller)
    if capability.type != capability_type:
        raise PermissionDenied(
            f"{method} needs a capability of type '{capability_type}'; this one is '{brief(capability.type)}'",
            reason="WRONG_TYPE",
            field="type",
            limit=capability_type,
            asked=brief(capability.type),
        )
    params = capability.limits()
    require_unexpired(params, now)
    allowed = params.get("allowed_methods")
    if isinstance(allowed, frozenset) and method not in allowed:
        raise PermissionDenied(
            f"this capability does not allow the method '{method}'; allowed_methods: {_listed(allowed)}",
            reason="METHOD_NOT_ALLOWED",
            field="allowed_methods",
            limit=_listed(allowed),
            asked=method,
        )
    return Grant(capability, params)


def require_owner(capability: Capability, caller: Caller) -> None:
    """Raises PermissionDenied unless the owner is the caller or `this`, as in viwo."""
    if not caller.owns(capability.owner_id):
        raise PermissionDenied(
            f"capability {capability.id} belongs to entity {capability.owner_id}, not to {caller}; "
            "its owner can give it, or delegate a narrower one",
            reason="NOT_OWNER",
            field="capability_id",
            limit=f"owner {capability.owner_id}",
            asked=str(caller),
        )


def require_unexpired(params: Params, now: dt.datetime) -> None:
    expires = params.get("expires_at")
    if isinstance(expires, dt.datetime) and expires <= now:
        raise PermissionDenied(
            f"this capability expired (expires_at {expires.isoformat()}); ask its issuer for a new one",
            reason="EXPIRED",
            field="expires_at",
            limit=expires.isoformat(),
            asked=now.isoformat(),
        )


def require_target(params: Params, entity_id: object) -> None:
    """Raises PermissionDenied where limits bind to another entity, or to one where none is named."""
    target = params.get("target_id")
    if target is not None and target != entity_id:
        raise PermissionDenied(
            f"this capability is for the picture of entity {target} only",
            reason="WRONG_TARGET",
            field="target_id",
            limit=str(target),
            asked=brief(entity_id) if isinstance(entity_id, int) else "another picture",
        )


def require_model(params: Params, model_id: str, holder: str, *, bare: str = "") -> None:
    """Raises PermissionDenied unless limits allow a model, by its id or by `bare`, that without the name of its engine."""
    allowed = params.get("allowed_models")
    if isinstance(allowed, frozenset) and not {model_id, bare or model_id} & allowed:
        raise PermissionDenied(
            f"{holder} does not allow the model '{brief(model_id)}'; allowed_models: {_listed(allowed)}",
            reason="MODEL_NOT_ALLOWED",
            field="allowed_models",
            limit=_listed(allowed),
            asked=brief(model_id),
        )


def require_engine(params: Params, name: str, holder: str, *, is_paid: bool) -> None:
    """Raises PermissionDenied unless limits allow an engine: a free one where none are named, or else one that is.

    One that costs money must have been granted by the sidecar: what another program wrote only narrows.
    """
    allowed = params.get(ALLOWED_ENGINES)
    granted = params.get(GRANTED_ENGINES)
    if isinstance(allowed, frozenset) and name not in allowed:
        words = f"does not allow the engine '{brief(name, 64)}'; allowed_engines: {_listed(allowed)}"
    elif not is_paid or (isinstance(granted, frozenset) and name in granted):
        return
    elif not isinstance(allowed, frozenset):
        words = (
            f"allows engines that cost nothing only, and '{brief(name, 64)}' costs money; mint one whose allowed_engines "
            "names it"
        )
    else:
        words = (
            f"names the engine '{brief(name, 64)}', which costs money, but was not granted it here; mint one that names "
            "it, or have the operator approve a row that viwo wrote"
        )
    raise PermissionDenied(
        f"{holder} {words}",
        reason="ENGINE_NOT_ALLOWED",
        field=ALLOWED_ENGINES,
        limit=_listed(allowed) if isinstance(allowed, frozenset) else "engines that cost nothing",
        asked=brief(name, 64),
    )


def require_priority(params: Params, priority: int) -> None:
    """Raises PermissionDenied for a priority above what was granted; a lower one than usual is always allowed."""
    highest = params.get("max_priority", 0)
    assert isinstance(highest, int)
    if priority > highest:
        raise PermissionDenied(
            f"max_priority of this capability is {highest}; asked for {priority}",
            reason="OVER_LIMIT",
            field="max_priority",
            limit=str(highest),
            asked=str(priority),
        )


def require_metered(params: Params, task: Task) -> None:
    """Raises PermissionDenied where a capability limits compute and nobody knows how much a task takes."""
    limited = [name for name in sorted(COMPUTE_LIMITS) if name in params]
    if limited and not task.is_metered:
        name = max(limited)
        raise PermissionDenied(
            f"{name} of this capability is {params[name]}, and nobody knows how much compute a picture of the model "
            f"'{brief(task.model_id)}' takes; the operator can say so with compute_per_image of its engine",
            reason="NOT_METERED",
            field=name,
            limit=str(params[name]),
            asked=brief(task.model_id),
        )


def check(
    params: Params, task: Task, holder: str, sizes: Mapping[str, Size] = NO_INPUTS, *, only_made: bool = False
) -> None:
    """Whether limits allow a task; `holder` says in the refusal whose limits they are ("this capability", "the server").

    `sizes`: of the task's inputs, by their roles, in pixels. Limits of size hold for every picture that the work holds;
    `only_made` leaves out the inputs. Raises PermissionDenied naming the parameter, its limit and what was asked.
    """
    amounts: list[tuple[str, float, str]] = []
    # The result first: it is what was asked for in so many words.
    *others, result = task.extents(sizes)
    for extent in (result, *others):
        if only_made and extent.is_input:
            continue
        whose = "" if extent.name == "result" else f" in '{extent.name}'"
        amounts += (
            ("max_width", extent.width, f"a width of {{}} px{whose}; make it narrower"),
            ("max_height", extent.height, f"a height of {{}} px{whose}; make it lower"),
            ("max_pixels", extent.pixels, f"{{}} pixels{whose}; make the picture smaller"),
        )
    amounts += (
        ("max_images", task.count, "{} pictures; ask for fewer"),
        ("max_steps", task.steps if task.takes_steps else 0, "{} steps; use fewer"),
        ("max_compute", task.charge(sizes),
         "{} megapixel-steps (width x height x steps x count / 1 000 000); ask for a smaller picture, fewer steps or fewer pictures"
         if task.takes_steps else "{} megapixel-steps, as much as its pictures count; ask for fewer"),
    )  # fmt: skip
    for name, asked, words in amounts:
        limit = params.get(name)
        if isinstance(limit, int | float) and asked > limit:
            raise PermissionDenied(
                f"{name} of {holder} is {limit:g}; asked for {words.format(f'{asked:g}')}",
                reason="OVER_LIMIT",
                field=name,
                limit=f"{limit:g}",
                asked=f"{asked:g}",
            )


def _listed(names: frozenset[str]) -> str:
    if not names:
        return "(none)"
    first = [brief(name, 60) for name in heapq.nsmallest(MOST_LISTED, names)]
    return ", ".join(first) + (f" and {len(names) - len(first)} more" if len(names) > len(first) else "")
