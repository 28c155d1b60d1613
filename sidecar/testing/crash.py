"""Everything is killed, again and again, and at the end the books are counted.

300 jobs of 10 owners, some of them twins, some canceled; the engine's child is killed 30 times and the server 10 times, at
random moments. Then every job must be in exactly one final state, every success must have its file with the right hash,
the ledger must be the sum over the jobs, nobody may have been charged twice, and no temporary file may be left.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import random
import signal
import sqlite3
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import psutil

from entity_store.world import World, create_entity
from sidecar.pb.viwo.imagegen.v1 import (
    common_pb2,
    image_pb2,
    job_pb2,
    system_pb2,
)
from sidecar.queue.ledger import budgets
from sidecar.queue.store.database import Database
from sidecar.testing.process import Served, start

JOBS = 300
OWNERS = 10
CHILD_KILLS = 30
SERVER_KILLS = 10
FINAL = {"succeeded", "failed", "canceled", "blocked_budget"}


@dataclass
class Story:
    """What was asked for, as the clients know it."""

    accepted: dict[str, int] = field(default_factory=dict)
    """Job ids that the server answered, and their owner."""
    server_kills: int = 0
    child_kills: int = 0
    killed: set[int] = field(default_factory=set)
    """Process ids of children that were killed."""


async def crash(
    jobs: int = JOBS, owners: int = OWNERS, child_kills: int = CHILD_KILLS, server_kills: int = SERVER_KILLS,
    environment: dict[str, str] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Lost, doubled and mischarged jobs after all that: their sum must be 0."""
    story = Story()
    chance = random.Random(6)
    settings = environment or {}
    with tempfile.TemporaryDirectory() as folder:
        sidecar = await start(folder, settings)
        contexts = [await sidecar.context(owner=owner) for owner in _people(Path(folder), owners)]
        kills = ["server"] * server_kills + ["child"] * child_kills
        chance.shuffle(kills)
        each = max(1, jobs // (len(kills) + 1))
        number = 0
        while number < jobs or kills:
            for _ in range(each if kills else jobs - number):
                if number < jobs:
                    await _submit(sidecar, contexts[number % owners], number, chance, story)
                    number += 1
            if not kills:
                break
            # Mostly while it works; now and then while it still starts.
            if chance.random() < 0.85:
                await _working(sidecar, story)
            await asyncio.sleep(chance.uniform(0.0, 1.0))
            if kills.pop() == "server":
                await sidecar.kill()
                story.server_kills += 1
                sidecar = await start(folder, settings)
            else:
                await _kill_child(sidecar, story)
        await _all_ended(sidecar, story)
        await sidecar.stop()
        return _count(Path(folder), story)


def _people(folder: Path, count: int) -> list[int]:
    """Entities of the world that own capabilities."""
    world = World(folder / "world.sqlite", own=True)
    with world.transaction() as connection:
        people = [create_entity(connection, {"name": f"Owner {number}"}, 2) for number in range(count)]
    world.close()
    return people


async def _submit(
    sidecar: Served, context: common_pb2.CallContext, number: int, chance: random.Random, story: Story
) -> None:
    """One in five is a twin of another, one in ten is canceled, one in four is kept as an entity."""
    seed = number % 5 if chance.random() < 0.2 else 1000 + number
    output = common_pb2.OutputOptions(references_only=True)
    if chance.random() < 0.25:
        output.save.name = f"crash {number}"
    request = image_pb2.TextToImageRequest(
        context=context,
        prompt="a cup",
        options=image_pb2.GenerationOptions(seed=seed, steps=4),
        output=output,
    )
    job = await sidecar.jobs.Submit(job_pb2.SubmitJobRequest(text_to_image=request, request_id=f"r{number}"))
    story.accepted[job.id] = context.caller_id
    if chance.random() < 0.1:
        await sidecar.jobs.Cancel(job_pb2.CancelJobRequest(id=job.id))


async def _working(sidecar: Served, story: Story) -> None:
    """Until the engine is ready; for a moment the server does not know yet that the one before was killed."""
    async with asyncio.timeout(60):
        while True:
            status = await sidecar.system.Status(system_pb2.StatusRequest())
            if status.engine_pid and status.engine_pid not in story.killed:
                return
            await asyncio.sleep(0.05)


async def _kill_child(sidecar: Served, story: Story) -> None:
    """The engine's, and now and then a picture worker with it."""
    server = psutil.Process(sidecar.process.pid)
    children = server.children()
    while not any(is_engine(child) for child in children):
        # The one before was killed a moment ago; the next is being started.
        await asyncio.sleep(0.01)
        children = server.children()
    for child in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child.pid, signal.SIGKILL)
        story.killed.add(child.pid)
    story.child_kills += 1


def is_engine(child: psutil.Process) -> bool:
    try:
        return "sidecar.engines.local.child" in child.cmdline()
    except psutil.Error:
        return False


async def _all_ended(sidecar: Served, story: Story) -> None:
    for job_id in story.accepted:
        try:
            async for event in sidecar.jobs.Watch(job_pb2.WatchJobRequest(id=job_id), timeout=600):
                if event.WhichOneof("event") == "ended":
                    break
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.NOT_FOUND:
                raise


def _count(folder: Path, story: Story) -> dict[str, Any]:
    """The books, read from the files that the server left."""
    connection = sqlite3.connect(folder / "jobs.sqlite")
    connection.row_factory = sqlite3.Row
    rows = {row["id"]: row for row in connection.execute("SELECT * FROM jobs")}
    charged = {(row["job_id"], row["account"]): row for row in connection.execute("SELECT * FROM ledger")}
    per_job = Counter(job_id for job_id, _ in charged)
    images = {
        row[0]: [item for (item,) in connection.execute(
            "SELECT json_extract(value, '$.ref') FROM jobs, json_each(jobs.images) WHERE jobs.id = ?", (row[0],))]
        for row in connection.execute("SELECT id FROM jobs WHERE state = 'succeeded'")
    }  # fmt: skip
    connection.close()

    lost = [job_id for job_id in story.accepted if job_id not in rows or rows[job_id]["state"] not in FINAL]
    lost += [
        job_id
        for job_id, refs in images.items()
        if not refs or not all(_is_whole(folder, ref) for ref in refs)
    ]
    asked_twice = Counter(row["request_id"] for row in rows.values())
    doubled = [name for name, times in asked_twice.items() if times > 1]
    doubled += [
        job_id for job_id, entities in _entities(folder).items() if len(set(entities)) != len(entities)
    ]
    mischarged = []
    for job_id, row in rows.items():
        done = row["state"] == "succeeded" and row["answered_by"] is None
        right = row["compute"] if done else row["compute_spent"]
        if row["state"] == "succeeded" and row["answered_by"] is not None:
            right = 0
        entries = [entry for (owner_job, _), entry in charged.items() if owner_job == job_id]
        fits = all(entry["compute"] == right and entry["settled"] for entry in entries)
        if per_job[job_id] != 3 or not fits or row["compute_spent"] != right:
            mischarged.append(job_id)
    database = Database(folder / "jobs.sqlite")
    wrong_balances = len(database.do_here(budgets.differences))
    database.close_here()
    left_over = len(list((folder / "incoming").iterdir()))
    states = Counter(row["state"] for row in rows.values())
    return {
        "value": len(lost) + len(doubled) + len(mischarged) + wrong_balances + left_over,
        "unit": "lost + doubled + mischarged",
        "n": len(rows),
        "better": "lower",
        "baseline": 0,
        "lost": len(lost),
        "doubled": len(doubled),
        "mischarged": len(mischarged) + wrong_balances,
        "temporary_files": left_over,
        "accepted": len(story.accepted),
        "server_kills": story.server_kills,
        "child_kills": story.child_kills,
        "states": dict(states),
        "answered_from_store": sum(row["answered_by"] is not None for row in rows.values()),
        "attempts": sum(row["attempts"] for row in rows.values()),
    }


def _is_whole(folder: Path, ref: str) -> bool:
    digest = ref.removeprefix("sha256:")
    file = folder / "images" / digest[:2] / digest
    return file.is_file() and hashlib.sha256(file.read_bytes()).hexdigest() == digest


def _entities(folder: Path) -> dict[str, list[int]]:
    """The places of each job's pictures that were saved, by job."""
    connection = sqlite3.connect(folder / "world.sqlite")
    found: dict[str, list[int]] = {}
    for (raw,) in connection.execute(
        "SELECT json_extract(props, '$.metadata') FROM entities WHERE json_extract(props, '$.name') LIKE 'crash %'"
    ):
        metadata = json.loads(raw)
        found.setdefault(metadata["job_id"], []).append(metadata["seed"])
    connection.close()
    return found
