"""Commands on workflow templates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from capabilities import methods, strict_json
from capabilities.errors import InvalidArgument
from entity_store.world import SYSTEM_ID
from sidecar.cli import completion
from sidecar.cli.capability import context_for
from sidecar.cli.output import Json, client, err, out, print_json, show, table
from viwo_imagegen_client.pb.viwo.imagegen.v1 import job_pb2
from viwo_imagegen_client.pb.viwo.imagegen.v1 import template_pb2 as pb

app = typer.Typer(help="Chains of tasks under a name.", no_args_is_help=True)

TemplateName = Annotated[str, typer.Argument(autocompletion=completion.templates)]


@app.command("import")
def import_template(
    file: Annotated[Path, typer.Argument(help="A *.viwo-template.json file.", exists=True)],
    as_json: Json = False,
) -> None:
    """Keep a template, in place of one with the same name."""
    with client() as sidecar:
        saved = sidecar.templates.Save(pb.SaveTemplateRequest(document_json=file.read_text(encoding="utf-8")))
        show(saved, as_json, lambda: out.print(saved.name, highlight=False))


@app.command()
def export(
    name: TemplateName,
    file: Annotated[Path | None, typer.Argument(help="Left out: NAME.viwo-template.json.")] = None,
    as_json: Json = False,
) -> None:
    """Write a template into a file."""
    with client() as sidecar:
        target = file or Path(Path(f"{name}.viwo-template.json").name)
        document = sidecar.templates.Get(pb.GetTemplateRequest(name=name)).document_json
        target.write_text(document, encoding="utf-8")
        if as_json:
            print_json({"path": str(target), "name": name})
        else:
            out.print(str(target), highlight=False)


@app.command("list")
def list_templates(as_json: Json = False) -> None:
    """List templates by name."""
    with client() as sidecar:
        found = list(sidecar.templates.List(pb.ListTemplatesRequest(page_size=1000)).templates)
        show(found, as_json, lambda: _print(found))


@app.command()
def delete(name: TemplateName, as_json: Json = False) -> None:
    """Remove a template; runs that have begun go on."""
    with client() as sidecar:
        sidecar.templates.Delete(pb.DeleteTemplateRequest(name=name))
        if as_json:
            print_json({"deleted": name})


@app.command()
def run(
    name: TemplateName,
    settings: Annotated[
        list[str] | None, typer.Option("--set", "-s", help="A parameter as name=value. Repeatable.")
    ] = None,
    caller: Annotated[int, typer.Option("--as", help="Entity that acts.")] = SYSTEM_ID,
    as_json: Json = False,
) -> None:
    """Work through a template with the actor's own capabilities, and follow it."""
    with client() as sidecar:
        document = json.loads(sidecar.templates.Get(pb.GetTemplateRequest(name=name)).document_json)
        needed = {methods.find(step["method"]).capability_type for step in document["steps"]}
        begun = sidecar.templates.Run(
            pb.RunTemplateRequest(
                contexts=[context_for(sidecar, "", caller, kind) for kind in sorted(needed)],
                name=name,
                parameters_json=json.dumps(_values(settings or [], document["parameters"])),
            )
        )
        with err.status(f"run {begun.id}") as status:
            for seen in sidecar.templates.WatchRun(pb.GetRunRequest(id=begun.id)):
                status.update(f"run {seen.id}: step {max(1, len(seen.jobs))} of {seen.steps}")
        show(seen, as_json, lambda: _print_run(seen))
        if seen.state != job_pb2.JOB_STATE_SUCCEEDED:
            raise typer.Exit(1)


def _values(pairs: list[str], parameters: dict[str, dict[str, str]]) -> dict[str, object]:
    values: dict[str, object] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals:
            raise InvalidArgument(f"--set must be name=value; got {pair}", field="--set", asked=pair)
        plain = parameters.get(name, {}).get("type") in ("string", None)
        try:
            values[name] = text if plain else strict_json.loads(text)
        except ValueError:
            values[name] = text
    return values


def _print(found: list[pb.Template]) -> None:
    rows = table("name", "steps", "parameters", "description")
    for item in found:
        document = json.loads(item.document_json)
        steps = " > ".join(step["method"] for step in document["steps"])
        rows.add_row(item.name, steps, ", ".join(document["parameters"]), document["description"])
    out.print(rows)


def _print_run(run: pb.TemplateRun) -> None:
    state = job_pb2.JobState.Name(run.state).removeprefix("JOB_STATE_").lower()
    out.print(f"run {run.id} {state} {run.failure.message}", highlight=False, markup=False)
    for job in run.jobs:
        pictures = ", ".join(
            image.ref + (f" (entity {image.entity_id})" if image.entity_id else "") for image in job.images
        )
        out.print(f"  {job.method} {job.id} {pictures}", highlight=False)
