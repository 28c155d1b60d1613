"""Commands on batches: one task with other prompts or seeds."""

from __future__ import annotations

from typing import Annotated

import typer

from entity_store.world import SYSTEM_ID
from sidecar.cli import completion
from sidecar.cli.capability import context_for
from sidecar.cli.making import fetched, follow_batch
from sidecar.cli.output import Json, client, out, show, table
from sidecar.cli.picture_files import Open, Out, Target, target_if_wanted
from sidecar.cli.references import whole_batch
from viwo_imagegen_client import Client
from viwo_imagegen_client.pb.viwo.imagegen.v1 import image_pb2
from viwo_imagegen_client.pb.viwo.imagegen.v1 import job_pb2 as pb

app = typer.Typer(help="Many tasks as one.", no_args_is_help=True)

BatchId = Annotated[
    str,
    typer.Argument(
        help="The batch's id, or its beginning or end where no other batch has it.",
        autocompletion=completion.batches,
    ),
]


@app.command()
def submit(
    prompts: Annotated[list[str], typer.Argument(help="One or more prompts.")],
    count: Annotated[int, typer.Option(help="Seeds for each prompt.", min=1)] = 1,
    seed: Annotated[int | None, typer.Option(help="First seed; left out: drawn.")] = None,
    model: Annotated[
        str, typer.Option(help="Model id; left out: the default.", autocompletion=completion.models)
    ] = "",
    steps: Annotated[int | None, typer.Option(help="Denoising steps.")] = None,
    go_on: Annotated[bool, typer.Option("--go-on", help="Go on with the rest when one fails.")] = False,
    capability: Annotated[
        str,
        typer.Option(
            help="Capability id; left out: the actor's own.", autocompletion=completion.capabilities
        ),
    ] = "",
    caller: Annotated[int, typer.Option("--as", help="Entity that acts.")] = SYSTEM_ID,
    file: Out = None,
    show_them: Open = False,
    as_json: Json = False,
) -> None:
    """Draw every prompt with every seed, and follow it: viwo-imagegen batch submit "a cup" "a hat" --count 3 --out cups"""
    with client(may_serve=file is not None) as sidecar:
        where = target_if_wanted(file, show_them)
        given = {"model_id": model or None, "seed": seed, "steps": steps}
        options = image_pb2.GenerationOptions(
            **{name: value for name, value in given.items() if value is not None}  # type: ignore[arg-type]
        )
        context = context_for(sidecar, capability, caller)
        task = pb.SubmitJobRequest(
            text_to_image=image_pb2.TextToImageRequest(context=context, prompt=prompts[0], options=options)
        )
        request = pb.SubmitBatchRequest(
            variations=pb.Variations(task=task, prompts=prompts, count=count),
            on_error=pb.ON_ERROR_CONTINUE if go_on else pb.ON_ERROR_STOP,
        )
        batch = follow_batch(sidecar, sidecar.jobs.SubmitBatch(request))
        _show(sidecar, batch, where, show_them, as_json)


@app.command()
def get(batch_id: BatchId, file: Out = None, show_them: Open = False, as_json: Json = False) -> None:
    """Show one batch; with --out also write its pictures."""
    with client() as sidecar:
        where = target_if_wanted(file, show_them)
        batch = sidecar.jobs.GetBatch(pb.GetBatchRequest(id=whole_batch(sidecar, batch_id)))
        _show(sidecar, batch, where, show_them, as_json)


@app.command()
def cancel(batch_id: BatchId, as_json: Json = False) -> None:
    """Cancel what is left of a batch."""
    with client() as sidecar:
        batch = sidecar.jobs.CancelBatch(pb.CancelBatchRequest(id=whole_batch(sidecar, batch_id)))
        show(batch, as_json, lambda: _print(batch))


def _show(sidecar: Client, batch: pb.Batch, where: Target | None, show_them: bool, as_json: bool) -> None:
    if where is not None:
        fetched(sidecar, batch.jobs, where, show_them)
    show(batch, as_json, lambda: _print(batch))


def _print(batch: pb.Batch) -> None:
    out.print(
        f"batch {batch.id}: {batch.succeeded} succeeded, {batch.failed} failed, {batch.canceled} canceled, "
        f"{batch.left} left",
        highlight=False,
    )
    rows = table("job", "state", "picture", "why")
    for job in batch.jobs:
        state = pb.JobState.Name(job.state).removeprefix("JOB_STATE_").lower()
        rows.add_row(job.id, state, job.images[0].ref[:19] if job.images else "", job.failure.message)
    out.print(rows)
