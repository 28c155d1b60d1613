"""Tries what an engine can do: connects, lists, draws, cancels, and every method of its models, one after the other."""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from capabilities import imaging
from capabilities.errors import Refusal
from capabilities.methods.apply import Apply, ControlInput
from capabilities.methods.face_restore import FaceRestore
from capabilities.methods.image_to_image import ImageToImage
from capabilities.methods.inpaint import Inpaint
from capabilities.methods.outpaint import Outpaint
from capabilities.methods.text_to_image import Refinement, TextToImage
from capabilities.methods.upscale import Upscale
from capabilities.methods.upscale_img2img import UpscaleImg2Img
from capabilities.models import ModelFacts
from capabilities.tasks import Task
from sidecar.engines.api import EngineRequest, EngineState, ProgressDetail
from sidecar.engines.events import Done, Failed, Preview, Step
from sidecar.engines.remote.engine import RemoteEngine

PROMPT = "a red apple on a white table"
LONG = 60
"""Steps of the drawing that is canceled: it must still go on when it is told to end."""
NONE_DRAWS = "none; give the server one, or name under models of this engine those that it has"
BEGINS_WITHIN = 1.0
"""Seconds after which it is told so, where the server says nothing of its beginning."""


@dataclass(frozen=True)
class Check:
    """What came of one try. `fine` None: there is nothing to try. Times in seconds.

    `reports`, `previews`: how often it was told on the way how far it was, and shown what there was.
    """

    name: str
    fine: bool | None
    seconds: float
    words: str
    reports: int = 0
    previews: int = 0


@dataclass(frozen=True)
class Trial:
    """What is tried, and with which model: `side` in pixels; few `steps` are enough to see that it works."""

    model: str
    side: int
    steps: int


async def check(
    engine: RemoteEngine, *, model: str = "", side: int = 0, steps: int = 4
) -> AsyncIterator[Check]:
    """Each try as it is done; what follows from one that failed is not tried. The engine has been started.

    `model`: the id of one that draws; empty: the first. `side`: of the pictures, in pixels; 0: the model's own.
    """
    started = time.perf_counter()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(30):
            await engine.wait_known()
    status = engine.status()
    is_ready = status.state is EngineState.READY
    yield Check(
        "connect", is_ready, time.perf_counter() - started, status.device if is_ready else status.reason
    )
    if not is_ready:
        return
    listings = list(engine.models())
    able = [listing.facts for listing in listings if "textToImage" in listing.facts.methods]
    chosen = [facts for facts in able if model in ("", facts.id)] or ([engine.find(model)] if model else [])
    names = ", ".join(facts.id for facts in able[:5]) + (" ..." if len(able) > 5 else "")
    words = f"{len(listings)}, of which {len(able)} draw: {names or NONE_DRAWS}"
    left_out = [f"; {problem.file} is left out: {problem.reason}" for problem in engine.problems()[:3]]
    yield Check("models", bool(chosen), 0.0, words + "".join(left_out))
    if not chosen:
        return
    facts = chosen[0]
    yield Check("options", True, 0.0, _options(engine, facts.id))
    yield await _canceled(engine, facts, side)
    for name, task, files in _tasks(
        facts, _parts(engine, facts), side or min(facts.width, facts.height), steps
    ):
        if task is None:
            yield Check(name, None, 0.0, "no model of this engine does that")
        else:
            yield await _tried(engine, name, task, files)


async def _tried(engine: RemoteEngine, name: str, task: Task, files: Mapping[str, bytes]) -> Check:
    started = time.perf_counter()
    refusal = engine.supports(task)
    if refusal is not None:
        return Check(name, None, 0.0, refusal.message)
    reports = previews = 0
    request = EngineRequest(f"check-{uuid.uuid4().hex}", task, files, {}, detail=ProgressDetail(1))
    words, fine = "nothing came of it", False
    try:
        async with contextlib.aclosing(engine.run([request])) as events:
            async for _, event in events:
                reports += isinstance(event, Step)
                previews += isinstance(event, Preview)
                if isinstance(event, Done):
                    (image,) = event.images
                    words = f"{getattr(image, 'width', 0)} x {getattr(image, 'height', 0)}"
                    words += "".join(f"; {warning}" for warning in event.warnings)
                    fine = True
                elif isinstance(event, Failed):
                    words = event.message
    except Refusal as not_begun:
        words = not_begun.message
    return Check(name, fine, time.perf_counter() - started, words, reports, previews)


def _options(engine: RemoteEngine, model_id: str) -> str:
    listing = engine.listing(model_id)
    assert listing is not None
    done = sorted(listing.abilities - {"scheduler"})
    words = f"{model_id} takes {', '.join(done) or 'a prompt alone'}"
    ignored = ", ".join(sorted(listing.ignores - listing.abilities))
    schedulers = f"; {len(listing.schedulers)} schedulers" if listing.schedulers else ""
    return words + schedulers + (f"; without effect: {ignored}" if ignored else "")


async def _canceled(engine: RemoteEngine, facts: ModelFacts, side: int) -> Check:
    """A long drawing that is told to end once it is begun."""
    if "textToImage" not in facts.methods:
        return Check("cancel", None, 0.0, f"'{facts.id}' does not draw from words")
    task = _drawing(facts, TextToImage, side or min(facts.width, facts.height), LONG)
    request = EngineRequest(f"check-{uuid.uuid4().hex}", task, detail=ProgressDetail())
    begun = asyncio.Event()

    async def end() -> float:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(BEGINS_WITHIN):
                await begun.wait()
        asked = time.perf_counter()
        await engine.cancel(request.job_id)
        return asked

    ending = asyncio.create_task(end())
    words, fine = "it was done before it could be canceled", None
    async with contextlib.aclosing(engine.run([request])) as events:
        async for _, event in events:
            if isinstance(event, Failed):
                fine = event.code == "CANCELLED"
                words = "ended" if fine else event.message
            elif not isinstance(event, Done):
                begun.set()
    ended = time.perf_counter()
    return Check("cancel", fine, max(0.0, ended - await ending), words)


def _parts(engine: RemoteEngine, facts: ModelFacts) -> dict[str, str]:
    """The ids of the models that help a model: for each method the first, and of the ControlNets one that fits; empty: none."""
    found = {
        method: next((each.id for each in engine.able(method)), "") for method in ("upscale", "faceRestore")
    }
    own = engine.listing(facts.id)

    def fit(control: ModelFacts) -> tuple[bool, bool]:
        listing = engine.listing(control.id)
        return (
            own is not None and listing is not None and listing.family == own.family,
            control.control == "canny",
        )

    controls = max(engine.able("control"), key=fit, default=None)
    return {**found, "control": "" if controls is None else controls.id}


def _tasks(
    facts: ModelFacts, parts: Mapping[str, str], side: int, steps: int
) -> list[tuple[str, Task | None, Mapping[str, bytes]]]:
    """Every method with a small task for it; None where no model does it."""
    picture, mask = _picture(side), _mask(side)
    small = side // 2
    common = {"image": "image", "strength": 0.6}

    def of(kind: type[Task], **more: Any) -> Task:
        return _drawing(facts, kind, side, steps, **more)

    makes: dict[str, tuple[Callable[[], Task], Mapping[str, bytes]]] = {
        "textToImage": (lambda: of(TextToImage), {}),
        "imageToImage": (lambda: of(ImageToImage, **common), {"image": picture}),
        "inpaint": (
            lambda: of(Inpaint, **{**common, "strength": 1.0}, mask="mask", feather=4),
            {"image": picture, "mask": mask},
        ),
        "outpaint": (
            lambda: of(Outpaint, **{**common, "strength": 1.0}, feather=4, left=side - small, width=side),
            {"image": _picture(small, side)},
        ),
        "upscaleImg2Img": (
            lambda: of(UpscaleImg2Img, **common, method="lanczos", tile=side, overlap=0),
            {"image": _picture(small)},
        ),
    }
    found: list[tuple[str, Task | None, Mapping[str, bytes]]] = [
        (name, make() if name in facts.methods else None, files) for name, (make, files) in makes.items()
    ]
    refine = Refinement(width=small // 8 * 8, height=small // 8 * 8, strength=0.5, method="lanczos")
    found.append(
        ("hiresFix", of(TextToImage, refine=refine) if "imageToImage" in facts.methods else None, {})
    )
    control = ControlInput(
        image="c", type="canny", model_id=parts["control"] or "-", strength=1, start=0, end=1
    )
    applies = parts["control"] and "apply" in facts.methods
    found.append(("apply", of(Apply, controls=(control,)) if applies else None, {"control_0": mask}))
    sized = {"image": "image", "width": side * 2, "height": side * 2}
    enlarged = Upscale(**sized, factor=2, model_id=parts["upscale"]) if parts["upscale"] else None
    found.append(("upscale", enlarged, {"image": picture}))
    faces = parts["faceRestore"]
    restored = (
        FaceRestore(image="image", width=side, height=side, model_id=faces, strength=1) if faces else None
    )
    found.append(("faceRestore", restored, {"image": picture}))
    return found


def _drawing(facts: ModelFacts, kind: type[Task], side: int, steps: int, **more: Any) -> Task:
    values = {
        "model_id": facts.id, "prompt": PROMPT, "guidance_scale": facts.guidance_scale, "scheduler": "default",
        "seed": 1, "steps": min(steps, facts.steps) if not facts.has_steps else steps, "width": side, "height": side,
    }  # fmt: skip
    return kind.model_validate({**values, **more})


def _picture(width: int, height: int = 0) -> bytes:
    """A red disc on a plain ground."""
    height = height or width
    y, x = np.mgrid[0:height, 0:width]
    inside = (x - width / 2) ** 2 + (y - height / 2) ** 2 < (min(width, height) / 3) ** 2
    pixels = np.where(inside[..., None], (200, 30, 30), (235, 235, 225)).astype(np.uint8)
    return imaging.encode(imaging.from_pixels(pixels.tobytes(), width, height, 3), "png")


def _mask(side: int) -> bytes:
    pixels = np.zeros((side, side, 3), np.uint8)
    pixels[side // 4 : side * 3 // 4, side // 4 : side * 3 // 4] = 255
    return imaging.encode(imaging.from_pixels(pixels.tobytes(), side, side, 3), "png")
