"""What a foreign server is sent of a task's pictures, and what is made of its answer."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from capabilities.errors import FailedPrecondition, Unavailable
from capabilities.methods.apply import Apply, ControlInput
from capabilities.methods.face_restore import FaceRestore
from capabilities.methods.image_to_image import ImageToImage
from capabilities.methods.inpaint import Inpaint
from capabilities.methods.outpaint import Outpaint
from capabilities.methods.text_to_image import TextToImage
from capabilities.methods.upscale_img2img import UpscaleImg2Img
from capabilities.tasks import Task
from sidecar.engines.remote.messages import Canvas, Finish, Part, Prepare
from sidecar.engines.remote.pixels import finish, prepare

Pixels = np.ndarray[Any, np.dtype[np.uint8]]

COMMON: dict[str, Any] = {
    "model_id": "far:sd", "prompt": "x", "guidance_scale": 7.0, "scheduler": "default", "steps": 4, "seed": 3,
}  # fmt: skip


def noise(width: int, height: int, bands: int = 3, seed: int = 1) -> Pixels:
    return np.random.default_rng(seed).integers(0, 255, (height, width, bands), np.uint8)


def png(pixels: Pixels) -> bytes:
    with io.BytesIO() as file:
        Image.fromarray(pixels).save(file, "PNG")
        return file.getvalue()


def pixels_of(data: bytes) -> Pixels:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)


def parts(task: Task, files: dict[str, bytes], granularity: int = 8) -> tuple[Part, ...]:
    return prepare(Prepare(task, files, 3, Canvas(granularity))).parts


def result(
    task: Task,
    files: dict[str, bytes],
    *drawn: Pixels | bytes,
    granularity: int = 8,
    fit: str = "refuse",
    **more: Any,
) -> Pixels:
    given = tuple(each if isinstance(each, bytes) else png(each) for each in drawn)
    return pixels_of(finish(Finish(task, files, 3, Canvas(granularity), given, fit, {}, 0, **more)).data)


def hole(width: int, height: int) -> Pixels:
    mask = np.zeros((height, width), np.uint8)
    mask[height // 4 : height // 2, width // 4 : width // 2] = 255
    return mask


@settings(max_examples=40, deadline=None)
@given(
    st.integers(40, 90), st.integers(40, 90), st.sampled_from([3, 4]), st.integers(0, 6), st.sampled_from([None, 0, 5]),
    st.sampled_from([1, 8, 64]),
)  # fmt: skip
def test_what_mask_and_feather_do_not_reach_stays(
    width: int, height: int, bands: int, feather: int, padding: int | None, granularity: int
) -> None:
    image, mask = noise(width, height, bands), hole(width, height)
    task = Inpaint(
        **COMMON, image="i", mask="m", width=width, height=height, strength=1.0, feather=feather, crop_padding=padding,
        crop_side=None if padding is None else 64,
    )  # fmt: skip
    files = {"image": png(image), "mask": png(mask)}
    (part,) = parts(task, files, granularity)
    assert (part.width % granularity, part.height % granularity) == (0, 0)
    assert pixels_of(part.image).shape == (part.height, part.width, 3)
    sent = pixels_of(part.mask)
    assert set(np.unique(sent)) <= {0, 255}
    assert (sent == 255).any()
    made = result(task, files, np.full((part.height, part.width, 3), 77, np.uint8), granularity=granularity)
    assert made.shape == image.shape
    rows, columns = np.nonzero(mask)
    reached = np.zeros(mask.shape, bool)
    reached[
        max(0, rows.min() - feather) : rows.max() + 1 + feather,
        max(0, columns.min() - feather) : columns.max() + 1 + feather,
    ] = True
    assert np.array_equal(made[~reached], image[~reached])
    assert (made[mask > 0][:, :3] == 77).all()


def test_an_outpainted_picture_keeps_its_own_pixels() -> None:
    image = noise(40, 30, 4)
    task = Outpaint(**COMMON, image="i", width=53, height=30, strength=0.9, feather=0, left=13)
    (part,) = parts(task, {"image": png(image)})
    assert (part.width, part.height) == (56, 32)
    made = result(task, {"image": png(image)}, np.full((32, 56, 3), 9, np.uint8))
    assert np.array_equal(made[:, 13:], image)
    assert (made[:, :13, :3] == 9).all()


def test_nothing_is_drawn_for_a_strength_that_takes_no_step() -> None:
    image = noise(40, 30)
    task = ImageToImage(**COMMON, image="i", width=40, height=30, strength=0.1)
    assert parts(task, {"image": png(image)}) == ()
    assert np.array_equal(result(task, {"image": png(image)}), image)


def test_a_clear_picture_is_sent_on_white() -> None:
    clear = np.zeros((16, 16, 4), np.uint8)
    task = ImageToImage(**COMMON, image="i", width=16, height=16, strength=1.0)
    (part,) = parts(task, {"image": png(clear)})
    assert (pixels_of(part.image) == 255).all()


def test_control_pictures_are_cut_as_the_drawing_is() -> None:
    width, height = 64, 48
    control = noise(width, height)
    steering = ControlInput(image="c", type="canny", model_id="far:canny", strength=1, start=0, end=1)
    task = Apply(
        **COMMON, controls=(steering,), image="i", mask="m", width=width, height=height, crop_padding=0, crop_side=16,
    )  # fmt: skip
    files = {"image": png(noise(width, height)), "mask": png(hole(width, height)), "control_0": png(control)}
    (part,) = parts(task, files)
    assert (part.width, part.height) == (16, 16)
    (sent,) = part.controls
    assert pixels_of(sent).shape == (16, 16, 3)
    assert np.abs(pixels_of(sent)[:12, :16].astype(int) - control[12:24, 16:32]).mean() < 90


def test_tiles_of_one_colour_have_no_seams() -> None:
    task = UpscaleImg2Img(
        **COMMON, image="i", width=96, height=80, strength=0.5, method="lanczos", tile=48, overlap=8
    )
    files = {"image": png(noise(48, 40))}
    drawn = [np.full((part.height, part.width, 3), 120, np.uint8) for part in parts(task, files)]
    assert len(drawn) == task.drawings == 6
    assert (result(task, files, *drawn) == 120).all()
    whole = task.model_copy(update={"tile": 96, "overlap": 0})
    assert (result(whole, files, np.full((80, 96, 3), 5, np.uint8)) == 5).all()


@pytest.mark.parametrize(("fit", "corner"), [("scale", 0), ("crop", 40)])
def test_another_size_is_fitted_where_the_operator_lets_it(fit: str, corner: int) -> None:
    task = TextToImage(**COMMON, width=32, height=32)
    wide = np.zeros((32, 64, 3), np.uint8)
    wide[:, 16:48] = 40
    assert result(task, {}, wide, fit=fit)[16, 0, 0] == corner
    with pytest.raises(FailedPrecondition, match="64 x 32 pixels where 32 x 32") as refused:
        result(task, {}, wide)
    assert refused.value.reason == "ENGINE_SUBSTITUTED"


def test_a_picture_from_words_that_is_black_is_none() -> None:
    task = TextToImage(**COMMON, width=16, height=16)
    black = np.zeros((16, 16, 3), np.uint8)
    with pytest.raises(FailedPrecondition) as refused:
        result(task, {}, black, from_words=True)
    assert refused.value.reason == "NOT_A_NUMBER"
    # What begins with a picture may rightly be black.
    assert not result(task, {}, black).any()


@pytest.mark.parametrize(
    "sent", [b"", b"nothing", png(noise(16, 16))[:-40], b"<svg xmlns='http://www.w3.org/2000/svg'/>"]
)
def test_what_is_no_whole_picture_is_refused(sent: bytes) -> None:
    with pytest.raises(Unavailable) as refused:
        result(TextToImage(**COMMON, width=16, height=16), {}, sent)
    assert refused.value.reason == "ENGINE_BAD_ANSWER"


def test_a_promised_size_is_kept_whatever_comes_back() -> None:
    task = FaceRestore(model_id="far:gfpgan", image="i", width=20, height=10, strength=1)
    files = {"image": png(noise(20, 10))}
    assert result(task, files, noise(40, 20)).shape == (10, 20, 3)
