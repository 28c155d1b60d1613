"""What the sidecar itself granted: which rows of the world may hold what widens, and whose budgets they spend.

viwo's own `delegate` lets a holder add any flag that is true and, where a row has viwo's wildcard, any key; and the row that
it makes does not say what it was made of. So what widens counts only where a grant was recorded here for that very row. And
minting writes a random string, `budget_account`, into the row, which viwo copies as it is: by it all rows that were made of
one another are known, and spend from one purse.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from capabilities.errors import PermissionDenied, brief
from capabilities.params import BUDGET_ACCOUNT
from entity_store.world import Rows, json_object

MAX_PURSES = 64
"""Longest line of grants, each made of the one before."""

_PURSES = f"""
WITH RECURSIVE line(id, depth) AS (
  SELECT capability_id, 0 FROM imagegen_grants WHERE budget_account = ?1 AND world = ?2
  UNION ALL SELECT g.made_of, l.depth + 1 FROM line l JOIN imagegen_grants g ON g.capability_id = l.id AND g.world = ?2
  WHERE g.made_of != '' AND l.depth <= {MAX_PURSES})
SELECT l.id, g.params, c.id FROM line l
LEFT JOIN imagegen_grants g ON g.capability_id = l.id AND g.world = ?2
LEFT JOIN capabilities c ON c.id = l.id ORDER BY l.depth
"""


@dataclass(frozen=True)
class Purse:
    """A capability as it was granted: what is spent under any row that was made of it counts against its caps."""

    capability_id: str
    params: Mapping[str, object]


def new_account() -> str:
    """A budget account that nobody guesses."""
    return secrets.token_urlsafe(18)


def record(
    connection: sqlite3.Connection,
    capability_id: str,
    params: Mapping[str, object],
    *,
    world: str = "",
    made_of: str = "",
) -> None:
    """Take down that a capability was granted with these parameters, its `budget_account` among them.

    `world` is empty for the sidecar's own; `made_of` is the granted capability whose purse it spends from as well.
    """
    connection.execute(
        "INSERT INTO imagegen_grants (world, capability_id, budget_account, made_of, params) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (world, capability_id) DO UPDATE SET budget_account = excluded.budget_account, "
        "made_of = excluded.made_of, params = excluded.params",
        (world, capability_id, params[BUDGET_ACCOUNT], made_of, json.dumps(params)),
    )


def granted(rows: Rows, capability_id: str, *, world: str = "") -> Mapping[str, object] | None:
    """The parameters that were granted for a capability; None where nothing is recorded."""
    found = rows(
        "SELECT params FROM imagegen_grants WHERE world = ? AND capability_id = ?", world, capability_id
    )
    return json_object(found[0][0]) if found else None


def purses(rows: Rows, account: str, *, world: str = "") -> list[Purse]:
    """From what a row with this `budget_account` spends, nearest first.

    Raises PermissionDenied for an account that was not issued for this world, where what was granted has been revoked, and
    for a line that is too long.
    """
    line = rows(_PURSES, account, world)
    if not line:
        raise PermissionDenied(
            "this capability names a budget account that this sidecar did not issue; have it minted again, or have the "
            "operator approve it",
            reason="UNKNOWN_BUDGET",
            field=BUDGET_ACCOUNT,
            limit="as it was minted",
            asked=brief(account, 40),
        )
    if any(params is None or (row is None and not world) for _, params, row in line):
        raise PermissionDenied(
            "the capability that this one was made of has been revoked",
            reason="REVOKED",
            field="capability_id",
        )
    if len(line) > MAX_PURSES:
        raise PermissionDenied(
            "this capability was delegated too often; delegate from one nearer to the minted one",
            reason="TOO_DEEP",
            field="capability_id",
            limit=f"{MAX_PURSES} grants",
        )
    return [Purse(str(capability_id), json_object(params)) for capability_id, params, _ in line]
