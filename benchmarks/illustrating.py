"""How long it takes to give a world of 7,000 things a picture each."""

from __future__ import annotations

import random
import tempfile
import time
from pathlib import Path
from typing import Any

from entity_store.world import World, create_entity
from sidecar.engines.glyphs.engine import MODEL as GLYPHS
from sidecar.pb.viwo.imagegen.v1 import illustration_pb2, image_pb2
from sidecar.testing import process
from sidecar.testing.process import MODEL

PROMPTS = Path(__file__).parent / "prompts"
THINGS = 7000
DRAWN_BY_MODEL = 150
"""Drawings after which the embedded model's run is ended: their rate is what is measured."""
SIDE = 128


def _fill(folder: Path) -> None:
    """Names made of the nouns of a large text world and the words before them, as often as it has them."""
    rows = [
        line.split("\t") for line in (PROMPTS / "world_nouns.tsv").read_text().splitlines() if line[:1] != "#"
    ]
    words: dict[str, tuple[list[str], list[int]]] = {}
    for kind, word, count in rows:
        found = words.setdefault(kind, ([], []))
        found[0].append(word)
        found[1].append(int(count))
    chance = random.Random(20261126)
    world = World(folder / "world.sqlite", own=True)
    with world.transaction() as connection:
        for place in range(THINGS):
            nouns, counts = words["object" if place % 7 < 4 else "creature"]
            noun = chance.choices(nouns, counts)[0]
            before = chance.choices(*words["attribute"])[0] if "attribute" in words else ""
            create_entity(connection, {"name": f"{before} {noun}".strip()}, 2)
    world.close()


async def _run(folder: Path, model: str, most: int | None) -> tuple[int, float]:
    """Entities that got a picture, and seconds."""
    server = await process.start(folder, {})
    try:
        await server.wait_ready()
        request = illustration_pb2.IllustrateRequest(
            context=await server.context(),
            selection=illustration_pb2.EntitySelection(name="* *"),
            options=image_pb2.GenerationOptions(model_id=model, width=SIDE, height=SIDE),
        )
        begun, hung = time.perf_counter(), 0
        async for event in server.illustrations.Run(request):
            hung += bool(event.ref)
            if most is not None and hung >= most:
                break
        return hung, time.perf_counter() - begun
    finally:
        await server.stop()


async def illustrate() -> dict[str, Any]:
    """Pictures a minute by the engine that chooses drawings, over the whole world; by the embedded model, over a part."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # The server makes the world's tables.
        await (await process.start(folder, {})).stop()
        _fill(folder)
        model_hung, model_seconds = await _run(folder, MODEL, DRAWN_BY_MODEL)
        hung, seconds = await _run(folder, GLYPHS, None)
    return {
        "value": round(60 * hung / seconds),
        "unit": "entities a minute, engine glyphs",
        "n": hung,
        "better": "higher",
        "baseline": None,
        "seconds": round(seconds, 1),
        "embedded_model_a_minute": round(60 * model_hung / model_seconds),
    }
