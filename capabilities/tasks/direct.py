"""Work on a picture that takes no diffusion: control pictures, upscalers, face restorers, edits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from capabilities.operations import AnyOperation, Composite, Operation, Resample, Resize
from capabilities.tasks.base import Task


class Preprocess(Task):
    """A control picture made from an ordinary one."""

    kind: Literal["preprocess"] = "preprocess"
    image: str
    type: str
    low: int
    high: int
    resolution: int
    blur: int

    @property
    def inputs(self) -> Mapping[str, str]:
        return {"image": self.image}

    def facts(self, seed: int) -> dict[str, object]:
        return super().facts(seed) | {"control_type": self.type}


class Upscale(Task):
    """A larger picture from a trained upscaler."""

    kind: Literal["upscale"] = "upscale"
    image: str
    factor: Literal[2, 4]

    @property
    def inputs(self) -> Mapping[str, str]:
        return {"image": self.image}

    def facts(self, seed: int) -> dict[str, object]:
        return super().facts(seed) | {"factor": self.factor}


class FaceRestore(Task):
    """A picture whose faces are made clear; 0 leaves them as they are, 1 restores them fully."""

    kind: Literal["face_restore"] = "face_restore"
    image: str
    strength: Annotated[float, Field(ge=0, le=1)]

    @property
    def inputs(self) -> Mapping[str, str]:
        return {"image": self.image}

    def facts(self, seed: int) -> dict[str, object]:
        return super().facts(seed) | {"strength": self.strength}


class UpscaleTraditional(Task):
    """A larger picture by interpolation."""

    kind: Literal["upscale_traditional"] = "upscale_traditional"
    image: str
    factor: Literal[2, 4]
    method: Resample

    @property
    def inputs(self) -> Mapping[str, str]:
        return {"image": self.image}

    @property
    def operations(self) -> tuple[Operation, ...]:
        return (Resize(width=self.width, height=self.height, method=self.method),)

    def facts(self, seed: int) -> dict[str, object]:
        return super().facts(seed) | {"factor": self.factor, "resampling": self.method}


class Edit(Task):
    """A picture changed by operations, one after another."""

    kind: Literal["edit"] = "edit"
    image: str
    operations: Annotated[tuple[AnyOperation, ...], Field(min_length=1)]

    @property
    def inputs(self) -> Mapping[str, str]:
        overlays = (item.overlay for item in self.operations if isinstance(item, Composite))
        return {"image": self.image} | {f"overlay_{place}": ref for place, ref in enumerate(overlays)}

    def facts(self, seed: int) -> dict[str, object]:
        return super().facts(seed) | {"operations": [item.model_dump() for item in self.operations]}
