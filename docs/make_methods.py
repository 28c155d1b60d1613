"""Writes docs/methods.md from the methods table, with pictures that the project makes: `python docs/make_methods.py`."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "clients" / "python")]

from capabilities.methods import METHODS, Method, Parameter  # noqa: E402
from capabilities.validation import number  # noqa: E402
from sidecar import server  # noqa: E402
from sidecar.config import Settings  # noqa: E402
from viwo_imagegen_client import AsyncClient  # noqa: E402
from viwo_imagegen_client.pb.viwo.imagegen.v1 import image_pb2  # noqa: E402

PICTURES = ROOT / "docs" / "images" / "methods"
SHOWN = 256
"""Pixels a side of the pictures on the page."""


@dataclass(frozen=True)
class Example:
    """A call as a script writes it, and the picture that it begins with, if any."""

    script: str
    arguments: list[Any]
    before: str = ""


Call = Callable[[Method, list[Any]], Awaitable[dict[str, Any]]]


async def examples(call: Call) -> dict[str, Example]:
    """One example of each method that can be shown on what this project brings along."""
    table = {method.name: method for method in METHODS}

    async def icon(prompt: str, **options: Any) -> str:
        return str((await call(table["textToImage"], [prompt, {"seed": 7, **options}]))["image"])

    apple, crown, castle = (
        await icon("red apple"),
        await icon("crown", background="transparent"),
        await icon("castle"),
    )
    mask = _mask(128, (20, 40, 108, 120))
    wide = await icon("castle", width=256, height=256)
    return {
        "textToImage": Example('cap.textToImage("a dragon", {seed: 7})', ["a dragon", {"seed": 7}]),
        "imageToImage": Example(
            'cap.imageToImage(apple, "green apple", 0.6, {seed: 7})',
            [apple, "green apple", 0.6, {"seed": 7}],
            apple,
        ),
        "preprocess": Example('cap.preprocess(castle, "hed")', [wide, "hed"], wide),
        "inpaint": Example(
            'cap.inpaint(apple, mask, "blue gem", {seed: 7})', [apple, mask, "blue gem", {"seed": 7}], apple
        ),
        "outpaint": Example(
            'cap.outpaint(castle, "right", 64, "castle", {seed: 7})',
            [castle, "right", 64, "castle", {"seed": 7}],
            castle,
        ),
        "upscale": Example('cap.upscale(castle, "anime", 4)', [castle, "anime", 4], castle),
        "upscaleTraditional": Example(
            'cap.upscaleTraditional(castle, "nearest", 4)', [castle, "nearest", 4], castle
        ),
        "upscaleImg2Img": Example(
            'cap.upscaleImg2Img(castle, "castle", 2, {denoisingStrength: 0.3, seed: 7})',
            [castle, "castle", 2, {"denoisingStrength": 0.3, "seed": 7}],
            castle,
        ),
        "transform": Example("cap.transform(crown, 30, 1)", [crown, 30, 1], crown),
        "filter": Example('cap.filter(apple, "blur")', [apple, "blur"], apple),
        "composite": Example(
            "cap.composite(castle, crown, 16, 0, {blend: 'normal'})",
            [castle, crown, 16, 0, {"blend": "normal"}],
            castle,
        ),
        "crop": Example("cap.crop(castle, 32, 0, 64, 64)", [castle, 32, 0, 64, 64], castle),
        "resize": Example("cap.resize(castle, 48, 96)", [castle, 48, 96], castle),
        "convert": Example(
            'cap.convert(apple, "jpeg", {quality: 30})', [apple, "jpeg", {"quality": 30}], apple
        ),
        "removeBackground": Example("cap.removeBackground(apple)", [apple], apple),
    }


def _mask(side: int, box: tuple[int, int, int, int]) -> str:
    mask = Image.new("L", (side, side), 0)
    mask.paste(255, box)
    buffer = io.BytesIO()
    mask.save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def _picture(name: str, example: Example, after: str) -> str:
    """Before and after side by side, on a chequered ground where they are clear; the file's name."""
    shown = [
        Image.open(io.BytesIO(base64.b64decode(data))).convert("RGBA")
        for data in (example.before, after)
        if data
    ]
    sheet = Image.new("RGB", (SHOWN * len(shown) + 16 * (len(shown) - 1), SHOWN), "white")
    for place, image in enumerate(shown):
        scale = min(SHOWN / image.width, SHOWN / image.height)
        image = image.resize(
            (round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS
        )
        ground = Image.new("RGB", image.size, "white")
        if image.getextrema()[3][0] < 255:
            for x in range(0, image.width, 16):
                for y in range(0, image.height, 16):
                    if (x + y) // 16 % 2:
                        ground.paste((215, 215, 215), (x, y, x + 16, y + 16))
        ground.paste(image, mask=image.getchannel("A"))
        left = place * (SHOWN + 16) + (SHOWN - image.width) // 2
        sheet.paste(ground, (left, (SHOWN - image.height) // 2))
    path = PICTURES / f"{name}.png"
    sheet.quantize(128).save(path, optimize=True)
    return path.name


def page(shown: dict[str, tuple[Example, str]]) -> str:
    """The page: every method by its capability type, with its arguments and its example."""
    lines = [
        "# Methods",
        "",
        "What a script can call, by the type of capability that it needs. Made by `python docs/make_methods.py` from the methods",
        "in `capabilities/methods/`; the pictures come from the embedded model and the weights that packages carry.",
        "Arguments may be written in camelCase or snake_case; those in the signature are positional, the others go into the",
        "options object at the end. A picture is base64, a data URL, `sha256:...` or an image entity.",
    ]
    for kind in dict.fromkeys(method.capability_type for method in METHODS):
        lines += ["", f"## {kind}"]
        for method in (method for method in METHODS if method.capability_type == kind):
            lines += ["", f"### {method.name}{method.signature}", "", method.description]
            if method.name in shown:
                example, name = shown[method.name]
                lines += ["", "```js", example.script, "```", "", f"![{method.label}](images/methods/{name})"]
            if method.parameters:
                lines += ["", *_table([item for item in method.all_parameters if not item.group])]
    options = [item for item in METHODS[0].all_parameters if item.group]
    lines += ["", "## Options of every method that makes pictures"]
    for group in dict.fromkeys(item.group for item in options):
        lines += [
            "",
            f"### {group.capitalize()}",
            "",
            *_table([item for item in options if item.group == group]),
        ]
    return "\n".join(lines) + "\n"


def _table(parameters: Sequence[Parameter]) -> list[str]:
    lines = ["| argument | type | meaning |", "| --- | --- | --- |"]
    for item in parameters:
        others = f" (also {', '.join(item.aliases)})" if item.aliases else ""
        lines.append(f"| `{item.name}`{others} | {item.type} | {_meaning(item)} |")
        lines += [f"| `{item.name}.{part.name}` | {part.type} | {_meaning(part)} |" for part in item.members]
    return lines


def _meaning(item: Parameter) -> str:
    bounds = [
        f"{words} {number(limit)}"
        for words, limit in (
            ("at least", item.minimum), ("more than", item.exclusive_minimum),
            ("at most", item.maximum), ("less than", item.exclusive_maximum),
        )
        if limit is not None
    ]  # fmt: skip
    if item.max_length is not None:
        bounds.append(f"at most {item.max_length} {'entries' if item.type == 'array' else 'characters'}")
    values = f" One of {', '.join(item.enum)}." if item.enum else ""
    limits = f" {', '.join(bounds).capitalize()}." if bounds else ""
    return item.description + values + limits + (" Required." if item.required else "")


async def main() -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder), port=0)
        async with (
            server.running(settings) as running,
            AsyncClient(running.address, running.token) as client,
        ):

            async def call(method: Method, arguments: list[Any]) -> dict[str, Any]:
                context = await client.context(method.capability_type)
                answer = await client.images.Invoke(
                    image_pb2.InvokeRequest(
                        context=context, method=method.name, arguments_json=json.dumps(arguments)
                    )
                )
                result: dict[str, Any] = json.loads(answer.result_json)
                if not result["ok"]:
                    raise SystemExit(f"{method.name}: {result['error']}")
                return result

            table = {method.name: method for method in METHODS}
            shown = {}
            for name, example in (await examples(call)).items():
                result = await call(table[name], example.arguments)
                shown[name] = (example, _picture(name, example, str(result["image"])))
                print(name, flush=True)
    (ROOT / "docs" / "methods.md").write_text(page(shown))


if __name__ == "__main__":
    asyncio.run(main())
