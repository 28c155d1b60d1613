"""The whole thing, shown: `viwo-imagegen demo` runs a server, a world and a painter, and leaves the pictures behind."""

from __future__ import annotations

import asyncio
import io
import json
import shutil
from collections.abc import Awaitable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from PIL import Image, ImageDraw, ImageFont
from rich.console import Console

from capabilities.errors import InternalFault
from entity_store.world import SYSTEM_ID, World, create_entity
from sidecar import config
from sidecar.pb.viwo.imagegen.v1 import (
    capability_pb2,
    capability_pb2_grpc,
    common_pb2,
    entity_pb2,
    entity_pb2_grpc,
    image_pb2,
    image_pb2_grpc,
    job_pb2,
    job_pb2_grpc,
)
from sidecar.server import running
from sidecar.surfaces.proto.conversions import to_struct
from viwo_imagegen_client import connection, dialling

EMBEDDED, CHOSEN = "icons", "glyphs:game-icons"
PROMPT, SEED = "a red apple", 7

# Chosen among what the embedded model draws recognisably; models/icons/README.md tells what it does not yet.
SHEET = (
    "a red apple", "a happy face", "a sword", "a shield", "an old key", "a dragon", "a cat", "a castle",
    "a mushroom", "a tree", "a fish", "a crown", "a gem", "a ghost", "a skull", "a wizard",
)  # fmt: skip
CELL, LABEL, COLUMNS = 192, 28, 4

console = Console(highlight=False)


@dataclass(frozen=True)
class Tour:
    """What the steps share: the services, the world behind them, and where files go."""

    capabilities: Any
    images: Any
    jobs: Any
    entities: Any
    world: World
    folder: Path


async def run(folder: Path) -> None:
    """Every step in order. Raises InternalFault where something does not come out as it must."""
    settings = config.Settings(data_dir=_emptied(folder), port=0)
    say("start the sidecar: a gRPC server, and the engine in a process of its own")
    async with (
        running(settings) as server,
        dialling.opened_aio(connection.Connection(server.address, server.token, None)) as channel,
    ):
        tour = Tour(
            capability_pb2_grpc.CapabilityServiceStub(channel),
            image_pb2_grpc.ImageServiceStub(channel),
            job_pb2_grpc.JobServiceStub(channel),
            entity_pb2_grpc.EntityServiceStub(channel),
            server.world,
            folder,
        )
        note(f"serving at {server.address}, world {server.world.path}")
        entity_id, path = await _walk(tour)
    print(f"demo ok: entity {entity_id} {path}")


def _emptied(folder: Path) -> Path:
    """A data folder for this run alone."""
    data = folder / "data"
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(parents=True)
    return data


async def _walk(tour: Tour) -> tuple[int, Path]:
    say("a world with a room and two entities: a painter and a visitor")
    with tour.world.transaction() as connection:
        studio = create_entity(
            connection, {"name": "The Studio", "description": "It smells of turpentine."}, 2
        )
        painter = create_entity(connection, {"name": "Painter", "location": studio}, 2)
        visitor = create_entity(connection, {"name": "Visitor", "location": studio}, 2)
    note(f"room {studio}, painter {painter}, visitor {visitor}")

    say("System mints a capability and gives it to the painter")
    authority = await tour.capabilities.List(
        capability_pb2.ListCapabilitiesRequest(owner_id=SYSTEM_ID, type="sys.mint")
    )
    limits = {"allowed_models": [EMBEDDED, CHOSEN], "max_compute": 4, "max_images": 4}
    capability = await tour.capabilities.Mint(
        capability_pb2.MintRequest(
            authority_id=authority.capabilities[0].id,
            caller_id=SYSTEM_ID,
            type="diffusers.generate",
            params=to_struct(limits),
            target_id=painter,
        )
    )
    note(f"{capability.type} {capability.id} {json.dumps(limits)}")

    say(f'the painter calls textToImage("{PROMPT}", {{seed: {SEED}, save: true, room: {studio}}})')
    context = common_pb2.CallContext(capability_id=capability.id, caller_id=painter, this_id=painter)
    save = common_pb2.SaveOptions(name=PROMPT, room_id=studio)
    job = await _paint(tour, context, PROMPT, SEED, save)
    image = job.images[0]
    picture = await _picture(tour, image.entity_id)
    path = tour.folder / "picture.png"
    path.write_bytes(picture)
    note(
        f"{path}: {image.width} x {image.height}, seed {image.seed}, {job.work_seconds:.2f} s, "
        f"{job.cost.compute:g} megapixel-steps"
    )

    say("it is an entity of the world, in the painter's room")
    entity = tour.world.entity(image.entity_id)
    contents = tour.world.entity(studio).props["contents"]
    require(
        entity.props["location"] == studio and image.entity_id in contents, "the picture is not in the room"
    )
    note(f"entity {entity.id} '{entity.props['name']}', room contents {contents}")
    note(f"verbs: {', '.join(sorted(tour.world.verbs(entity.id)))}")
    note(f"metadata: {entity.props['metadata']}")

    say("its image verbs: transform, filter, composite")
    await _verbs(tour, painter, image.entity_id)

    say("three refusals, as a builder reads them")
    await _refusals(tour, context, visitor)

    say(
        f"a contact sheet: {len(SHEET)} prompts by the embedded model, below them chosen drawings, the default"
    )
    await _contact_sheet(tour, context)
    return image.entity_id, path


async def _paint(
    tour: Tour,
    context: common_pb2.CallContext,
    prompt: str,
    seed: int,
    save: common_pb2.SaveOptions | None = None,
) -> job_pb2.Job:
    """Submit a job and show what happens to it, live."""
    request = image_pb2.TextToImageRequest(
        context=context,
        prompt=prompt,
        options=image_pb2.GenerationOptions(seed=seed, model_id=EMBEDDED),
        output=common_pb2.OutputOptions(save=save),
    )
    job: job_pb2.Job = await tour.jobs.Submit(job_pb2.SubmitJobRequest(text_to_image=request))
    async for event in tour.jobs.Watch(job_pb2.WatchJobRequest(id=job.id)):
        kind = event.WhichOneof("event")
        if kind == "loading":
            note(f"loading the model '{event.loading.model_id}'")
        elif kind == "step":
            begins, ends = event.step.step == 1, event.step.step == event.step.total
            console.print("    step " if begins else "", event.step.step, sep="", end="\n" if ends else " ")
        elif kind == "ended":
            job = event.ended
    require(job.state == job_pb2.JOB_STATE_SUCCEEDED, f"the job failed: {job.failure.message}")
    return job


async def _picture(tour: Tour, entity_id: int) -> bytes:
    answer = await tour.entities.Get(entity_pb2.GetEntityRequest(id=entity_id, include_data=True))
    return bytes(answer.image.data)


async def _verbs(tour: Tour, painter: int, entity_id: int) -> None:
    context = common_pb2.CallContext(caller_id=painter, this_id=painter)
    calls: tuple[tuple[str, list[object]], ...] = (
        ("transform", [15, 1.5]), ("filter", ["sharpen"]), ("composite", [entity_id, 8, 8]),
    )  # fmt: skip
    for verb, arguments in calls:
        answer = await tour.entities.CallVerb(
            entity_pb2.CallVerbRequest(
                context=context, entity_id=entity_id, verb=verb, arguments_json=json.dumps(arguments)
            )
        )
        path = tour.folder / f"{verb}.png"
        path.write_bytes(await _picture(tour, entity_id))
        image = answer.entity.image
        note(f"{verb}({', '.join(map(str, arguments))}) -> version {answer.entity.version}, "
             f"{image.width} x {image.height}, {path}")  # fmt: skip
    history = (await tour.entities.Get(entity_pb2.GetEntityRequest(id=entity_id))).history
    require(len(history) == len(calls) + 1, "the history is not complete")
    note(f"nothing is lost: {len(history)} versions are kept")


async def _refusals(tour: Tour, context: common_pb2.CallContext, visitor: int) -> None:
    def request(**options: Any) -> image_pb2.TextToImageRequest:
        return image_pb2.TextToImageRequest(
            context=context,
            prompt=PROMPT,
            options=image_pb2.GenerationOptions(**{"model_id": EMBEDDED, **options}),
        )

    stranger = request()
    stranger.context.caller_id = stranger.context.this_id = visitor
    for title, asked in (
        ("a model that is not allowed", request(model_id="stabilityai/sdxl-turbo")),
        ("compute above the limit", request(width=1024, height=1024)),
        ("a caller who is not the owner", stranger),
    ):
        note(f"{title}: {await refusal(tour.images.TextToImage(asked))}")


async def refusal(call: Awaitable[object]) -> str:
    """The words of a refused call. Raises InternalFault where it is not refused."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return f"{error.code().name}: {error.details()}"
    raise InternalFault("a call that must be refused was not")


async def _contact_sheet(tour: Tour, context: common_pb2.CallContext) -> None:
    rows = -(-len(SHEET) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * CELL, 2 * rows * (CELL + LABEL)), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(16)
    path = tour.folder / "contact-sheet.png"
    for place, model in enumerate((EMBEDDED, CHOSEN)):
        requests = [
            image_pb2.TextToImageRequest(
                context=context,
                prompt=prompt,
                options=image_pb2.GenerationOptions(seed=SEED, model_id=model, width=128, height=128),
            )
            for prompt in SHEET
        ]
        answers = await asyncio.gather(*(tour.images.TextToImage(request) for request in requests))
        for index, (prompt, answer) in enumerate(zip(SHEET, answers, strict=True)):
            row = place * rows + index // COLUMNS
            left, top = index % COLUMNS * CELL, row * (CELL + LABEL)
            picture = Image.open(io.BytesIO(answer.images[0].data)).convert("RGB")
            sheet.paste(picture.resize((CELL, CELL), Image.Resampling.LANCZOS), (left, top))
            draw.text(
                (left + CELL // 2, top + CELL + LABEL // 2), prompt, fill="black", font=font, anchor="mm"
            )
        seconds = sorted(answer.work_seconds for answer in answers)[len(answers) // 2]
        note(f"{path}: {seconds:.3f} s a picture by {model} (median)")
    sheet.save(path)


def require(condition: bool, complaint: str) -> None:
    if not condition:
        raise InternalFault(complaint)


def say(text: str) -> None:
    console.print(f"[bold cyan]*[/] {text}")


def note(text: str) -> None:
    console.print(f"    {text}", soft_wrap=True, markup=False)
