"""Signed statements of a capability: what a plugin on another machine says, where the world's file cannot be read.

`v1.PAYLOAD.MAC`: PAYLOAD is JSON `{id, owner_id, type, params, expires}` in base64url without padding, MAC the HMAC-SHA-256
of `v1.PAYLOAD` under the shared key, in the same encoding; `expires` is in Unix seconds, a few minutes ahead at most.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import hmac
import json

from capabilities import strict_json
from capabilities.errors import PermissionDenied
from capabilities.policy import Capability

VERSION = "v1"
LONGEST = dt.timedelta(minutes=10)
"""A statement that would hold longer than this is refused: what it says may have been revoked meanwhile."""
MAX_LENGTH = 65_536
MAX_ID = 64
"""Longest id of a capability, in characters; viwo's are UUIDs."""


def sign(key: bytes, capability: Capability, expires: dt.datetime) -> str:
    """The statement of a capability until a moment."""
    payload = {
        "id": capability.id,
        "owner_id": capability.owner_id,
        "type": capability.type,
        "params": dict(capability.params),
        "expires": int(expires.timestamp()),
    }
    text = f"{VERSION}.{_encode(json.dumps(payload).encode())}"
    return f"{text}.{_mac(key, text)}"


def read(key: bytes, statement: str, now: dt.datetime) -> Capability:
    """What a statement says. Raises PermissionDenied for one that is not signed with the key, is over, or holds too long."""
    text, _, mac = statement.rpartition(".")
    # An empty key is known to everybody.
    if (
        not key
        or len(statement) > MAX_LENGTH
        or not hmac.compare_digest(_mac(key, text).encode(), mac.encode())
    ):
        raise _refused("is not signed with this sidecar's statement key; give both sides the same key")
    try:
        payload = strict_json.loads(_decode(text.removeprefix(f"{VERSION}.")).decode())
        expires = dt.datetime.fromtimestamp(payload["expires"], dt.UTC)
        capability = Capability(
            str(payload["id"]), int(payload["owner_id"]), str(payload["type"]), dict(payload["params"])
        )
    except (ValueError, TypeError, KeyError, OverflowError, OSError, binascii.Error) as error:
        raise _refused(f"cannot be read: {type(error).__name__}") from None
    if len(capability.id) > MAX_ID:
        raise _refused(f"names a capability id of {len(capability.id)} characters; at most {MAX_ID}")
    if expires <= now:
        raise _refused(f"is over since {expires.isoformat()}; do the clocks of the two machines agree?")
    if expires > now + LONGEST:
        raise _refused(f"holds until {expires.isoformat()}, longer than {LONGEST}")
    return capability


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
