"""From a call to a job: who may, what exactly, and at what cost. Nothing is written here."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from capabilities.arguments import Arguments
from capabilities.errors import FailedPrecondition, PermissionDenied
from capabilities.methods import Method
from capabilities.models import Models
from capabilities.params import Value
from capabilities.policy import Caller, Grant, authorize, check
from entity_store.authority import Authority
from entity_store.images import Images, Placement
from sidecar.jobs.store import Job, State, new_id


@dataclass(frozen=True)
class Call:
    """By what right a call comes."""

    capability_id: str
    caller: Caller


class Admission:
    """Decides from the world's own rows; parameters that a caller sends along are never looked at."""

    def __init__(
        self, authority: Authority, images: Images, models: Models, ceilings: Mapping[str, Value]
    ) -> None:
        self._authority = authority
        self._images = images
        self._models = models
        self._ceilings = ceilings

    def authorize(self, call: Call, method: Method) -> Grant:
        """Raises NotFound for an unknown capability, PermissionDenied where it does not cover the method."""
        capability = self._authority.get(call.capability_id)
        now = dt.datetime.now(dt.UTC)
        return authorize(
            capability, call.caller, capability_type=method.capability_type, method=method.name, now=now
        )

    def plan(
        self, call: Call, method: Method, arguments: Arguments, save: Placement | None, request_id: str = ""
    ) -> Job:
        """The job that the call asks for, complete and allowed.

        Raises NotFound, InvalidArgument, FailedPrecondition and PermissionDenied, each naming what is at fault.
        """
        grant = self.authorize(call, method)
        asked = getattr(arguments, "model_id", None)
        model_id = asked or grant.default_model or self._models.default
        allowed = grant.params.get("allowed_models")
        if isinstance(allowed, frozenset) and model_id not in allowed:
            # Before the model is looked up, so that a refusal does not tell what else is installed.
            raise PermissionDenied(
                f"this capability does not allow the model '{model_id}'; "
                f"allowed_models: {', '.join(sorted(allowed)) or '(none)'}",
                reason="MODEL_NOT_ALLOWED",
                field="allowed_models",
                limit=", ".join(sorted(allowed)),
                asked=model_id,
            )
        task = method.build(arguments, self._models.find(model_id))
        if grant.params.get("allow_unsafe") is True:
            task = task.model_copy(update={"allow_unsafe": True})
        grant.allow(task)
        check(self._ceilings, task, "this server")
        if save is not None:
            self._images.require_placeable(call.caller, save)
        return Job(
            id=new_id(),
            state=State.QUEUED,
            method=method.name,
            capability_id=call.capability_id,
            owner_id=grant.capability.owner_id,
            caller_id=call.caller.caller_id,
            this_id=call.caller.this_id,
            task=task,
            save=save and named(save, task.prompt),
            created=time.time(),
            request_id=request_id or None,
        )


def named(save: Placement, prompt: str) -> Placement:
    """A placement with the name and description that were left out taken from the prompt."""
    words = " ".join(prompt.split())
    name = save.name or (words[:60].rstrip() or "an image")
    return replace(
        save,
        name=name,
        description=save.description or f"A picture of {words[:200] or 'nothing in particular'}.",
    )


def require_context(capability_id: str, caller_id: int) -> None:
    """Raises FailedPrecondition where a call does not say by what right it comes."""
    if not capability_id or caller_id <= 0:
        raise FailedPrecondition(
            "the call's context must name a capability_id and a caller_id; mint a capability first",
            reason="NO_CONTEXT",
            field="context.capability_id" if not capability_id else "context.caller_id",
            asked=capability_id or str(caller_id),
        )
