"""Capability rows in the world: minted, narrowed, handed on and revoked, by viwo's own rules."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from capabilities.errors import InvalidArgument, NotFound, PermissionDenied, brief
from capabilities.methods import TYPES
from capabilities.params import BUDGET_ACCOUNT, Params, dump, parse, parse_row, restrict, to_record
from capabilities.policy import Caller, Capability, require_owner
from entity_store import grants
from entity_store.capability_rows import SELECT, capability_of, mint
from entity_store.grants import Purse
from entity_store.world import World, resolve, rows_of

ELSEWHERE = "account:"
"""Stands before the budget account of a grant whose row is in the file of another world."""
REMEMBERED = 1024
"""Capabilities that are kept in memory."""
MAX_DEPTH = 64
"""Delegations between a capability and the one that was minted. Every use looks at all of them."""

# The capability and what it was delegated from, nearest first; a NULL type marks an ancestor that is gone. The rows are
# anybody's who can write the world's file, so the walk ends by itself also where they form a circle.
_LINE = f"""
WITH RECURSIVE line(id, depth) AS (
  SELECT ?, 0
  UNION ALL SELECT d.parent_id, l.depth + 1 FROM imagegen_delegations d JOIN line l ON d.child_id = l.id
  WHERE l.depth <= {MAX_DEPTH})
SELECT l.id, c.owner_id, c.type, c.params, d.parent_id, g.params FROM line l
LEFT JOIN capabilities c ON c.id = l.id LEFT JOIN imagegen_delegations d ON d.child_id = l.id
LEFT JOIN imagegen_grants g ON g.capability_id = l.id AND g.world = '' ORDER BY l.depth
"""

# UNION takes each id once, so a circle ends here too.
_DESCENT = """
WITH RECURSIVE descent(id) AS (
  SELECT ? UNION SELECT d.child_id FROM imagegen_delegations d JOIN descent a ON d.parent_id = a.id)
SELECT id FROM descent
"""


class Authority:
    """The capabilities of a world. A row that viwo's own kernel wrote works as it is."""

    def __init__(self, world: World) -> None:
        self._world = world
        # Rows that were read, and the world's version then. Most calls come under few capabilities.
        self._read: dict[str, Capability] = {}
        self._purses: dict[tuple[str, str], list[Purse]] = {}
        self._version = -1

    def get(self, capability_id: str) -> Capability:
        """A capability that holds: its row, and those it was delegated from, are there.

        Raises NotFound, and PermissionDenied for one that was delegated too often or from itself.
        """
        self._forget_changed()
        known = self._read.get(capability_id)
        if known is not None:
            return known
        read = self._read
        row = self._world.row(f"{SELECT} WHERE c.id = ?", capability_id)
        if row is None:
            raise unknown_capability(capability_id)
        if row[4] is not None:
            self._line(capability_id)
        # What was committed between the two looks is read again at the next call, which sees another version.
        read[capability_id] = found = capability_of(row)
        return found

    def _forget_changed(self) -> None:
        version = self._world.version()
        if version != self._version or len(self._read) + len(self._purses) >= REMEMBERED:
            self._read, self._purses, self._version = {}, {}, version

    def purses(self, capability: Capability, world: str = "") -> list[Purse]:
        """From what a row with a budget account spends, nearest first; `world` is empty for the sidecar's own.

        Raises PermissionDenied for an account that was not issued, or whose capability has been revoked.
        """
        account = capability.params.get(BUDGET_ACCOUNT)
        if not isinstance(account, str):
            return []
        self._forget_changed()
        purses, key = self._purses, (world, account)
        found = purses.get(key)
        if found is None:
            purses[key] = found = grants.purses(self._world.rows, account, world=world)
        return found

    def accounts(self, capability: Capability, world: str = "") -> dict[str, Params]:
        """The accounts that work under a capability counts against, by their names, with the parameters that hold for
        each: its own first, those of what it was made of after it. Raises as `purses`.
        """
        line = [capability]
        if not world and capability.parent_id is not None:
            line += self.ancestors(capability.id)
        purses = self.purses(capability, world)
        left = {purse.capability_id: purse for purse in purses}
        found: dict[str, Params] = {}
        for each in line:
            if left.pop(each.id, None) is not None or BUDGET_ACCOUNT not in each.params:
                found[each.id] = each.limits()
                continue
            if each is capability:
                found[each.id] = {}
            found |= grants.added(self.purses(each, world)[0], each.limits())
        for purse in purses:
            if purse.capability_id in left:
                found[purse.capability_id] = purse.params
            found |= purse.shared
        return found

    def granted_elsewhere(self, capability: Capability, world: str) -> Mapping[str, object] | None:
        """What was granted for a capability of a world on another machine; None where nothing was.

        A row that was delegated there is known by its budget account.
        """
        rows = self._world.rows
        found = grants.granted(rows, capability.id, world=world)
        account = capability.params.get(BUDGET_ACCOUNT)
        if found is None and isinstance(account, str):
            return grants.granted(rows, f"{ELSEWHERE}{account}", world=world)
        return found

    def ancestors(self, capability_id: str) -> list[Capability]:
        """What a capability was delegated from, nearest first. Raises as `get`."""
        return [capability_of(row) for row in self._line(capability_id)[1:]]

    def _line(self, capability_id: str) -> list[tuple[Any, ...]]:
        """The rows of a capability and of what it was delegated from, nearest first. Raises as `get`."""
        line = self._world.rows(_LINE, capability_id)
        if any(row[2] is None for row in line):
            raise unknown_capability(capability_id)
        if len({row[0] for row in line}) < len(line):
            raise PermissionDenied(
                f"the capability '{brief(capability_id)}' was delegated from itself, so nothing says what it may; "
                "mint a new one",
                reason="DELEGATION_CIRCLE",
                field="capability_id",
                asked=brief(capability_id),
            )
        if len(line) > MAX_DEPTH + 1:
            raise _too_deep(f"the capability '{brief(capability_id)}'", "capability_id")
        return line

    def page(
        self,
        *,
        owner_id: int = 0,
        capability_type: str = "",
        after: int = 0,
        limit: int = 100,
        seen_by: Collection[int] | None = None,
    ) -> list[tuple[int, Capability]]:
        """Capabilities in the order they were made, each with its row number to go on from; of `seen_by` only."""
        owners = list(seen_by or ())
        among = "" if seen_by is None else f"AND c.owner_id IN ({', '.join('?' * len(owners))}) "
        sql = (
            f"SELECT c.rowid, s.* FROM ({SELECT}) s JOIN capabilities c ON c.id = s.id "
            f"WHERE c.rowid > ? AND (? = 0 OR c.owner_id = ?) AND (? = '' OR c.type = ?) {among}ORDER BY c.rowid LIMIT ?"
        )
        values = (after, owner_id, owner_id, capability_type, capability_type, *owners, limit)
        rows = self._world.rows(sql, *values)
        return [(row[0], capability_of(row[1:])) for row in rows]

    def mint(
        self,
        authority_id: str,
        caller_id: int,
        capability_type: str,
        params: Mapping[str, object],
        target_id: int = 0,
    ) -> Capability:
        """A new capability, owned by the caller, or by `target_id` where that is not 0.

        Raises PermissionDenied unless the caller owns the `sys.mint` authority and its namespace covers the type,
        InvalidArgument for a type or parameter that is not of this project, NotFound for an unknown target; then nothing
        is minted.
        """
        authority = self.get(authority_id)
        require_owner(authority, Caller(caller_id))
        if authority.type != "sys.mint":
            raise PermissionDenied(
                f"minting needs a 'sys.mint' capability; {authority_id} is '{brief(authority.type)}'",
                reason="NOT_AN_AUTHORITY",
                field="authority_id",
                limit="sys.mint",
                asked=brief(authority.type),
            )
        namespace = authority.params.get("namespace")
        if not isinstance(namespace, str) or (namespace != "*" and not capability_type.startswith(namespace)):
            raise PermissionDenied(
                f"the authority's namespace {brief(namespace)} does not cover '{brief(capability_type)}'",
                reason="NAMESPACE",
                field="type",
                limit=brief(namespace),
                asked=brief(capability_type),
            )
        _require_image_type(capability_type)
        clean = dump(parse(params))
        with self._world.transaction() as connection:
            if target_id:
                resolve(rows_of(connection), target_id, field="target_id")
            return mint(connection, target_id or caller_id, capability_type, clean)

    def delegate(self, parent_id: str, caller_id: int, restrictions: Mapping[str, object]) -> Capability:
        """A child with the meet of the parent's parameters and the restrictions, owned by the caller.

        Raises PermissionDenied unless the caller owns the parent, InvalidArgument for an unknown parameter.
        """
        asked = parse(restrictions)
        parent = self.get(parent_id)
        require_owner(parent, Caller(caller_id))
        if parent.parent_id is not None and len(self._line(parent_id)) > MAX_DEPTH:
            raise _too_deep("the new capability", "parent_id")
        _require_image_type(parent.type)
        child = restrict(parent.limits(), asked)
        made_of, shared = self._origin(parent)
        with self._world.transaction() as connection:
            if connection.execute("SELECT 1 FROM capabilities WHERE id = ?", (parent_id,)).fetchone() is None:
                raise unknown_capability(parent_id)
            return mint(
                connection, caller_id, parent.type, dump(child), parent_id, made_of, shared, to_record(child)
            )

    def delegate_elsewhere(
        self, parent: Capability, world: str, restrictions: Mapping[str, object]
    ) -> Mapping[str, object]:
        """The parameters of a child for another world's file, whose row somebody else writes. Raises as `delegate`."""
        child = restrict(parent.limits(), parse(restrictions))
        made_of, shared = self._origin(parent, world)
        child[BUDGET_ACCOUNT] = account = grants.new_account()
        with self._world.transaction() as connection:
            # The row's own id is not known yet: it is granted what its account says, and no more.
            grants.record(
                connection,
                f"{ELSEWHERE}{account}",
                to_record(child),
                world=world,
                made_of=made_of,
                shared=shared,
            )
        return dump(child)

    def approve(
        self, capability_id: str, world: str = "", params: Mapping[str, object] | None = None
    ) -> Capability:
        """Take down as granted what a row says that another program made; it gets a budget account if it has none of ours.

        Of another world's row nothing is known but its id and what `params` grants. Raises NotFound, InvalidArgument.
        """
        if world:
            given = dump(parse(params or {})) | {BUDGET_ACCOUNT: grants.new_account()}
            with self._world.transaction() as connection:
                grants.record(connection, capability_id, given, world=world)
            return Capability(capability_id, 0, "", given, granted=given)
        found = self.get(capability_id)
        said = dump(parse_row(found.params))
        made_of: str = ""
        shared: dict[str, Params] = {}
        try:
            purses = self.purses(found)
            if purses and purses[0].capability_id == capability_id:
                return found
            made_of, shared = self._origin(found) if purses else ("", {})
            shared.pop(capability_id, None)
        except PermissionDenied as refusal:
            # An account that nobody issued is replaced; a row that may not be used at all stays so.
            if refusal.reason != "UNKNOWN_BUDGET":
                raise
        said[BUDGET_ACCOUNT] = grants.new_account()
        with self._world.transaction() as connection:
            connection.execute(
                "UPDATE capabilities SET params = ? WHERE id = ?", (json.dumps(said), capability_id)
            )
            grants.record(connection, capability_id, said, made_of=made_of, shared=shared)
        return self.get(capability_id)

    def _origin(self, parent: Capability, world: str = "") -> tuple[str, dict[str, Params]]:
        """What a child of it spends from as well: the nearest granted capability, or "", and the accounts beside it.

        Raises PermissionDenied as `purses`, and for a line that would be too long.
        """
        purses = self.purses(parent, world)
        if len(purses) >= grants.MAX_PURSES:
            raise _too_deep("the new capability", "parent_id")
        granted = {purse.capability_id for purse in purses}
        shared = {
            name: grants.counted(params)
            for name, params in self.accounts(parent, world).items()
            if name not in granted and grants.counted(params)
        }
        return (purses[0].capability_id if purses else ""), shared

    def give(self, capability_id: str, caller_id: int, target_id: int) -> Capability:
        """Change the owner. Raises PermissionDenied unless the caller owns it, NotFound for an unknown target."""
        require_owner(self.get(capability_id), Caller(caller_id))
        with self._world.transaction() as connection:
            resolve(rows_of(connection), target_id, field="target_id")
            changed = connection.execute(
                "UPDATE capabilities SET owner_id = ? WHERE id = ? AND owner_id = ?",
                (target_id, capability_id, caller_id),
            )
            if changed.rowcount == 0:
                raise unknown_capability(capability_id)
        return self.get(capability_id)

    def revoke(self, capability_id: str, caller_id: int) -> list[str]:
        """Delete a capability and all that was delegated from it; their ids.

        Raises PermissionDenied unless the caller owns it or one of those it was delegated from.
        """
        # Not by `get`: what was delegated too often, or from itself, must go all the more.
        line = self._world.rows(_LINE, capability_id)
        if any(row[2] is None for row in line):
            raise unknown_capability(capability_id)
        if caller_id not in {row[1] for row in line}:
            require_owner(capability_of(line[0]), Caller(caller_id))
        with self._world.transaction() as connection:
            doomed = [row[0] for row in connection.execute(_DESCENT, (capability_id,))]
            connection.executemany("DELETE FROM capabilities WHERE id = ?", [(item,) for item in doomed])
            connection.executemany(
                "DELETE FROM imagegen_delegations WHERE child_id = ?", [(item,) for item in doomed]
            )
            # Grants stay on record, so that rows of viwo's making are told what became of them.
        return doomed


def _require_image_type(capability_type: str) -> None:
    if capability_type not in TYPES:
        raise InvalidArgument(
            f"'{brief(capability_type)}' is not an image capability; here are {', '.join(sorted(TYPES))}. "
            "Mint other types in viwo",
            reason="UNKNOWN_TYPE",
            field="type",
            limit=", ".join(sorted(TYPES)),
            asked=brief(capability_type),
        )


def _too_deep(what: str, field: str) -> PermissionDenied:
    return PermissionDenied(
        f"{what} would be delegated more than {MAX_DEPTH} times; delegate from one nearer to the minted one",
        reason="TOO_DEEP",
        field=field,
        limit=f"{MAX_DEPTH} delegations",
    )


def unknown_capability(capability_id: str) -> NotFound:
    """What is said of a capability that is not there, or not for whoever asks."""
    return NotFound(
        f"there is no capability '{brief(capability_id)}' in this world; it was never made, or has been revoked",
        reason="UNKNOWN_CAPABILITY",
        field="capability_id",
        asked=brief(capability_id),
    )
