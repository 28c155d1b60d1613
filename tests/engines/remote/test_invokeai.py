"""What only InvokeAI has: its queue, its gallery, its node cache, its logins, and a socket that is only a hint."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest

from sidecar.engines.api import ProgressDetail
from sidecar.engines.events import Loading, Preview
from sidecar.engines.invokeai import drawn_graphs
from sidecar.engines.invokeai.connector import InvokeAIConnector
from sidecar.engines.invokeai.graph import Graph
from sidecar.engines.invokeai.inventory import Stock
from sidecar.engines.invokeai.models import models
from sidecar.engines.invokeai.node_types import NodeTypes
from sidecar.engines.invokeai.progress import Progress
from sidecar.engines.remote.connector import Call, Drawing
from sidecar.engines.remote.failures import FailureKind, RemoteFailure
from sidecar.engines.remote.settings import EngineSettings
from sidecar.engines.remote.transport import Host
from sidecar.testing.foreign.drawing import decoded, encoded, shows
from sidecar.testing.foreign.kinds import KINDS, far
from sidecar.testing.foreign.server import ForeignServer
from tests.engines.remote.test_scenarios import (
    CONTROL,
    HEIGHT,
    WIDTH,
    asked,
    generated,
    picture,
    pixels,
    refusal,
    text,
)

QUEUE = "/api/v1/queue/default"
ENQUEUE = f"{QUEUE}/enqueue_batch"
TEXT = Drawing("text", "tiny-sd15", 64, 64, seed=5, prompt="a red apple", steps=4, guidance_scale=7.5)
(INVOKEAI,) = (kind for kind in KINDS if kind.name == "invokeai")


@pytest.fixture(scope="module")
async def fake() -> AsyncIterator[ForeignServer]:
    async with ForeignServer("invokeai") as running:
        yield running


@pytest.fixture
async def server(fake: ForeignServer) -> AsyncIterator[ForeignServer]:
    """The shared one, without the faults of another test."""
    await fake.control(clear=True, release=True, set={"seconds": 0.02, "key": "", "previews": None})
    yield fake
    await fake.control(clear=True, release=True)


@asynccontextmanager
async def connected(fake: ForeignServer, **more: Any) -> AsyncIterator[InvokeAIConnector]:
    """A connector that has had its first look."""
    settings = EngineSettings.model_validate(
        {"name": "far", "kind": "invokeai", "urls": [fake.url], "per_image": 0, **more}
    )
    host = Host(fake.url, settings)
    connector = InvokeAIConnector(host, settings)
    try:
        await connector.look()
        yield connector
    finally:
        await connector.close()
        await host.close()


def call(told: list[Any] | None = None, *, previews: bool = False, **change: Any) -> Call:
    heard: list[Any] = [] if told is None else told
    return Call(replace(TEXT, **change), heard.append, ProgressDetail(1) if previews else None)


@contextmanager
def failing() -> Iterator[list[RemoteFailure]]:
    caught: list[RemoteFailure] = []
    with pytest.raises(RemoteFailure) as failure:
        yield caught
    caught.append(failure.value)


async def sent(server: ForeignServer, method: str, begin: str) -> list[str]:
    """Paths of the requests so far."""
    requests = (await server.state())["requests"]
    return [each["path"] for each in requests if each["method"] == method and each["path"].startswith(begin)]


async def queued_by_somebody(server: ForeignServer, prompt: str) -> int:
    """The item of a person who uses the server as well."""
    async with httpx2.AsyncClient(base_url=server.url) as client:
        records = models((await client.get("/api/v2/models/")).json())
        stock = Stock.of(records, NodeTypes.of((await client.get("/openapi.json")).json()))
        theirs = drawn_graphs.graph(replace(TEXT, prompt=prompt), stock, {})
        answer = await client.post(ENQUEUE, json={"batch": {"graph": theirs.told(), "runs": 1}})
        (id,) = answer.json()["item_ids"]
        assert isinstance(id, int)
        return id


async def status_of(server: ForeignServer, item: int) -> str:
    async with httpx2.AsyncClient(base_url=server.url) as client:
        return str((await client.get(f"{QUEUE}/i/{item}")).json()["status"])


async def test_the_same_call_makes_a_new_picture_each_time(server: ForeignServer) -> None:
    before = len((await server.state())["drawn"])
    async with connected(server) as connector:
        first, second = [(await connector.draw(call())).pictures[0] for _ in range(2)]
    assert len((await server.state())["drawn"]) == before + 2
    assert np.array_equal(decoded(first.data), decoded(second.data))
    assert (first.seed, second.seed) == (5, 5)


async def test_a_seed_beyond_those_of_its_noise_is_taken_as_it_takes_it(server: ForeignServer) -> None:
    async with connected(server) as connector:
        drawn = await connector.draw(call(seed=2**32 + 7))
    assert shows(decoded(drawn.pictures[0].data), seed=7)


@pytest.mark.parametrize(
    ("model", "scheduler"), [("tiny-sdxl", "dpmpp_2m_k"), ("tiny-sd3", ""), ("tiny-flux", "heun")]
)
async def test_each_family_draws(server: ForeignServer, model: str, scheduler: str) -> None:
    async with connected(server) as connector:
        drawn = await connector.draw(call(model=model, scheduler=scheduler))
    assert shows(decoded(drawn.pictures[0].data), prompt="a red apple", model=model)


async def test_its_gallery_stays_as_it_was(server: ForeignServer) -> None:
    """Two pictures are lent to it, and two are made there."""
    before = len(await sent(server, "DELETE", "/api/v1/images"))
    pixels = await asyncio.to_thread(decoded, base64.b64decode(text(picture(64, 64))))
    image, mask = encoded(pixels), encoded(np.full((64, 64, 3), 255, np.uint8))
    async with connected(server) as connector:
        drawn = await connector.draw(call(kind="masked", image=image, mask=mask, strength=1.0))
        assert shows(decoded(drawn.pictures[0].data), prompt="a red apple")
        await server.control(fault="fails", route=ENQUEUE)
        with failing():
            await connector.draw(call(kind="image", image=image, strength=0.5))
    gone = (await sent(server, "DELETE", "/api/v1/images"))[before:]
    assert len(gone) == 2 + 2 + 1
    uploads = await sent(server, "POST", "/api/v1/images/upload")
    assert len(uploads) == 3
    async with httpx2.AsyncClient(base_url=server.url) as client:
        assert {(await client.get(path)).status_code for path in gone} == {404}


async def test_a_picture_of_another_drawing_is_not_taken() -> None:
    async with ForeignServer("invokeai") as server, connected(server) as connector:
        await queued_by_somebody(server, "somebody's")
        await connector.draw(call())
        await server.control(fault="stale", route=ENQUEUE)
        with failing() as caught:
            await connector.draw(call())
        assert caught[0].kind == FailureKind.BAD_ANSWER
        assert "another drawing" in caught[0].message


async def test_a_forgotten_item_is_an_error_of_the_server(server: ForeignServer) -> None:
    async with connected(server) as connector:
        await server.control(fault="vanished", route=ENQUEUE)
        with failing() as caught:
            await connector.draw(call())
    assert caught[0].kind == FailureKind.SERVER_ERROR
    assert "forgotten" in caught[0].message


async def test_a_full_queue_is_waited_for(server: ForeignServer) -> None:
    async with connected(server, per_image=1.0) as connector:
        await server.control(fault="queue_full", route=ENQUEUE)
        asked_for = call()
        with failing() as caught:
            await connector.draw(asked_for)
    assert (caught[0].kind, caught[0].retry_after, asked_for.billed) == (FailureKind.RATE_LIMITED, 10, 0)


@pytest.mark.parametrize("fault", ["garbage", "drop_after", "truncated_json"])
async def test_what_was_taken_is_found_though_the_answer_is_lost(server: ForeignServer, fault: str) -> None:
    before = len((await server.state())["drawn"])
    async with connected(server, per_image=1.0) as connector:
        await server.control(fault=fault, route=ENQUEUE)
        asked_for = call()
        await connector.draw(asked_for)
    assert asked_for.billed == 1
    assert len((await server.state())["drawn"]) == before + 1


async def test_what_was_not_taken_costs_nothing(server: ForeignServer) -> None:
    async with connected(server, per_image=1.0) as connector:
        await server.control(fault="drop_before", route=ENQUEUE)
        asked_for = call()
        with failing() as caught:
            await connector.draw(asked_for)
        await server.control(fault="fails", route=ENQUEUE)
        failed = call()
        with failing() as other:
            await connector.draw(failed)
    assert (caught[0].is_of_the_host, asked_for.billed) == (True, 0)
    assert (other[0].kind, failed.billed) == (FailureKind.SERVER_ERROR, 0)
    assert "OutOfMemoryError" in other[0].message


@pytest.mark.parametrize("fault", ["garbage", "server_error"])
async def test_a_look_that_goes_wrong_is_not_worth_a_job(server: ForeignServer, fault: str) -> None:
    async with connected(server) as connector:
        await server.control(fault=fault, route=f"{QUEUE}/i/", times=2)
        drawn = await connector.draw(call())
    assert shows(decoded(drawn.pictures[0].data), prompt="a red apple")


@pytest.mark.parametrize("fault", ["hold_start", "stuck"])
async def test_only_our_own_item_is_canceled(server: ForeignServer, fault: str) -> None:
    """While it waits, and while it is drawn; what somebody else has queued is drawn."""
    async with connected(server, per_image=1.0) as connector:
        await server.control(fault=fault, route=ENQUEUE)
        asked_for = call()
        drawing = asyncio.create_task(connector.draw(asked_for))
        await server.wait_until(lambda state: state["held"])
        interrupts = len((await server.state())["interrupts"])
        theirs = await queued_by_somebody(server, "theirs")
        drawing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await drawing
        (interrupt,) = (await server.state())["interrupts"][interrupts:]
        await server.control(release=True)
        drawn = (await server.wait_until(lambda state: state["drawn"][-1]["prompt"] == "theirs"))["drawn"]
        assert interrupt == {
            "item": theirs - 1,
            "status": "pending" if fault == "hold_start" else "in_progress",
        }
        assert await status_of(server, theirs - 1) == "canceled"
        assert drawn[-1]["done"] == 1
        # What had not begun costs nothing.
        assert asked_for.billed == (0 if fault == "hold_start" else 1)


async def test_an_item_that_was_done_before_it_was_canceled_stays_done(server: ForeignServer) -> None:
    async with connected(server) as connector:
        told: list[Any] = []
        await server.control(fault="hang", route="/api/v1/images")
        drawing = asyncio.create_task(connector.draw(call(told)))
        await server.wait_until(lambda state: state["requests"][-1]["path"].startswith("/api/v1/images"))
        drawing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await drawing
        interrupts = (await server.state())["interrupts"]
        await server.control(release=True)
        last = await queued_by_somebody(server, "after it") - 1
        assert await status_of(server, last) == "completed"
        assert last not in [each.get("item") for each in interrupts]


async def test_somebody_who_cancels_it_there_ends_it(server: ForeignServer) -> None:
    async with connected(server) as connector:
        await server.control(fault="stuck", route=ENQUEUE)
        drawing = asyncio.create_task(connector.draw(call()))
        job = (await server.wait_until(lambda state: state["held"]))["running"][0]["job"]
        async with httpx2.AsyncClient(base_url=server.url) as client:
            assert (await client.put(f"{QUEUE}/clear")).status_code == 200
        with failing() as caught:
            await drawing
        assert caught[0].kind == FailureKind.SERVER_ERROR
        assert job


async def test_progress_and_glimpses_come_over_the_socket(server: ForeignServer) -> None:
    await server.control(set={"seconds": 0.4})
    told: list[Any] = []
    async with connected(server) as connector:
        await connector.draw(call(told, previews=True))
        fractions = [each for each in told if isinstance(each, float)]
        assert fractions == sorted(fractions)
        assert any(0 < each < 1 for each in fractions)
        glimpses = [each for each in told if isinstance(each, Preview)]
        assert all(decoded(each.data).shape == (64, 64, 3) for each in glimpses)
        assert glimpses
        told.clear()
        await connector.draw(call(told))
        assert not any(isinstance(each, Preview) for each in told)


@pytest.mark.parametrize(
    ("fault", "route"),
    [
        ("silent_socket", "/ws"),
        ("hang", "/ws"),
        ("drop_before", "/ws"),
        ("redirect", "/ws"),
        ("forbidden", "/ws"),
    ],
)
async def test_a_socket_that_says_nothing_is_not_missed(
    server: ForeignServer, fault: str, route: str
) -> None:
    async with connected(server, timeouts={"connect": 0.2}) as connector:
        await server.control(fault=fault, route=route, times=0)
        drawn = await connector.draw(call())
    assert shows(decoded(drawn.pictures[0].data), prompt="a red apple")
    assert (await server.state())["redirected"] == 0


async def test_events_of_others_and_of_no_shape_are_passed_over() -> None:
    told: list[Any] = []
    graph = Graph()
    graph.measured = "denoise"
    progress = Progress(call(told, previews=True), graph, "ours", "far:model")
    step = {"batch_id": "ours", "invocation_source_id": "denoise", "percentage": 0.5}
    for event, data in (
        ("invocation_progress", {**step, "batch_id": "theirs"}),
        ("invocation_progress", {**step, "invocation_source_id": "positive"}),
        ("invocation_progress", {**step, "percentage": None, "image": "text"}),
        ("invocation_progress", {**step, "percentage": "half", "image": {"dataURL": "garbage"}}),
        ("invocation_progress", None),
        ("queue_item_status_changed", {"batch_id": "theirs", "status": "completed"}),
        # Somebody else's item is running.
        ("model_load_started", {"config": {}}),
    ):
        await progress.hear(event, data)
    assert (told, progress.worth_a_look.is_set()) == ([], False)
    await progress.hear("queue_item_status_changed", {"batch_id": "ours", "status": "in_progress"})
    for _ in range(2):
        await progress.hear("model_load_started", {"config": {}})
    await progress.hear("invocation_progress", step)
    await progress.hear("queue_item_status_changed", {"batch_id": "ours", "status": "failed"})
    assert told == [Loading("far:model"), 0.5]
    assert progress.worth_a_look.is_set()
    progress.over.set()
    await progress.hear("invocation_progress", step)
    assert told == [Loading("far:model"), 0.5]


async def test_a_login_that_has_ended_is_renewed_once(server: ForeignServer, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("a@b.example:one\n")
    await server.control(set={"key": "a@b.example:one"})
    async with connected(server, key_file=file) as connector:
        looks = len((await server.state())["requests"])
        await connector.draw(call())
        # It tidies up in the background, which would be one more login.
        await server.wait_until(
            lambda state: "DELETE" in [each["method"] for each in state["requests"][looks:]]
        )
        await server.control(set={"key": "a@b.example:two"})
        file.write_text("a@b.example:two\n")
        await connector.draw(call())
        logins = len(await sent(server, "POST", "/api/v1/auth/login"))
        assert logins == 2
        file.write_text("no colon\n")
        await server.control(set={"key": "a@b.example:three"})
        with failing() as caught:
            await connector.look()
        assert (caught[0].kind, caught[0].field) == (FailureKind.UNAUTHORIZED, "key_file")


async def test_a_script_gets_loras_controls_and_schedulers(tmp_path: Path) -> None:
    async with far(INVOKEAI, tmp_path) as server:
        options = {
            "model": server.kind.model_id,
            "steps": 4,
            "loras": [{"id": "far:tiny-lora", "weight": 0.5}],
            "preprocess": True,
            "scheduler": "dpm++ 2m karras",
        }
        made = await asked(server, "apply", text(picture()), "a house", "canny", options, kind=CONTROL)
        assert pixels(made).shape == (HEIGHT, WIDTH, 3)
        drawn = (await server.drawn())[-1]
        assert (drawn["sampler"], drawn["loras"]) == ("dpmpp_2m_k", [["tiny-lora", 0.5]])
        refused = refusal(await generated(server, loras=[{"id": "far:tiny-sdxl-lora"}]))
        assert (refused["code"], refused["field"]) == ("INVALID_ARGUMENT", "loras")
