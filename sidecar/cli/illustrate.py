"""The command that gives a world pictures."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import typer
from google.protobuf import json_format
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from entity_store.world import SYSTEM_ID
from sidecar.cli import completion
from sidecar.cli.capability import context_for
from sidecar.cli.output import Json, client, err, out, show
from viwo_imagegen_client import Client
from viwo_imagegen_client.pb.viwo.imagegen.v1 import illustration_pb2 as pb
from viwo_imagegen_client.pb.viwo.imagegen.v1 import image_pb2

MOST_SHOWN = 5
"""Most reasons of failures that are printed."""


def illustrate(
    room: Annotated[int, typer.Option(help="Only this room and what lies in it.")] = 0,
    prototype: Annotated[
        int, typer.Option(help="Only entities that have this one among their prototypes.")
    ] = 0,
    name: Annotated[str, typer.Option(help="Only names that match, such as '*sword*'.")] = "",
    model: Annotated[
        str | None,
        typer.Option(
            help="Model id, such as 'glyphs:game-icons'; see 'models list'.", autocompletion=completion.models
        ),
    ] = None,
    prompt: Annotated[
        str,
        typer.Option(help="Template: {name}, {description} and {prototype} stand for what the entity has."),
    ] = "",
    width: Annotated[int | None, typer.Option(help="Pixels.")] = None,
    height: Annotated[int | None, typer.Option(help="Pixels.")] = None,
    transparent: Annotated[bool, typer.Option(help="Clear the plain ground behind an icon.")] = False,
    seed: Annotated[int | None, typer.Option(help="Of every picture; left out: 1.")] = None,
    budget: Annotated[
        float, typer.Option(help="Megapixel-steps that it may cost; 0: as the capability allows.")
    ] = 0,
    capability: Annotated[str, typer.Option(help="Capability id; left out: the actor's own.")] = "",
    caller: Annotated[int, typer.Option("--as", help="Entity that acts.")] = SYSTEM_ID,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell what it would do and cost, and do nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")] = False,
    undo: Annotated[
        bool, typer.Option("--undo", help="Take away again what runs of this command gave.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Give the entities of the world a picture each. Those that have one are left alone, so it can be run again and again."""
    selection = pb.EntitySelection(room_id=room, prototype_id=prototype, name=name)
    with client() as sidecar:
        if undo:
            removed = sidecar.illustrations.Undo(pb.UndoIllustrationsRequest(selection=selection))
            show(removed, as_json, lambda: out.print(f"{removed.removed} entities have no picture any more"))
            return
        given = {
            "model_id": model, "width": width, "height": height, "seed": seed,
            "background": "transparent" if transparent else None,
        }  # fmt: skip
        request = pb.IllustrateRequest(
            context=context_for(sidecar, capability, caller),
            selection=selection,
            options=image_pb2.GenerationOptions(
                **{key: value for key, value in given.items() if value is not None}  # type: ignore[arg-type]
            ),
            prompt=prompt,
            budget=budget,
        )
        plan = sidecar.illustrations.Plan(request)
        if dry_run:
            show(plan, as_json, lambda: _print(plan))
            return
        if as_json:
            # Lines: the plan, then what happens to each.
            print(json_format.MessageToJson(plan, indent=None), flush=True)
        else:
            _print(plan)
        if plan.entities and not yes and not as_json:
            typer.confirm("Begin?", abort=True, err=True)
        if plan.entities:
            _run(sidecar, request, as_json)


def _print(plan: pb.IllustrationPlan) -> None:
    out.print(
        f"{plan.entities} entities without a picture, {plan.drawings} drawings by {plan.model_id or 'no model'}; "
        f"{plan.illustrated} have one, {plan.left_out} can have none"
    )
    time = f", about {plan.seconds:.0f} s of work" if plan.HasField("seconds") else ""
    out.print(f"{plan.compute:.2f} megapixel-steps{time}")
    for example in plan.examples:
        out.print(f"  {example}", markup=False)


def _run(sidecar: Client, request: pb.IllustrateRequest, as_json: bool) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    failures: Counter[str] = Counter()
    hung, last = 0, pb.Illustrated()
    with Progress(*columns, console=err, transient=True, disable=as_json) as progress:
        bar = progress.add_task("", total=None)
        for event in sidecar.illustrations.Run(request):
            last = event
            if as_json:
                print(json_format.MessageToJson(event, indent=None), flush=True)
            progress.update(bar, completed=event.done, total=event.total, description=event.name[:24])
            if event.ref:
                hung += 1
            elif event.HasField("failure"):
                failures[event.failure.message] += 1
    if not as_json:
        _print_end(hung, last, failures)
    if failures:
        raise typer.Exit(1)


def _print_end(hung: int, last: pb.Illustrated, failures: Counter[str]) -> None:
    out.print(f"{hung} of {last.total} entities have a picture now; {last.compute:.2f} megapixel-steps")
    for words, count in failures.most_common(MOST_SHOWN):
        err.print(f"{count} x {words}", markup=False)
