"""A prompt loads no model: which ones are used is what a capability limits."""

from __future__ import annotations

import pytest

from sidecar.engines.a1111 import payloads
from sidecar.engines.fooocus import requests
from sidecar.engines.remote.connector import Drawing, LoraPart
from sidecar.engines.remote.prompt_tags import without_tags
from sidecar.engines.remote.settings import EngineSettings


@pytest.mark.parametrize(
    ("prompt", "sent"),
    [
        ("a cat <lora:secret:1>", "a cat < lora:secret:1>"),
        ("<hypernet:x><lyco:y:0.5>", "< hypernet:x>< lyco:y:0.5>"),
        ("<<lora:x:1>", "<< lora:x:1>"),
        ("3 < 4, a <b> and (c:1.2)", "3 < 4, a <b> and (c:1.2)"),
    ],
)
def test_tags_are_broken_and_nothing_else(prompt: str, sent: str) -> None:
    assert without_tags(prompt) == sent


def test_a_server_is_sent_the_loras_of_the_task_only() -> None:
    tagged = "a cat <lora:secret:1>"
    wanted = Drawing(
        "text", "m", 64, 64, prompt=tagged, negative_prompt=tagged, loras=(LoraPart("named", 0.5),)
    )
    body = payloads.text_to_image(wanted)
    assert body["prompt"] == "a cat < lora:secret:1> <lora:named:0.5>"
    assert "<lora:" not in body["negative_prompt"]
    settings = EngineSettings(name="far", kind="fooocus", urls=("http://127.0.0.1:1",))
    _, body = requests.request(wanted, settings)
    assert "<lora:" not in body["prompt"] + body["negative_prompt"]
    assert [lora["model_name"] for lora in body["loras"]] == ["named"]
