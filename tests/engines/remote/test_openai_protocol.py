"""What is sent to OpenAI-compatible servers and read of their answers, without a server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
from pydantic import ValidationError

from capabilities import imaging
from capabilities.methods.outpaint import Outpaint
from sidecar.engines.openai import answers, chat, requests
from sidecar.engines.openai.refusals import explained
from sidecar.engines.remote.connector import Drawing
from sidecar.engines.remote.failures import FailureKind, RemoteFailure
from sidecar.engines.remote.messages import Canvas, Prepare, Prepared
from sidecar.engines.remote.pixels import prepare
from sidecar.engines.remote.settings import EngineSettings
from sidecar.engines.remote.transport import Host
from sidecar.testing.foreign.drawing import opened

NEW = "picture-2"


def engine(url: str, name: str = "far", **settings: Any) -> EngineSettings:
    values = {"name": name, "kind": "openai", "urls": [f"{url}/v1"], "models": [{"name": NEW}], **settings}
    return EngineSettings.model_validate(values)


@pytest.mark.parametrize(
    ("status", "answer", "kind", "field"),
    [
        (400, {"error": {"param": "n", "code": "invalid_value"}}, FailureKind.BAD_REQUEST, "count"),
        (400, {"error": {"param": "size", "code": None}}, FailureKind.BAD_REQUEST, "width"),
        (
            400,
            {"error": {"param": "prompt", "code": "content_filter"}},
            FailureKind.CONTENT_REFUSED,
            "prompt",
        ),
        (404, {"error": {"param": "model", "type": "NotFoundError"}}, FailureKind.MODEL_MISSING, "model_id"),
        (422, {"detail": [{"loc": ["body", "seed"], "msg": "too large"}]}, FailureKind.BAD_REQUEST, "seed"),
        (400, {"error": "prompt required"}, FailureKind.BAD_REQUEST, ""),
        (400, [1, 2], FailureKind.BAD_REQUEST, ""),
        (400, {"error": {"param": 7, "code": ["x"], "type": {}}}, FailureKind.BAD_REQUEST, ""),
    ],
)
def test_a_refusal_names_the_field_of_the_task(
    status: int, answer: object, kind: FailureKind, field: str
) -> None:
    failure = RemoteFailure(
        FailureKind.BAD_REQUEST, "refused", status=status, answer=json.dumps(answer).encode()
    )
    told = explained(failure)
    assert (told.kind, told.field) == (kind, field)


WANTED = Drawing(
    "text", NEW, 512, 256, 2, 7, "a cat", "a dog", steps=9, guidance_scale=3.5, image=b"image", strength=0.5
)


@pytest.mark.parametrize(
    ("quirks", "expected"),
    [
        ([], {"model": NEW, "n": 2, "size": "512x256", "prompt": "a cat"}),
        (["no-n"], {"model": NEW, "size": "512x256", "prompt": "a cat"}),
        (["response-format", "output-format"], {"response_format": "b64_json", "output_format": "png"}),
        (
            ["seed", "steps", "guidance", "negative-prompt"],
            {"seed": 7, "num_inference_steps": 9, "guidance_scale": 3.5, "negative_prompt": "a dog"},
        ),
        (["step", "negative-after-bar"], {"step": 9, "prompt": "a cat|a dog"}),
    ],
)
def test_what_only_some_servers_know_is_sent_to_those(quirks: list[str], expected: dict[str, object]) -> None:
    body = requests.generation(WANTED, engine("http://127.0.0.1:1", quirks=quirks))
    always = {"model", "n", "size", "prompt"} - ({"n"} if "no-n" in quirks else set())
    assert set(body) == always | set(expected)
    assert expected.items() <= body.items()


def test_settings_in_a_prompt_are_never_the_callers() -> None:
    """stable-diffusion.cpp reads settings out of the prompt, which must not be a way round the limits of steps."""
    tag = requests.SD_CPP_ARGS
    forged = f'a cat <{tag}>{{"sample_params": {{"sample_steps": 150}}}}</{tag}>'
    plain = engine("http://127.0.0.1:1")
    assert tag not in requests.prompt(replace(WANTED, prompt=forged), plain)
    own = engine("http://127.0.0.1:1", quirks=["sd-cpp"])
    wanted = replace(WANTED, prompt=forged, negative_prompt=f"</{tag}>")
    prompt = requests.prompt(wanted, own)
    assert (prompt.count(f"<{tag}>"), prompt.count(f"</{tag}>")) == (1, 1)
    args = json.loads(prompt.partition(f"<{tag}>")[2].partition(f"</{tag}>")[0])
    assert args["sample_params"] == {"sample_steps": 9, "guidance": {"txt_cfg": 3.5}}
    assert (args["seed"], args["negative_prompt"]) == (7, f"</{tag}>")


@pytest.mark.parametrize("quirks", [["negative-prompt"], ["negative-after-bar"], ["sd-cpp"]], ids=str)
def test_callers_load_no_models_and_give_no_settings(quirks: list[str]) -> None:
    tag = requests.SD_CPP_ARGS
    for forged in ("a cat <lora:evil:1>", "a cat <lyco:evil:1>"):
        wanted = replace(WANTED, prompt=forged, negative_prompt=forged)
        sent = json.dumps(requests.generation(wanted, engine("http://127.0.0.1:1", quirks=quirks)))
        assert ("<l" in sent, "u003cl" in sent, sent.count("evil")) == (False, False, 2)
    if quirks != ["sd-cpp"]:
        wanted = replace(WANTED, negative_prompt=f"<{tag}>{{}}</{tag}>")
        sent = json.dumps(requests.generation(wanted, engine("http://127.0.0.1:1", quirks=quirks)))
        assert tag not in sent


class Talking:
    """A server whose stream says what it is told to, or nothing."""

    def __init__(self, *said: bytes) -> None:
        self._said = said

    @asynccontextmanager
    async def stream(self, method: str, path: str, **how: Any) -> AsyncIterator[AsyncIterator[bytes]]:
        yield self._lines()

    async def _lines(self) -> AsyncIterator[bytes]:
        while self._said:
            for line in self._said:
                await asyncio.sleep(0)
                yield line
        await asyncio.Event().wait()


@pytest.mark.parametrize("said", [(b": still here", b""), (b"event: ping",), ()], ids=str)
async def test_a_refinement_ends_though_the_server_only_idles(
    monkeypatch: pytest.MonkeyPatch, said: tuple[bytes, ...]
) -> None:
    monkeypatch.setattr(chat, "LONGEST_SECONDS", 0.05)
    settings = engine("http://127.0.0.1:1", per_refinement=0, chat_model="writer-1")
    with pytest.raises(RemoteFailure, match="did not write within") as caught:
        async for _ in chat.refined(cast(Host, Talking(*said)), settings, "a cat", 100):
            pass
    assert caught.value.kind is FailureKind.TIMEOUT


def test_an_edit_is_a_form() -> None:
    wanted = replace(WANTED, kind="image", mask=b"mask")
    settings = engine("http://127.0.0.1:1", quirks=["image-array", "strength"])
    fields, files = requests.edit(wanted, settings, stream=True)
    assert (fields["n"], fields["strength"], fields["stream"]) == ("2", "0.5", "true")
    assert [name for name, _ in files] == ["image[]", "mask"]


def test_a_mask_is_clear_and_white_where_it_is_to_draw() -> None:
    files = {"image": imaging.encode(imaging.from_pixels(bytes([90]) * (32 * 32 * 3), 32, 32, 3), "png")}
    task = Outpaint(
        model_id="far:m", prompt="a wall", width=48, height=32, guidance_scale=0, scheduler="default", strength=1,
        image="sha256:0", left=16, right=0, top=0, bottom=0, feather=4, steps=100,
    )  # fmt: skip
    prepared = prepare(Prepare(task, files, 7, Canvas(16, has_clear_masks=True)))
    assert isinstance(prepared, Prepared)
    (part,) = prepared.parts
    mask, image = np.asarray(opened(part.mask)), np.asarray(opened(part.image))
    assert mask.shape == image.shape == (32, 48, 4)
    assert np.array_equal(mask[..., 3], 255 - mask[..., 0])
    assert (mask[:, :16, 3] == 0).all()
    assert (mask[:, 24:, 3] == 255).all()
    # The picture is shown to its edge, also where the two are blended.
    assert (image[:, :16, 3] == 0).all()
    assert (image[:, 16:, 3] == 255).all()


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:2/a.png", "https://127.0.0.1:1/a.png", "http://elsewhere/a.png", "//elsewhere/a.png",
     "file:///etc/passwd", "http://127.0.0.1:1@elsewhere/a.png", "http://[", 7, ""],
)  # fmt: skip
async def test_an_address_of_another_host_is_not_fetched(url: object) -> None:
    host = Host("http://127.0.0.1:1/v1", engine("http://127.0.0.1:1"))
    with pytest.raises(RemoteFailure) as caught:
        await answers.picture({"url": url}, host)
    assert (caught.value.kind, caught.value.was_sent) == (FailureKind.BAD_ANSWER, True)
    await host.close()


@pytest.mark.parametrize(
    "answer",
    [None, [], {}, {"data": None}, {"data": []}, {"data": [1]}, {"data": "x"}, "x", {"data": [{}, 7]}],
)
def test_an_answer_of_another_shape_is_a_bad_answer(answer: object) -> None:
    with pytest.raises(RemoteFailure) as caught:
        answers.items(answer)
    assert caught.value.kind is FailureKind.BAD_ANSWER


async def lines(*texts: str) -> AsyncIterator[bytes]:
    for line in texts:
        yield line.encode()


async def test_a_stream_is_read_whatever_its_dialect() -> None:
    whole = lines('{"data": [', '{"b64_json": "AAAA"}]}')
    assert [answers.is_end(event) async for event in answers.events(whole)] == [True]
    foreign = lines(
        ": hello", "event: x", 'data: {"type": "image", "data": [{"b64_json": "AAAA"}]}', "", "data: [DONE]"
    )
    assert [answers.is_end(event) async for event in answers.events(foreign)] == [True]
    with pytest.raises(RemoteFailure) as caught:
        async for _ in answers.events(
            lines('data: {"error": {"message": "no", "code": "moderation_blocked"}}')
        ):
            pass
    assert caught.value.kind is FailureKind.CONTENT_REFUSED
    with pytest.raises(RemoteFailure, match="not JSON"):
        async for _ in answers.events(lines("data: [1")):
            pass


def test_settings_that_cannot_be_are_refused() -> None:
    for wrong in ("sise", "size-auto"):
        with pytest.raises(ValidationError, match="quirks"):
            engine("http://127.0.0.1:1", quirks=[wrong])
    with pytest.raises(ValidationError, match="per_refinement"):
        engine("http://127.0.0.1:1", key_file="key", per_image=0, chat_model="writer-1")
