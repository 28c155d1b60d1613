"""Models as far as a capability lets a call use them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from capabilities.errors import PermissionDenied
from capabilities.models import ModelFacts, Picture
from capabilities.policy import Grant, require_engine, require_model
from sidecar.engines.api import LOCAL
from sidecar.engines.router import Router

HOLDER = "this capability"
"""Whose limits a refusal tells of."""


@dataclass(frozen=True)
class GrantedMeans:
    """What a call has to work with: models as far as a grant lets it use them, and its pictures."""

    grant: Grant
    engines: Router
    pictures: Mapping[str, Picture]
    here: Callable[[str], str] = str
    """The model that is used for one of that id."""

    def model(self, asked: str | None, *, beside: str = "") -> ModelFacts:
        """Raises PermissionDenied before the model is looked up, so that a refusal does not tell what is installed."""
        model_id = self.here(asked) if asked else self.grant.default_model or self.engines.default
        model_id = self.engines.canonical(model_id)
        if self.engines.name_of(model_id) == LOCAL:
            model_id = self._of_engine_of(beside, model_id) if beside else self._offered(model_id)
        self.require(model_id)
        return self.engines.find(model_id)

    def able(self, method: str, *, beside: str = "") -> list[ModelFacts]:
        """Only those that the grant allows."""
        found = [model for model in self.engines.able(method) if self.allows(model.id)]
        if not beside:
            return found
        engine = self.engines.name_of(beside)
        return [model for model in found if self.engines.name_of(model.id) == engine]

    def require(self, model_id: str) -> None:
        """Raises PermissionDenied for a model, or a model of an engine, that the grant does not allow."""
        require_model(self.grant.params, model_id, HOLDER, bare=self.engines.bare(model_id))
        name = self.engines.name_of(model_id)
        require_engine(self.grant.params, name, HOLDER, is_paid=self.engines.is_paid(name))

    def allows(self, model_id: str) -> bool:
        """Whether the grant allows a model."""
        try:
            self.require(model_id)
        except PermissionDenied:
            return False
        return True

    def _of_engine_of(self, beside: str, model_id: str) -> str:
        """A model that was named without its engine, in that of another."""
        engine = self.engines.name_of(beside)
        return model_id if engine == LOCAL else f"{engine}:{model_id}"

    def _offered(self, model_id: str) -> str:
        """The same model in the engine that is the best to use now, where the id does not name one and others have it."""
        allowed = self.grant.params.get("allowed_models")
        if isinstance(allowed, frozenset) and model_id not in {*allowed, *map(self.engines.bare, allowed)}:
            return model_id
        offered = self.engines.offers(model_id)
        # One that is not allowed says by its refusal what would be needed.
        return next(filter(self.allows, offered), offered[0] if offered else model_id)
