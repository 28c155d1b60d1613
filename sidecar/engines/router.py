"""Which engine for which task, and what all of them can do together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from capabilities.errors import FailedPrecondition, NotFound
from capabilities.models import ModelFacts
from capabilities.tasks import Task
from sidecar.engines.api import BUILTIN, LOCAL, Engine, ModelListing, ModelLoader, ModelProblem

SEPARATOR = ":"
"""Between an engine's name and its own id of a model; ids of model hubs hold slashes."""


class Router:
    """The engines of a server, by name. A model id without the name of one means the local engine's."""

    def __init__(self, engines: Sequence[Engine], default_model: str) -> None:
        self._engines = {engine.name: engine for engine in engines}
        self._default = default_model

    def __iter__(self) -> Iterator[Engine]:
        return iter(self._engines.values())

    @property
    def names(self) -> list[str]:
        return list(self._engines)

    def __getitem__(self, name: str) -> Engine:
        """Raises FailedPrecondition for an engine that is not configured, or no longer."""
        engine = self._engines.get(name)
        if engine is None:
            known = ", ".join(self._engines)
            raise FailedPrecondition(
                f"there is no engine '{name}' here; configured are {known}",
                reason="NO_ENGINE",
                field="model_id",
                limit=known,
                asked=name,
            )
        return engine

    def of(self, task: Task) -> Engine:
        """The engine that does a task. Raises FailedPrecondition where it is not configured."""
        return self[self._split(task.model_id)[0]] if task.model_id else self[BUILTIN]

    @property
    def default(self) -> str:
        """Id of the model used where neither call nor capability names one."""
        return self._default

    def find(self, model_id: str) -> ModelFacts:
        """The model of that id. Raises as `Engine.find`."""
        name, own_id = self._split(model_id)
        if name not in self._engines:
            raise NotFound(
                f"no model '{model_id}' here: there is no engine '{name}'",
                reason="UNKNOWN_MODEL",
                field="modelId",
                asked=model_id,
            )
        return self._engines[name].find(own_id)

    def able(self, method: str) -> list[ModelFacts]:
        """All models that can do a method."""
        return [facts for engine in self for facts in engine.able(method)]

    def models(self) -> list[ModelListing]:
        """The models of all engines, by id."""
        return sorted((item for engine in self for item in engine.models()), key=lambda item: item.facts.id)

    def problems(self) -> list[ModelProblem]:
        return [item for engine in self for item in engine.problems()]

    def refresh(self) -> None:
        """Look again at what there is. Blocks for a second at most for each engine."""
        for engine in self:
            engine.refresh()

    async def load(self, model_id: str) -> None:
        """Raises as `ModelLoader.load`, and FailedPrecondition for an engine that loads its models by itself."""
        loader, own_id = self._loader(model_id)
        await loader.load(own_id)

    async def unload(self, model_id: str) -> None:
        """Raises as `load`."""
        loader, own_id = self._loader(model_id)
        await loader.unload(own_id)

    def _loader(self, model_id: str) -> tuple[ModelLoader, str]:
        name, own_id = self._split(model_id)
        engine = self[name]
        if not isinstance(engine, ModelLoader):
            raise FailedPrecondition(
                f"the engine '{name}' loads and unloads its models by itself",
                reason="ENGINE_CANNOT",
                field="id",
                asked=model_id,
            )
        return engine, own_id

    def _split(self, model_id: str) -> tuple[str, str]:
        """The engine of a model, and the model's id there."""
        name, separator, own_id = model_id.partition(SEPARATOR)
        return (name, own_id) if separator and name in self._engines else (LOCAL, model_id)


def revisions(router: Router, task: Task) -> Mapping[str, str]:
    """The exact weights of each model that a task touches."""
    return {model: router.find(model).revision for model in task.models}
