"""Pictures in JSON, as most servers send and take them: base64, with or without the beginning of a data URL."""

from __future__ import annotations

import asyncio
import base64
import binascii

from sidecar.engines.remote.failures import FailureKind, RemoteFailure

ON_A_THREAD = 256 * 1024
"""Characters above which a text is decoded on a thread: the loop must not wait for it."""


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
