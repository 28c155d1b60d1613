"""What commands that make pictures have in common: following a job, writing what came of it, and telling so."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import typer
from rich.progress import BarColumn, TaskProgressColumn

from capabilities import strict_json
from capabilities.errors import Unavailable, data_size
from sidecar.cli.output import err, out, plain, table
from sidecar.cli.picture_files import EXTENSIONS, Target, slug
from sidecar.cli.progress import shown
from sidecar.engines.events import Failed
from viwo_imagegen_client import Client
from viwo_imagegen_client.pb.viwo.imagegen.v1 import common_pb2, job_pb2


def follow(sidecar: Client, job_id: str) -> job_pb2.Job:
    """The ended job, with a progress bar on the way; Ctrl-C cancels it. A bad end is shown and ends the command."""
    try:
        with shown(BarColumn(), TaskProgressColumn()) as progress:
            bar = progress.add_task("queued", total=None)
            for event in sidecar.jobs.Watch(job_pb2.WatchJobRequest(id=job_id)):
                kind = event.WhichOneof("event")
                if kind == "queued":
                    progress.update(bar, description=f"queued, {event.queued.position} before")
                elif kind == "loading":
                    progress.update(bar, **_loading(event.loading))
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
    except grpc.RpcError as error:
        raise _connection_lost(error, f"job {job_id} goes on: viwo-imagegen jobs watch {job_id}") from None
    raise AssertionError("a watched job ends")


def _loading(event: job_pb2.JobEvent.Loading) -> dict[str, Any]:
    if not event.bytes_total or event.bytes_done == event.bytes_total:
        return {"description": f"loading {event.model_id}", "total": None}
    words = f"downloading {event.model_id} {data_size(event.bytes_done)} of {data_size(event.bytes_total)}"
    return {"description": words, "completed": event.bytes_done, "total": event.bytes_total}


@contextmanager
def download_bar() -> Iterator[Callable[[str, int, int], None]]:
    """Shows how far a download is: told of its model, and of its bytes so far and in all."""
    with shown(BarColumn(), TaskProgressColumn()) as progress:
        bar = progress.add_task("asking the hub", total=None)

        def tell(model_id: str, done: int, total: int) -> None:
            event = job_pb2.JobEvent.Loading(model_id=model_id, bytes_done=done, bytes_total=total)
            progress.update(bar, **_loading(event))

        yield tell


@contextmanager
def ended_by_ctrl_c(end: Callable[[], object]) -> Iterator[threading.Event]:
    """Ctrl-C calls `end` and sets the event, instead of an exception that may rise where nobody can take it.

    On another thread than the main one, which gets no signals, it changes nothing.
    """
    ended = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield ended
        return

    def interrupted(*_: object) -> None:
        ended.set()
        end()

    before = signal.signal(signal.SIGINT, interrupted)
    try:
        yield ended
    finally:
        signal.signal(signal.SIGINT, before)


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


def _connection_lost(error: grpc.RpcError, what_goes_on: str) -> Exception:
    """What is told where a stream breaks; any other refusal as it is."""
    if error.code() is not grpc.StatusCode.UNAVAILABLE:
        return error
    return Unavailable(
        f"the connection to the sidecar was lost; {what_goes_on}",
        reason="CONNECTION_LOST",
        asked=error.details() or "",
    )


def follow_batch(sidecar: Client, batch: job_pb2.Batch) -> job_pb2.Batch:
    """The ended batch, with a progress bar on the way; Ctrl-C cancels what is left of it."""
    request = job_pb2.GetBatchRequest(id=batch.id)
    try:
        with shown(BarColumn(), TaskProgressColumn()) as progress:
            bar = progress.add_task(batch.id, total=max(1, batch.total_steps))
            for batch in sidecar.jobs.WatchBatch(request):  # noqa: PLR1704
                progress.update(bar, completed=batch.step)
    except KeyboardInterrupt:
        sidecar.jobs.CancelBatch(job_pb2.CancelBatchRequest(id=batch.id))
        err.print(f"canceled {batch.id}")
        raise typer.Exit(130) from None
    except grpc.RpcError as error:
        raise _connection_lost(
            error, f"batch {batch.id} goes on: viwo-imagegen batch get {batch.id}"
        ) from None
    return batch


def prompt_of(job: job_pb2.Job) -> str:
    """What the job's picture shows, where it was drawn from words."""
    try:
        prompt = strict_json.loads(job.task_json).get("prompt", "")
    except (ValueError, AttributeError):
        return ""
    return prompt if isinstance(prompt, str) else ""


def seeds_of(images: Sequence[common_pb2.Image]) -> list[int | None]:
    """The seed of each picture; None where nothing was drawn at random."""
    return [image.seed if image.HasField("seed") else None for image in images]


def fetched(sidecar: Client, jobs: Sequence[job_pb2.Job], where: Target, show_them: bool) -> None:
    """Fetch and write the pictures of jobs that succeeded, by names of their prompts and seeds; one job's pictures are
    in memory at a time. No name is used twice, and each is told."""
    paths: list[Path] = []
    several = sum(len(job.images) for job in jobs) > 1
    for listed in jobs:
        if not listed.images:
            continue
        job = sidecar.jobs.Get(job_pb2.GetJobRequest(id=listed.id, include_data=True))
        here = replace(where, format=EXTENSIONS[job.images[0].format])
        otherwise = f"{slug(job.method) or 'picture'}-{job.id[-8:]}"
        wanted = here.paths(prompt_of(job), seeds_of(job.images), otherwise=otherwise, several=several)
        taken = [
            path if path not in paths else path.with_stem(f"{path.stem}-{job.id[-8:]}") for path in wanted
        ]
        paths += written(job.images, here, taken, show_them)
    for path in paths:
        err.print(str(path), highlight=False)


def written(
    images: Sequence[common_pb2.Image], where: Target, paths: Sequence[Path], show_them: bool
) -> Sequence[Path]:
    """Write the pictures, and take them out of the messages; show them where that is wanted. Where they are."""
    found: list[Path] = []
    for image, wanted in zip(images, paths, strict=True):
        path = where.write(wanted, image.data)
        found.append(path)
        image.ClearField("data")
        if show_them:
            typer.launch(str(path.absolute()))
    return found


def show_made(
    jobs: Sequence[job_pb2.Job],
    paths: Sequence[Path],
    seeds: Sequence[int | None],
    prompt: str,
    as_json: bool,
    render: Callable[[], None],
) -> None:
    """JSON of one document: the job, and each picture with its path, seed, prompt, seconds and cost."""
    if not as_json:
        render()
        return
    images = [(job, image) for job in jobs for image in job.images]
    pictures = [
        {
            "path": str(path), "ref": image.ref, "width": image.width, "height": image.height, "seed": seed,
            "prompt": prompt, "entity_id": image.entity_id, "job_id": job.id, "model": job.model_id,
            "seconds": job.work_seconds, "compute": job.cost.compute,
        }
        for (job, image), path, seed in zip(images, paths, seeds, strict=True)
    ]  # fmt: skip
    print(json.dumps({**plain(jobs[-1]), "pictures": pictures}, indent=2, ensure_ascii=False))


def print_made(jobs: Sequence[job_pb2.Job], paths: Sequence[Path], seeds: Sequence[int | None]) -> None:
    """A table of what was made, what it took, and what of the prompt had no effect."""
    rows = table("picture", "size", "seed", "entity")
    images = [image for job in jobs for image in job.images]
    for path, image, seed in zip(paths, images, seeds, strict=True):
        rows.add_row(
            str(path),
            f"{image.width} x {image.height}",
            "" if seed is None else str(seed),
            str(image.entity_id or ""),
        )
    out.print(rows)
    for job in jobs:
        out.print(
            f"{job.model_id or 'no model'}: {job.work_seconds:.2f} s, {job.cost.compute:g} megapixel-steps, job {job.id}",
            style="dim",
            highlight=False,
        )
        for warning in job.warnings:
            err.print(f"note: {warning}", markup=False, highlight=False)
