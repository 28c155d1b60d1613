"""`edit`: several operations on a picture in one call, and the task that single operations make as well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from capabilities import validation
from capabilities.arguments import PictureArguments, spelled
from capabilities.errors import InvalidArgument
from capabilities.field_paths import Step, join
from capabilities.methods.declaration import Method
from capabilities.models import Means, usable_model
from capabilities.operations import NO_MODEL, OPERATIONS, AnyOperation, Composite, RemoveBackground
from capabilities.tasks import Extent, PictureTask, Size

MAX_OPERATIONS = 32
_OPERATIONS: TypeAdapter[tuple[AnyOperation, ...]] = TypeAdapter(tuple[AnyOperation, ...])


class EditArguments(PictureArguments):
    """Several operations at once; `overlays` are the pictures of its composites, in their order."""

    operations: Annotated[
        tuple[dict[str, Any], ...],
        Field(description="The operations, done in order.", validation_alias=spelled("operations")),
    ]
    overlays: Annotated[
        tuple[bytes | str | int, ...],
        Field(description="The pictures that composites lay on top.", validation_alias=spelled("overlays")),
    ] = ()

    @property
    def sources(self) -> Mapping[str, bytes | str | int]:
        return {"image": self.image} | {f"overlay_{place}": item for place, item in enumerate(self.overlays)}


class Edit(PictureTask):
    """A picture changed by operations, one after another."""

    kind: Literal["edit"] = "edit"
    operations: Annotated[tuple[AnyOperation, ...], Field(min_length=1)]
    keeps_metadata: bool = False
    """Whether what the picture's file tells of itself goes into the result: prompt, seed and the rest."""

    @property
    def models(self) -> frozenset[str]:
        return super().models | _models(self.operations)

    @property
    def needs(self) -> Sequence[tuple[str, str]]:
        return tuple((model, "removeBackground") for model in sorted(_models(self.operations)))

    @property
    def inputs(self) -> Mapping[str, str]:
        overlays = (item.overlay for item in self.operations if isinstance(item, Composite))
        return {"image": self.image} | {f"overlay_{place}": ref for place, ref in enumerate(overlays)}

    def sized(self, width: int, height: int) -> Size:
        for operation in self.operations:
            width, height = operation.size(width, height)
        return width, height

    def extents(self, sizes: Mapping[str, Size]) -> Sequence[Extent]:
        inputs = [Extent(role, width, height, is_input=True) for role, (width, height) in sizes.items()]
        made: list[Extent] = []
        width, height = sizes["image"]
        for place, operation in enumerate(self.operations):
            made += (Extent(f"operations[{place}]", *size) for size in operation.sizes(width, height))
            width, height = operation.size(width, height)
        # The last operation's picture is the result.
        return (*inputs, *made[:-1], Extent("result", self.width, self.height))

    def facts(self, seed: int) -> dict[str, object]:
        return super().facts(seed) | {"operations": [item.model_dump() for item in self.operations]}


def edit(arguments: EditArguments, means: Means) -> Edit:
    """Several operations. Raises InvalidArgument that names the operation at fault."""
    if not 0 < len(arguments.operations) <= MAX_OPERATIONS:
        raise InvalidArgument(
            f"'operations' must hold 1 to {MAX_OPERATIONS} operations; got {len(arguments.operations)}",
            reason="BAD_ARGUMENT",
            field="operations",
            limit=f"1 to {MAX_OPERATIONS}",
            asked=str(len(arguments.operations)),
        )
    overlays = iter(means.pictures[f"overlay_{place}"].ref for place in range(len(arguments.overlays)))
    values = [
        item | {"overlay": next(overlays)} if item.get("kind") == "composite" else item
        for item in arguments.operations
    ]
    try:
        operations = _OPERATIONS.validate_python(values)
    except ValidationError as error:
        first = validation.first_error(error)
        # Each operation is one branch of a union, which the path names: operations[1].crop.width.
        path: list[Step] = ["operations", *first["loc"]]
        if first["type"] == "extra_forbidden":
            known = OPERATIONS[str(path[-2])].model_fields
            raise validation.unknown_name(first, path[:-1], known, known) from None
        raise validation.refusal(first, join(path)) from None
    return edited(
        arguments,
        means,
        *(
            with_model(operation, means, f"operations[{place}].remove_background.model")
            if isinstance(operation, RemoveBackground)
            else operation
            for place, operation in enumerate(operations)
        ),
    )


def with_model(operation: RemoveBackground, means: Means, field: str) -> RemoveBackground:
    """The same with the model that does it; `field` is where a call names one.

    Raises PermissionDenied, NotFound, and FailedPrecondition where it is no matting model.
    """
    if operation.model:
        chosen = operation.model
        if chosen != NO_MODEL:
            chosen = usable_model(means, chosen, "removeBackground", field=field).id
    else:
        there = means.able("removeBackground")
        chosen = there[0].id if there else NO_MODEL
    return operation.model_copy(update={"model": chosen})


def _models(operations: Sequence[AnyOperation]) -> frozenset[str]:
    named = {operation.model for operation in operations if isinstance(operation, RemoveBackground)}
    return frozenset(named - {"", NO_MODEL})


def edited(arguments: PictureArguments, means: Means, *operations: AnyOperation) -> Edit:
    """The task of these operations, with the size that comes of them."""
    picture = means.pictures["image"]
    width, height = picture.width, picture.height
    for operation in operations:
        width, height = operation.size(width, height)
    return Edit(
        model_id=min(_models(operations), default=""),
        image=picture.ref,
        operations=operations,
        width=width,
        height=height,
        output=arguments.output,
    )


METHOD = Method(
    capability_type="image.edit",
    name="edit",
    label="Edit",
    description="Changes a picture by several operations, in order.",
    rpc="Edit",
    positional=(),
    arguments=EditArguments,
    task=Edit,
    build=edit,
)
