"""`viwo-imagegen refine`: a fuller prompt, shown as it is written."""

from __future__ import annotations

from typing import Annotated

import typer

from entity_store.world import SYSTEM_ID
from sidecar.cli.capability import context_for
from sidecar.cli.output import Json, client, err, show
from viwo_imagegen_client.pb.viwo.imagegen.v1 import image_pb2


def refine(
    prompt: str,
    model: Annotated[
        str | None, typer.Option(help="A chat model of an engine, or 'rules'; left out: the first there is.")
    ] = None,
    capability: Annotated[str, typer.Option(help="Capability id; left out: the actor's own.")] = "",
    caller: Annotated[int, typer.Option("--as", help="Entity that acts.")] = SYSTEM_ID,
    as_json: Json = False,
) -> None:
    """Write a fuller prompt from a short one."""
    with client(may_serve=True) as sidecar:
        request = image_pb2.RefinePromptRequest(
            context=context_for(sidecar, capability, caller), prompt=prompt, model_id=model
        )
        refined = image_pb2.RefinedPrompt()
        for part in sidecar.images.RefinePrompt(request):
            if part.WhichOneof("part") == "refined":
                refined = part.refined
            elif not as_json:
                print(part.text, end="", flush=True)
        if not as_json:
            print(flush=True)
        show(refined, as_json, lambda: _show(refined))


def _show(refined: image_pb2.RefinedPrompt) -> None:
    money = (
        f", {refined.cost.money_micros / 1e6:g} {refined.cost.currency}" if refined.cost.money_micros else ""
    )
    err.print(f"refined by {refined.refined_by}{money}", style="dim", highlight=False, markup=False)
