"""What every engine keeps to: the fake one, the builtin one and the local one with its real child process."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PIL import Image

from capabilities import imaging
from capabilities.methods.edit import Edit
from capabilities.methods.text_to_image import TextToImage
from capabilities.operations import Crop
from capabilities.tasks import Task
from sidecar.engines.api import Engine, EngineRequest, EngineState, ProgressDetail
from sidecar.engines.builtin.engine import BuiltinEngine
from sidecar.engines.builtin.workers import PictureWorkers
from sidecar.engines.events import Done, EncodedImage, Event, Failed, Step
from sidecar.engines.local.catalog import Catalog
from sidecar.engines.local.engine import LocalEngine
from sidecar.testing.fake_engine import FakeEngine

DRAWN = TextToImage(
    model_id="sd", prompt="a cup", width=64, height=64, steps=2, guidance_scale=1.0, scheduler="default", seed=5
)  # fmt: skip
EDIT = Edit(image="a", operations=(Crop(width=5, height=4),), width=5, height=4)


def picture() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(buffer, "PNG")
    return buffer.getvalue()


Sample = tuple[Engine, EngineRequest]


@pytest.fixture(scope="module", params=["fake", "builtin", "local"])
async def sample(request: pytest.FixtureRequest, tiny: Path) -> AsyncIterator[Sample]:
    """An engine, and a job that it can do."""
    drawn = EngineRequest("j", DRAWN, {}, {"cost": 1.5})
    match request.param:
        case "fake":
            yield FakeEngine(models=["sd"]), drawn
        case "builtin":
            workers = PictureWorkers(2)
            yield BuiltinEngine(workers), EngineRequest("j", EDIT, {"image": picture()}, {"cost": 1.5})
            workers.close()
        case "local":
            engine = LocalEngine(Catalog([tiny], [], "sd"), threads=1)
            await engine.start()
            yield engine, drawn
            await engine.stop()


async def events_of(engine: Engine, *requests: EngineRequest) -> list[tuple[str, Event]]:
    async with asyncio.timeout(120):
        return [happened async for happened in engine.run(requests)]


async def test_it_says_what_it_is(sample: Sample) -> None:
    engine, request = sample
    async with asyncio.timeout(120):
        await engine.wait_ready()
    assert engine.status().state is EngineState.READY
    assert not engine.status().reason
    assert 0 < len(engine.name) <= 64
    assert ":" not in engine.name
    assert engine.slots >= 1
    assert all(listing.engine == engine.name for listing in engine.models())
    assert engine.supports(request.task) is None
    assert engine.build_id(request.task) == engine.build_id(request.task)
    key = engine.batch_key(request.task)
    assert key is None or 0 < len(key) <= 64


async def test_it_refuses_what_it_cannot_do_in_words(sample: Sample) -> None:
    engine, request = sample
    strange: Task = DRAWN if request.task is EDIT else EDIT
    refusal = engine.supports(strange)
    assert refusal is not None
    assert engine.name in refusal.message


async def test_a_job_ends_in_encoded_pictures_of_its_size(sample: Sample) -> None:
    engine, request = sample
    events = await events_of(engine, request)
    assert {job_id for job_id, _ in events} == {"j"}
    assert [isinstance(event, Done | Failed) for _, event in events].index(True) == len(events) - 1
    done = events[-1][1]
    assert isinstance(done, Done), done
    (image,) = done.images
    assert isinstance(image, EncodedImage)
    info = imaging.probe(image.data)
    assert (
        (info.width, info.height) == (request.task.width, request.task.height) == (image.width, image.height)
    )
    assert info.format == "png"
    if not isinstance(engine, FakeEngine):
        metadata = imaging.read_metadata(image.data)
        assert metadata is not None
        assert metadata["cost"] == 1.5


async def test_a_canceled_job_says_so_at_its_end(sample: Sample) -> None:
    engine, request = sample
    long = request.task if request.task is EDIT else DRAWN.model_copy(update={"steps": 900})
    if isinstance(engine, FakeEngine):
        engine.script = lambda request: [Step(1, 900, 0), asyncio.Event()]
    ends: list[Event] = []
    async with asyncio.timeout(120):
        run = engine.run([EngineRequest("c", long, request.inputs, {}, detail=ProgressDetail())])
        if request.task is EDIT:
            # It tells nothing before its end.
            first = asyncio.ensure_future(anext(run))
            await asyncio.sleep(0)
            await engine.cancel("c")
            ends.append((await first)[1])
        async for _, event in run:
            await engine.cancel("c")
            ends.append(event)
    end = ends[-1]
    assert isinstance(end, Failed), end
    assert (end.code, end.retryable) == ("CANCELLED", False)


async def test_what_is_not_there_may_be_canceled_and_observed(sample: Sample) -> None:
    engine, _ = sample
    await engine.cancel("nobody")
    engine.observe("nobody", ProgressDetail(3))


async def test_an_abort_leaves_it_working(sample: Sample) -> None:
    engine, request = sample
    if isinstance(engine, FakeEngine):
        engine.script = lambda request: ()
    await engine.abort()
    events = await events_of(engine, request)
    if isinstance(events[-1][1], Failed):
        assert events[-1][1].retryable, "it was lost with what was ended by force"
        events = await events_of(engine, request)
    assert isinstance(events[-1][1], Done)
