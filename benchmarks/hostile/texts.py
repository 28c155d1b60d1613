"""Prompts, options, arguments, documents and templates that somebody wrote to do harm."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

from sidecar.pb.viwo.imagegen.v1 import image_pb2
from sidecar.testing.pictures import plain

DIGITS = "9" * 400
DEEP = "[" * 20_000 + "]" * 20_000
PROMPTS = {
    "digits": "(a:" + "1" * 16_000 + ")", "colons": ":" * 16_000, "brackets": "(" * 8_000 + ")" * 8_000,
    "squares": "[" * 16_000, "escapes": "\\(" * 8_000, "mixed": "((a:1.1):" * 1_500, "words": "a " * 8_000, "long": "x" * 20_000,
    "controls": "a\x00b\x1b[2J\x07", "reversed": "\u202egnp.exe", "marks": "e" + "\u0301" * 16_000, "nothing": "", "weights": "(a:1e400)" * 1_000,
}  # fmt: skip
WORDS = ("", "x" * 100_000, "\0", "../../etc/passwd", "a\nb", "\u202e", "%s%n", "{0}", DIGITS, "🗡" * 5_000)


def options() -> Iterator[image_pb2.GenerationOptions]:
    make = image_pb2.GenerationOptions
    for number in (-(2**31), -1, 0, 7, 65_536, 2**31 - 1):
        yield make(width=number, height=64)
        yield make(steps=number)
        yield make(count=number)
        yield make(clip_skip=number)
    for seed in (-(2**63), -1, 2**53, 2**63 - 1):
        yield make(seed=seed)
    for scale in (float("nan"), float("inf"), -1e308, 1e308):
        yield make(guidance_scale=scale)
        yield make(loras=[image_pb2.Lora(id="icons", weight=scale)])
    for word in WORDS:
        yield make(model_id=word)
        yield make(scheduler=word)
        yield make(vae=word)
        yield make(background=word)
    yield make(loras=[image_pb2.Lora(id="x", weight=1)] * 5_000)


def arguments() -> Iterator[str]:
    picture = base64.b64encode(plain(8, 8, "PNG")).decode()
    yield from (
        "",
        "{}",
        "null",
        "[",
        DEEP,
        "[NaN]",
        "[1e400]",
        f"[{DIGITS}]",
        '["\\ud800"]',
        '["a", {"seed": ' + DIGITS + "}]",
    )
    yield from (
        '["a", {"__proto__": 1}]',
        '["a", {"": 1}]',
        '["a", {"prompt": "b"}]',
        '["a", {"save": true, "name": "\\u0000"}]',
    )
    yield json.dumps(["a", {"save": True, "name": "\x1b[2J\u202e" * 10_000, "description": "d" * 1_000_000}])
    yield json.dumps(["a", {"save": True, "room": 2**63}])
    yield json.dumps(["a", {f"k{number}": number for number in range(50_000)}])
    yield json.dumps([picture, picture, "a", {"feather": 1e9}])
    yield json.dumps([picture] * 5_000)
    yield '["' + "AA " * 14_000_000 + '", "a"]'
    yield json.dumps(["🗡" * 10_000_000, "a"], ensure_ascii=False)
    yield json.dumps(["a", {"timeout": 1e-320, "priority": 1e308}])


def documents(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    def changed(**changes: object) -> str:
        return json.dumps(document | {"task": document["task"] | changes})

    for name, value in (
        ("scheduler", "evil"), ("scheduler", ""), ("clip_skip", 10**9), ("clip_skip", 400), ("steps", -5), ("steps", 10**400), ("width", 7),
        ("width", 10**6), ("seed", -1), ("count", 0), ("guidance_scale", "a"), ("kind", "evil"), ("model_id", "../.."), ("prompt", 7),
        ("background", "evil"), ("loras", [{"id": "x", "weight": 1e308}]), ("embeddings", ["a"] * 10_000), ("output", {"format": "exe"}),
        ("refine", {"width": 10**6, "height": 8, "strength": 1, "method": "lanczos"}), ("refine", {"width": 8, "height": 8, "strength": 1, "method": "evil"}),
        ("unknown", 1), ("vae", "icons"), ("guidance_scale", -1e308), ("prompt", "\x00"),
    ):  # fmt: skip
        yield f"{name} {str(value)[:20]}", changed(**{name: value})
    yield "nothing", ""
    yield "deep", DEEP
    yield "digits", f'{{"format": {DIGITS}}}'
    yield "no task", json.dumps(document | {"task": None})
    yield "wrong pictures", json.dumps(document | {"inputs": {"sha256:" + "0" * 64: "x", "../../x": "eA=="}})
    yield "a method that is none", json.dumps(document | {"method": "evil"})
    yield "surrogates", json.dumps(document).replace("a cup", "\\ud800")


def templates() -> Iterator[tuple[str, str, str]]:
    def template(
        name: str, prompt: object, parameters: dict[str, object] | None = None, **step: object
    ) -> str:
        steps = [
            {
                "name": "one",
                "method": "textToImage",
                "arguments": {"prompt": prompt, "options": {"steps": 1}},
                **step,
            }
        ]
        return json.dumps(
            {"format": "viwo-template/1", "name": name, "parameters": parameters or {}, "steps": steps}
        )

    text: dict[str, object] = {"a": {"type": "string"}}
    yield "a bomb", template("bomb", "{a}" * 4_000, text), json.dumps({"a": "x" * 200_000})
    yield "a small bomb", template("smaller", "{a}" * 200, text), json.dumps({"a": "x" * 16_000})
    yield (
        "a bomb in a name",
        template("named", "a", text, save={"name": "{a}" * 5_000}),
        json.dumps({"a": "y" * 100_000}),
    )
    yield "a bomb in a list", template("list", ["{a}"] * 20_000, text), json.dumps({"a": "z" * 100_000})
    nested: object = "{a}"
    for _ in range(300):
        nested = [nested]
    yield "nested", template("nested", nested, text), json.dumps({"a": "x"})
    yield "nested deeper", '{"format": ' + DEEP + "}", "{}"
    yield "digits", template("digits", "a", {"a": {"type": "integer"}}), f'{{"a": {DIGITS}}}'
    yield "a name of controls", template("a\x00b", "a"), "{}"
    yield (
        "a default of digits",
        template("default", "a", {"a": {"type": "integer"}}).replace(
            '"integer"', f'"integer", "default": {DIGITS}'
        ),
        "{}",
    )
    yield "parameters that are none", template("fine", "a"), "[]"
    yield "parameters that are deep", template("deep", "a"), DEEP
