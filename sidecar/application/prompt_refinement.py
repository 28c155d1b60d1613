"""Prompts refined: by a chat model that the capability allows, else by rules."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

from capabilities import prompt_rules
from capabilities.budgets import NOTHING, Cost, Price
from capabilities.errors import NotFound, Unavailable, brief
from capabilities.methods.refine_prompt import MAX_REFINED, METHOD, RULES, RefinePromptArguments
from capabilities.plain_text import cleaned
from capabilities.policy import Grant
from capabilities.principals import Principal
from sidecar.application.access import Access, Call
from sidecar.application.granted_means import GrantedMeans
from sidecar.engines.api import EngineState, PromptRefiner
from sidecar.engines.events import Failed
from sidecar.engines.router import Router
from sidecar.queue.ledger.purchases import Purchases

QUOTES = "\"'`“”„«» "
"""What models put around a prompt."""


@dataclass(frozen=True)
class RefinedPrompt:
    """`refined_by`: the id of a chat model, or "rules"."""

    prompt: str
    refined_by: str
    spent: Cost = NOTHING


class PromptRefinement:
    """All methods belong to the event loop's thread."""

    def __init__(
        self, access: Access, engines: Router, purchases: Purchases, price_of: Callable[[str], Price]
    ) -> None:
        self._access = access
        self._engines = engines
        self._purchases = purchases
        self._price_of = price_of
        self._settling: set[asyncio.Task[None]] = set()

    async def refine(
        self, principal: Principal, call: Call, arguments: RefinePromptArguments
    ) -> RefinedPrompt:
        """The fuller prompt. Raises as `stream`."""
        async with contextlib.aclosing(self.stream(principal, call, arguments)) as pieces:
            async for piece in pieces:
                if isinstance(piece, RefinedPrompt):
                    return piece
        raise AssertionError("the last piece is the refined prompt")

    async def stream(
        self, principal: Principal, call: Call, arguments: RefinePromptArguments
    ) -> AsyncGenerator[str | RefinedPrompt]:
        """The text as it is written, then the whole of it, tidied.

        Raises NotFound, InvalidArgument, PermissionDenied, ResourceExhausted where a budget is spent, and whatever the
        engine fails with. Whoever stops listening has paid.
        """
        arguments.require_words()
        admitted = self._access.admit(principal, call, METHOD.capability_type)
        grant = self._access.grant(admitted, METHOD)
        refiner = self._refiner(grant, arguments.model_id)
        if refiner is None:
            text = prompt_rules.refine(arguments.prompt, MAX_REFINED)
            yield text
            yield RefinedPrompt(text, RULES)
            return
        price = Cost(0, self._price_of(refiner.refiner).per_image)
        terms, _ = self._access.terms(grant, admitted)
        purchase = await self._purchases.reserve(terms, price)
        spent, written = price, ""
        try:
            async with contextlib.aclosing(refiner.refine(arguments.prompt, MAX_REFINED)) as pieces:
                async for piece in pieces:
                    if isinstance(piece, Failed):
                        spent = price if piece.billed else NOTHING
                        raise piece.refusal()
                    written += (text := cleaned(piece, MAX_REFINED))
                    yield text
        finally:
            await self._settle(purchase, spent)
        prompt = _tidied(written)
        if not prompt:
            raise Unavailable(
                f"the model '{refiner.refiner}' wrote nothing; try again, or use the model '{RULES}'",
                reason="ENGINE_BAD_ANSWER",
                asked=refiner.refiner,
            )
        yield RefinedPrompt(prompt, refiner.refiner, spent)

    async def _settle(self, purchase: str, spent: Cost) -> None:
        """Also where the call is being torn down."""
        settling = asyncio.create_task(self._purchases.settle(purchase, spent))
        self._settling.add(settling)
        settling.add_done_callback(self._settling.discard)
        await asyncio.shield(settling)

    def _refiner(self, grant: Grant, asked: str | None) -> PromptRefiner | None:
        """Who is to write; None for the rules. Raises NotFound, PermissionDenied."""
        means = GrantedMeans(grant, self._engines, {})
        refiners = {
            engine.refiner: engine
            for engine in self._engines.values()
            if isinstance(engine, PromptRefiner) and engine.refiner
        }
        if asked is None:
            usable = (
                engine
                for model_id, engine in refiners.items()
                if engine.status().state is EngineState.READY and means.allows(model_id)
            )
            return next(usable, None)
        if asked == RULES:
            return None
        model_id = self._engines.canonical(asked)
        means.require(model_id)
        if model_id not in refiners:
            known = ", ".join([*refiners, RULES])
            raise NotFound(
                f"no chat model '{brief(asked, 60)}' here; known are {known}",
                reason="UNKNOWN_MODEL",
                field="model_id",
                limit=known,
                asked=brief(asked, 60),
            )
        return refiners[model_id]


def _tidied(text: str) -> str:
    """In one line, without quotation marks around it."""
    return " ".join(text.split()).strip(QUOTES)
