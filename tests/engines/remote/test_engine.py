"""The engine around a connector, whatever that does: looks that break, cancels at the wrong moment, models that go."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from capabilities.methods.text_to_image import TextToImage
from capabilities.models import GENERATION, ModelFacts
from sidecar.config import ModelPrice, Settings
from sidecar.engines.api import EngineRequest, EngineState
from sidecar.engines.events import Done, Event, Failed
from sidecar.engines.remote import engine as remote
from sidecar.engines.remote import server as servers
from sidecar.engines.remote.connector import Call, Drawn, DrawnPicture, Inventory, RemoteListing
from sidecar.engines.remote.engine import RemoteEngine
from sidecar.engines.remote.failures import FailureKind, RemoteFailure
from sidecar.engines.remote.refusals import retry_after, words_of
from sidecar.engines.remote.settings import EngineSettings
from sidecar.engines.remote.transport import Host
from sidecar.testing.fake_engine import png_of

FACTS = ModelFacts("far:sd", steps=4, width=64, height=64, methods=GENERATION)
STOCK = Inventory("1", (RemoteListing("sd", FACTS, abilities=frozenset({"seed"})),))
TASK = TextToImage(
    model_id="far:sd", prompt="a cup", width=64, height=64, steps=4, guidance_scale=0.0, scheduler="default", seed=5
)  # fmt: skip
REQUEST = EngineRequest("j", TASK)


class Scripted:
    """A connector that does as it is told."""

    is_paid = False

    def __init__(self, look: Callable[[], Inventory]) -> None:
        self._look = look

    async def look(self) -> Inventory:
        return self._look()

    async def draw(self, call: Call) -> Drawn:
        return Drawn((DrawnPicture(png_of(64, 64, "drawn")),))

    async def close(self) -> None:
        """Nothing is held."""


@asynccontextmanager
async def running(
    look: Callable[[], Inventory], *more: Callable[[], Inventory]
) -> AsyncIterator[RemoteEngine]:
    looks = iter((look, *more))
    urls = tuple(f"http://127.0.0.1:{port}" for port in range(1, 2 + len(more)))
    settings = EngineSettings(name="far", kind="a1111", urls=urls)
    engine = RemoteEngine(settings, lambda host, settings: Scripted(next(looks)))
    await engine.start()
    try:
        yield engine
    finally:
        await engine.stop()


async def ends(engine: RemoteEngine, request: EngineRequest = REQUEST) -> Event:
    async with asyncio.timeout(20):
        return [event async for _, event in engine.run([request])][-1]


@pytest.mark.parametrize("fault", [TypeError("null"), StopIteration(), OverflowError(), RecursionError()])
async def test_a_look_that_breaks_is_done_again(fault: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "LOOK_BACKOFF", (0.0,))
    told = iter([fault])

    def look() -> Inventory:
        for wrong in told:
            raise wrong
        return STOCK

    async with running(look) as engine:
        async with asyncio.timeout(20):
            await engine.wait_ready()
        assert isinstance(await ends(engine), Done)


async def test_a_look_that_never_ends_holds_up_no_other_server(monkeypatch: pytest.MonkeyPatch) -> None:
    class Hangs(Scripted):
        async def look(self) -> Inventory:
            await asyncio.Event().wait()
            return STOCK

    settings = EngineSettings(name="far", kind="a1111", urls=("http://127.0.0.1:1", "http://127.0.0.1:2"))
    made = iter([Hangs(lambda: STOCK), Scripted(lambda: STOCK)])
    engine = RemoteEngine(settings, lambda host, settings: next(made))
    await engine.start()
    try:
        async with asyncio.timeout(20):
            await engine.wait_ready()
        assert isinstance(await ends(engine), Done)
    finally:
        await engine.stop()
    monkeypatch.setattr(servers, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(remote, "LOOK_BACKOFF", (0.0,))
    alone = RemoteEngine(settings, lambda host, settings: Hangs(lambda: STOCK))
    await alone.start()
    try:
        async with asyncio.timeout(20):
            await alone.wait_known()
        assert alone.status().state is EngineState.DOWN
        assert "did not tell within" in alone.status().reason
    finally:
        await alone.stop()


async def test_a_job_whose_model_is_gone_ends() -> None:
    async with running(lambda: STOCK) as engine:
        await engine.wait_ready()
        gone = dataclasses.replace(REQUEST, task=TASK.model_copy(update={"model_id": "far:gone"}))
        end = await ends(engine, gone)
    assert isinstance(end, Failed)
    assert (end.code, end.reason, end.retryable) == ("FAILED_PRECONDITION", "ENGINE_MODEL_MISSING", False)


async def test_a_model_of_a_server_that_is_down_is_waited_for_a_while() -> None:
    def broken() -> Inventory:
        raise RemoteFailure(FailureKind.UNREACHABLE, "it is gone")

    alive = iter([STOCK])
    async with running(lambda: next(alive, None) or broken(), lambda: Inventory("1", ())) as engine:
        await engine.wait_ready()
        engine.refresh()
        # The second look finds the one that has it gone; its listing is still known.
        engine._look_now.set()
        async with asyncio.timeout(20):
            while engine._servers[0].is_up:
                await engine._changed.wait()
        end = await ends(engine)
    assert isinstance(end, Failed)
    assert (end.reason, end.retryable) == ("MODEL_ELSEWHERE", True)


async def test_a_cancel_before_the_first_step_ends_the_job() -> None:
    async with running(lambda: STOCK) as engine:
        await engine.wait_ready()
        run = engine.run([REQUEST])
        first = asyncio.ensure_future(anext(run))
        while "j" not in engine._jobs:  # noqa: ASYNC110 - one turn of the loop, to meet the moment
            await asyncio.sleep(0)
        await engine.cancel("j")
        async with asyncio.timeout(20):
            _, end = await first
            await run.aclose()
    assert isinstance(end, Failed)
    assert end.code == "CANCELLED"


async def test_who_was_beside_a_job_that_did_not_end_is_tried_again() -> None:
    class Slow(Scripted):
        async def draw(self, call: Call) -> Drawn:
            call.tell(0.5)
            await asyncio.Event().wait()
            return Drawn(())

    settings = EngineSettings(name="far", kind="a1111", urls=("http://127.0.0.1:1",))
    engine = RemoteEngine(settings, lambda host, settings: Slow(lambda: STOCK))
    await engine.start()
    try:
        await engine.wait_ready()
        ended: list[Event] = []
        async with asyncio.timeout(20):
            async for _, event in engine.run([REQUEST]):
                ended.append(event)
                await engine.abort()
    finally:
        await engine.stop()
    assert isinstance(ended[-1], Failed)
    assert (ended[-1].code, ended[-1].retryable) == ("UNAVAILABLE", True)


def test_a_price_of_a_model_makes_its_engine_paid() -> None:
    settings = Settings(
        engines=[EngineSettings(name="far", kind="openai", urls=("http://127.0.0.1:1/v1",), per_image=0)],
        prices=[ModelPrice(model="far:m", per_image=0.04), ModelPrice(model="far/n", per_image=0.0)],
    )
    (engine,) = settings.priced_engines
    assert engine.is_paid
    assert (engine.price("m").per_image, engine.price("n").is_free, engine.price("o").is_free) == (
        40_000,
        True,
        True,
    )
    assert not settings.engines[0].is_paid


@pytest.mark.parametrize("header", ["Mon, 01 Jan 2024 00:00:00 +99999999999999", "9" * 400, "nan"])
def test_a_retry_after_of_no_sense_is_bounded(header: str) -> None:
    assert 0 <= (retry_after(header) or 0) <= 86_400


def test_an_answer_without_end_is_told_in_a_few_words() -> None:
    assert len(words_of(b"[" * 700 + b"]" * 700)) <= 300


def test_what_a_server_said_is_kept_short() -> None:
    failure = RemoteFailure(FailureKind.SUBSTITUTED, "x", limit="\ud800" + "y" * 100_000, asked="z" * 100_000)
    failed = failure.failed("far", None)
    assert max(len(failed.limit), len(failed.asked)) <= 300
    failed.limit.encode()


@pytest.mark.parametrize("said", ["bad token Bearer sk-secret", '{"error": "sk-secret is wrong"}'])
def test_a_key_that_is_said_back_is_not_told(said: str) -> None:
    host = Host("http://127.0.0.1:1", EngineSettings(name="far", kind="openai", urls=("http://127.0.0.1:1",)))
    host.headers["Authorization"] = "Bearer sk-secret"
    assert "sk-secret" not in host._words(said.encode())
