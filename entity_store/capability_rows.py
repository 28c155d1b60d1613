"""Rows of the table `capabilities`: read, and made inside a running transaction."""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from capabilities import strict_json
from capabilities.errors import brief
from capabilities.params import BUDGET_ACCOUNT, Params
from capabilities.policy import Capability
from entity_store import grants
from entity_store.world import json_object

SELECT = """
SELECT c.id, c.owner_id, c.type, c.params, d.parent_id, g.params
FROM capabilities c LEFT JOIN imagegen_delegations d ON d.child_id = c.id
LEFT JOIN imagegen_grants g ON g.capability_id = c.id AND g.world = ''
"""


def insert(
    connection: sqlite3.Connection, owner_id: int, capability_type: str, params: Mapping[str, object]
) -> Capability:
    """A capability row made inside a running transaction, by right of what the transaction does."""
    return _insert(connection, owner_id, capability_type, params, None)


def mint(
    connection: sqlite3.Connection,
    owner_id: int,
    capability_type: str,
    params: Mapping[str, object],
    parent_id: str | None = None,
    made_of: str = "",
    shared: Mapping[str, Params] | None = None,
    granted: Mapping[str, object] | None = None,
) -> Capability:
    """A capability row that the sidecar answers for, with a budget account of its own.

    `granted`: what is put on record for it, where that is less than `params`.
    """
    account = {BUDGET_ACCOUNT: grants.new_account()}
    recorded = {**(params if granted is None else granted), **account}
    made = _insert(connection, owner_id, capability_type, {**params, **account}, parent_id)
    grants.record(connection, made.id, recorded, made_of=made_of, shared=shared)
    return replace(made, granted=recorded)


def _insert(
    connection: sqlite3.Connection,
    owner_id: int,
    capability_type: str,
    params: Mapping[str, object],
    parent_id: str | None,
) -> Capability:
    capability_id = str(uuid.uuid4())
    connection.execute(
        "INSERT INTO capabilities (id, owner_id, type, params) VALUES (?, ?, ?, ?)",
        (capability_id, owner_id, capability_type, json.dumps(params)),
    )
    if parent_id is not None:
        connection.execute("INSERT INTO imagegen_delegations VALUES (?, ?)", (capability_id, parent_id))
    return Capability(capability_id, owner_id, capability_type, dict(params), parent_id)


def capability_of(row: Sequence[Any]) -> Capability:
    capability_id, owner_id, capability_type, raw, parent_id, recorded = row
    try:
        params = strict_json.loads(raw) if isinstance(raw, str) else None
    except ValueError:
        params = None
    if not isinstance(params, dict):
        # Another program wrote something that is no object of parameters: named so that use is denied.
        params = {"(unreadable)": brief(raw)}
    # SQLite takes anything anywhere; what is no id owns nothing.
    owner_id = owner_id if isinstance(owner_id, int) else 0
    parent = None if parent_id is None else str(parent_id)
    granted = None if recorded is None else json_object(recorded)
    return Capability(str(capability_id), owner_id, str(capability_type), params, parent, granted)
