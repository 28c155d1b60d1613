"""Edits as a picture worker does them: streamed where they can be, with the same result as in memory."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from capabilities import imaging
from capabilities.errors import InvalidArgument
from capabilities.methods.edit import Edit
from capabilities.operations import AnyOperation, Composite, Crop, Filter, RemoveBackground, Resize, Transform
from capabilities.tasks import Output
from sidecar.engines.builtin import edits

RNG = np.random.default_rng(5)
OPERATIONS: list[AnyOperation] = [
    Filter(name="blur"),
    Filter(name="sharpen"),
    Filter(name="grayscale"),
    Transform(),
    Transform(scale=1.5),
    Transform(rotation=90, scale=0.5),
    Transform(rotation=33),
    Crop(x=3, y=4, width=20, height=10),
    Resize(width=30),
    Resize(width=17, height=90, method="area"),
    Composite(overlay="overlay", x=-4, y=9, blend="screen"),
]


def file_of(bands: int, format: str = "PNG", **more: Any) -> bytes:
    pixels = RNG.integers(0, 256, (64, 48, bands), dtype=np.uint8)
    stored = io.BytesIO()
    Image.fromarray(pixels).save(stored, format, **more)
    return stored.getvalue()


def done(operation: AnyOperation, files: dict[str, bytes], thumbnail_side: int = 0) -> np.ndarray[Any, Any]:
    info = imaging.probe(files["image"])
    width, height = operation.size(info.width, info.height)
    task = Edit(image="photo", operations=(operation,), width=width, height=height, output=Output())
    made = edits.edit(task, files, {"a": 1}, thumbnail_side).images[0]
    assert (made.width, made.height) == (width, height)
    return np.asarray(imaging.decode(made.data).numpy())  # type: ignore[union-attr]


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
@pytest.mark.parametrize("bands", [3, 4])
def test_streamed_or_in_memory_the_result_is_the_same(operation: AnyOperation, bands: int) -> None:
    files = {"image": file_of(bands), "overlay_0": file_of(4)}
    assert (done(operation, files) == done(operation, files, 64)).all()


def test_a_picture_on_its_side_is_turned_before_it_is_worked_on() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    files = {"image": file_of(3, "JPEG", exif=exif)}
    assert done(Filter(name="sharpen"), files).shape == (48, 64, 3)


def test_what_was_turned_grey_is_stored_in_as_many_bands_as_it_has() -> None:
    for bands, mode in ((3, "L"), (4, "LA")):
        operations = (Filter(name="grayscale"), Crop(width=8, height=8))
        task = Edit(image="p", operations=operations, width=8, height=8, output=Output())
        made = edits.edit(task, {"image": file_of(bands)}, {}).images[0]
        assert Image.open(io.BytesIO(made.data)).mode == mode  # type: ignore[union-attr]
    overlay = Composite(overlay="o", x=0, y=0)
    task = Edit(
        image="p", operations=(Filter(name="grayscale"), overlay), width=48, height=64, output=Output()
    )
    made = edits.edit(task, {"image": file_of(3), "overlay_0": file_of(4)}, {}).images[0]
    assert Image.open(io.BytesIO(made.data)).mode == "RGB"  # type: ignore[union-attr]


@pytest.mark.parametrize("operation", [Filter(name="blur"), Transform(), Crop(width=4, height=4)])
def test_a_file_that_ends_too_early_is_refused_wherever_that_is_seen(operation: AnyOperation) -> None:
    whole = file_of(3)
    with pytest.raises(InvalidArgument, match="cannot be read"):
        done(operation, {"image": whole[: len(whole) // 2]})


def test_a_ground_that_is_not_plain_is_warned_of() -> None:
    task = Edit(image="p", operations=(RemoveBackground(),), width=48, height=64, output=Output())
    assert edits.edit(task, {"image": file_of(3)}, {}).warnings == (edits.UNSURE,)
