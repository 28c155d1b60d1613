"""Who may do what: every RPC with every kind of credential, and chains of delegations that should widen nothing."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from entity_store.world import World
from sidecar.testing.access_matrix import CREDENTIALS, matrix, methods, wrong_answers
from sidecar.testing.delegation_chains import faults

CHAINS = 20_000


async def access() -> dict[str, Any]:
    """Wrong answers of RPCs, and rows that came to more than what they were made of."""
    with tempfile.TemporaryDirectory() as folder:
        wrong: list[str] = []
        names = [name for name, _ in methods()]
        async with matrix(Path(folder) / "matrix") as things:
            for rpc in names:
                answers = [(credential, await things.ask(rpc, credential)) for credential in CREDENTIALS]
                wrong += wrong_answers(rpc, answers)
        widened = await asyncio.to_thread(_chains, Path(folder) / "world.sqlite")
    return {
        "value": len(wrong) + len(widened),
        "unit": "wrong answers, widenings and budgets that grew",
        "n": len(names) * len(CREDENTIALS) + CHAINS,
        "better": "lower",
        "baseline": None,
        "rpcs": len(names),
        "credentials": list(CREDENTIALS),
        "chains": CHAINS,
        "faults": (wrong + widened)[:20],
    }


def _chains(path: Path) -> list[str]:
    world = World(path, own=True)
    try:
        return list(faults(world, CHAINS, seed=14))
    finally:
        world.close()
