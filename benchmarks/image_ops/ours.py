"""The same picture work by this project, in a process of its own with one thread: reads a job a line, tells milliseconds."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import cast

from capabilities import imaging
from capabilities.methods.edit import Edit
from capabilities.operations import AnyOperation, Composite, Filter, Transform
from capabilities.tasks import Format, Output
from sidecar.engines.builtin import edits


def main(folder: Path) -> None:
    files = {"image": (folder / "photo.png").read_bytes(), "overlay_0": (folder / "overlay.png").read_bytes()}
    info = imaging.probe(files["image"])

    def task(operation: AnyOperation, format: str = "png") -> Edit:
        width, height = operation.size(info.width, info.height)
        output = Output(format=cast("Format", format), quality=90)
        return Edit(image="photo", operations=(operation,), width=width, height=height, output=output)

    tasks = {
        "transform": task(Transform(rotation=90, scale=2)),
        "composite": task(Composite(overlay="overlay", x=64, y=64)),
        **{name: task(Filter(name=name)) for name in ("blur", "sharpen", "grayscale")},
        **{name: task(Transform(), name) for name in ("jpeg", "webp", "png")},
    }
    for line in sys.stdin:
        begun = time.perf_counter()
        made = edits.edit(tasks[line.strip()], files, {}).images[0]
        print(f"{(time.perf_counter() - begun) * 1000} {made.width}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
