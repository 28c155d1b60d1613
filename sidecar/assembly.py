"""Everything behind the surfaces, built and wired in one place, started in order, stopped in reverse."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from capabilities.budgets import FREE, Price
from entity_store import rooms
from entity_store.authority import Authority
from entity_store.blobs import Blobs, reference
from entity_store.illustrations import Illustrations
from entity_store.images import Images
from entity_store.permissions import private_folder
from entity_store.world import World
from sidecar.application.access import Access
from sidecar.application.batches import Batches
from sidecar.application.capabilities import Capabilities
from sidecar.application.decoding import DecodingThreads
from sidecar.application.entities import Entities
from sidecar.application.generation import Generation
from sidecar.application.illustration import Illustration
from sidecar.application.jobs import Jobs
from sidecar.application.keys import Keys
from sidecar.application.lineage import Lineage
from sidecar.application.models import Models
from sidecar.application.picture_access import PictureAccess
from sidecar.application.pictures import Pictures
from sidecar.application.planning import Planner
from sidecar.application.prompt_refinement import PromptRefinement
from sidecar.application.status import Status
from sidecar.application.use_cases import UseCases
from sidecar.application.workflows.runs import Runs
from sidecar.application.workflows.saved_templates import SavedTemplates
from sidecar.auth import ensure_secret
from sidecar.config import Settings
from sidecar.engines import connectors
from sidecar.engines.api import Engine
from sidecar.engines.builtin.engine import BuiltinEngine
from sidecar.engines.builtin.workers import PictureWorkers
from sidecar.engines.glyphs.engine import GlyphsEngine
from sidecar.engines.local.catalog import Catalog
from sidecar.engines.local.engine import LocalEngine
from sidecar.engines.router import Router
from sidecar.queue.job_queue import JobQueue
from sidecar.queue.ledger.operator_budgets import Budgets
from sidecar.queue.ledger.purchases import Purchases
from sidecar.queue.results import Results
from sidecar.queue.retry import RetryPolicy
from sidecar.queue.scheduling.loads import Loads
from sidecar.queue.settings import QueueSettings
from sidecar.queue.store.database import Database, only_server
from sidecar.queue.store.job_store import JobStore
from sidecar.queue.store.key_rows import KeyRows
from sidecar.queue.store.picture_rows import PictureRows
from sidecar.queue.store.revoked_rights import RevokedRights
from sidecar.queue.store.run_rows import RunRows
from sidecar.queue.store.template_rows import TemplateRows
from sidecar.telemetry import Meter

log = logging.getLogger("viwo_imagegen.server")


@dataclass(frozen=True)
class Assembly:
    """The use cases, working, and the parts under them for whoever looks inside."""

    use_cases: UseCases
    world: World
    blobs: Blobs
    database: Database
    queue: JobQueue
    engines: Router
    meter: Meter


@asynccontextmanager
async def assembled(settings: Settings, engines: Sequence[Engine] | None = None) -> AsyncIterator[Assembly]:
    """The use cases on this data folder and world; leaving the context stops them. `engines` stand in place of those
    that the settings name; the builtin one is there in any case. Raises FailedPrecondition with what to do."""
    async with contextlib.AsyncExitStack() as stack:
        private_folder(settings.data_dir)
        stack.enter_context(only_server(settings.data_dir))
        world = World(settings.world_file, own=settings.world_is_own)
        stack.callback(world.close)
        _repair_rooms(world)
        blobs = Blobs(settings.data_dir)
        blobs.discard_unfinished()
        workers = PictureWorkers(log_level=settings.log_level)
        stack.callback(workers.close)
        images = Images(world, blobs, workers)
        authority = Authority(world)
        threads = DecodingThreads(settings.max_decoding)
        stack.callback(threads.close)
        database = Database(settings.jobs_database)
        stack.enter_context(database.alone())
        store = JobStore(database, runner=_runner(settings))
        stack.push_async_callback(store.close)
        requeued = await store.open(world.id)
        if requeued:
            log.info("%d jobs were running when the server ended; they are queued again", requeued)
        made = (
            [
                *_local_engine(settings),
                GlyphsEngine(log_level=settings.log_level),
                *(connectors.engine(each, log_level=settings.log_level) for each in settings.priced_engines),
            ]
            if engines is None
            else engines
        )
        budgets, paid, loads = _budgets(settings), _paid(settings), Loads()
        router = Router([*made, BuiltinEngine(workers)], settings.default_model, paid, loads.of)
        for engine in router.values():
            await engine.start()
            stack.push_async_callback(engine.stop)
        key_file = settings.statement_key_file
        statement_key = ensure_secret(key_file).encode() if key_file else None
        revoked = RevokedRights(database)
        await revoked.load()
        access = Access(authority, budgets, statement_key, world.id, revoked, paid)
        shares = settings.reuse_between_owners
        planner = Planner(
            access,
            images,
            router,
            settings.ceilings,
            budgets,
            shares_results=shares,
            aliases=settings.model_aliases,
        )
        picture_rows = PictureRows(database)
        picture_access = PictureAccess(picture_rows, images, world)
        meter = Meter()
        queue = JobQueue(
            store,
            router,
            Results(images, blobs),
            _queue_settings(settings),
            meter=meter,
            recheck=access.recheck,
            loads=loads,
        )
        await queue.start()
        stack.push_async_callback(queue.stop)
        templates = SavedTemplates(TemplateRows(database))
        workflows = Runs(RunRows(database), templates, store, access, planner, queue, images, picture_access)
        await workflows.start()
        stack.push_async_callback(workflows.stop)
        keys = Keys(KeyRows(database), world, authority)
        await keys.load()
        stack.push_async_callback(keys.stop)
        generation = Generation(access, picture_access, planner, queue, store, blobs, threads)
        use_cases = UseCases(
            generation,
            PromptRefinement(access, router, Purchases(database, store.calendar), budgets.price_of),
            Jobs(access, queue, store),
            Batches(generation, queue, store),
            Lineage(access, picture_access, planner, queue, store, images, blobs, threads),
            workflows,
            Entities(access, picture_access, authority, images, planner, workers, threads),
            Pictures(picture_access, picture_rows, images, blobs, threads),
            Illustration(access, generation, router, Illustrations(world), images, threads),
            Capabilities(authority, access, queue, revoked),
            Models(router, budgets.price_of),
            Status(router, queue, store, blobs, meter, budgets.server, _kinds(settings)),
            keys,
        )
        yield Assembly(use_cases, world, blobs, database, queue, router, meter)


def _repair_rooms(world: World) -> None:
    """What was destroyed and is still named in a room silences the room, so it is taken out."""
    if not rooms.dangling(world.rows):
        return
    with world.transaction() as connection:
        for room_id, gone in rooms.repair_contents(connection).items():
            log.warning("room %d held %s, which are not there; taken out", room_id, ", ".join(map(str, gone)))


def _runner(settings: Settings) -> str:
    """The name under which this sidecar's jobs are leased; the same after a restart, and no other's."""
    return f"{socket.gethostname()[:31]}:{reference(str(settings.data_dir.resolve()).encode())[-16:]}"


def _local_engine(settings: Settings) -> list[Engine]:
    """The engine that runs models here; none where what it needs is not installed, which is its extra `local`."""
    if any(importlib.util.find_spec(package) is None for package in ("torch", "diffusers", "transformers")):
        log.info(
            "the local engine is not installed, so models of your own are not used: pip install '.[local]'"
        )
        return []
    engine = LocalEngine(
        Catalog(settings.model_dirs, settings.hub_models, settings.default_model),
        device=settings.device,
        threads=settings.threads,
        max_loaded=settings.max_loaded_models,
        memory_budget=int(settings.memory_budget_gib * 1024**3),
        max_download=int(settings.max_download_gib * 1024**3),
        log_level=settings.log_level,
    )
    return [engine]


def _queue_settings(settings: Settings) -> QueueSettings:
    return QueueSettings(
        max_waiting=settings.max_queue,
        max_waiting_of_owner=settings.max_queue_per_owner or max(1, settings.max_queue // 2),
        retry=RetryPolicy(max_attempts=settings.max_attempts),
        patience=settings.model_patience,
        reuse_for=settings.reuse_hours * 3600,
        max_batch=settings.max_together,
        max_seconds=settings.max_job_seconds,
    )


def _prices(settings: Settings) -> Callable[[str], Price]:
    """What models cost, by id: as `prices` says, else as their engines do."""
    named = {price.model: price.price for price in settings.prices}
    engines = {engine.name: engine for engine in settings.priced_engines}

    def price_of(model_id: str) -> Price:
        name, colon, model = model_id.partition(":")
        return engines[name].price(model) if colon and name in engines else named.get(model_id, FREE)

    return price_of


def _paid(settings: Settings) -> frozenset[str]:
    """The names of the engines of others that cost money."""
    return frozenset(engine.name for engine in settings.priced_engines if engine.is_paid)


def _kinds(settings: Settings) -> dict[str, str]:
    """What the engines of others are, by their names."""
    return {engine.name: engine.kind for engine in settings.engines}


def _budgets(settings: Settings) -> Budgets:
    caps = [budget.cap for budget in settings.budgets]
    return Budgets(
        server=tuple(cap for cap in caps if cap.scope == "server"),
        owner=tuple(cap for cap in caps if cap.scope == "owner"),
        price_of=_prices(settings),
        medium_from=settings.tier_medium.cost,
        high_from=settings.tier_high.cost,
    )
