"""From a call to a job: who may, what exactly, and at what cost."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from capabilities import imaging, statements
from capabilities.arguments import Arguments
from capabilities.errors import FailedPrecondition, InvalidArgument, PermissionDenied
from capabilities.methods import Method
from capabilities.models import ModelFacts, Models, Picture
from capabilities.params import Value
from capabilities.policy import Caller, Capability, Grant, authorize, check, require_model, require_target
from capabilities.tasks import Generation
from entity_store.authority import Authority
from entity_store.blobs import reference
from entity_store.images import Images, Placement
from sidecar.jobs.store import Job, State, new_id


@dataclass(frozen=True)
class Call:
    """By what right a call comes."""

    capability_id: str
    caller: Caller
    statement: str = ""
    """What a plugin on another machine says of the capability, signed; empty where the world's own row is read."""


@dataclass(frozen=True)
class GrantedMeans:
    """Models as far as a grant lets a call use them, and the call's pictures."""

    grant: Grant
    models: Models
    pictures: Mapping[str, Picture]

    def model(self, asked: str | None) -> ModelFacts:
        """Raises PermissionDenied before the model is looked up, so that a refusal does not tell what is installed."""
        model_id = asked or self.grant.default_model or self.models.default
        require_model(self.grant.params, model_id, "this capability")
        return self.models.find(model_id)

    def able(self, method: str) -> list[ModelFacts]:
        """Only those that the grant allows."""
        allowed = self.grant.params.get("allowed_models")
        return [
            model
            for model in self.models.able(method)
            if not isinstance(allowed, frozenset) or model.id in allowed
        ]


class Admission:
    """Decides from the world's own rows; parameters that a caller sends along are never looked at."""

    def __init__(
        self,
        authority: Authority,
        images: Images,
        models: Models,
        ceilings: Mapping[str, Value],
        statement_key: bytes | None = None,
    ) -> None:
        self._authority = authority
        self._images = images
        self._models = models
        self._ceilings = ceilings
        self._statement_key = statement_key

    def authorize(self, call: Call, method: Method) -> Grant:
        """Raises NotFound for an unknown capability, PermissionDenied where it does not cover the method."""
        capability = self.capability(call.capability_id, call.statement)
        now = dt.datetime.now(dt.UTC)
        return authorize(
            capability, call.caller, capability_type=method.capability_type, method=method.name, now=now
        )

    def capability(self, capability_id: str, statement: str) -> Capability:
        """The capability of that id: the world's row, or what a signed statement says.

        Raises NotFound, InvalidArgument where statements are not taken, PermissionDenied for one that does not hold.
        """
        if not statement:
            return self._authority.get(capability_id)
        if self._statement_key is None:
            raise InvalidArgument(
                "signed capability statements are not accepted by this server; set statement_key_file where the plugin "
                "runs on another machine",
                reason="NO_STATEMENTS",
                field="context.capability_statement",
            )
        stated = statements.read(self._statement_key, statement, dt.datetime.now(dt.UTC))
        if stated.id != capability_id:
            raise PermissionDenied(
                f"the capability statement is of {stated.id}, not of {capability_id}",
                reason="BAD_STATEMENT",
                field="context.capability_statement",
            )
        return stated

    def answer(self, call: Call, method: Method) -> dict[str, object]:
        """What a method tells that only tells something. Raises as `authorize`."""
        assert method.answer is not None
        return method.answer(GrantedMeans(self.authorize(call, method), self._models, {}))

    def plan(
        self, call: Call, method: Method, arguments: Arguments, save: Placement | None, request_id: str = ""
    ) -> Job:
        """The job that the call asks for, complete and allowed.

        Raises NotFound, InvalidArgument, FailedPrecondition and PermissionDenied, each naming what is at fault.
        """
        grant = self.authorize(call, method)
        require_target(grant.params, arguments.sources.get("image"))
        if call.statement:
            _require_self_contained(arguments, save)
        files = {
            name: self._images.find_file(source, field=name) for name, source in arguments.sources.items()
        }
        pictures = {name: _picture(data, name) for name, data in files.items()}
        assert method.build is not None
        task = method.build(arguments, GrantedMeans(grant, self._models, pictures))
        if isinstance(task, Generation) and grant.params.get("allow_unsafe") is True:
            task = task.model_copy(update={"allow_unsafe": True})
        grant.allow(task)
        check(self._ceilings, task, "this server")
        if save is not None:
            self._images.require_placeable(call.caller, save)
        # Kept only now: what is refused leaves nothing behind.
        for data in files.values():
            self._images.keep_file(data)
        return Job(
            id=new_id(),
            state=State.QUEUED,
            method=method.name,
            capability_id=call.capability_id,
            owner_id=grant.capability.owner_id,
            caller_id=call.caller.caller_id,
            this_id=call.caller.this_id,
            task=task,
            save=save and named(save, task.title),
            created=time.time(),
            request_id=request_id or None,
        )


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


def _picture(data: bytes, field: str) -> Picture:
    """What a task needs to know of a picture. Raises InvalidArgument for what is none, or does not decode."""
    image = imaging.decode(data, field=field)
    return Picture(reference(data), image.width, image.height, bool(image.hasalpha()))


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
