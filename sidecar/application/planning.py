"""From a call to a job: who may, what exactly, and at what cost."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import MappingProxyType

from pydantic import ValidationError

from capabilities import imaging, methods
from capabilities.arguments import Arguments
from capabilities.budgets import (
    Cost,
    Tier,
    cost,
)
from capabilities.call_options import JobOptions, Placement, Reuse, require_job_options
from capabilities.errors import FailedPrecondition, InvalidArgument, PermissionDenied, Refusal, brief
from capabilities.methods import Method
from capabilities.methods.generation import Generation, decided_by
from capabilities.models import Picture, instead
from capabilities.params import Value
from capabilities.policy import (
    Grant,
    check,
    require_priority,
    require_target,
)
from capabilities.task_check import check_task
from capabilities.tasks import Size, Task
from capabilities.without_effect import without_effect
from entity_store.images import Images
from sidecar.application.access import Access, Admitted, stated_rights
from sidecar.application.granted_means import GrantedMeans
from sidecar.engines.api import Engine
from sidecar.engines.router import Router
from sidecar.queue.ledger.operator_budgets import Budgets
from sidecar.queue.model import Job, PlannedJob, State, new_id
from sidecar.queue.reuse import fingerprint

MAX_COST = 2**43
"""Largest cost of a job, in pixel-steps or millionths: the sum of a million of them stays within 64 bits."""


class Planner:
    """Decides from the world's own rows; parameters that a caller sends along are never looked at."""

    def __init__(
        self,
        access: Access,
        images: Images,
        engines: Router,
        ceilings: Mapping[str, Value],
        budgets: Budgets | None = None,
        *,
        shares_results: bool = False,
        aliases: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """`shares_results`: what was made for one owner answers the same call of another. `aliases`: models that are used
        in place of those that are not here.
        """
        self._aliases = aliases
        self._access = access
        self._images = images
        self._engines = engines
        self._ceilings = ceilings
        self._budgets = budgets or Budgets()
        self._shares_results = shares_results

    def answer(self, admitted: Admitted, method: Method) -> dict[str, object]:
        """What a method tells that only tells something. Raises as `authorize`."""
        assert method.answer is not None
        return method.answer(self._means(self._grant(admitted, method), {}))

    def _means(self, grant: Grant, pictures: Mapping[str, Picture]) -> GrantedMeans:
        return GrantedMeans(grant, self._engines, pictures, self._here)

    def _grant(self, admitted: Admitted, method: Method) -> Grant:
        """What the capability grants, the models that it names being those that are used for them. Raises as `authorize`."""
        grant = self._access.grant(admitted, method)
        params = dict(grant.params)
        allowed, default = params.get("allowed_models"), params.get("default_model")
        if isinstance(allowed, frozenset):
            params["allowed_models"] = frozenset(self._here(name) for name in allowed)
        if isinstance(default, str):
            params["default_model"] = self._here(default)
        return Grant(grant.capability, params)

    def _here(self, model_id: str) -> str:
        """The model itself where it is here, or no other stands for it."""
        alias = self._aliases.get(model_id)
        if alias is None:
            return self._engines.canonical(model_id)
        try:
            self._engines.find(model_id)
        except Refusal:
            return self._engines.canonical(model_id if self._engines.offers(model_id) else alias)
        return self._engines.canonical(model_id)

    def _is_billed(self, task: Task) -> bool:
        """Whether a provider may bill a call for this task also where it is canceled."""
        prices = map(self._budgets.price_of, task.models)
        return any(price.billed_when_canceled and not price.is_free for price in prices)

    def plan(
        self,
        admitted: Admitted,
        method: Method,
        arguments: Arguments,
        save: Placement | None,
        handling: JobOptions,
        request_id: str = "",
    ) -> PlannedJob:
        """The job that the call asks for, complete and allowed, and on what terms.

        Raises NotFound, InvalidArgument, FailedPrecondition and PermissionDenied, each naming what is at fault.
        """
        grant = self._grant(admitted, method)
        arguments = method.completed(arguments, grant.params)
        require_target(grant.params, arguments.sources.get("image"))
        if admitted.is_stated:
            _require_self_contained(arguments, save)
        files = {
            name: self._images.find_file(source, field=name) for name, source in arguments.sources.items()
        }
        pictures = {name: self._picture(data, name) for name, data in files.items()}
        assert method.build is not None
        try:
            task = method.build(arguments, self._means(grant, pictures))
        except ValidationError as error:
            raise _too_much(error) from None
        if isinstance(task, Generation) and grant.params.get("allow_unsafe") is True:
            task = task.model_copy(update={"allow_unsafe": True})
        sizes = _sizes_of(task, {picture.ref: picture for picture in pictures.values()})
        self._allow(grant, admitted, task, sizes, save, handling)
        # Kept only now: what is refused leaves nothing behind.
        for data in files.values():
            self._images.keep_file(data)
        drawn = getattr(arguments, "seed", 0) is None
        return self._order(
            grant, admitted, method, task, sizes, save, handling, drawn=drawn, request_id=request_id
        )

    def plan_task(
        self,
        admitted: Admitted,
        method: Method,
        task: Task,
        handling: JobOptions,
        *,
        files: Mapping[str, bytes] | None = None,
        repeated: bool = False,
    ) -> PlannedJob:
        """The job for a task that is complete already, whoever says so. Raises as `plan`.

        `files`: pictures that come with it, by reference; the others are in the store. `repeated`: this capability was
        allowed just this task before, and with it the picture that it begins with.
        """
        grant = self._grant(admitted, method)
        methods.require_task(method, task)
        task = task.model_copy(update={"model_id": self._engines.canonical(task.model_id)})
        if (
            isinstance(task, Generation)
            and task.allow_unsafe
            and grant.params.get("allow_unsafe") is not True
        ):
            raise PermissionDenied(
                "the task allows unsafe pictures, and this capability does not",
                reason="UNSAFE_NOT_ALLOWED",
                field="allow_unsafe",
                limit="false",
                asked="true",
            )
        if not repeated:
            require_target(grant.params, None)
        means = self._means(grant, {})
        require_job_options(handling)
        # Before they are looked up, so that a refusal does not tell what is installed.
        for model_id in sorted(task.models):
            means.require(model_id)
        for model_id, ability in task.needs:
            self._engines.find(model_id).require(ability)
        if isinstance(task, Generation):
            # What a picture counts as is said by the configuration of today, never by who brings the task.
            task = task.model_copy(update=decided_by(self._engines.find(task.model_id)))
        sources = {
            role: (files or {}).get(ref) or self._images.find_file(ref, field=role)
            for role, ref in task.inputs.items()
        }
        sizes = {role: self._picture(data, role).size for role, data in sources.items()}
        self._allow(grant, admitted, task, sizes, None, handling)
        check_task(task, self._engines)
        if not task.fits(sizes):
            raise InvalidArgument(
                f"the task says {task.width} x {task.height} pixels, which is not what comes of its pictures",
                reason="BAD_SIZE",
                field="task.width",
                asked=f"{task.width} x {task.height}",
            )
        for data in sources.values():
            self._images.keep_file(data)
        return self._order(grant, admitted, method, task, sizes, None, handling)

    def tier(self, price: Cost) -> Tier:
        """How a cost compares with the operator's thresholds."""
        return self._budgets.tier(price)

    def _allow(
        self,
        grant: Grant,
        admitted: Admitted,
        task: Task,
        sizes: Mapping[str, Size],
        save: Placement | None,
        handling: JobOptions,
    ) -> None:
        require_job_options(handling)
        require_priority(grant.params, handling.priority)
        grant.allow(task, sizes, self._engines.bare)
        self.require_possible(task, sizes)
        if save is not None:
            self._images.require_placeable(admitted.caller, save)

    def require_possible(self, task: Task, sizes: Mapping[str, Size]) -> None:
        """Raises PermissionDenied for what the server's own limits do not allow, InvalidArgument beyond the decoder's.

        A picture that is only read may be as large as the decoder takes: a photograph may be cut to size here.
        """
        check(self._ceilings, task, "this server", sizes, only_made=True)
        for extent in task.extents(sizes):
            what = f"'{extent.name}' is" if extent.is_input else f"the picture of '{extent.name}' would be"
            imaging.require_size(what, extent.name, extent.width, extent.height)
        imaging.require_decodable(sizes)

    def _picture(self, data: bytes, field: str) -> Picture:
        """What a task needs to know of a picture. Raises InvalidArgument for what is not one, or does not decode."""
        ref, info = self._images.inspect(data, field=field)
        return Picture(ref, info.width, info.height, info.has_alpha)

    def _order(
        self,
        grant: Grant,
        admitted: Admitted,
        method: Method,
        task: Task,
        sizes: Mapping[str, Size],
        save: Placement | None,
        handling: JobOptions,
        *,
        drawn: bool = False,
        request_id: str = "",
    ) -> PlannedJob:
        """`drawn`: the seed was not the caller's, so the result could as well have been another."""
        terms, holds = self._access.terms(grant, admitted)
        engine = self._engines.engine_for(task)
        refusal = engine.supports(task)
        if refusal is not None:
            refusal.message += instead(self._able(grant, method, task))
            raise refusal
        dumped = task.model_dump(mode="json")
        now = time.time()
        owner = (admitted.world, grant.capability.owner_id)
        price = cost(task, self._budgets.price_of, sizes)
        if max(price.compute, price.money) > MAX_COST:
            raise InvalidArgument(
                "the task is too large for any server; make fewer or smaller pictures in fewer steps",
                reason="TOO_LARGE",
                field="steps",
            )
        job = Job(
            id=new_id(),
            state=State.QUEUED,
            method=method.name,
            capability_id=grant.capability.id,
            world=admitted.world,
            rights=stated_rights(admitted),
            owner_id=grant.capability.owner_id,
            caller_id=admitted.caller.caller_id,
            this_id=admitted.caller.this_id,
            task=task,
            save=save and save.named_after(task.title),
            created=now,
            lane=engine.name,
            cost=price,
            owed=price.money if self._is_billed(task) else 0,
            request_id=request_id or None,
            priority=handling.priority,
            deadline=None if handling.timeout is None else now + handling.timeout,
            holds=holds,
            batch_key=engine.batch_key(task),
            fingerprint=self._fingerprint(engine, task, dumped, drawn, handling.reuse, owner),
            dumped=dumped,
            warnings=tuple(without_effect(task, self._engines)),
        )
        return PlannedJob(job, terms)

    def _able(self, grant: Grant, method: Method, task: Task) -> list[str]:
        """Other models, by id, that the grant allows and that can do the same task."""
        found = []
        for model in self._means(grant, {}).able(method.name):
            other = task.model_copy(update={"model_id": model.id})
            if model.id != task.model_id and self._engines.engine_for(other).supports(other) is None:
                found.append(model.id)
        return found

    def _fingerprint(
        self,
        engine: Engine,
        task: Task,
        dumped: Mapping[str, object],
        drawn: bool,
        reuse: Reuse,
        owner: tuple[str, int],
    ) -> str | None:
        """None for a job that no stored result may answer."""
        build_id = engine.build_id(task)
        if build_id is None or reuse is Reuse.NEVER or (drawn and reuse is Reuse.FIXED_SEED):
            return None
        asker = None if self._shares_results else owner
        return fingerprint(dumped, self._engines.revisions(task), build_id, asker, any_seed=drawn)


def _require_self_contained(arguments: Arguments, save: Placement | None) -> None:
    """A call from another machine's world brings its pictures along: entities are not known here."""
    named_entities = [name for name, source in arguments.sources.items() if isinstance(source, int)]
    if named_entities or save is not None:
        field = named_entities[0] if named_entities else "save"
        raise FailedPrecondition(
            f"'{field}' needs the world, which this sidecar cannot reach; pass pictures by reference, and save them there",
            reason="WORLD_ELSEWHERE",
            field=field,
        )


def _too_much(error: ValidationError) -> InvalidArgument:
    """A task that no arguments should have led to: its size is beyond all bounds."""
    first = error.errors(include_url=False)[0]
    name = ".".join(str(part) for part in first["loc"]) or "arguments"
    return InvalidArgument(
        f"'{name}' is not allowed: {first['msg']}",
        reason="BAD_ARGUMENT",
        field=name,
        asked=brief(first["input"]),
    )


def _sizes_of(task: Task, pictures: Mapping[str, Picture]) -> dict[str, Size]:
    """The sizes of a task's inputs by their roles; `pictures` by their references."""
    return {role: pictures[ref].size for role, ref in task.inputs.items()}
