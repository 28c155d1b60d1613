"""`viwo-imagegen doctor`: looks at everything that a sidecar needs, and says what to do about what is wrong."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from importlib import metadata
from typing import Annotated

import grpc
import typer
from pydantic import ValidationError

from capabilities.errors import InvalidArgument, Refusal
from entity_store.world import SYSTEM_ID
from sidecar import config
from sidecar.auth import read_secret
from sidecar.cli.capability import context_for
from sidecar.cli.output import Json, out, print_json, reached, refusals, table
from sidecar.cli.own_server import own_server
from sidecar.config import Settings
from sidecar.configuration_check import complaints, remarks
from viwo_imagegen_client import Client, ImagegenError, Unavailable
from viwo_imagegen_client.pb.viwo.imagegen.v1 import image_pb2, model_pb2, system_pb2

LITTLE_SPACE = 1024**3
"""Bytes free on the disk below which pictures will soon have no room."""
LONGEST_START = 60.0
"""Seconds that an engine may take to be there, which is when its device is known."""
PACKAGES = ("grpcio", "protobuf", "pillow", "pyvips-binary", "torch", "diffusers", "transformers")


class State(StrEnum):
    FINE = "fine"
    WARNING = "warning"
    WRONG = "wrong"


@dataclass(frozen=True)
class Finding:
    """What came of one look: `subject` is what was looked at, `words` what was found and what to do."""

    subject: str
    state: State
    words: str


def doctor(
    only: Annotated[
        list[str] | None,
        typer.Option(
            help="Look at this only: configuration, versions, data, world, server, models, picture. Repeatable."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Look whether everything is in order, from the configuration to a picture; status 1 where something is wrong."""
    # Where no sidecar runs, one is run for the time being.
    subjects = set(only or SUBJECTS)
    with refusals():
        if unknown := sorted(subjects - set(SUBJECTS)):
            known = ", ".join(SUBJECTS)
            raise InvalidArgument(
                f"--only takes {known}; got '{unknown[0]}'", field="--only", limit=known, asked=unknown[0]
            )
        findings = list(_findings(subjects))
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        colours = {State.FINE: "green", State.WARNING: "yellow", State.WRONG: "red"}
        rows = table("looked at", "", "found")
        for finding in findings:
            state = f"[{colours[finding.state]}]{finding.state}[/]"
            rows.add_row(finding.subject, out.render_str(state), finding.words)
        out.print(rows)
    if any(finding.state is State.WRONG for finding in findings):
        raise typer.Exit(1)


def _findings(subjects: set[str]) -> Iterator[Finding]:
    if "versions" in subjects:
        yield from _versions()
    try:
        settings = config.load()
    except ValidationError as error:
        for words in complaints(error):
            yield Finding("configuration", State.WRONG, words)
        return
    except ValueError as error:
        yield Finding("configuration", State.WRONG, f"{config.config_file()} is not TOML: {error}")
        return
    for subject, look in _LOOKS.items():
        if subject in subjects:
            yield from look(settings)
    if subjects & {"server", *_OF_A_SERVER}:
        yield from _of_a_server(settings, subjects)


def _versions() -> Iterator[Finding]:
    found = []
    for name in PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found.append(f"{name} {metadata.version(name)}")
    yield Finding(
        "versions",
        State.FINE,
        f"viwo-imagegen {metadata.version('viwo-imagegen')}, Python {platform.python_version()}, "
        f"{platform.system()} {platform.machine()}, {', '.join(found)}",
    )


def _configuration(settings: Settings) -> Iterator[Finding]:
    warned = False
    for words in remarks(settings):
        warned = True
        yield Finding("configuration", State.WARNING, words)
    if not warned:
        file = config.config_file()
        words = str(file) if file.is_file() else f"there is no {file}, so all is as by default"
        yield Finding("configuration", State.FINE, words)


def _data(settings: Settings) -> Iterator[Finding]:
    folder = settings.data_dir
    if not folder.exists():
        yield Finding("data", State.FINE, f"{folder} will be made at the first start")
        return
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        yield Finding(
            "data", State.WRONG, f"{folder} cannot be written by this user; give it to them, or set data_dir"
        )
        return
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & 0o077:
        yield Finding(
            "data", State.WARNING, f"{folder} can be entered by others (mode {mode:04o}); chmod 700 {folder}"
        )
    for secret in (settings.token_file, settings.kernel_key_file):
        if secret.exists():
            try:
                read_secret(secret)
            except Refusal as refusal:
                yield Finding("data", State.WRONG, refusal.message)
    free = shutil.disk_usage(folder).free
    words = f"{folder}, {free / 1024**3:.1f} GiB free"
    if free < LITTLE_SPACE:
        yield Finding("data", State.WARNING, f"{words}: make room, or set keep_gib, and run viwo-imagegen gc")
    else:
        yield Finding("data", State.FINE, words)


def _world(settings: Settings) -> Iterator[Finding]:
    path = settings.world_file
    if not path.is_file():
        if settings.world_is_own:
            yield Finding("world", State.FINE, f"{path} will be made at the first start")
        else:
            yield Finding(
                "world",
                State.WRONG,
                f"there is no {path}; start viwo once so that it makes its database, or set world_path to what viwo's DB_PATH "
                "names",
            )
        return
    if not os.access(path, os.W_OK) or not os.access(path.parent, os.W_OK):
        yield Finding(
            "world",
            State.WRONG,
            f"{path} or its folder cannot be written by this user; run the sidecar as the user that runs viwo",
        )
        return
    try:
        with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            (entities,) = database.execute("SELECT count(*) FROM entities").fetchone()
            (rows,) = database.execute("SELECT count(*) FROM capabilities").fetchone()
    except sqlite3.Error as error:
        yield Finding("world", State.WRONG, f"{path} is no viwo world: {error}; set world_path")
        return
    whose = "of its own" if settings.world_is_own else "of viwo"
    yield Finding("world", State.FINE, f"{path} {whose}, {entities} entities, {rows} capabilities")


def _of_a_server(settings: Settings, subjects: set[str]) -> Iterator[Finding]:
    with contextlib.ExitStack() as stack:
        try:
            client, words = _connection(settings, stack, alone=subjects == {"server"})
            if "server" in subjects:
                yield from _server(client, words)
            for subject, look in _OF_A_SERVER.items():
                if subject in subjects:
                    yield from look(client)
        except (Refusal, ImagegenError) as refusal:
            yield Finding("server", State.WRONG, str(refusal))
        except grpc.RpcError as error:
            yield Finding("server", State.WRONG, f"{error.code().name}: {error.details()}")


def _connection(settings: Settings, stack: contextlib.ExitStack, *, alone: bool) -> tuple[Client, str]:
    """The running server or one for the time being, and what is to be said of it; `alone`: one that runs, or none."""
    try:
        client = stack.enter_context(reached())
        return client, f"runs at {client.connection.address}"
    except Unavailable as refusal:
        if alone or refusal.reason != "NO_SERVER":
            raise
    address = stack.enter_context(own_server())
    return (
        stack.enter_context(reached(address, settings.tls_cert)),
        "none runs, so one was started for this look; start one with viwo-imagegen serve",
    )


def _server(client: Client, words: str) -> Iterator[Finding]:
    until = time.monotonic() + LONGEST_START
    status = client.system.Status(system_pb2.StatusRequest())
    while any(engine.state == system_pb2.ENGINE_STATE_STARTING for engine in status.engines):
        if time.monotonic() > until:
            break
        time.sleep(0.2)
        status = client.system.Status(system_pb2.StatusRequest())
    memory = status.server_memory_bytes + status.engine_memory_bytes
    yield Finding(
        "server", State.FINE, f"{words}; {memory / 1e6:.0f} MB, pictures {status.stored_bytes / 1e6:.0f} MB"
    )
    for engine in status.engines:
        name = system_pb2.EngineState.Name(engine.state).removeprefix("ENGINE_STATE_").lower()
        down = engine.state in (system_pb2.ENGINE_STATE_DOWN, system_pb2.ENGINE_STATE_UNSPECIFIED)
        on = f" on {engine.device}" if engine.device else ""
        reason = f": {engine.reason}" if engine.reason else ""
        yield Finding(
            "server", State.WRONG if down else State.FINE, f"engine {engine.name} {name}{on}{reason}"
        )


def _models(client: Client) -> Iterator[Finding]:
    listed = client.models.List(model_pb2.ListModelsRequest())
    yield Finding("models", State.FINE, f"{len(listed.models)} can be used; see viwo-imagegen models list")
    if listed.problems:
        first = listed.problems[0]
        yield Finding(
            "models",
            State.WARNING,
            f"{len(listed.problems)} are left out, such as {first.file}: {first.reason}; "
            "see viwo-imagegen models list --problems",
        )


def _picture(client: Client) -> Iterator[Finding]:
    request = image_pb2.TextToImageRequest(
        context=context_for(client, "", SYSTEM_ID, "diffusers.generate"), prompt="a red apple"
    )
    request.options.seed = 7
    try:
        answer = client.images.TextToImage(request)
    except grpc.RpcError as error:
        yield Finding("picture", State.WRONG, f"none could be made: {error.details()}")
        return
    image = answer.images[0]
    yield Finding(
        "picture",
        State.FINE,
        f"{image.width} x {image.height} px by {answer.model_id or 'the default model'}",
    )


_LOOKS: Mapping[str, Callable[[Settings], Iterator[Finding]]] = {
    "configuration": _configuration, "data": _data, "world": _world,
}  # fmt: skip
_OF_A_SERVER: Mapping[str, Callable[[Client], Iterator[Finding]]] = {
    "models": _models, "picture": _picture,
}  # fmt: skip
SUBJECTS = ("versions", *_LOOKS, "server", *_OF_A_SERVER)
