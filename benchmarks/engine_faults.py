"""Jobs on foreign servers that fail at random between the steps of their protocols: whether each ends once, and is paid once."""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sidecar.pb.viwo.imagegen.v1 import job_pb2
from sidecar.testing.foreign.kinds import ENGINE, KINDS, Far, Kind, far
from sidecar.testing.requests import submission

JOBS = 1000
"""Over all kinds of servers."""
PRICE = 0.25
LONGEST = 60.0
"""Seconds after which a job that has not ended counts as lost."""
FAULTS = (
    "unauthorized", "payment_required", "rate_limited", "bad_request", "server_error", "bad_gateway", "unavailable",
    "slow_body", "garbage", "truncated_json", "truncated_body", "redirect", "drop_before", "drop_after", "truncated_picture",
    "garbage_picture", "wrong_size", "other_model", "other_seed", "black", "fails", "vanished", "queue_full", "silent_socket",
)  # fmt: skip
ENDED = (job_pb2.JOB_STATE_SUCCEEDED, job_pb2.JOB_STATE_FAILED, job_pb2.JOB_STATE_CANCELED)
NOBODY_KNOWS = frozenset(
    {
        "bad_gateway",
        "server_error",
        "fails",
        "drop_before",
        "vanished",
        "truncated_body",
        "garbage",
        "truncated_json",
    }
)
"""Faults after which a caller cannot know whether it was charged: then it counts as spent."""


@dataclass
class Tally:
    """What went wrong, by job."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    mischarged: list[str] = field(default_factory=list)
    states: Counter[str] = field(default_factory=Counter)


async def engine_faults() -> dict[str, Any]:
    """Lost, doubled and mischarged jobs among those that a random fault met at a random step."""
    tally, rng = Tally(), random.Random(18)
    each = JOBS // len(KINDS)
    for kind in KINDS:
        with tempfile.TemporaryDirectory() as folder:
            async with far(kind, Path(folder), paid=True, timeouts={"read": 5, "draw": 20}) as server:
                await server.fake.control(set={"price": PRICE})
                for number in range(each):
                    await _one(server, kind, number, rng, tally)
    return {
        "value": len(tally.lost) + len(tally.doubled) + len(tally.mischarged),
        "unit": "jobs lost, drawn twice or charged wrongly",
        "n": each * len(KINDS),
        "better": "lower",
        "baseline": None,
        "kinds": [kind.name for kind in KINDS],
        "states": dict(tally.states),
        "faults": [*tally.lost, *tally.doubled, *tally.mischarged][:20],
    }


async def _one(server: Far, kind: Kind, number: int, rng: random.Random, tally: Tally) -> None:
    """One job and one fault."""
    fault = rng.choice(FAULTS)
    anywhere = rng.random() < 0.5
    # The first requests are those that ask for a picture; later ones look whether it is there, or fetch it.
    await server.fake.control(
        fault=fault,
        route="" if anywhere else kind.route,
        after=rng.randrange(4) if anywhere else 0,
        seconds=0.01,
    )
    before = await server.fake.state()
    context = await server.sidecar.context({"allowed_engines": [ENGINE]})
    request = submission(
        context, f"picture {number}", model_id=kind.model_id, width=64, height=64, steps=4, seed=number
    )
    job = await server.sidecar.jobs.Submit(request)
    name = f"{kind.name} {number}: {fault}"
    try:
        async with asyncio.timeout(LONGEST):
            ended = await server.sidecar.ended(job.id)
    except TimeoutError:
        tally.lost.append(name)
        return
    if ended.state not in ENDED:
        tally.lost.append(f"{name}: state {ended.state}")
    tally.states[job_pb2.JobState.Name(ended.state)] += 1
    await server.fake.control(clear=True, release=True)
    after = await server.fake.wait_until(lambda state: not state["running"])
    charged = round((after["charged"] - before["charged"]) / PRICE)
    spent = round(ended.cost.money_micros / (PRICE * 1_000_000))
    if charged > 1:
        tally.doubled.append(f"{name}: drawn {charged} times")
    if spent != charged and not (spent == 1 and charged == 0 and fault in NOBODY_KNOWS):
        tally.mischarged.append(f"{name}: charged {charged}, spent {spent}")
