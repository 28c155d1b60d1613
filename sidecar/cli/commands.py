"""The commands by name: where each is, and what it does in a line. A command's module is read when it is run, not before."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException
from typer.main import get_command, get_group

from sidecar.cli.json_errors import as_asked, print_error, print_usage_error

INTERRUPTED = 130
"""Status of a command that Ctrl-C ended."""


@dataclass(frozen=True)
class Place:
    """A function, or a group of commands (`app`), in a module of this folder; `help` is its first line."""

    module: str
    name: str
    help: str


COMMANDS: Mapping[str, Place] = {
    "generate": Place("generate", "generate", "Make pictures from words."),
    "call": Place(
        "call",
        "call",
        'Call any method: viwo-imagegen call inpaint room.png mask.png "a window" --set strength=0.9',
    ),
    "refine": Place("refine", "refine", "Write a fuller prompt from a short one."),
    "illustrate": Place(
        "illustrate",
        "illustrate",
        "Give the entities of the world a picture each. Those that have one are left alone, so it can be run again and again.",
    ),
    "methods": Place("generate", "methods", "List the in-world methods that this sidecar can do."),
    "jobs": Place("job", "app", "Look after jobs."),
    "pictures": Place("picture", "app", "Find pictures again, fetch and show them."),
    "batch": Place("batch", "app", "Many tasks as one."),
    "template": Place("template", "app", "Chains of tasks under a name."),
    "entity": Place("entity", "app", "Look at image entities, and call their verbs."),
    "models": Place("model", "app", "See, download, load and unload models."),
    "engines": Place("engine", "app", "See the engines that make pictures, and try them."),
    "serve": Place("serve", "serve", "Run the sidecar until it is told to stop (Ctrl-C or SIGTERM)."),
    "demo": Place(
        "serve",
        "demo",
        "Show the whole thing: a world, a capability, pictures, entities, verbs and refusals, in a few minutes.",
    ),
    "config": Place(
        "configuration", "app", "Show every setting, its value and where to change it; check them."
    ),
    "doctor": Place(
        "doctor",
        "doctor",
        "Look whether everything is in order, from the configuration to a picture; status 1 where something is wrong.",
    ),
    "top": Place("top", "top", "Watch queue, engine, memory and budget. Ctrl-C ends it."),
    "mint": Place("capability", "mint", "Create a capability, by right of a sys.mint capability."),
    "delegate": Place(
        "capability",
        "delegate",
        "Create a narrower capability from one; asking for more gives what the parent has.",
    ),
    "give": Place("capability", "give", "Hand a capability to another entity."),
    "revoke": Place("capability", "revoke", "Delete a capability and everything delegated from it."),
    "approve": Place(
        "capability",
        "approve",
        "Let what a row widens count that viwo itself made, such as allow_unsafe; it gets a budget account as well.",
    ),
    "capabilities": Place("capability", "capabilities", "List the capabilities in the world."),
    "key": Place("key", "app", "Make and end the keys of clients."),
    "gc": Place(
        "store",
        "gc",
        "Remove ended jobs as keep_days, keep_jobs and keep_gib say, and pictures that nothing refers to.",
    ),
    "backup": Place(
        "store",
        "backup",
        "Write configuration, jobs, pictures and a world of our own into one file, also while the server runs.",
    ),
    "restore": Place("store", "restore", "Fill an empty data_dir (and database_url) from a backup."),
    "fsck": Place(
        "store",
        "fsck",
        "Compare files and rows, and the ledger with the jobs. Ends with status 1 where something is wrong.",
    ),
}


class Commands(TyperGroup):
    """Lists commands by their table, and reads the one that is run."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.commands.update({name: TyperCommand(name, help=place.help) for name, place in COMMANDS.items()})

    def main(self, args: Sequence[str] | None = None, *rest: Any, **options: Any) -> Any:
        """As typer runs it; where JSON is asked for, every error is told in it, with the same status."""
        words = sys.argv[1:] if args is None else list(args)
        with as_asked(words) as wanted:
            if not wanted or not options.get("standalone_mode", True):
                return super().main(args, *rest, **options)
            sys.exit(self._main_in_json(words, *rest, **{**options, "standalone_mode": False}))

    def _main_in_json(self, *arguments: Any, **options: Any) -> int:
        """The status to end with."""
        try:
            status = super().main(*arguments, **options)
        except TyperException as error:
            print_usage_error(error)
            return error.exit_code
        except typer.Abort:
            print_error("CANCELLED", "it was not confirmed", reason="ABORTED")
            return 1
        except Exception as error:
            print_error("INTERNAL", f"{type(error).__name__}: {error}", reason="BUG")
            raise
        if status == INTERRUPTED:
            print_error("CANCELLED", "interrupted", reason="INTERRUPTED")
        return status if isinstance(status, int) else 0

    def resolve_command(self, ctx: typer.Context, args: list[str]) -> Any:  # type: ignore[override]
        name, command, rest = super().resolve_command(ctx, args)
        return name, command if name is None else loaded(name), rest


def loaded(name: str) -> Any:
    """The command itself, with its arguments."""
    place = COMMANDS[name]
    found = getattr(importlib.import_module(f"sidecar.cli.{place.module}"), place.name)
    if isinstance(found, typer.Typer):
        group = get_group(found)
        group.name = name
        return group
    alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    alone.command(name)(found)
    return get_command(alone)
