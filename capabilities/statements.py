"""Signed statements of a capability: what a plugin on another machine says, where the world's file cannot be read.

`v2.PAYLOAD.MAC`: PAYLOAD is JSON `{id, owner_id, type, params, expires, world, caller, this, audience, jti}` in base64url
without padding, MAC the HMAC-SHA-256 of `v2.PAYLOAD` under the shared key, in the same encoding; `expires` is in Unix
seconds, half a minute ahead. Version 1, of the first release, ends with `expires`.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import hmac
import json
from dataclasses import dataclass

from capabilities import strict_json
from capabilities.errors import PermissionDenied, brief
from capabilities.policy import Capability

VERSION = "v2"
LIFETIME = dt.timedelta(seconds=30)
"""How long a statement may hold: what it says may be revoked meanwhile."""
CLOCKS = dt.timedelta(seconds=60)
"""How much the clocks of two machines may differ."""
LONGEST_BEFORE = dt.timedelta(minutes=10)
"""How long one of version 1 may hold."""
MAX_LENGTH = 65_536
MAX_ID = 64
"""Longest id of a capability, a world or a statement, in characters; viwo's are UUIDs."""


@dataclass(frozen=True)
class Statement:
    """What is said of a capability, in which world, for whom, and to whom; of version 1 only the capability is known."""

    capability: Capability
    world: str = ""
    caller_id: int = 0
    this_id: int = 0
    audience: str = ""
    """The id of the principal that sends it, by which its sidecar is known: no other takes it."""
    id: str = ""
    """Told in the log, beside the job."""
    version: int = 2


def sign(key: bytes, statement: Statement, expires: dt.datetime) -> str:
    """The statement, good until a moment."""
    capability = statement.capability
    payload: dict[str, object] = {
        "id": capability.id,
        "owner_id": capability.owner_id,
        "type": capability.type,
        "params": dict(capability.params),
        "expires": int(expires.timestamp()),
    }
    if statement.version > 1:
        payload |= {
            "world": statement.world,
            "caller": statement.caller_id,
            "this": statement.this_id,
            "audience": statement.audience,
            "jti": statement.id,
        }
    text = f"v{statement.version}.{_encode(json.dumps(payload).encode())}"
    return f"{text}.{_mac(key, text)}"


def read(key: bytes, statement: str, now: dt.datetime) -> Statement:
    """What a statement says. Raises PermissionDenied for one that is not signed with the key, is over, or holds too long."""
    text, _, mac = statement.rpartition(".")
    # An empty key is known to everybody.
    if (
        not key
        or len(statement) > MAX_LENGTH
        or not hmac.compare_digest(_mac(key, text).encode(), mac.encode())
    ):
        raise _refused("is not signed with this sidecar's statement key; give both sides the same key")
    version, _, encoded = text.partition(".")
    if version not in ("v1", "v2"):
        raise _refused(f"is of the version {brief(version, 20)}, and known are v1 and v2")
    try:
        payload = strict_json.loads(_decode(encoded).decode())
        expires = dt.datetime.fromtimestamp(payload["expires"], dt.UTC)
        capability = Capability(
            str(payload["id"]), int(payload["owner_id"]), str(payload["type"]), dict(payload["params"])
        )
        stated = Statement(capability, version=1)
        if version == VERSION:
            stated = Statement(
                capability, str(payload["world"]), int(payload["caller"]), int(payload["this"]),
                str(payload["audience"]), str(payload["jti"]),
            )  # fmt: skip
    except (ValueError, TypeError, KeyError, OverflowError, OSError, binascii.Error) as error:
        raise _refused(f"cannot be read: {type(error).__name__}") from None
    for name, value in (("capability id", capability.id), ("world", stated.world), ("id", stated.id)):
        if len(value) > MAX_ID:
            raise _refused(f"names a {name} of {len(value)} characters; at most {MAX_ID}")
    if stated.version > 1 and not stated.world:
        raise _refused("names no world")
    allowed = CLOCKS if stated.version > 1 else dt.timedelta()
    longest = LIFETIME + CLOCKS if stated.version > 1 else LONGEST_BEFORE
    if expires + allowed <= now:
        raise _refused(f"is over since {expires.isoformat()}; do the clocks of the two machines agree?")
    if expires > now + longest:
        raise _refused(f"holds until {expires.isoformat()}, longer than {longest}")
    return stated


def _refused(words: str) -> PermissionDenied:
    return PermissionDenied(
        f"the capability statement {words}", reason="BAD_STATEMENT", field="context.capability_statement"
    )


def _mac(key: bytes, text: str) -> str:
    return _encode(hmac.digest(key, text.encode(), hashlib.sha256))


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
