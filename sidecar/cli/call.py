"""`viwo-imagegen call`: every in-world method from the command line, with files for pictures."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from capabilities import methods, strict_json
from capabilities.errors import InvalidArgument
from capabilities.methods import Method
from entity_store.world import SYSTEM_ID
from sidecar.cli import completion
from sidecar.cli.capability import context_for
from sidecar.cli.making import done, print_made, prompt_of, seeds_of, show_made, written
from sidecar.cli.output import Json, client, out, print_json, refusals
from sidecar.cli.picture_files import EXTENSIONS, Open, Out, target
from sidecar.cli.references import names_picture, with_whole_references
from sidecar.engines.events import Failed
from viwo_imagegen_client.pb.viwo.imagegen.v1 import image_pb2, job_pb2


def call(
    method: Annotated[str, typer.Argument(autocompletion=completion.method_names)],
    values: Annotated[
        list[str] | None,
        typer.Argument(
            help="The positional arguments, as 'methods' lists them; a picture is a file, an entity id or the beginning of its reference"
        ),
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", "-s", help="An option as name=value. Repeatable.")
    ] = None,
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
    """Call any method: viwo-imagegen call inpaint room.png mask.png "a window" --set strength=0.9"""
    with refusals():
        found = methods.find(method)
        arguments = call_arguments(found, values or [], settings or [])
        where = target(file, None)
        arguments = _encoded(found, arguments, file, where.format)
    with client(may_serve=True) as sidecar:
        arguments = with_whole_references(sidecar, arguments)
        context = context_for(sidecar, capability, caller, found.capability_type)
        request = image_pb2.InvokeRequest(
            context=context, method=found.name, arguments_json=json.dumps(arguments)
        )
        if found.build is None:
            told = json.loads(sidecar.images.Invoke(request).result_json)
            if not told["ok"]:
                facts = dict(told["error"])
                retry_after = facts.pop("retryAfter", None)
                raise Failed(**facts, retry_after=retry_after).refusal()
            if as_json:
                print_json(told)
            else:
                out.print_json(data=told)
            return
        job = done(sidecar, job_pb2.SubmitJobRequest(invoke=request))
        where = replace(where, format=EXTENSIONS[job.images[0].format] if job.images else where.format)
        prompt = prompt_of(job)
        seeds = seeds_of(job.images)
        begun_with = next((Path(text).stem for text in values or () if Path(text).is_file()), job.id[-8:])
        paths = written(
            job.images, where, where.paths(prompt, seeds, otherwise=f"{begun_with}-{found.name}"), show_them
        )
        show_made([job], paths, seeds, prompt, as_json, lambda: print_made([job], paths, seeds))


def _encoded(method: Method, arguments: list[object], file: Path | None, image_format: str) -> list[object]:
    """The same, with the format that the name of a file asks for, where none is given otherwise."""
    options = arguments[-1]
    takes_format = any(item.name == "format" for item in method.all_parameters)
    if file is None or not takes_format or not isinstance(options, dict) or "format" in options:
        return arguments
    return [*arguments[:-1], {**options, "format": image_format}] if image_format != "png" else arguments


def call_arguments(method: Method, values: list[str], settings: list[str]) -> list[object]:
    """What a script would pass. Raises InvalidArgument for too many values, or an option that is no pair."""
    if len(values) > len(method.positional):
        raise InvalidArgument(
            f"{method.name} takes {method.signature}; got {len(values)} arguments, give options with --set",
            reason="TOO_MANY_ARGUMENTS",
            field="arguments",
        )
    kinds = {spelling: item.type for item in method.all_parameters for spelling in (item.name, *item.aliases)}
    ordered = [item.type for item in method.parameters if item.positional]
    given = [_value(kind, text) for kind, text in zip(ordered, values, strict=False)]
    options: dict[str, object] = {}
    for pair in settings:
        name, equals, text = pair.partition("=")
        if not equals:
            raise InvalidArgument(f"--set must be name=value; got {pair}", field="--set", asked=pair)
        options[name] = _value(kinds.get(name, "string"), text)
    filling: list[object] = [None] * (len(method.positional) - len(given))
    return [*given, *filling, options]


def _value(kind: str, text: str) -> Any:
    """One argument from the command line: a file for a picture, JSON for what is not text."""
    if kind == "image":
        path = Path(text)
        if path.is_file():
            return base64.b64encode(path.read_bytes()).decode("ascii")
        if text.isdecimal():
            return int(text)
        if not names_picture(text):
            raise InvalidArgument(f"there is no file {text}", reason="NO_FILE", field="image", asked=text)
        return f"sha256:{text.removeprefix('sha256:')}"
    if kind == "string":
        return text
    try:
        return strict_json.loads(text)
    except ValueError:
        return text
