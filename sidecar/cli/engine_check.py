"""`viwo-imagegen engines check`: tries an engine of the configuration, without a sidecar that runs."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import asdict
from typing import Annotated

import typer

from capabilities.errors import FailedPrecondition, NotFound
from sidecar import config
from sidecar.cli.output import Json, out, print_json, refusals, table
from sidecar.engines import connectors
from sidecar.engines.remote.checks import Check, check
from sidecar.engines.remote.settings import EngineSettings


def check_engine(
    name: Annotated[str, typer.Argument(help="As in the configuration.")],
    model: Annotated[str, typer.Option(help="Model to draw with; left out: the first that can.")] = "",
    side: Annotated[int, typer.Option(min=64, max=2048, help="Side of the pictures, in pixels.")] = 512,
    steps: Annotated[int, typer.Option(min=1, max=150, help="Steps of each picture.")] = 4,
    pay: Annotated[bool, typer.Option(help="Also where the engine costs money: some ten pictures.")] = False,
    as_json: Json = False,
) -> None:
    """Try an engine: connect, list its models, cancel a drawing, and draw by every method it has; status 1 if one fails."""
    # What goes wrong is what this command tells; a bug is told by the log besides.
    logging.basicConfig(level=logging.ERROR, format="%(message)s")
    with refusals():
        settings = _settings(name)
        if settings.is_paid and not pay:
            raise FailedPrecondition(
                f"the engine '{name}' costs money, and some ten pictures are drawn; say --pay if they may be paid for",
                reason="COSTS_MONEY",
                field="--pay",
            )
        done = asyncio.run(
            _checked(
                settings, f"{name}:{model.removeprefix(f'{name}:')}" if model else "", side, steps, as_json
            )
        )
    if as_json:
        print_json([{**asdict(each), "seconds": round(each.seconds, 3)} for each in done])
    if any(each.fine is False for each in done):
        raise typer.Exit(1)


def _settings(name: str) -> EngineSettings:
    configured = config.load().priced_engines
    found = next((each for each in configured if each.name == name), None)
    if found is None:
        known = ", ".join(each.name for each in configured) or "none"
        raise NotFound(
            f"no engine '{name}' in {config.config_file()}; there are: {known}",
            reason="UNKNOWN_ENGINE",
            field="name",
            limit=known,
            asked=name,
        )
    return found


async def _checked(settings: EngineSettings, model: str, side: int, steps: int, as_json: bool) -> list[Check]:
    engine = connectors.engine(settings, log_level="error")
    await engine.start()
    done = []
    try:
        async for each in check(engine, model=model, side=side, steps=steps):
            done.append(each)
            if not as_json:
                out.print(f"{each.name}: {_state(each)}", style="dim", highlight=False)
    finally:
        await engine.stop()
    if not as_json:
        rows = table("tried", "", "seconds", "what came of it")
        for each in done:
            colour = {True: "green", False: "red", None: "dim"}[each.fine]
            state = out.render_str(f"[{colour}]{_state(each)}[/]")
            rows.add_row(each.name, state, f"{each.seconds:.2f}" if each.seconds else "", each.words)
        out.print(rows)
    return done


def _state(each: Check) -> str:
    return {True: "fine", False: "failed", None: "not there"}[each.fine]
