"""A picture for every thing of a world: planned, drawn once for equal prompts, hung where there is none, taken down again."""

from __future__ import annotations

import asyncio
import math
import string
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field

from capabilities import methods
from capabilities.budgets import UNITS
from capabilities.call_options import CallOptions
from capabilities.errors import InvalidArgument, Refusal, ResourceExhausted
from capabilities.models import Models
from capabilities.principals import Principal
from capabilities.tasks import MAX_PROMPT
from entity_store.illustrations import Candidate, Illustrations, Selection
from entity_store.images import Images
from sidecar.application.access import Access, Call
from sidecar.application.decoding import DecodingThreads
from sidecar.application.generation import Generation, GenerationRequest
from sidecar.queue.model import Job

AT_ONCE = 8
"""Drawings that are under way together: enough to keep every engine busy, and few when the run is ended."""
EXAMPLES = 5
SEED = 1
"""Where none is asked for: drawn again, it is the same picture, which is answered from the store."""
THING, SCENE = "{name}", "{name}, {description}"
_FIELDS = ("name", "description", "prototype")


@dataclass(frozen=True)
class Wish:
    """What a run is to do. `values` are arguments of `textToImage`; `budget` in megapixel-steps, 0: no bound of its own."""

    call: Call
    selection: Selection
    values: Mapping[str, object] = field(default_factory=dict)
    prompt: str = ""
    budget: float = 0.0


@dataclass(frozen=True)
class Plan:
    """What a run would do and cost."""

    entities: int
    drawings: int
    illustrated: int
    left_out: int
    compute: float
    seconds: float | None
    model_id: str
    examples: Sequence[str]


@dataclass(frozen=True)
class Outcome:
    """What became of an entity; `entity` None: the run has ended before all were done, and `refusal` says why."""

    entity: Candidate | None
    ref: str
    refusal: Refusal | None
    done: int
    total: int
    compute: float
    warnings: Sequence[str] = ()


class Illustration:
    """All methods belong to the event loop's thread. Only for operators: what is hung belongs to whoever owns the world."""

    def __init__(
        self,
        access: Access,
        generation: Generation,
        models: Models,
        illustrations: Illustrations,
        images: Images,
        threads: DecodingThreads,
    ) -> None:
        self._access = access
        self._generation = generation
        self._models = models
        self._illustrations = illustrations
        self._images = images
        self._threads = threads

    async def plan(self, principal: Principal, wish: Wish) -> Plan:
        """Raises NotFound, InvalidArgument, PermissionDenied, and what a drawing of the first would be refused for."""
        self._access.require_own_world(principal)
        found = await asyncio.to_thread(self._illustrations.find, wish.selection)
        template = await self._template(principal, wish)
        drawings = _drawings(found.candidates, template)
        compute, seconds, model_id = 0.0, None, ""
        if drawings:
            estimate = await self._generation.estimate(principal, self._request(wish, next(iter(drawings))))
            if estimate.refusal is not None:
                raise estimate.refusal
            assert estimate.job is not None
            model_id = estimate.job.task.model_id
            # They differ in their prompts alone, so each costs the same.
            compute = estimate.job.task.compute * len(drawings)
            seconds = None if estimate.seconds is None else estimate.seconds * len(drawings)
        return Plan(
            len(found.candidates),
            len(drawings),
            found.illustrated,
            found.left_out,
            compute,
            seconds,
            model_id,
            list(drawings)[:EXAMPLES],
        )

    async def run(self, principal: Principal, wish: Wish) -> AsyncIterator[Outcome]:
        """Each entity once, when it is done with. Raises as `plan`.

        Whoever leaves ends the run; what is being drawn then is kept, and found by the next one.
        """
        self._access.require_own_world(principal)
        found = await asyncio.to_thread(self._illustrations.find, wish.selection)
        template = await self._template(principal, wish)
        drawings = _drawings(found.candidates, template)
        total, done, spent = len(found.candidates), 0, 0.0
        waiting = iter(drawings.items())
        running: dict[asyncio.Task[Job], list[Candidate]] = {}
        stopped: Refusal | None = None
        try:
            while True:
                while (
                    stopped is None and len(running) < AT_ONCE and (item := next(waiting, None)) is not None
                ):
                    prompt, entities = item
                    request = self._request(wish, prompt)
                    if wish.budget:
                        estimate = await self._generation.estimate(principal, request)
                        cost = 0.0 if estimate.job is None else estimate.job.cost.compute / UNITS
                        if spent + cost * (len(running) + 1) > wish.budget:
                            stopped = _too_much(wish.budget, spent)
                            break
                    running[asyncio.create_task(self._generation.wait(principal, request))] = entities
                if not running:
                    break
                ended, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in ended:
                    entities = running.pop(task)
                    job, refusal = await _result(task)
                    if job is not None:
                        spent += job.cost.compute / UNITS
                    refusals = await self._hung(job, entities)
                    for entity in entities:
                        done += 1
                        why = refusal or refusals[entity.id]
                        ref = job.images[0].ref if job is not None and why is None else ""
                        warnings = job.warnings if job is not None else ()
                        yield Outcome(entity, ref, why, done, total, spent, warnings)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
        if stopped is not None:
            yield Outcome(None, "", stopped, done, total, spent)

    async def undo(self, principal: Principal, selection: Selection) -> int:
        """Take away what runs gave; how many entities lost theirs. Raises NotFound."""
        self._access.require_own_world(principal)
        return await asyncio.to_thread(self._illustrations.take_down, selection)

    async def _hung(self, job: Job | None, entities: Sequence[Candidate]) -> Mapping[int, Refusal | None]:
        if job is None:
            return {}
        image = job.images[0]
        picture = {
            "ref": image.ref,
            "thumbnail": await self._threads.run(self._images.thumbnail_url, image.ref),
            "width": image.width,
            "height": image.height,
            "model": job.task.model_id,
        }
        return await asyncio.to_thread(self._illustrations.hang, [entity.id for entity in entities], picture)

    async def _template(self, principal: Principal, wish: Wish) -> str:
        """The prompt's template. Raises InvalidArgument for one that names other fields, and for a budget that is none."""
        if not 0 <= wish.budget < math.inf:
            raise InvalidArgument(
                f"'budget' must be 0 or more megapixel-steps; got {wish.budget:g}",
                reason="BAD_ARGUMENT",
                field="budget",
                limit="0 or more",
                asked=f"{wish.budget:g}",
            )
        if wish.prompt:
            try:
                parts = list(string.Formatter().parse(wish.prompt))
            except ValueError as error:
                raise _bad_template(str(error)) from None
            for _, name, how, conversion in parts:
                if name is not None and (name not in _FIELDS or how or conversion):
                    raise _bad_template(f"{{{name[:40]}}} stands for nothing")
            return wish.prompt
        estimate = await self._generation.estimate(principal, self._request(wish, "a sword"))
        if estimate.refusal is not None:
            raise estimate.refusal
        assert estimate.job is not None
        return THING if self._models.find(estimate.job.task.model_id).plain_ground else SCENE

    def _request(self, wish: Wish, prompt: str) -> GenerationRequest:
        method = methods.find("textToImage")
        values = {"seed": SEED, **wish.values, "prompt": prompt, "count": 1}
        # What has begun is kept: the next run finds it.
        return GenerationRequest(wish.call, method, method.arguments.read(values), CallOptions(), keep=True)


async def _result(task: asyncio.Task[Job]) -> tuple[Job | None, Refusal | None]:
    try:
        return await task, None
    except Refusal as refusal:
        return None, refusal


def _drawings(candidates: Sequence[Candidate], template: str) -> dict[str, list[Candidate]]:
    """The entities of each prompt, in the order of the first."""
    found: dict[str, list[Candidate]] = {}
    for entity in candidates:
        values = {"name": entity.name, "description": entity.description, "prototype": entity.prototype}
        prompt = string.Formatter().vformat(template, (), values).strip(" ,")[:MAX_PROMPT]
        found.setdefault(prompt, []).append(entity)
    return found


def _bad_template(why: str) -> InvalidArgument:
    return InvalidArgument(
        f"'prompt' is no template: {why}; {{name}}, {{description}} and {{prototype}} stand for what the entity has",
        reason="BAD_ARGUMENT",
        field="prompt",
        limit="{name}, {description}, {prototype}",
    )


def _too_much(budget: float, spent: float) -> ResourceExhausted:
    return ResourceExhausted(
        f"the budget of {budget:g} megapixel-steps is spent as far as it goes ({spent:g}); give more to go on",
        reason="RUN_BUDGET",
        field="budget",
        limit=f"{budget:g}",
        asked=f"more than {spent:g}",
    )
