"""Commands on pictures: those that were made here, found again, fetched and shown."""

from __future__ import annotations

import datetime as dt
import io
from pathlib import Path
from typing import Annotated

import typer

from capabilities.errors import InvalidArgument
from entity_store.blobs import file_of
from sidecar import config
from sidecar.cli import completion
from sidecar.cli.moments import moment
from sidecar.cli.output import Json, client, err, out, pages, plain, print_json, show, table
from sidecar.cli.picture_files import EXTENSIONS, Open, Out, Target, slug, target
from sidecar.cli.references import short, whole_picture
from viwo_imagegen_client import Client
from viwo_imagegen_client.pb.viwo.imagegen.v1 import blob_pb2
from viwo_imagegen_client.pb.viwo.imagegen.v1 import picture_pb2 as pb

app = typer.Typer(help="Find pictures again, fetch and show them.", no_args_is_help=True)

MOST_SHOWN = 60
"""Characters of a prompt in a list."""
WIDEST = 64
"""Columns of a terminal that a picture takes at most."""
Reference = Annotated[
    str,
    typer.Argument(
        help="sha256:..., or its first digits where no other picture has them.",
        autocompletion=completion.pictures,
    ),
]


@app.command("list")
def list_pictures(
    words: Annotated[str, typer.Option(help="Only those whose prompt has all of these words.")] = "",
    model: Annotated[
        str, typer.Option(help="Only those by this model.", autocompletion=completion.models)
    ] = "",
    seed: Annotated[int | None, typer.Option(help="Only those of this seed.")] = None,
    method: Annotated[
        str,
        typer.Option(
            help="Only those by this method, such as textToImage.", autocompletion=completion.method_names
        ),
    ] = "",
    since: Annotated[
        str, typer.Option(help="Only those made since: 12h or 30d ago, or an RFC 3339 time.")
    ] = "",
    owner: Annotated[int, typer.Option(help="Only those of this entity's capabilities.")] = 0,
    limit: Annotated[int, typer.Option(help="At most this many.", min=1)] = 20,
    as_json: Json = False,
) -> None:
    """List the pictures that were made here, newest first."""
    with client() as sidecar:
        request = pb.ListPicturesRequest(
            words=words, model_id=model, seed=seed, method=method, owner_id=owner
        )
        if since:
            request.start_time.CopyFrom(moment(since, "since", ago=True))
        found = _newest(sidecar, request, limit)
        show(found, as_json, lambda: _print(found))


@app.command()
def get(picture: Reference, file: Out = None, show_them: Open = False, as_json: Json = False) -> None:
    """Write a picture's file, by a name of its prompt and seed where --out names none."""
    with client() as sidecar:
        where = target(file, None)
        found = sidecar.pictures.Describe(pb.DescribePictureRequest(ref=whole_picture(sidecar, picture)))
        path = where.write(_path(found, where), _file(sidecar, found.ref))
        if show_them:
            typer.launch(str(path.absolute()))
        if as_json:
            print_json({**plain(found), "path": str(path)})
        else:
            out.print(str(path), highlight=False, markup=False)


@app.command("show")
def show_picture(picture: Reference, as_json: Json = False) -> None:
    """Show a picture in the terminal, and how it was made."""
    with client() as sidecar:
        found = sidecar.pictures.Describe(pb.DescribePictureRequest(ref=whole_picture(sidecar, picture)))
        if as_json:
            show(found, as_json, lambda: None)
            return
        if not (out.is_terminal and _draw(_file(sidecar, found.ref))):
            err.print(_how_to_see(found.ref), style="dim", highlight=False, markup=False)
        _describe(found)


def _newest(sidecar: Client, request: pb.ListPicturesRequest, limit: int) -> list[pb.Picture]:
    found: list[pb.Picture] = []

    def page(token: str) -> pb.ListPicturesResponse:
        request.page_token, request.page_size = token, min(limit - len(found), 1000)
        return sidecar.pictures.List(request)

    for answer in pages(page):
        found += answer.pictures
        if len(found) >= limit:
            break
    return found


def _path(found: pb.Picture, where: Target) -> Path:
    """Where the file goes. Raises InvalidArgument for a name that says another format than it has."""
    image_format = EXTENSIONS[found.format]
    if where.stem and where.format != image_format:
        raise InvalidArgument(
            f"this picture is {image_format}, and --out ends as {where.format}; 'viwo-imagegen call convert {short(found.ref)} "
            f"{where.format}' makes one that is",
            reason="IMAGE_FORMAT",
            field="--out",
            limit=image_format,
            asked=where.format,
        )
    seed = found.seed if found.HasField("seed") else None
    named = Target(where.folder, where.stem, image_format)
    return named.paths(
        found.prompt, [seed], otherwise=f"{slug(found.method) or 'picture'}-{short(found.ref)}"
    )[0]


def _file(sidecar: Client, ref: str) -> bytes:
    return b"".join(part.chunk for part in sidecar.blobs.Download(blob_pb2.DownloadRequest(ref=ref)))


def _draw(data: bytes) -> bool:
    """Draw a picture in the terminal; whether there is what it takes."""
    try:
        # It asks the terminal what it can when it is imported.
        from textual_image.renderable import Image

        out.print(Image(io.BytesIO(data), width=min(WIDEST, out.width), height="auto"))
    except (ImportError, ArithmeticError):
        # A terminal may also have no size, by which the library divides.
        return False
    return True


def _how_to_see(ref: str) -> str:
    stored = file_of(config.load().data_dir, ref)
    where = f"it is stored in {stored}; " if stored.is_file() else ""
    drawn = "" if not out.is_terminal else "; terminals draw it with viwo-imagegen[terminal] installed"
    return f"{where}'viwo-imagegen pictures get {short(ref)} --open' shows it{drawn}"


def _describe(found: pb.Picture) -> None:
    rows = table("", "")
    entities = ", ".join(map(str, found.entity_ids))
    inputs = ", ".join(f"{item.role} {item.ref}" for item in found.inputs)
    for name, value in (
        ("picture", found.ref), ("prompt", found.prompt), ("not", found.negative_prompt),
        ("size", f"{found.width} x {found.height} {EXTENSIONS[found.format]}, {found.size_bytes / 1e3:.0f} kB"),
        ("method", found.method), ("model", found.model_id), ("seed", _seed(found)), ("made", _time(found)),
        ("by", str(found.caller_id or "")), ("job", found.job_id), ("from", inputs), ("entities", entities),
    ):  # fmt: skip
        if value:
            rows.add_row(name, value)
    out.print(rows)


def _print(found: list[pb.Picture]) -> None:
    rows = table("picture", "seed", "method", "model", "size", "time", "prompt")
    for item in found:
        # Whole where a program reads it.
        ref = short(item.ref) if out.is_terminal else item.ref
        rows.add_row(
            ref, _seed(item), item.method, item.model_id, f"{item.width} x {item.height}", _time(item),
            item.prompt[:MOST_SHOWN],
        )  # fmt: skip
    out.print(rows)


def _seed(item: pb.Picture) -> str:
    return str(item.seed) if item.HasField("seed") else ""


def _time(item: pb.Picture) -> str:
    if not item.HasField("create_time"):
        return ""
    return f"{item.create_time.ToDatetime(dt.UTC).astimezone():%Y-%m-%d %H:%M:%S}"
