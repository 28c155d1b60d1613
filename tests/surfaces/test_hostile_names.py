"""Names, descriptions and metadata of strangers: what `look` sends shows what it is."""

from __future__ import annotations

import json
from typing import Any

import grpc
import pytest
from google.protobuf import struct_pb2

from sidecar.pb.viwo.imagegen.v1 import (
    common_pb2,
    entity_pb2,
    job_pb2,
)
from sidecar.testing.refusals import details, error_info, refused
from sidecar.testing.requests import text_to_image
from sidecar.testing.server import Sidecar
from tests.application.test_hostile_documents import drawing, template
from tests.application.test_lineage import DRAW
from tests.application.test_templates import finished, run, save

NOT_OURS = (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN)

EVIL: dict[str, str] = {
    "escape": "a\x1b[31mb", "nul": "a\0b", "bell": "a\x07b", "c1": "a\x9bb", "override": "a\u202eb", "isolate": "a\u2066b",
    "mark": "a\u200fb", "zero width": "a\u200bb", "tag": "a\U000e0041b", "separator": "a\u2028b", "bom": "\ufeffa",
    "blank": "\u2800" * 50, "joiner": "a\u034fb", "object": "a\ufffcb", "selectors alone": "\U000e0100\U000e0101" * 20, "two selectors": "a\ufe0f\ufe0f",
}  # fmt: skip
"""What no name may hold; a lone surrogate comes in JSON only."""


def shown(text: str) -> bool:
    return not any(
        character in text
        for evil in (*EVIL.values(), "\n\t\ud800")
        for character in evil
        if character not in "ab[31m"
    )


@pytest.mark.parametrize("kind", EVIL)
async def test_names_that_hide_something_are_refused(sidecar: Sidecar, kind: str) -> None:
    text = EVIL[kind]
    context = await sidecar.context()
    canvas = sidecar.entity(name="Canvas", image_type="canvas")
    with sidecar.running.world.transaction() as connection:
        connection.execute(
            "INSERT INTO capabilities (id, owner_id, type, params) VALUES (?, ?, 'entity.control', ?)",
            (f"control-{canvas}", sidecar.painter, json.dumps({"target_id": canvas})),
        )
    drawn = await sidecar.images.TextToImage(text_to_image(context))
    for save_as in (
        common_pb2.SaveOptions(name=text), common_pb2.SaveOptions(name="a", description=text),
        common_pb2.SaveOptions(name=text, canvas_id=canvas), common_pb2.SaveOptions(name="a" * 257),
        common_pb2.SaveOptions(description="a" * 4097),
    ):  # fmt: skip
        error = await refused(
            sidecar.images.TextToImage(text_to_image(context, output=common_pb2.OutputOptions(save=save_as)))
        )
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert error_info(error).metadata["field"] in ("output.save.name", "output.save.description")
        request = entity_pb2.SaveImageRequest(
            context=context, image=common_pb2.ImageSource(ref=drawn.images[0].ref), options=save_as
        )
        error = await refused(sidecar.entities.SaveImage(request))
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert error_info(error).metadata["field"] in ("options.name", "options.description")
    for metadata in ({"by": text}, {text: 1}, {"list": [{"in": text}]}):
        request = entity_pb2.SaveImageRequest(
            context=context, image=common_pb2.ImageSource(ref=drawn.images[0].ref),
            options=common_pb2.SaveOptions(name="a"), metadata=struct_pb2.Struct(),
        )  # fmt: skip
        request.metadata.update(metadata)
        error = await refused(sidecar.entities.SaveImage(request))
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert error_info(error).metadata["field"].startswith("metadata")
    await save(sidecar, template("named", drawing(prompt="a") | {"save": {"name": "{a}"}}, a={}))
    last = await finished(sidecar, (await run(sidecar, "named", a=text)).id)
    assert (last.state, last.failure.code) == (job_pb2.JOB_STATE_FAILED, "INVALID_ARGUMENT")


async def test_words_that_become_a_name_are_cleaned(sidecar: Sidecar) -> None:
    context = await sidecar.context()
    prompt = "a cup\n\ton a \x1b[31mtable\u202e \u2066\U000e0041" + EVIL["bom"]
    output = common_pb2.OutputOptions(save=common_pb2.SaveOptions())
    drawn = await sidecar.images.TextToImage(text_to_image(context, prompt, output=output))
    document = {
        "format": "viwo-job/1",
        "method": "textToImage",
        "task": {**DRAW, "prompt": prompt},
        "inputs": {},
    }
    await sidecar.jobs.Import(job_pb2.ImportJobRequest(context=context, document_json=json.dumps(document)))
    entity = sidecar.running.world.entity(drawn.images[0].entity_id)
    for name in ("name", "description", "metadata"):
        text = (
            json.dumps(json.loads(entity.props[name]), ensure_ascii=False)
            if name == "metadata"
            else entity.props[name]
        )
        assert shown(text), text
    assert str(entity.props["name"]).startswith("a cup on a [31mtable")
    lines = common_pb2.OutputOptions(save=common_pb2.SaveOptions(name="two\nlines", description="of\ttext"))
    drawn = await sidecar.images.TextToImage(text_to_image(context, output=lines))
    entity = sidecar.running.world.entity(drawn.images[0].entity_id)
    assert (entity.props["name"], entity.props["description"]) == ("two lines", "of text")


async def test_metadata_is_bounded(sidecar: Sidecar) -> None:
    context = await sidecar.context()
    drawn = await sidecar.images.TextToImage(text_to_image(context))
    wide = {f"k{n}": "x" * 1000 for n in range(100)}
    nested: dict[str, Any] = {"a": 1}
    for _ in range(12):
        nested = {"in": nested}
    for metadata in (wide, nested, {"a": "x" * 70_000}):
        request = entity_pb2.SaveImageRequest(
            context=context, image=common_pb2.ImageSource(ref=drawn.images[0].ref),
            options=common_pb2.SaveOptions(name="a"), metadata=struct_pb2.Struct(),
        )  # fmt: skip
        request.metadata.update(metadata)
        error = await refused(sidecar.entities.SaveImage(request))
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert details(error).details
