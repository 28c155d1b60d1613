"""Commands on jobs."""

from __future__ import annotations

from typing import Annotated

import typer

from sidecar.cli.generate import follow
from sidecar.cli.output import Json, client, out, show, table
from sidecar.pb.viwo.imagegen.v1 import job_pb2 as pb

app = typer.Typer(help="Look after jobs.", no_args_is_help=True)


@app.command("list")
def list_jobs(
    state: Annotated[
        str, typer.Option(help="queued, running, succeeded, failed, canceled or blocked_budget.")
    ] = "",
    owner: Annotated[int, typer.Option(help="Only those of this entity's capabilities.")] = 0,
    limit: Annotated[int, typer.Option(help="At most this many.", min=1, max=1000)] = 20,
    as_json: Json = False,
) -> None:
    """List jobs, newest first."""
    names = {name.removeprefix("JOB_STATE_").lower(): number for name, number in pb.JobState.items()}
    if state and state not in names:
        raise typer.BadParameter(f"no state '{state}'; states are {', '.join(list(names)[1:])}")
    with client() as sidecar:
        request = pb.ListJobsRequest(states=[names[state]] if state else [], owner_id=owner, page_size=limit)
        found = list(sidecar.jobs.List(request).jobs)
        show(found, as_json, lambda: _print(found))


@app.command()
def get(job_id: str, as_json: Json = False) -> None:
    """Show one job."""
    with client() as sidecar:
        job = sidecar.jobs.Get(pb.GetJobRequest(id=job_id))
        show(job, as_json, lambda: _print([job]))


@app.command()
def watch(job_id: str, as_json: Json = False) -> None:
    """Follow a job to its end."""
    with client() as sidecar:
        job = follow(sidecar, job_id)
        show(job, as_json, lambda: _print([job]))


@app.command()
def cancel(job_id: str, as_json: Json = False) -> None:
    """Cancel a job."""
    with client() as sidecar:
        job = sidecar.jobs.Cancel(pb.CancelJobRequest(id=job_id))
        show(job, as_json, lambda: _print([job]))


def _print(found: list[pb.Job]) -> None:
    rows = table("id", "state", "method", "model", "steps", "seconds", "why")
    for job in found:
        state = pb.JobState.Name(job.state).removeprefix("JOB_STATE_").lower()
        rows.add_row(
            job.id, state, job.method, job.model_id, f"{job.step}/{job.total_steps}", f"{job.work_seconds:.1f}",
            job.failure.message,
        )  # fmt: skip
    out.print(rows)
