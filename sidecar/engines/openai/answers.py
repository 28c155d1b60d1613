"""Pictures in the answers of the images API: whole answers, and streams of events with unfinished pictures before the end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from sidecar.engines.openai.refusals import refused
from sidecar.engines.remote.answers import own_address, picture_of
from sidecar.engines.remote.connector import Drawing
from sidecar.engines.remote.failures import FailureKind, RemoteFailure, substituted
from sidecar.engines.remote.transport import MAX_LISTING, ON_A_THREAD, Host


@dataclass(frozen=True)
class PartialImage:
    """An unfinished picture of a stream, the first of which has index 0."""

    data: bytes
    index: int


async def events(lines: AsyncIterator[bytes]) -> AsyncGenerator[Mapping[str, Any]]:
    """The events of a stream, or the one whole answer of a server that does not stream. Raises RemoteFailure."""
    plain: list[bytes] = []
    async for line in lines:
        if line.startswith(b"data:"):
            text = line.removeprefix(b"data:").strip()
            if text == b"[DONE]":
                return
            yield await _parsed(text)
        elif line and not line.startswith((b":", b"event:", b"id:", b"retry:")):
            plain.append(line)
    if plain:
        yield await _parsed(b"\n".join(plain))


async def partial_image(event: Mapping[str, Any]) -> PartialImage | None:
    """The unfinished picture of an event; None where it holds none."""
    kind, index = event.get("type"), event.get("partial_image_index")
    if not isinstance(kind, str) or not kind.endswith(".partial_image"):
        return None
    return PartialImage(await picture_of(event.get("b64_json")), index if isinstance(index, int) else 0)


def is_end(event: Mapping[str, Any]) -> bool:
    """Whether an event holds finished pictures."""
    kind = event.get("type")
    return isinstance(event.get("data"), list) or (isinstance(kind, str) and kind.endswith(".completed"))


def items(answer: Any) -> list[Mapping[str, Any]]:
    """What an answer holds for each picture. Raises RemoteFailure where it holds none."""
    if isinstance(answer, Mapping) and answer.get("error"):
        raise refused(answer["error"])
    found = answer.get("data") if isinstance(answer, Mapping) else None
    if found is None and isinstance(answer, Mapping) and "b64_json" in answer:
        found = [answer]
    if not isinstance(found, list) or not found or not all(isinstance(item, Mapping) for item in found):
        raise RemoteFailure(FailureKind.BAD_ANSWER, "its answer holds no picture")
    return found


def require_asked(wanted: Drawing, answer: Mapping[str, Any], *, seeded: bool) -> None:
    """Raises RemoteFailure where the server says that it drew something else than it was asked.

    `seeded`: it was given a seed. Most servers say neither model nor seed.
    """
    model = answer.get("model")
    # Services tell the release of a model, and gateways leave out whose it is.
    if isinstance(model, str) and model and model not in wanted.model and wanted.model not in model:
        raise substituted("model_id", "model", wanted.model, model)
    for place, item in enumerate(items(answer)):
        seed = item.get("seed", answer.get("seed") if place == 0 else None)
        if seeded and isinstance(seed, int) and seed != wanted.seed + place:
            raise substituted("seed", "seed", wanted.seed + place, seed)


async def picture(item: Mapping[str, Any], host: Host) -> bytes:
    """The picture of an item: in it, or at an address of the same server. Raises RemoteFailure."""
    if isinstance(item.get("b64_json"), str) and item["b64_json"]:
        return await picture_of(item["b64_json"])
    url = item.get("url")
    if not isinstance(url, str) or not url:
        raise RemoteFailure(FailureKind.BAD_ANSWER, "its answer holds no picture")
    if url.startswith("data:"):
        return await picture_of(url)
    if (own := own_address(url, host)) is None:
        raise RemoteFailure(
            FailureKind.BAD_ANSWER,
            "its picture is at an address of another host, which is not fetched; have it answer base64 with the quirk "
            "response-format",
            field="quirks",
        )
    return (await host.call("GET", own, repeatable=True, most=MAX_LISTING)).body


def told(item: Mapping[str, Any], answer: Mapping[str, Any]) -> dict[str, object]:
    """What the server says of how it made a picture."""
    kept: dict[str, object] = {}
    revised, usage = item.get("revised_prompt"), answer.get("usage")
    if isinstance(revised, str) and revised.strip():
        kept["revised_prompt"] = revised.strip()
    if isinstance(usage, Mapping):
        counted = {name: value for name, value in usage.items() if isinstance(value, int)}
        kept |= {"usage": counted} if counted else {}
    return kept


async def _parsed(text: bytes) -> Mapping[str, Any]:
    try:
        found = await asyncio.to_thread(json.loads, text) if len(text) > ON_A_THREAD else json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, Mapping):
        raise RemoteFailure(FailureKind.BAD_ANSWER, "its stream holds an event that is not JSON")
    if found.get("error"):
        raise refused(found["error"])
    return found
