"""Commands that make pictures, and tell what can be made."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from entity_store.world import SYSTEM_ID
from sidecar.cli.capability import context_for, own_capability
from sidecar.cli.output import Json, client, err, out, show, table
from sidecar.client import Client
from sidecar.engines.events import Failed
from sidecar.pb.viwo.imagegen.v1 import capability_pb2, common_pb2, image_pb2, job_pb2

FORMATS = {
    "png": common_pb2.IMAGE_FORMAT_PNG, "jpeg": common_pb2.IMAGE_FORMAT_JPEG, "webp": common_pb2.IMAGE_FORMAT_WEBP,
}  # fmt: skip


def generate(
    prompt: str,
    model: Annotated[str | None, typer.Option(help="Model id; see 'models list'.")] = None,
    width: Annotated[int | None, typer.Option(help="Pixels.")] = None,
    height: Annotated[int | None, typer.Option(help="Pixels.")] = None,
    steps: Annotated[int | None, typer.Option(help="Denoising steps.")] = None,
    guidance: Annotated[float | None, typer.Option(help="Guidance scale.")] = None,
    negative: Annotated[str | None, typer.Option(help="What not to show.")] = None,
    seed: Annotated[int | None, typer.Option(help="Makes the same picture again.")] = None,
    count: Annotated[int | None, typer.Option(help="How many pictures.")] = None,
    scheduler: Annotated[str | None, typer.Option(help="Such as 'dpm++ 2m'.")] = None,
    image_format: Annotated[str, typer.Option("--format", help="png, jpeg or webp.")] = "png",
    transparent: Annotated[bool, typer.Option(help="Clear the plain ground behind an icon.")] = False,
    upscale: Annotated[int, typer.Option(help="2 or 4: enlarge the result with a trained upscaler.")] = 1,
    upscaler: Annotated[str, typer.Option(help="Which; see 'models list'.")] = "anime",
    capability: Annotated[str, typer.Option(help="Capability id; left out: the actor's own.")] = "",
    caller: Annotated[int, typer.Option("--as", help="Entity that acts.")] = SYSTEM_ID,
    save: Annotated[bool, typer.Option(help="Also make an image entity.")] = False,
    room: Annotated[int, typer.Option(help="Room to put the entity in (implies --save).")] = 0,
    name: Annotated[str, typer.Option(help="The entity's name (implies --save).")] = "",
    folder: Annotated[Path, typer.Option("--out", help="Where the files go.")] = Path(),
    as_json: Json = False,
) -> None:
    """Make pictures from words."""
    given: dict[str, Any] = {
        "model_id": model, "width": width, "height": height, "steps": steps, "guidance_scale": guidance,
        "negative_prompt": negative, "seed": seed, "count": count, "scheduler": scheduler,
        "background": "transparent" if transparent else None,
    }  # fmt: skip
    output = common_pb2.OutputOptions(format=FORMATS.get(image_format, 99))  # type: ignore[arg-type]
    saving = common_pb2.SaveOptions(name=name or prompt[:60], room_id=room) if save or room or name else None
    with client() as sidecar:
        request = image_pb2.TextToImageRequest(
            context=context_for(sidecar, capability, caller),
            prompt=prompt,
            options=image_pb2.GenerationOptions(
                **{key: value for key, value in given.items() if value is not None}
            ),
            output=_saved(output, None if upscale > 1 else saving),
        )
        jobs = [done(sidecar, job_pb2.SubmitJobRequest(text_to_image=request))]
        if upscale > 1:
            enlarging = own_capability(sidecar, caller, "diffusers.upscale")
            jobs = [
                done(
                    sidecar,
                    job_pb2.SubmitJobRequest(
                        upscale=image_pb2.UpscaleRequest(
                            context=common_pb2.CallContext(
                                capability_id=enlarging, caller_id=caller, this_id=caller
                            ),
                            image=common_pb2.ImageSource(ref=image.ref),
                            model=upscaler,
                            factor=upscale,
                            output=_saved(output, saving),
                        )
                    ),
                )
                for image in jobs[0].images
            ]
        for job in jobs:
            paths = write(job, folder, image_format)
            for image in job.images:
                image.ClearField("data")
            show(job, as_json, partial(print_job, job, paths))


def methods(as_json: Json = False) -> None:
    """List the in-world methods that this sidecar can do."""
    with client() as sidecar:
        answer = sidecar.capabilities.DescribeMethods(capability_pb2.DescribeMethodsRequest())

        def render() -> None:
            for method in answer.methods:
                out.print(f"[bold]{method.type}[/] {method.name}: {method.description}")
                rows = table("argument", "type", "meaning")
                for item in method.parameters:
                    note = " (required)" if item.required else ""
                    group = f" ({item.group})" if item.group else ""
                    rows.add_row(f"  {item.name}", item.type, item.description + note + group)
                    for member in item.members:
                        rows.add_row(f"    .{member.name}", member.type, member.description)
                out.print(rows)

        show(answer, as_json, render)


def follow(sidecar: Client, job_id: str) -> job_pb2.Job:
    """The ended job, with a progress bar on the way; Ctrl-C cancels it. A bad end is shown and ends the command."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    try:
        with Progress(*columns, console=err, transient=True) as progress:
            bar = progress.add_task("queued", total=None)
            for event in sidecar.jobs.Watch(job_pb2.WatchJobRequest(id=job_id)):
                kind = event.WhichOneof("event")
                if kind == "queued":
                    progress.update(bar, description=f"queued, {event.queued.position} before")
                elif kind == "loading":
                    progress.update(bar, description=f"loading {event.loading.model_id}")
                elif kind == "step":
                    progress.update(
                        bar, description="painting", completed=event.step.step, total=event.step.total
                    )
                elif kind == "ended":
                    return _succeeded(event.ended)
    except KeyboardInterrupt:
        sidecar.jobs.Cancel(job_pb2.CancelJobRequest(id=job_id))
        err.print(f"canceled {job_id}")
        raise typer.Exit(130) from None
    raise AssertionError("a watched job ends")


def _saved(
    output: common_pb2.OutputOptions, saving: common_pb2.SaveOptions | None
) -> common_pb2.OutputOptions:
    """The same output options, with an entity made of the result where there is something to save."""
    copy = common_pb2.OutputOptions()
    copy.CopyFrom(output)
    if saving is not None:
        copy.save.CopyFrom(saving)
    return copy


def done(sidecar: Client, request: job_pb2.SubmitJobRequest) -> job_pb2.Job:
    """Submit a job and follow it to its good end; the job with the files of its pictures."""
    job = follow(sidecar, sidecar.jobs.Submit(request).id)
    return sidecar.jobs.Get(job_pb2.GetJobRequest(id=job.id, include_data=True))


def _succeeded(job: job_pb2.Job) -> job_pb2.Job:
    if job.state != job_pb2.JOB_STATE_SUCCEEDED:
        failure = job.failure
        raise Failed(
            failure.code, failure.message, failure.reason, failure.field, failure.limit, failure.asked
        ).refusal()
    return job


def write(job: job_pb2.Job, folder: Path, image_format: str) -> list[Path]:
    """Write the pictures of a job, named by its id and their seeds."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for image in job.images:
        path = folder / f"{job.id[-8:]}-{image.seed}.{image_format}"
        path.write_bytes(image.data)
        paths.append(path)
    return paths


def print_job(job: job_pb2.Job, paths: list[Path]) -> None:
    """A table of what was made, and what it took."""
    rows = table("picture", "size", "seed", "entity")
    for path, image in zip(paths, job.images, strict=True):
        rows.add_row(
            str(path), f"{image.width} x {image.height}", str(image.seed), str(image.entity_id or "")
        )
    out.print(rows)
    out.print(
        f"{job.model_id}: {job.work_seconds:.2f} s, {job.cost.compute:g} megapixel-steps, job {job.id}",
        style="dim",
        highlight=False,
    )
