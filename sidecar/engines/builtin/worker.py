"""The child process of a picture worker: what strangers send is decoded here, and edits are done."""

from __future__ import annotations

from functools import partial

from capabilities import imaging
from sidecar.engines import worker_process
from sidecar.engines.builtin import edits
from sidecar.engines.builtin.messages import (
    FRAMING,
    Answer,
    Edit,
    Inspect,
    Inspected,
    Request,
    Small,
    Thumbnail,
)


def answer(request: Request) -> Answer:
    """What a request comes to. Raises Refusal."""
    match request:
        case Inspect(data, field):
            info = imaging.inspect(data, field=field)
            return Inspected(info.format, info.width, info.height, info.has_alpha)
        case Thumbnail(data, side):
            return Small(imaging.thumbnail(data, side))
        case Edit(task, files, metadata, thumbnail_side):
            return edits.edit(task, files, metadata, thumbnail_side)


serve = partial(worker_process.serve, framing=FRAMING, do=answer)

if __name__ == "__main__":
    worker_process.run(serve)
