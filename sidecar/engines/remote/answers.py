"""What servers' answers hold, read so that nonsense counts as nothing said or as a bad answer, never as a fault of ours:
numbers, addresses of which only a server's own are asked, and pictures in base64, as most send and take them.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import math

import httpx2

from sidecar.engines.remote.failures import FailureKind, RemoteFailure
from sidecar.engines.remote.transport import ON_A_THREAD, Host


def share(value: object, of: int = 1) -> float | None:
    """How much is done, 0 to 1, where `of` is all; None for what is no finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # A whole number may be too long for a float.
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return min(of, max(0, value)) / of


def whole(value: object, digits: int) -> int | None:
    """A number of at most so many digits, also one written as a text; None for anything else, and below 0."""
    if isinstance(value, str):
        return int(value) if len(value) <= digits and value.isascii() and value.isdecimal() else None
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value < 10**digits else None


def own_address(url: object, host: Host) -> str | None:
    """An address of the server itself, whole; None for any other, and for what is no address."""
    if not isinstance(url, str) or not url:
        return None
    try:
        base = httpx2.URL(host.url)
        found = base.join(url)
    except (httpx2.InvalidURL, ValueError):
        return None
    is_own = (found.scheme, found.host, found.port) == (base.scheme, base.host, base.port)
    return str(found) if is_own else None


def text_of(picture: bytes) -> str:
    """A picture as base64."""
    return base64.b64encode(picture).decode()


async def picture_of(text: object) -> bytes:
    """A picture from base64. Raises RemoteFailure for anything else."""
    if isinstance(text, str) and len(text) > ON_A_THREAD:
        return await asyncio.to_thread(_decoded, text)
    return _decoded(text)


def _decoded(text: object) -> bytes:
    try:
        if isinstance(text, str) and text:
            bare = text.partition(",")[2] if text.startswith("data:") else text
            return base64.b64decode(bare, validate=True)
    except (binascii.Error, ValueError):
        pass
    raise RemoteFailure(FailureKind.BAD_ANSWER, "its answer holds a picture that is not base64")
