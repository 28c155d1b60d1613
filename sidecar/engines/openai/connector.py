"""Draws through the images API: `images/generations`, `images/edits`, `images/variations`.

It has no way to cancel: closing the connection ends the waiting, and may be billed all the same.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from capabilities.errors import brief
from sidecar.engines.events import Preview
from sidecar.engines.openai import answers, chat, inventory, requests
from sidecar.engines.openai.refusals import explained
from sidecar.engines.remote.connector import Call, Drawing, Drawn, DrawnPicture, Inventory
from sidecar.engines.remote.failures import FailureKind, RemoteFailure
from sidecar.engines.remote.settings import EngineSettings
from sidecar.engines.remote.transport import Files, Host


class OpenAIConnector:
    """Implements `Connector`."""

    def __init__(self, host: Host, settings: EngineSettings) -> None:
        self.is_paid = settings.is_paid
        self._host = host
        self._settings = settings

    async def look(self) -> Inventory:
        if key := self._host.key():
            self._host.headers["Authorization"] = f"Bearer {key}"
        try:
            return await inventory.look(self._host, self._settings)
        except RemoteFailure as failure:
            raise explained(failure) from None

    async def close(self) -> None:
        """The connection is the host's."""

    async def draw(self, call: Call) -> Drawn:
        wanted = call.drawing
        try:
            with call.at_cost(wanted.count if self._costs(wanted.model) else 0):
                answer = await self._answer(call)
        except RemoteFailure as failure:
            raise explained(failure) from None
        found = answers.items(answer)
        seeded = "seed" in inventory.abilities(self._settings.quirks)
        answers.require_asked(wanted, answer, seeded=seeded)
        pictures = [
            DrawnPicture(
                await answers.picture(item, self._host),
                wanted.seed + place if seeded else None,
                answers.told(item, answer),
            )
            for place, item in enumerate(found)
        ]
        return Drawn(tuple(pictures), tuple(_notes(pictures)))

    async def refine(self, prompt: str, longest: int) -> AsyncGenerator[str]:
        writing = chat.refined(self._host, self._settings, prompt, longest)
        try:
            async with contextlib.aclosing(writing) as pieces:
                async for piece in pieces:
                    yield piece
        except RemoteFailure as failure:
            raise explained(failure) from None

    async def _answer(self, call: Call) -> Mapping[str, Any]:
        """What the server answers to a drawing, as far as it is an object. Raises RemoteFailure."""
        wanted, settings = call.drawing, self._settings
        # More than one picture at a time are not streamed by every server that streams.
        streams = "stream" in settings.quirks and call.wants_previews and wanted.count == 1
        match wanted.kind:
            case "text":
                body = requests.generation(wanted, settings, stream=streams)
                return await self._sent(call, "/images/generations", streams, body=body)
            case "image" if "variations" in settings.quirks and not wanted.prompt.strip():
                fields, files = requests.variation(wanted, settings)
                return await self._sent(call, "/images/variations", False, fields, files)
            case "image" | "masked" if "no-edits" not in settings.quirks:
                fields, files = requests.edit(wanted, settings, stream=streams)
                return await self._sent(call, "/images/edits", streams, fields, files)
            case _:
                raise _cannot(wanted)

    async def _sent(
        self,
        call: Call,
        path: str,
        streams: bool,
        form: Mapping[str, str] | None = None,
        files: Files | None = None,
        body: object = None,
    ) -> Mapping[str, Any]:
        if streams:
            async with self._host.stream("POST", path, body=body, form=form, files=files) as lines:
                async for event in answers.events(lines):
                    if answers.is_end(event):
                        return event
                    if (partial := await answers.partial_image(event)) is not None:
                        call.tell((partial.index + 1) / (requests.PARTIAL_IMAGES + 1))
                        call.tell(Preview(partial.data, 0, 0, 0))
            raise RemoteFailure(FailureKind.BAD_ANSWER, "its stream ended before the picture was finished")
        answer = await self._host.call("POST", path, body=body, form=form, files=files, draws=True)
        found = await self._host.json_of(answer)
        if not isinstance(found, Mapping):
            raise RemoteFailure(FailureKind.BAD_ANSWER, "its answer holds no picture")
        return found

    def _costs(self, model: str) -> bool:
        price = self._settings.price(model)
        return price.per_image > 0 or price.per_megapixel_step > 0


def _cannot(wanted: Drawing) -> RemoteFailure:
    if wanted.kind == "image":
        return RemoteFailure(
            FailureKind.BAD_REQUEST,
            f"'{wanted.model}' makes variations of a picture only; leave the prompt empty",
            field="prompt",
            asked=brief(wanted.prompt, 60),
            was_sent=False,
        )
    return RemoteFailure(
        FailureKind.BAD_REQUEST,
        f"'{wanted.model}' does not change pictures",
        field="model_id",
        asked=wanted.model,
        was_sent=False,
    )


def _notes(pictures: list[DrawnPicture]) -> list[str]:
    """What is told of prompts that the server changed."""
    revised = dict.fromkeys(
        str(picture.told["revised_prompt"]) for picture in pictures if "revised_prompt" in picture.told
    )
    return [f"the server drew from a prompt that it revised: {brief(text, 500)}" for text in revised]
