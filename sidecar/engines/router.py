"""Which engine does which task, and the models of all engines as if they were one's."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Callable, Collection, Iterator, Mapping, Sequence

from capabilities.errors import FailedPrecondition, NotFound, Refusal, brief
from capabilities.models import ModelFacts
from capabilities.spelling import nearest
from capabilities.tasks import Task
from sidecar.engines.api import (
    BUILTIN,
    LOCAL,
    DownloadProgress,
    Engine,
    EngineState,
    ModelDownloader,
    ModelFinder,
    ModelListing,
    ModelLoader,
    ModelProblem,
)

_BY_READINESS = (EngineState.READY, EngineState.STARTING, EngineState.DOWN)
MAX_SHOWN = 20
"""Most ids that a refusal names."""


class Router(Mapping[str, Engine]):
    """The engines by their names. Implements `capabilities.models.Models` over all of them.

    A model is named `engine:model`, or `engine/model`, which is told and stored with the colon. An id without the name of
    an engine before it is the local engine's, or, where that has no such model, `offers` says whose. A task without a model
    is the builtin engine's.
    """

    def __init__(
        self,
        engines: Sequence[Engine],
        default_model: str,
        paid: Collection[str] = (),
        load_of: Callable[[str], int] = lambda name: 0,
    ) -> None:
        """`paid`: the names of engines that cost money; `load_of`: how many jobs of an engine have not ended."""
        self._engines = {engine.name: engine for engine in engines}
        if len(self._engines) != len(engines):
            raise ValueError("two engines have the same name")
        self._paid = frozenset(paid)
        self._load_of = load_of
        self._offered: Counter[str] = Counter()
        self._default = self.canonical(default_model)

    def __getitem__(self, name: str) -> Engine:
        return self._engines[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._engines)

    def __len__(self) -> int:
        return len(self._engines)

    def canonical(self, model_id: str) -> str:
        """The id under which a model is stored and told."""
        name, slash, rest = model_id.partition("/")
        if slash and rest and name in self._engines and name not in (LOCAL, BUILTIN):
            return f"{name}:{rest}"
        return model_id.removeprefix(f"{LOCAL}:")

    def name_of(self, model_id: str) -> str:
        """The name of the engine that a model belongs to."""
        if not model_id:
            return BUILTIN
        prefix, colon, _ = self.canonical(model_id).partition(":")
        return prefix if colon and prefix in self._engines else LOCAL

    def bare(self, model_id: str) -> str:
        """The id of a model without the name of its engine."""
        name = self.name_of(model_id)
        return self.canonical(model_id).removeprefix(f"{name}:")

    def is_paid(self, name: str) -> bool:
        """Whether an engine costs money."""
        return name in self._paid

    def offers(self, model_id: str) -> list[str]:
        """The ids of a model that was named without its engine and that the local engine has not, the best to use first.

        Engines that are up come before others, free ones before paid ones, those with less to do before those with more.
        """
        bare = self.bare(model_id)
        if bare != self.canonical(model_id):
            return []
        offering = [
            engine
            for name, engine in self._engines.items()
            if name not in (LOCAL, BUILTIN)
            and any(listing.facts.id == f"{name}:{bare}" for listing in engine.models())
        ]
        if not offering or self._is_local(bare):
            return []
        offering.sort(key=self._readiness)
        # Of two that are the same the other one is first the next time.
        self._offered[offering[0].name] += 1
        return [f"{engine.name}:{bare}" for engine in offering]

    def _readiness(self, engine: Engine) -> tuple[int, bool, float, int]:
        state = _BY_READINESS.index(engine.status().state)
        load = self._load_of(engine.name) / engine.slots
        return state, self.is_paid(engine.name), load, self._offered[engine.name]

    def _is_local(self, model_id: str) -> bool:
        local = self._engines.get(LOCAL)
        if local is None:
            return False
        try:
            self.find(model_id)
        except NotFound:
            return False
        except Refusal:
            # It is there, or may be, and cannot be used: that is to be told.
            return True
        return True

    def engine_for(self, task: Task) -> Engine:
        """The engine of a task. Raises FailedPrecondition where none is configured for it."""
        name = self.name_of(task.model_id)
        engine = self._engines.get(name)
        if engine is None:
            raise _not_configured(name, self._engines)
        return engine

    def revisions(self, task: Task) -> dict[str, str]:
        """The exact weights of each model that a task touches."""
        return {model: self.find(model).revision for model in task.models}

    @property
    def default(self) -> str:
        """Id of the model used where neither call nor capability names one."""
        return self._default

    def find(self, model_id: str) -> ModelFacts:
        """The model of that id. Raises as `ModelFinder.find`, and FailedPrecondition without an engine for it."""
        engine = self._owner(model_id)
        model_id = self.canonical(model_id)
        if isinstance(engine, ModelFinder):
            return engine.find(model_id)
        ids = []
        for listing in engine.models():
            if listing.facts.id == model_id:
                return listing.facts
            ids.append(listing.facts.id)
        near = nearest(model_id, ids)
        known = ", ".join(sorted(ids)[:MAX_SHOWN]) or "none"
        raise NotFound(
            f"no model '{brief(model_id, 60)}' here; "
            + (f"did you mean '{near}'?" if near else f"known are {known}"),
            reason="UNKNOWN_MODEL",
            field="model_id",
            limit=known,
            asked=brief(model_id, 60),
        )

    def able(self, method: str) -> list[ModelFacts]:
        """All models that can do a method."""
        found: list[ModelFacts] = []
        for engine in self._engines.values():
            if isinstance(engine, ModelFinder):
                found += engine.able(method)
            else:
                found += [item.facts for item in engine.models() if method in item.facts.methods]
        return found

    def models(self) -> list[ModelListing]:
        """What all engines can run, by id."""
        listings = [listing for engine in self._engines.values() for listing in engine.models()]
        return sorted(listings, key=lambda listing: listing.facts.id)

    def problems(self) -> list[ModelProblem]:
        """What they cannot run, though it lies where their models do."""
        return [problem for engine in self._engines.values() for problem in engine.problems()]

    def refresh(self) -> None:
        """Look again at what there is. Blocks for a second at most."""
        for engine in self._engines.values():
            if isinstance(engine, ModelFinder):
                engine.refresh()

    async def load(self, model_id: str) -> None:
        """Bring a model into memory. Raises NotFound, Unavailable, FailedPrecondition."""
        await self._loader(model_id).load(self.canonical(model_id))

    async def unload(self, model_id: str) -> None:
        """Take a model out of memory; nothing happens where it is not in it. Raises NotFound, FailedPrecondition."""
        await self._loader(model_id).unload(self.canonical(model_id))

    def pull(
        self, model_id: str, *, revision: str = "", variant: str = "", dry_run: bool = False
    ) -> AsyncGenerator[DownloadProgress]:
        """Download a model, as `ModelDownloader.pull`. Raises FailedPrecondition for an engine that downloads none."""
        engine = self._owner(model_id)
        if not isinstance(engine, ModelDownloader):
            raise FailedPrecondition(
                f"the models of the engine '{engine.name}' are not from a hub, so there is nothing to download",
                reason="NOT_FROM_A_HUB",
                field="id",
                asked=brief(model_id, 60),
            )
        model_id = model_id.removeprefix(f"{LOCAL}:")
        return engine.pull(model_id, revision=revision, variant=variant, dry_run=dry_run)

    def _owner(self, model_id: str) -> Engine:
        name = self.name_of(model_id)
        engine = self._engines.get(name)
        if engine is None:
            raise _not_configured(name, self._engines)
        return engine

    def _loader(self, model_id: str) -> ModelLoader:
        engine = self._owner(model_id)
        if not isinstance(engine, ModelLoader):
            raise FailedPrecondition(
                f"the engine '{engine.name}' loads its models itself",
                reason="ENGINE_LOADS_ITSELF",
                field="id",
                asked=brief(model_id, 60),
            )
        return engine


def _not_configured(name: str, engines: Mapping[str, Engine]) -> FailedPrecondition:
    known = ", ".join(sorted(engines))
    if name == LOCAL:
        return FailedPrecondition(
            "models like this one are run by the local engine, which is not installed here: pip install "
            "'viwo-imagegen[local]', and start the server again",
            reason="NO_ENGINE",
            field="model_id",
            limit=known,
            asked=name,
        )
    return FailedPrecondition(
        f"no engine '{name}' is configured here; configured are {known}",
        reason="NO_ENGINE",
        field="model_id",
        limit=known,
        asked=name,
    )
