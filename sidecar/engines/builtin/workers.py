"""Picture workers as the server sees them: child processes that decode, edit and shrink pictures."""

from __future__ import annotations

from collections.abc import Mapping

from capabilities import imaging
from capabilities.tasks import Task
from sidecar.engines.builtin.messages import FRAMING, Edit, Inspect, Inspected, Small, Thumbnail
from sidecar.engines.events import Done
from sidecar.engines.worker_pool import MEMORY_MIB, TIMEOUT, WorkerPool

WORKERS = 2


class PictureWorkers(WorkerPool):
    """Called from threads, and waits there. Implements `imaging.Inspector`."""

    def __init__(
        self,
        workers: int = WORKERS,
        *,
        memory_mib: int = MEMORY_MIB,
        timeout: float = TIMEOUT,
        log_level: str = "info",
    ) -> None:
        super().__init__(
            "sidecar.engines.builtin.worker",
            FRAMING,
            workers,
            memory_mib=memory_mib,
            timeout=timeout,
            log_level=log_level,
        )

    def inspect(self, data: bytes, *, field: str = "image") -> imaging.ImageInfo:
        """Decode a file to its last pixel. Raises InvalidArgument, ResourceExhausted, Unavailable."""
        found = self.ask(Inspect(data, field), field)
        assert isinstance(found, Inspected)
        return imaging.ImageInfo(found.format, found.width, found.height, found.has_alpha)

    def thumbnail(self, data: bytes, side: int) -> bytes:
        """A small WebP with the longest side at most `side` pixels. Raises as `inspect`."""
        made = self.ask(Thumbnail(data, side), "image")
        assert isinstance(made, Small)
        return made.data

    def edit(
        self,
        task: Task,
        files: Mapping[str, bytes],
        metadata: Mapping[str, object] | None,
        thumbnail_side: int = 0,
    ) -> Done:
        """The result of a task without a model, as `edits.edit`. Raises as `inspect`."""
        values = None if metadata is None else dict(metadata)
        made = self.ask(Edit(task, dict(files), values, thumbnail_side), "image")
        assert isinstance(made, Done)
        return made
