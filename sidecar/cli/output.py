"""How the command line shows things: tables for people, JSON for programs, refusals in words."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import sys
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Any, Protocol, TypeVar

import grpc
import typer
from google.protobuf import json_format
from google.protobuf.message import Message
from pydantic import ValidationError
from rich.console import Console, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from capabilities import strict_json
from capabilities.errors import InvalidArgument, Refusal
from capabilities.plain_text import cleaned
from sidecar import config
from sidecar.cli.json_errors import json_wanted, print_error
from sidecar.cli.own_server import own_server
from sidecar.configuration_check import complaints
from viwo_imagegen_client import Client, ImagegenError, Unavailable
from viwo_imagegen_client.errors import of_rpc

_CURES = {
    errno.ENOENT: "make it, or set another path",
    errno.EACCES: "let this user read and write there, or set another path",
    errno.EPERM: "let this user read and write there, or set another path",
    errno.EROFS: "set a path where this user can write",
    errno.ENOSPC: "make room there, or set another path",
    errno.EDQUOT: "make room there, or set another path",
}
"""What to do about an error of the file system, by its number."""

MAX_CELL = 4096
"""Most characters of a text that is shown in a table."""

NOT_A_TERMINAL = 1000
"""Columns of what is written to a file or a pipe: nothing is cut there."""


def _console(*, stderr: bool = False) -> Console:
    is_terminal = (sys.stderr if stderr else sys.stdout).isatty()
    return Console(stderr=stderr, width=None if is_terminal or "COLUMNS" in os.environ else NOT_A_TERMINAL)


out = _console()
err = _console(stderr=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@contextmanager
def refusals() -> Iterator[None]:
    """Show a refusal, in words or as JSON where that was asked for, and end with status 1; a traceback is for bugs only."""
    try:
        yield
    except Refusal as refusal:
        raise _complaint(
            refusal.code.value, refusal.message, reason=refusal.reason, field=refusal.field, limit=refusal.limit,
            asked=refusal.asked,
        ) from None  # fmt: skip
    except ValidationError as error:
        raise _bad_configuration(list(complaints(error))) from None
    except tomllib.TOMLDecodeError as error:
        raise _complaint(
            "FAILED_PRECONDITION", f"{config.config_file()} is not TOML: {error}", reason="BAD_CONFIGURATION"
        ) from None
    except UnicodeDecodeError as error:
        raise _complaint(
            "FAILED_PRECONDITION",
            f"{config.config_file()}, or another file that was named, is not UTF-8 text ({error.reason} at byte {error.start}); "
            "save it as UTF-8",
            reason="NOT_TEXT",
        ) from None
    except sqlite3.Error as error:
        raise _complaint(
            "FAILED_PRECONDITION",
            f"a database cannot be read or written: {error}; make room on the disk, or look with 'viwo-imagegen fsck'",
            reason="DATABASE",
        ) from None
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        cure = _CURES.get(error.errno or 0, "move it away, or set another path")
        raise _complaint(
            "FAILED_PRECONDITION", f"{where}{error.strerror or error}; {cure}", reason="FILE_SYSTEM",
            asked=str(error.filename or ""),
        ) from None  # fmt: skip
    except ImagegenError as error:
        raise _told(error) from None
    except grpc.RpcError as error:
        raise _told(of_rpc(error)) from None


@contextmanager
def client(*, may_serve: bool = False) -> Iterator[Client]:
    """A connection to the configured sidecar, refusals shown as words.

    `may_serve`: where none runs, one is run for the time being.
    """
    with refusals(), ExitStack() as stack:
        settings = config.load()
        try:
            sidecar = stack.enter_context(reached())
        except Unavailable as refusal:
            if not may_serve or refusal.reason != "NO_SERVER" or config.ADDRESS_VARIABLE in os.environ:
                raise
            err.print("no sidecar runs, so one runs for this command", style="dim", highlight=False)
            address = stack.enter_context(own_server())
            sidecar = stack.enter_context(reached(address, settings.tls_cert))
        yield sidecar


@contextmanager
def reached(address: str = "", certificate: Path | None = None) -> Iterator[Client]:
    """A sidecar that answers: the one at this address, or the configured one. Raises Unavailable, naming the cause."""
    with Client(address, ca_file=certificate, key_needed=False) as sidecar:
        sidecar.reach()
        yield sidecar


class Page(Protocol):
    """An answer of a list that comes in pages."""

    next_page_token: str


PageT = TypeVar("PageT", bound=Page)


def pages(ask: Callable[[str], PageT]) -> Iterator[PageT]:
    """Every page of a list; `ask` takes the token of a page, which is empty for the first."""
    page = ask("")
    yield page
    while page.next_page_token:
        page = ask(page.next_page_token)
        yield page


def show(message: Message | Sequence[Message], as_json: bool, render: Callable[[], None]) -> None:
    """JSON of protobuf messages, or what `render` prints."""
    if not as_json:
        render()
        return
    many = not isinstance(message, Message)
    values = [plain(item) for item in message] if many else plain(message)  # type: ignore[union-attr, arg-type]
    print_json(values)


def print_json(value: Any) -> None:
    """A document on standard output."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


class PlainTable(Table):
    """A table whose texts are shown as they are: names and messages of other people may look like rich's markup."""

    def add_row(self, *cells: RenderableType | None, **options: Any) -> None:
        shown = [Text(cleaned(cell, MAX_CELL)) if isinstance(cell, str) else cell for cell in cells]
        super().add_row(*shown, **options)


def table(*columns: str) -> Table:
    made = PlainTable(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column)
    return made


def params(pairs: Sequence[str], whole: str) -> dict[str, Any]:
    """Capability parameters from `--param name=value` (a value is JSON, or else text; commas make a list) and `--params`."""
    try:
        values: dict[str, Any] = strict_json.loads(whole) if whole else {}
    except ValueError as error:
        raise InvalidArgument(f"--params is not JSON: {error}", field="--params") from None
    if not isinstance(values, dict):
        raise InvalidArgument("--params must be a JSON object", field="--params")
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals:
            raise InvalidArgument(f"--param takes name=value; got '{pair}'", field="--param")
        values[name] = _value(name, text)
    return values


def _value(name: str, text: str) -> Any:
    if name.startswith("allowed_") and not text.startswith("["):
        return [item.strip() for item in text.split(",") if item.strip()]
    try:
        return strict_json.loads(text)
    except ValueError:
        return text


def plain(message: Message) -> dict[str, Any]:
    """A message as JSON's own types, every field in it."""
    values: dict[str, Any] = json_format.MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    return values


def _complaint(
    code: str, message: str, *, reason: str = "", field: str = "", limit: str = "", asked: str = ""
) -> typer.Exit:
    """What ends the command, once it has been shown."""
    if json_wanted():
        print_error(code, message, reason=reason, field=field, limit=limit, asked=asked)
        return typer.Exit(1)
    err.print(f"[red]{code}[/] {escape(cleaned(message, MAX_CELL))}", highlight=False)
    if field:
        field, limit = (escape(cleaned(text, MAX_CELL)) for text in (field, limit))
        err.print(f"  field: {field}" + (f"   limit: {limit}" if limit else ""), style="dim", highlight=False)
    return typer.Exit(1)


def _bad_configuration(complaints: Sequence[str]) -> typer.Exit:
    """The same of a configuration that cannot be used."""
    if json_wanted():
        print_error("FAILED_PRECONDITION", "; ".join(complaints), reason="BAD_CONFIGURATION")
        return typer.Exit(1)
    for words in complaints:
        err.print(f"[red]configuration:[/] {escape(words)}", highlight=False)
    return typer.Exit(1)


def _told(error: ImagegenError) -> typer.Exit:
    """The same of what the server answered, or of why it was not reached."""
    return _complaint(
        error.code, str(error), reason=error.reason, field=error.field, limit=error.limit, asked=error.asked
    )
