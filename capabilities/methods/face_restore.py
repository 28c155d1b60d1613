"""`faceRestore`: the faces of a picture made clear."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from capabilities.arguments import ModelId, PictureArguments, spelled
from capabilities.errors import FailedPrecondition
from capabilities.methods.declaration import Method
from capabilities.models import Means, usable_model
from capabilities.tasks import PictureTask

STRENGTH = 0.8
"""How far to restore where nothing is asked for."""
RESTORERS = ("gfpgan", "restoreformer", "codeformer")


class FaceRestoreArguments(PictureArguments):
    strength: Annotated[
        float | None,
        Field(ge=0, le=1, description="0: unchanged, 1: fully restored.", validation_alias=spelled("strength", "fidelity")),
    ] = None  # fmt: skip
    model_id: Annotated[
        ModelId | None,
        Field(description="Restorer: gfpgan, restoreformer, codeformer, or a model id.",
              validation_alias=spelled("model_id", "model", "restorer")),
    ] = None  # fmt: skip


class FaceRestore(PictureTask):
    """A picture whose faces are made clear; 0 leaves them as they are, 1 restores them fully."""

    kind: Literal["face_restore"] = "face_restore"
    model_id: Annotated[str, Field(min_length=1)]
    strength: Annotated[float, Field(ge=0, le=1)]

    @property
    def needs(self) -> Sequence[tuple[str, str]]:
        return ((self.model_id, "faceRestore"),)

    def facts(self, seed: int) -> dict[str, object]:
        return super().facts(seed) | {"strength": self.strength}


def face_restore(arguments: FaceRestoreArguments, means: Means) -> FaceRestore:
    """The complete task. Raises FailedPrecondition where no restorer is here, or none of the kind that was asked for."""
    asked = arguments.model_id
    there = means.able("faceRestore")
    if asked is None or asked.lower() in RESTORERS:
        fitting = [model for model in there if asked is None or model.variety == asked.lower()]
        if not fitting:
            raise FailedPrecondition(
                f"no face restorer{f' of the kind {asked}' if asked else ''} is here; put the weights of GFPGAN, RestoreFormer "
                "or CodeFormer as .safetensors into model_dirs ('viwo-imagegen models import' turns a .pth into one)",
                reason="NO_RESTORER",
                field="model_id",
                limit=", ".join(model.id for model in there),
                asked=asked or "",
            )
        model = means.model(fitting[0].id)
    else:
        model = usable_model(means, asked, "faceRestore")
    picture = means.pictures["image"]
    return FaceRestore(
        model_id=model.id,
        image=picture.ref,
        width=picture.width,
        height=picture.height,
        strength=STRENGTH if arguments.strength is None else arguments.strength,
        output=arguments.output,
    )


METHOD = Method(
    capability_type="diffusers.upscale",
    name="faceRestore",
    label="Restore faces",
    description="Makes the faces of a picture clear.",
    rpc="FaceRestore",
    positional=("image", "strength"),
    arguments=FaceRestoreArguments,
    task=FaceRestore,
    build=face_restore,
)
