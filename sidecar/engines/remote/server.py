"""One server of an engine: how it was at the last look, and how many jobs it works on."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import Callable

from capabilities.without_effect import OPTIONS
from sidecar.engines.remote.breaker import BreakerState
from sidecar.engines.remote.connector import Connector, Inventory, RemoteListing
from sidecar.engines.remote.failures import FailureKind, RemoteFailure
from sidecar.engines.remote.settings import EngineSettings
from sidecar.engines.remote.transport import Host

log = logging.getLogger("viwo_imagegen.engines")

LOOK_SECONDS = 60.0
"""How long a server may take to tell what it has, all its lists together."""
Connect = Callable[[Host, EngineSettings], Connector]


class Server:
    """Belongs to the event loop's thread."""

    def __init__(self, url: str, settings: EngineSettings, connect: Connect) -> None:
        self.url = url
        self.host = Host(url, settings)
        self.connector = connect(self.host, settings)
        self.free = asyncio.Semaphore(settings.slots)
        self.running = 0
        self.inventory: Inventory | None = None
        """What it is and has; of the last look that told. None: it was never reached."""
        self.failure: RemoteFailure | None = None
        """Why the last look told nothing."""
        self._settings = settings

    @property
    def is_up(self) -> bool:
        return (
            self.inventory is not None
            and self.failure is None
            and self.host.breaker.state is not BreakerState.OPEN
        )

    @property
    def reason(self) -> str:
        """Why it gets no work now; empty where it does."""
        if why := self.host.why_left_alone:
            return why
        return "" if self.failure is None else self.failure.message

    async def look(self) -> None:
        """See how it is. What goes wrong is kept, and told in the log when it is something new."""
        before = None if self.failure is None else self.failure.message
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                self.inventory = self._chosen(await self.connector.look())
        except TimeoutError:
            self._note(
                RemoteFailure(
                    FailureKind.TIMEOUT, f"{self.url} did not tell within {LOOK_SECONDS:g} s what it has"
                ),
                before,
            )
            return
        except RemoteFailure as failure:
            self._note(failure, before)
            return
        except Exception:
            # Whatever it said, it is asked again, and so are the others.
            log.exception("engine '%s' broke on what %s has", self._settings.name, self.url)
            words = f"what {self.url} says that it has makes no sense; the server's log says more"
            self._note(RemoteFailure(FailureKind.BAD_ANSWER, words), before)
            return
        if before is not None:
            log.info("engine '%s' is there again: %s", self._settings.name, self.url)
        self.failure = None

    def _note(self, failure: RemoteFailure, before: str | None) -> None:
        """Keep why a look told nothing."""
        self.failure = failure
        if failure.message != before:
            log.warning("engine '%s' is not to be had: %s", self._settings.name, failure.message)

    def _chosen(self, inventory: Inventory) -> Inventory:
        """Without what the operator leaves out; each model's facts tell what has no effect with it."""
        named = {model.name for model in self._settings.models}
        models = (
            listing
            for listing in inventory.models
            if listing.name in named or not self._settings.only_these_models
        )
        return dataclasses.replace(inventory, models=tuple(map(_with_ignored_options, models)))

    async def close(self) -> None:
        await self.connector.close()
        await self.host.close()


def _with_ignored_options(listing: RemoteListing) -> RemoteListing:
    ignored: set[str] = {*(listing.ignores - listing.abilities)}
    if "prompt_2" in ignored:
        ignored.add("negative_prompt_2")
    facts = dataclasses.replace(listing.facts, ignores=listing.facts.ignores | (ignored & OPTIONS))
    return dataclasses.replace(listing, facts=facts)
