"""What the sidecar itself granted: which rows of the world may hold what widens, and whose budgets they spend.

viwo's own `delegate` lets a holder add any flag that is true and, where a row has viwo's wildcard, any key; and the row that
it makes does not say what it was made of. So what widens counts only where a grant was recorded here for that very row. And
minting writes a random string, `budget_account`, into the row, which viwo copies as it is: by it all rows that were made of
one another are known, and spend from one purse.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field

from capabilities.budgets import Period
from capabilities.errors import PermissionDenied, brief
from capabilities.params import BUDGET_ACCOUNT, Params, dump, parse_row
from entity_store.world import Rows, json_object

COUNTED = (
    *(f"{unit}_per_{period}" for unit in ("compute", "money") for period in Period),
    "rate_per_minute",
    "max_concurrent",
)
"""Parameters that are kept to by counting, over all jobs of an account."""
MAX_PURSES = 65
"""Longest line of grants, each made of the one before."""

_PURSES = f"""
WITH RECURSIVE line(id, depth) AS (
  SELECT capability_id, 0 FROM imagegen_grants WHERE budget_account = ?1 AND world = ?2
  UNION ALL SELECT g.made_of, l.depth + 1 FROM line l JOIN imagegen_grants g ON g.capability_id = l.id AND g.world = ?2
  WHERE g.made_of != '' AND l.depth <= {MAX_PURSES})
SELECT l.id, g.params, c.id, g.shared FROM line l
LEFT JOIN imagegen_grants g ON g.capability_id = l.id AND g.world = ?2
LEFT JOIN capabilities c ON c.id = l.id ORDER BY l.depth
"""


@dataclass(frozen=True)
class Purse:
    """A capability as it was granted: what is spent under any row that was made of it counts against its caps."""

    capability_id: str
    params: Params
    shared: Mapping[str, Params] = field(default_factory=dict)
    """Other accounts that it counts against, by their names: of what it was made of and has no grant."""


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
    shared: Mapping[str, Params] | None = None,
) -> None:
    """Take down that a capability was granted with these parameters, its `budget_account` among them.

    `world` is empty for the sidecar's own; `made_of` is the granted capability whose purse it spends from as well, `shared`
    as of `Purse`.
    """
    connection.execute(
        "INSERT INTO imagegen_grants (world, capability_id, budget_account, made_of, params, shared) "
        "VALUES (?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (world, capability_id) DO UPDATE SET budget_account = excluded.budget_account, "
        "made_of = excluded.made_of, params = excluded.params, shared = excluded.shared",
        (
            world,
            capability_id,
            params[BUDGET_ACCOUNT],
            made_of,
            json.dumps(params),
            json.dumps({name: dump(limits) for name, limits in (shared or {}).items()}),
        ),
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
    if any(params is None or (row is None and not world) for _, params, row, _ in line):
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
    return [
        Purse(
            str(capability_id),
            parse_row(json_object(params)),
            {name: parse_row(limits) for name, limits in json_object(shared).items()},
        )
        for capability_id, params, _, shared in line
    ]


def counted(params: Params) -> Params:
    """What is kept to by counting."""
    return {name: params[name] for name in COUNTED if name in params}


def added(purse: Purse, params: Params) -> dict[str, Params]:
    """Accounts of what viwo's own delegation added to a row of this purse: one for each limit.

    viwo lets a holder copy such a row any number of times, and the copies cannot be told from it, so all rows of the purse
    with the same limit share its account.
    """
    found: dict[str, Params] = {}
    for name, value in counted(params).items():
        if purse.params.get(name) != value:
            digest = hashlib.sha256(f"{name}={value}".encode()).hexdigest()[:12]
            found[f"{purse.capability_id}:{digest}"] = {name: value}
    return found
