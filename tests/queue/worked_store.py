"""A store that a server worked on and left, to look after or to spoil."""

from __future__ import annotations

import io
import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from entity_store.blobs import Blobs
from entity_store.world import World
from sidecar.application.workflows import ROW_READERS
from sidecar.pb.viwo.imagegen.v1 import blob_pb2, common_pb2
from sidecar.queue.maintenance import backup, consistency, retention
from sidecar.queue.maintenance.consistency import Findings
from sidecar.queue.maintenance.retention import Retention
from sidecar.queue.store.database import Database
from sidecar.testing.requests import text_to_image
from sidecar.testing.server import Sidecar, started


class Store:
    """A store that a server worked on and left."""

    def __init__(self, folder: Path, refs: dict[str, str], place: Path | str) -> None:
        self.folder = folder
        self.refs = refs
        self.place = place

    def __enter__(self) -> Store:
        self.database = Database(self.place)
        self.world = World(self.folder / "world.sqlite", own=True)
        self.blobs = Blobs(self.folder)
        return self

    def __exit__(self, *_: object) -> None:
        self.world.close()
        self.database.close_here()

    def collect(self, **kept: Any) -> retention.Removed:
        return retention.collect(self.database, self.world, self.blobs, Retention(**kept), grace=0)

    def check(self, *, repair: bool = False) -> Findings:
        return consistency.check(self.database, self.world, self.blobs, repair=repair, readers=ROW_READERS)

    def has(self, name: str) -> bool:
        digest = self.refs[name].removeprefix("sha256:")
        return (self.folder / "images" / digest[:2] / digest).is_file()

    def path(self, name: str) -> Path:
        return self.blobs.path(self.refs[name])

    def older(self) -> None:
        """Everything was stored an hour ago."""
        past = time.time() - 3600
        for file in (self.folder / "images").rglob("*"):
            os.utime(file, (past, past))


@pytest.fixture(scope="session")
async def worked(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """One picture of a job, one of an entity, one that was brought for an edit, and what the edit made."""
    folder = tmp_path_factory.mktemp("worked")
    refs = {}
    async with started(tiny, folder) as sidecar:
        context = await sidecar.context({"compute_per_day": 100})
        refs["job"] = (await sidecar.images.TextToImage(text_to_image(context, seed=1))).images[0].ref
        output = common_pb2.OutputOptions(save=common_pb2.SaveOptions(name="kept"))
        saved = await sidecar.images.TextToImage(text_to_image(context, seed=2, output=output))
        refs["entity"] = saved.images[0].ref
        refs["input"] = await uploaded(sidecar)
        edits = await sidecar.context(kind="image.edit")
        refs["edit"] = (await sidecar.in_world(edits, "transform", refs["input"], 90))["ref"]
    return Store(folder, refs, folder / "jobs.sqlite")


@pytest.fixture
def store(worked: Store, tmp_path: Path, place: Path | str) -> Store:
    """A copy of it to spoil, in either database."""
    folder = tmp_path / "data"
    if isinstance(place, Path):
        shutil.copytree(worked.folder, folder)
        return Store(folder, worked.refs, folder / "jobs.sqlite")
    with worked:
        target = tmp_path / "worked.tar"
        backup.backup(worked.database, worked.blobs, target, world=worked.folder / "world.sqlite")
    backup.restore(target, folder, place)
    (folder / "incoming").mkdir()
    return Store(folder, worked.refs, place)


async def uploaded(sidecar: Sidecar) -> str:
    """A picture that was brought here, and no job made."""
    buffer = io.BytesIO()
    Image.new("RGB", (9, 7), "teal").save(buffer, "PNG")
    blob = await sidecar.blobs.Upload(iter([blob_pb2.UploadRequest(chunk=buffer.getvalue())]))
    return str(blob.ref)
