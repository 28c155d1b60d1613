"""A model of the local engine, as far as the server knows it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from capabilities.models import ModelFacts
from sidecar.engines.local.hub_files import Wanted
from sidecar.engines.local.messages import ModelSource
from sidecar.engines.local.model_files import UnusableModel
from sidecar.engines.local.packaged import Package


@dataclass(frozen=True)
class LocalModel:
    """A model, where it is, and what a request needs to know of it."""

    facts: ModelFacts
    source: ModelSource
    family: str
    description: str
    size: int
    files: tuple[Path, ...] = ()
    """What it consists of: when one of these changes, it may be another model."""
    problems: tuple[UnusableModel, ...] = ()
    """What is wrong beside it, and was left out."""
    missing: str = ""
    """What it cannot draw without and is not there, in words."""
    wanted: Wanted | None = None
    """What it is on a hub, where it comes from one."""
    package: Package | None = None
    """The Python package that carries its weights, where one does."""
    license: str = ""
    told_by: str = "the files of the model"
    """As in `ModelListing`."""

    @property
    def is_downloaded(self) -> bool:
        """Whether its weights are on this machine."""
        return not self.is_absent and (self.package is None or self.package.kept_in.is_dir())

    @property
    def is_absent(self) -> bool:
        """Whether it is still to be downloaded from a hub; weights of Python packages come by themselves."""
        return self.source.kind == "hub"
