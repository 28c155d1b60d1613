"""Servers whose answers are JSON and nonsense: what is not worth a picture costs none, and the rest is a bad answer."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import httpx2
import pytest

from sidecar.engines.a1111 import connector as a1111
from sidecar.engines.fooocus import connector as fooocus
from sidecar.engines.remote.answers import own_address, share, whole
from sidecar.engines.remote.connector import Call, Drawing
from sidecar.engines.remote.failures import FailureKind, RemoteFailure
from sidecar.engines.remote.settings import EngineSettings
from sidecar.engines.remote.transport import Answer, Host

URL = "http://127.0.0.1:1/api"
PICTURE = b"\x89PNG\r\n\x1a\n"
HUGE = 10**400
_NAMES = str.maketrans("-.", "__")


class Scripted(Host):
    """Answers by paths, in turn; the last answer of a path stays. Failures are raised, events are waited for."""

    def __init__(self, kind: str, **answers: list[Any]) -> None:
        self.settings = EngineSettings.model_validate({"name": "far", "kind": kind, "urls": [URL]})
        super().__init__(URL, self.settings)
        self.answers = answers
        self.sent: list[str] = []

    async def call(self, method: str, path: str, **how: Any) -> Answer:
        self.sent.append(path)
        name = path.partition("?")[0].strip("/").rpartition("/")[2].translate(_NAMES)
        answers = self.answers[name]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if callable(answer):
            answer = await answer(self)
        if isinstance(answer, RemoteFailure):
            raise answer
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return Answer(200, httpx2.Headers(), body)


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (a1111, fooocus):
        monkeypatch.setattr(module, "POLL_EVERY", 0)


def call_of(told: list[Any], seed: int = 5) -> Call:
    wanted = Drawing("text", "m.safetensors", 64, 64, seed=seed, prompt="a cat", steps=2)
    return Call(wanted, told.append)


@pytest.mark.parametrize(
    ("value", "of", "read"),
    [
        (0.25, 1, 0.25),
        (50, 100, 0.5),
        (HUGE, 100, 1.0),
        (-HUGE, 1, 0.0),
        (float("inf"), 1, None),
        (float("-inf"), 1, None),
        (float("nan"), 1, None),
        ("soon", 1, None),
        (None, 1, None),
        (True, 1, None),
        ([], 1, None),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_share_is_between_nothing_and_all(value: object, of: int, read: float | None) -> None:
    assert share(value, of) == read


@pytest.mark.parametrize(
    ("value", "read"),
    [(7, 7), ("7", 7), (-7, None), ("5" * 5000, None), (HUGE, None), ("٣", None), ("²", None), (1.0, None), (True, None)],
    ids=lambda value: str(value)[:20],
)  # fmt: skip
def test_a_whole_number_is_no_longer_than_it_may_be(value: object, read: int | None) -> None:
    assert whole(value, 20) == read


@pytest.mark.parametrize(
    ("url", "whole_url"),
    [
        ("http://127.0.0.1:1/api/a.png?x=1", "http://127.0.0.1:1/api/a.png?x=1"),
        ("/files/a.png", "http://127.0.0.1:1/files/a.png"),
        ("http://[x/a.png", None),
        ("http://127.0.0.1:1/\x7f", None),
        ("http://127.0.0.1:99999999/a.png", None),
        ("http://elsewhere/a.png", None),
        ("\ud800", None),
        ("", None),
        (7, None),
    ],
)
async def test_only_a_servers_own_addresses_are_asked(url: object, whole_url: str | None) -> None:
    host = Scripted("fooocus")
    assert own_address(url, host) == whole_url
    await host.close()


@pytest.mark.parametrize("progress", ["soon", HUGE, float("-inf"), None, [], {}], ids=lambda it: str(it)[:9])
async def test_progress_that_is_none_costs_no_picture_of_an_a1111(progress: object) -> None:
    asked_twice = asyncio.Event()

    async def drawn(host: Scripted) -> object:
        async with asyncio.timeout(10):
            await asked_twice.wait()
        info = json.dumps({"seed": 5})
        return {"images": [base64.b64encode(PICTURE).decode()], "info": info}

    async def state(host: Scripted) -> object:
        if host.sent.count("/internal/progress") > 1:
            asked_twice.set()
        return {"active": True, "progress": progress}

    host = Scripted("a1111", txt2img=[drawn], progress=[state])
    told: list[Any] = []
    made = await a1111.A1111Connector(host, host.settings).draw(call_of(told))
    assert made.pictures[0].data == PICTURE
    assert set(told) <= {1.0}
    await host.close()


async def test_a_picture_outlives_what_breaks_while_it_is_followed() -> None:
    broke = asyncio.Event()

    async def drawn(host: Scripted) -> object:
        async with asyncio.timeout(10):
            await broke.wait()
        return {"images": [base64.b64encode(PICTURE).decode()], "info": json.dumps({"seed": 5})}

    def tell(_: object) -> None:
        broke.set()
        raise ValueError("nobody listens")

    host = Scripted("a1111", txt2img=[drawn], progress=[{"active": True, "progress": 0.5}])
    call = Call(call_of([]).drawing, tell)
    made = await a1111.A1111Connector(host, host.settings).draw(call)
    assert made.pictures[0].data == PICTURE
    await host.close()


def job(**told: Any) -> dict[str, Any]:
    return {"job_id": "1", "job_stage": "RUNNING", **told}


def done(**told: Any) -> dict[str, Any]:
    return job(job_stage="SUCCESS", job_result=[{"finish_reason": "SUCCESS", "seed": "5", **told}])


def on_fooocus(*looks: Any, **more: list[Any]) -> Scripted:
    return Scripted("fooocus", text_to_image=[job()], query_job=list(looks), **more)


@pytest.mark.parametrize("progress", [HUGE, "soon", float("nan")], ids=lambda value: str(value)[:9])
@pytest.mark.parametrize("seed", ["5", "5" * 5000, "²", None], ids=lambda value: str(value)[:9])
async def test_numbers_that_are_none_cost_no_picture_of_a_fooocus(progress: object, seed: object) -> None:
    text = base64.b64encode(PICTURE).decode()
    host = on_fooocus(job(job_progress=progress), done(base64=text, seed=seed))
    told: list[Any] = []
    made = await fooocus.FooocusConnector(host, host.settings).draw(call_of(told))
    assert (made.pictures[0].data, made.pictures[0].seed) == (PICTURE, 5 if seed == "5" else None)
    assert set(told) <= {1.0}
    await host.close()


@pytest.mark.parametrize("url", ["http://[x/a.png", "http://127.0.0.1:1/\x7f", "http://elsewhere/a.png", 7])
async def test_a_picture_elsewhere_is_a_bad_answer_of_a_fooocus(url: object) -> None:
    host = on_fooocus(done(url=url))
    with pytest.raises(RemoteFailure, match="another server") as caught:
        await fooocus.FooocusConnector(host, host.settings).draw(call_of([]))
    assert caught.value.kind is FailureKind.BAD_ANSWER
    await host.close()


async def test_the_address_of_a_picture_is_asked_as_it_was_told() -> None:
    url = f"{URL}/files/picture?key=1"
    host = on_fooocus(done(url=url), picture=[PICTURE])
    made = await fooocus.FooocusConnector(host, host.settings).draw(call_of([]))
    assert (made.pictures[0].data, host.sent[-1]) == (PICTURE, url)
    await host.close()


async def test_a_job_that_is_canceled_while_it_is_sent_to_a_fooocus_is_ended_there() -> None:
    came, goes_on = asyncio.Event(), asyncio.Event()

    async def taken(host: Scripted) -> object:
        came.set()
        await goes_on.wait()
        return job()

    host = on_fooocus(job(), job(job_stage="ERROR"), stop=[{}])
    host.answers["text_to_image"] = [taken]
    drawing = asyncio.create_task(fooocus.FooocusConnector(host, host.settings).draw(call_of([])))
    await came.wait()
    drawing.cancel()
    goes_on.set()
    with pytest.raises(asyncio.CancelledError):
        await drawing
    assert host.sent.count("/v1/generation/stop") == 1
    await host.close()


@pytest.mark.parametrize("failure", [RemoteFailure(FailureKind.SERVER_ERROR, "502"), b"[1", 5], ids=str)
@pytest.mark.parametrize(
    ("stages", "stops"), [(("WAITING", "RUNNING", "ERROR"), 1), (("RUNNING", "ERROR"), 1), (("SUCCESS",), 0)]
)
async def test_a_job_that_cannot_be_followed_is_ended_at_a_fooocus(
    failure: object, stages: tuple[str, ...], stops: int
) -> None:
    host = on_fooocus(failure, *(job(job_stage=stage) for stage in stages), stop=[{}])
    with pytest.raises(RemoteFailure) as caught:
        await fooocus.FooocusConnector(host, host.settings).draw(call_of([]))
    assert caught.value.is_of_the_host
    assert host.sent.count("/v1/generation/stop") == stops
    await host.close()
