"""Commands on jobs."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.tree import Tree

from capabilities import methods, strict_json
from capabilities.errors import NotFound
from entity_store.world import SYSTEM_ID
from sidecar.cli import completion
from sidecar.cli.capability import context_for
from sidecar.cli.making import fetched, follow, prompt_of
from sidecar.cli.output import Json, client, out, print_json, show, table
from sidecar.cli.picture_files import Open, Out, target_if_wanted
from sidecar.cli.references import whole_job, whole_picture
from viwo_imagegen_client.pb.viwo.imagegen.v1 import job_pb2 as pb

app = typer.Typer(help="Look after jobs.", no_args_is_help=True)

MOST_SHOWN = 60
"""Characters of a prompt in a list."""
JobId = Annotated[
    str,
    typer.Argument(
        help="The job's id, or its beginning or end where no other job has it.",
        autocompletion=completion.jobs,
    ),
]


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
def get(job_id: JobId, file: Out = None, show_them: Open = False, as_json: Json = False) -> None:
    """Show one job; with --out also write its pictures."""
    with client() as sidecar:
        where = target_if_wanted(file, show_them)
        job = sidecar.jobs.Get(pb.GetJobRequest(id=whole_job(sidecar, job_id)))
        if where is not None:
            fetched(sidecar, [job], where, show_them)
        show(job, as_json, lambda: _print([job]))


@app.command()
def watch(job_id: JobId, as_json: Json = False) -> None:
    """Follow a job to its end."""
    with client() as sidecar:
        job = follow(sidecar, whole_job(sidecar, job_id))
        show(job, as_json, lambda: _print([job]))


@app.command()
def cancel(job_id: JobId, as_json: Json = False) -> None:
    """Cancel a job."""
    with client() as sidecar:
        job = sidecar.jobs.Cancel(pb.CancelJobRequest(id=whole_job(sidecar, job_id)))
        show(job, as_json, lambda: _print([job]))


@app.command()
def rerun(job_id: JobId, as_json: Json = False) -> None:
    """Do a job again exactly, with the same seed, and follow it."""
    with client() as sidecar:
        job = follow(sidecar, sidecar.jobs.Rerun(pb.RerunJobRequest(id=whole_job(sidecar, job_id))).id)
        show(job, as_json, lambda: _print([job]))


@app.command()
def export(
    job_id: JobId,
    file: Annotated[Path, typer.Argument(help="The JSON file to write.")],
    as_json: Json = False,
) -> None:
    """Write a job, and the pictures that it begins with, into a file that another server can import."""
    with client() as sidecar:
        found = whole_job(sidecar, job_id)
        document = sidecar.jobs.Export(pb.ExportJobRequest(id=found)).document_json
        file.write_text(document, encoding="utf-8")
        if as_json:
            print_json({"path": str(file), "job_id": found, "characters": len(document)})
        else:
            out.print(f"{file}: {len(document)} characters", highlight=False)


@app.command("import")
def import_job(
    file: Annotated[Path, typer.Argument(help="A file that `export` wrote.", exists=True)],
    capability: Annotated[
        str,
        typer.Option(
            help="Capability id; left out: the actor's own.", autocompletion=completion.capabilities
        ),
    ] = "",
    caller: Annotated[int, typer.Option("--as", help="Entity that acts.")] = SYSTEM_ID,
    as_json: Json = False,
) -> None:
    """Run the job of a file, and follow it."""
    with client() as sidecar:
        text = file.read_text(encoding="utf-8")
        context = context_for(sidecar, capability, caller, _capability_type(text))
        made = sidecar.jobs.Import(pb.ImportJobRequest(context=context, document_json=text))
        job = follow(sidecar, made.id)
        show(job, as_json, lambda: _print([job]))


@app.command()
def history(
    picture: Annotated[
        str,
        typer.Argument(
            help="sha256:... or its first digits, or the id of an image entity.",
            autocompletion=completion.pictures,
        ),
    ],
    as_json: Json = False,
) -> None:
    """Show how a picture came to be, back to what was brought here."""
    with client() as sidecar:
        asked = (
            pb.HistoryRequest(entity_id=int(picture))
            if picture.isdecimal()
            else pb.HistoryRequest(ref=whole_picture(sidecar, picture))
        )
        root = sidecar.jobs.History(asked)
        show(root, as_json, lambda: out.print(_tree(root)))


@app.command()
def budget(
    capability: Annotated[
        str,
        typer.Option(
            help="Capability id; left out: the actor's own.", autocompletion=completion.capabilities
        ),
    ] = "",
    caller: Annotated[int, typer.Option("--as", help="Entity that acts.")] = SYSTEM_ID,
    as_json: Json = False,
) -> None:
    """Show the caps that hold for a capability, and what is left of them."""
    with client() as sidecar:
        context = context_for(sidecar, capability, caller, "diffusers.generate")
        found = list(sidecar.jobs.BudgetStatus(pb.BudgetStatusRequest(context=context)).budgets)
        show(found, as_json, lambda: _print_budgets(found))


def _capability_type(document: str) -> str:
    """The capability type that the job of a document needs; the server says what is wrong with one that has none."""
    try:
        name = str(strict_json.loads(document)["method"])
        return (methods.EDIT if name == methods.EDIT.name else methods.find(name)).capability_type
    except (ValueError, KeyError, TypeError, NotFound):
        return "diffusers.generate"


def _tree(node: pb.HistoryNode) -> Tree:
    made = node.method or "brought here"
    role = f"[dim]{escape(node.role)}:[/] " if node.role else ""
    branch = Tree(f"{role}{node.ref[:19]}… {escape(f'{made} {node.job_id}')}", highlight=False)
    for source in node.sources:
        branch.add(_tree(source))
    return branch


def _print_budgets(found: list[pb.Budget]) -> None:
    rows = table("account", "period", "compute spent", "of", "money spent", "of")
    for item in found:
        money = [f"{cost.money_micros / 1e6:g} {cost.currency}" for cost in (item.spent, item.cap)]
        rows.add_row(
            item.account, item.period,
            *((f"{item.spent.compute:g}", f"{item.cap.compute:g}") if item.caps_compute else ("", "")),
            *(money if item.caps_money else ("", "")),
        )  # fmt: skip
    out.print(rows if found else "no caps")


def _print(found: list[pb.Job]) -> None:
    rows = table("id", "time", "state", "method", "model", "by", "prompt", "seconds", "pictures", "why")
    for job in found:
        state = pb.JobState.Name(job.state).removeprefix("JOB_STATE_").lower()
        if job.state == pb.JOB_STATE_RUNNING:
            state += f" {job.step}/{job.total_steps}"
        when = job.create_time.ToDatetime(dt.UTC).astimezone()
        rows.add_row(
            job.id, f"{when:%Y-%m-%d %H:%M:%S}", state, job.method, job.model_id, str(job.context.caller_id or ""),
            prompt_of(job)[:MOST_SHOWN], f"{job.work_seconds:.1f}", " ".join(image.ref for image in job.images),
            job.failure.message,
        )  # fmt: skip
    out.print(rows)
