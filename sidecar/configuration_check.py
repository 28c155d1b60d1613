"""What is wrong or looks wrong in the configuration, in words: where each value comes from, and what to do about it."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pydantic import ValidationError

from capabilities.errors import Refusal
from capabilities.spelling import nearest
from sidecar.auth import read_private_file
from sidecar.config import PREFIX, Settings, config_file

if TYPE_CHECKING:
    from sidecar.engines.remote.settings import EngineSettings
    from sidecar.engines.router import Router

OTHERS_VARIABLES = frozenset(
    f"{PREFIX}{name}"
    for name in ("CONFIG", "CACHE", "ADDRESS", "KEY", "KEY_FILE", "TOKEN", "TOKEN_FILE", "CA_FILE", "TIMEOUT")
)
"""Variables that are no settings: this program's own, and those of the plugin and other clients."""


def complaints(error: ValidationError) -> Iterator[str]:
    """Why the settings cannot be read: a line for each, `setting: what is wrong (where it is set)`."""
    for item in error.errors(include_url=False):
        path = [str(part) for part in item["loc"]]
        words = item["msg"]
        if item["type"] == "extra_forbidden" and len(path) == 1:
            near = nearest(path[0], Settings.model_fields)
            words += f": there is no such setting; {f'did you mean {near}?' if near else 'see viwo-imagegen config'}"
        where = _where(path[0]) if path else ""
        yield f"{'.'.join(path) + ': ' if path else ''}{words}{f' ({where})' if where else ''}"


def remarks(settings: Settings, environment: Mapping[str, str] = os.environ) -> Iterator[str]:
    """What does not stop a start and is hardly meant: variables that no one reads, folders that are not there."""
    names = {f"{PREFIX}{name}".upper() for name in Settings.model_fields}
    for variable in sorted(environment):
        name = variable.upper().partition("__")[0]
        if name.startswith(PREFIX) and name not in names and name not in OTHERS_VARIABLES:
            near = nearest(name, sorted(names | OTHERS_VARIABLES))
            yield f"the variable {variable} is no setting and does nothing" + (
                f"; did you mean {near}?" if near else ""
            )
    for folder in settings.model_dirs:
        if not folder.is_dir():
            what = "is no folder" if folder.exists() else "is not there"
            yield f"model_dirs: {folder} {what}, so no models come from it; make it, or take it out"
    for engine in settings.engines:
        yield from _engine_remarks(engine)


def _engine_remarks(engine: EngineSettings) -> Iterator[str]:
    """Files of an engine that are not there or are not private; without them it does not come up."""
    whose = f"engines: '{engine.name}': "
    if engine.key_file is not None:
        try:
            read_private_file(engine.key_file)
        except Refusal as refusal:
            yield f"{whose}key_file: {refusal.message}"
    if engine.ca_file is not None and not engine.ca_file.is_file():
        yield f"{whose}ca_file: {engine.ca_file} is not there; put the certificates there, or take it out"
    if engine.workflows is not None and not engine.workflows.is_dir():
        yield f"{whose}workflows: the folder {engine.workflows} is not there; make it, or take it out"


def default_model_remark(router: Router) -> str | None:
    """Why the default model cannot be used, or not at once; None where it can."""
    if router.offers(router.default):
        return None
    try:
        if not router.find(router.default).ready:
            return (
                f"default_model: '{router.default}' has not been downloaded; the first job that needs it waits for that, so run "
                f"'viwo-imagegen models pull {router.default}' beforehand"
            )
    except Refusal as refusal:
        return f"default_model: {refusal.message}; calls that name no model are refused until it is there"
    return None


def _where(setting: str) -> str:
    variable = f"{PREFIX}{setting.upper()}"
    for name in os.environ:
        if name.upper().partition("__")[0] == variable:
            return f"from the variable {name}"
    file = config_file()
    try:
        text = file.read_text()
        if setting not in tomllib.loads(text):
            return ""
    except (OSError, ValueError):
        return ""
    return f"in {file}{_line(text, setting)}"


def _line(text: str, setting: str) -> str:
    """`, line N` of the first line at which the setting begins, as a key or a table."""
    for number, line in enumerate(text.splitlines(), start=1):
        begin = line.strip().lstrip("[").lstrip()
        key = begin.partition("=")[0].partition("]")[0].partition(".")[0].strip().strip("\"'")
        if key == setting:
            return f", line {number}"
    return ""
