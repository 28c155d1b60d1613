"""A sidecar installed without the extra `local`: it draws, edits, and says what it lacks for the rest."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import subprocess
import sys
import tomllib
from collections.abc import AsyncIterator
from importlib.machinery import ModuleSpec
from pathlib import Path

import grpc
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from sidecar.pb.viwo.imagegen.v1 import common_pb2, image_pb2, model_pb2, system_pb2
from sidecar.testing.refusals import error_info, refused
from sidecar.testing.requests import text_to_image
from sidecar.testing.server import Sidecar, started

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def small(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sidecar]:
    real = importlib.util.find_spec

    def without_torch(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name == "torch" else real(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", without_torch)
    async with started(tiny, tmp_path, default_model="glyphs:game-icons") as sidecar:
        yield sidecar


async def test_it_draws_and_edits(small: Sidecar) -> None:
    context = await small.context()
    drawn = await small.images.TextToImage(text_to_image(context, "a blue sword", steps=None))
    assert drawn.model_id == "glyphs:game-icons"
    edits = await small.context(kind="image.edit")
    source = common_pb2.ImageSource(data=drawn.images[0].data)
    turned = image_pb2.EditRequest(context=edits, image=source)
    turned.operations.add().transform.rotation = 90
    assert (await small.images.Edit(turned)).images
    status = await small.system.Status(system_pb2.StatusRequest())
    assert [engine.name for engine in status.engines] == ["glyphs", "builtin"]
    listed = await small.models.List(model_pb2.ListModelsRequest())
    assert [model.id for model in listed.models] == ["glyphs:game-icons"]


async def test_models_that_need_it_are_refused_with_the_cure(small: Sidecar) -> None:
    context = await small.context()
    for model in ("icons", "sd", "local:icons"):
        error = await refused(small.images.TextToImage(text_to_image(context, model_id=model)))
        assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
        assert error_info(error).reason == "NO_ENGINE"
        assert "pip install 'viwo-imagegen[local]'" in (error.details() or "")


FORBID = """
import importlib.abc, sys
class Forbid(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {modules!r}:
            raise ModuleNotFoundError(f"{{name}} comes with an extra only", name=name)
sys.meta_path.insert(0, Forbid())
import sidecar.engines.connectors, sidecar.engines.remote.worker, sidecar.server
from sidecar.cli.commands import COMMANDS, loaded
for name in COMMANDS:
    loaded(name)
"""


def test_what_is_installed_without_extras_is_enough_for_the_server_and_its_engines() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    installed: set[str] = set()
    for line in project["dependencies"]:
        _add_with_its_own(Requirement(line), installed)
    of_extras = {
        module
        for module, packages in importlib.metadata.packages_distributions().items()
        if not installed & {canonicalize_name(package) for package in packages}
        and canonicalize_name(project["name"]) not in map(canonicalize_name, packages)
    }
    assert {"torch", "PIL", "pytest"} <= of_extras
    done = subprocess.run(
        [sys.executable, "-c", FORBID.format(modules=of_extras)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "clients" / "python")])},
        text=True,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def _add_with_its_own(wanted: Requirement, found: set[str]) -> None:
    """A package and those that it needs, by their canonical names."""
    name = canonicalize_name(wanted.name)
    if name in found and not wanted.extras:
        return
    found.add(name)
    for line in importlib.metadata.requires(name) or ():
        needed = Requirement(line)
        extras = {"", *wanted.extras}
        if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras):
            _add_with_its_own(needed, found)
