"""Options that every call which makes pictures may have, whatever its method: of saving, of the answer, of the job."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from capabilities.arguments import Arguments, spelled, spellings
from capabilities.errors import InvalidArgument
from capabilities.params import MAX_PRIORITY
from capabilities.plain_text import MAX_DESCRIPTION, MAX_NAME, cleaned
from capabilities.tasks import encodable

MAX_TIMEOUT = 30 * 24 * 3600.0
"""Longest time that a job may ask for, in seconds."""


class Reuse(enum.StrEnum):
    """When a call may be answered with the result of the same work done before."""

    FIXED_SEED = "fixed_seed"
    """Where the caller fixed the seed, or the work has none: the result could be no other."""
    ALWAYS = "always"
    """Also where the caller left the seed open: any picture of this task will do."""
    NEVER = "never"


@dataclass(frozen=True)
class Placement:
    """How a picture becomes an entity; `room_id` 0 leaves it nowhere, `canvas_id` 0 makes a new entity."""

    name: str
    description: str
    room_id: int = 0
    canvas_id: int = 0

    def named_after(self, prompt: str) -> Placement:
        """The same with the name and description that were left out taken from a prompt."""
        words = " ".join(cleaned(prompt, MAX_DESCRIPTION).split())
        return replace(
            self,
            name=self.name or words[:60].rstrip() or "an image",
            description=self.description or f"A picture of {words[:200] or 'nothing in particular'}.",
        )


@dataclass(frozen=True)
class JobOptions:
    """How a job is to be treated, whatever its task is. `timeout` in seconds, from being accepted to its end."""

    priority: int = 0
    timeout: float | None = None
    reuse: Reuse = Reuse.FIXED_SEED


@dataclass(frozen=True)
class CallOptions:
    """What is done with the pictures of a call, and how its job is treated."""

    save: Placement | None = None
    references_only: bool = False
    job: JobOptions = JobOptions()


def _entity_id(value: object) -> object:
    """A script may pass the entity itself."""
    if isinstance(value, Mapping):
        value = value.get("id")
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 2**63:
        raise ValueError("must be an entity or its id")
    return value


def _whole(value: object) -> object:
    """JSON of some languages writes 3 as 3.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


EntityId = Annotated[int, BeforeValidator(_entity_id)]
GROUP = "group"
"""Where a field says what its option is about: "saving", "answer" or "job"."""
_SAVING, _ANSWER, _JOB = ({GROUP: name} for name in ("saving", "answer", "job"))


class CallOptionArguments(Arguments):
    """The options as a script writes them, beside those of the method."""

    save: Annotated[
        bool,
        Field(description="Save each picture as an image entity.",
              json_schema_extra=_SAVING, validation_alias=spelled("save")),
    ] = False  # fmt: skip
    name: Annotated[
        str | None,
        Field(max_length=MAX_NAME, description="Name of the entity; left out: the first words of the prompt.",
              json_schema_extra=_SAVING, validation_alias=spelled("name")),
        AfterValidator(lambda text: text and encodable(text)),
    ] = None  # fmt: skip
    description: Annotated[
        str | None,
        Field(max_length=MAX_DESCRIPTION, description="Description of the entity; left out: made from the prompt.",
              json_schema_extra=_SAVING, validation_alias=spelled("description")),
        AfterValidator(lambda text: text and encodable(text)),
    ] = None  # fmt: skip
    room: Annotated[
        EntityId | None,
        Field(description="Room to put the entity in: it or its id; left out: nowhere.",
              json_schema_extra=_SAVING, validation_alias=spelled("room")),
    ] = None  # fmt: skip
    canvas: Annotated[
        EntityId | None,
        Field(description="Blank canvas to fill instead of making an entity: it or its id.",
              json_schema_extra=_SAVING, validation_alias=spelled("canvas")),
    ] = None  # fmt: skip
    reference: Annotated[
        bool,
        Field(description="Answer references to the pictures, without the pictures.",
              json_schema_extra=_ANSWER, validation_alias=spelled("reference")),
    ] = False  # fmt: skip
    priority: Annotated[
        int,
        BeforeValidator(_whole),
        Field(ge=-MAX_PRIORITY, le=MAX_PRIORITY, description="Higher ones go first.",
              json_schema_extra=_JOB, validation_alias=spelled("priority")),
    ] = 0  # fmt: skip
    timeout: Annotated[
        float | None,
        Field(gt=0, le=MAX_TIMEOUT, allow_inf_nan=False, description="Seconds in which the job ends, in success or not.",
              json_schema_extra=_JOB, validation_alias=spelled("timeout")),
    ] = None  # fmt: skip
    reuse: Annotated[
        bool | None,
        Field(description="true: any picture of the same task will do; false: the work is done again; left out: what a "
              "fixed seed made before is answered.",
              json_schema_extra=_JOB, validation_alias=spelled("reuse")),
    ] = None  # fmt: skip

    def options(self) -> CallOptions:
        """Raises InvalidArgument for what is about saved pictures where none is saved."""
        reuse = {None: Reuse.FIXED_SEED, True: Reuse.ALWAYS, False: Reuse.NEVER}[self.reuse]
        save = None
        if self.save:
            save = Placement(self.name or "", self.description or "", self.room or 0, self.canvas or 0)
        else:
            self._require_nothing_to_save()
        return CallOptions(save, self.reference, JobOptions(self.priority, self.timeout, reuse))

    def _require_nothing_to_save(self) -> None:
        for name in ("name", "description", "room", "canvas"):
            if getattr(self, name) is not None:
                raise InvalidArgument(
                    f"'{name}' is for saved pictures; add save: true", reason="BAD_ARGUMENT", field=name
                )


SPELLINGS = spellings(CallOptionArguments)
_NAMES = frozenset(form for forms in SPELLINGS.values() for form in forms)


def take_call_options(options: dict[str, Any]) -> CallOptions:
    """Takes those options that no method has out of a script's; the method's own are left in it.

    Raises InvalidArgument that names the first option at fault.
    """
    taken = {name: options.pop(name) for name in list(options) if name in _NAMES}
    if not taken:
        return CallOptions()
    return CallOptionArguments.read(
        {name: value for name, value in taken.items() if value is not None}
    ).options()


def require_job_options(options: JobOptions) -> None:
    """Raises InvalidArgument for a priority or a time that cannot be."""
    values: dict[str, object] = {"priority": options.priority}
    if options.timeout is not None:
        values["timeout"] = options.timeout
    CallOptionArguments.read(values)
