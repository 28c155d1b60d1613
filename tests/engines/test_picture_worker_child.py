"""What a picture worker answers: its own loop, in this process, on pipes in memory."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image

from capabilities import imaging
from capabilities.methods.edit import Edit
from capabilities.methods.preprocess import Preprocess
from capabilities.methods.text_to_image import TextToImage
from capabilities.operations import Composite, Crop
from capabilities.tasks import Output, Task
from sidecar.engines.builtin import messages, worker
from sidecar.engines.events import Done, EncodedImage, Failed
from sidecar.engines.framing import LENGTHS
from sidecar.testing.pictures import plain


def answers(*requests: messages.Request) -> list[Any]:
    """What comes back for requests that are sent one after another."""
    sink = io.BytesIO()
    worker.serve(io.BytesIO(b"".join(map(messages.FRAMING.encode, requests))), sink)
    sink.seek(0)
    found = []
    while lengths := sink.read(LENGTHS.size):
        header, payload = LENGTHS.unpack(lengths)
        found.append(messages.FRAMING.decode(sink.read(header), sink.read(payload)))
    return found


def edit(task: Task, metadata: dict[str, Any] | None = None, **files: bytes) -> messages.Edit:
    return messages.Edit(task, files, metadata, 0)


def made(answer: object) -> EncodedImage:
    assert isinstance(answer, Done)
    (image,) = answer.images
    assert isinstance(image, EncodedImage)
    return image


def test_each_request_has_one_answer_in_order() -> None:
    data = plain(30, 20)
    inspected, small, refused = answers(
        messages.Inspect(data, "image"), messages.Thumbnail(data, 10), messages.Inspect(data[:40], "mask")
    )
    assert inspected == messages.Inspected("png", 30, 20, False)
    assert imaging.probe(small.data) == imaging.ImageInfo("webp", 10, 7, False)
    assert isinstance(refused, Failed)
    assert (refused.code, refused.field) == ("INVALID_ARGUMENT", "mask")


def test_it_edits_and_keeps_the_metadata_that_it_is_told_to_keep() -> None:
    first = made(answers(edit(_crop("a"), {"method": "crop"}, image=plain(30, 20)))[0])
    assert (first.width, first.height) == (5, 4)
    assert imaging.read_metadata(first.data) == {"method": "crop"}
    again = made(
        answers(
            edit(_crop("a"), None, image=imaging.encode(imaging.decode(first.data), metadata={"by": "hand"}))
        )[0]
    )
    assert imaging.read_metadata(again.data) == {"by": "hand"}


def test_an_overlay_is_laid_over_the_picture() -> None:
    over = Edit(image="a", operations=(Composite(overlay="b", x=0, y=0),), width=8, height=8)
    image = made(
        answers(edit(over, {}, image=plain(8, 8, color="red"), overlay_0=plain(4, 4, color="blue")))[0]
    )
    drawn = Image.open(io.BytesIO(image.data)).convert("RGB")
    assert (drawn.getpixel((1, 1)), drawn.getpixel((6, 6))) == ((0, 0, 255), (255, 0, 0))


@pytest.mark.parametrize("kind", ["canny", "tile"])
@pytest.mark.parametrize("form", ["png", "jpeg"])
def test_control_pictures_without_a_model_have_the_size_of_the_picture(kind: Any, form: Any) -> None:
    task = Preprocess(
        image="a", type=kind, width=32, height=16, low=100, high=200, resolution=64, blur=4,
        output=Output(format=form),
    )  # fmt: skip
    source = io.BytesIO()
    picture = Image.new("RGBA", (32, 16), (0, 0, 0, 0))
    picture.paste((255, 255, 255, 255), (8, 4, 24, 12))
    picture.save(source, "PNG")
    image = made(answers(edit(task, {}, image=source.getvalue()))[0])
    assert imaging.probe(image.data) == imaging.ImageInfo(form, 32, 16, False)


def test_a_task_that_needs_a_model_is_a_fault_and_the_next_request_is_answered() -> None:
    drawing = TextToImage(
        model_id="sd", prompt="a cup", width=64, height=64, steps=1, guidance_scale=7.0, scheduler="default"
    )
    fault, after = answers(edit(drawing, {}), messages.Inspect(plain(3, 2), "image"))
    assert isinstance(fault, Failed)
    assert (fault.code, fault.reason) == ("INTERNAL", "BUG")
    assert after == messages.Inspected("png", 3, 2, False)


def test_memory_that_runs_out_is_said_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*arguments: object, **options: object) -> None:
        raise MemoryError

    monkeypatch.setattr(imaging, "inspect", exhausted)
    (answer,) = answers(messages.Inspect(plain(3, 2), "image"))
    assert isinstance(answer, Failed)
    assert (answer.code, answer.reason) == ("RESOURCE_EXHAUSTED", imaging.OUT_OF_MEMORY)


def _crop(image: str) -> Edit:
    return Edit(image=image, operations=(Crop(width=5, height=4),), width=5, height=4)
