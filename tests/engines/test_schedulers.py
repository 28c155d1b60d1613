"""Every scheduler with few steps, on every family: a picture, or a refusal that says which would do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from capabilities.errors import FailedPrecondition, InvalidArgument
from capabilities.methods.generation import LoraUse
from capabilities.methods.image_to_image import ImageToImage
from capabilities.methods.text_to_image import TextToImage
from capabilities.schedulers import NAMES
from sidecar.engines.events import RawImage
from sidecar.engines.local.cancellation import CancellationToken
from sidecar.engines.local.catalog import Catalog
from sidecar.engines.local.executor import Executor
from sidecar.testing import tiny_families, tiny_models

# Some schedulers of diffusers hand numpy tensors in a way that it gives up.
pytestmark = pytest.mark.filterwarnings("ignore:__array:DeprecationWarning")
FAMILIES = ("sd", "sdxl", "sd3", "flux")


class Machine:
    """An executor, and the models there are."""

    def __init__(self, root: Path) -> None:
        self._executor = Executor("cpu", max_loaded=len(FAMILIES))
        self._catalog = Catalog([root], [], "sd")

    def make(self, task: TextToImage | ImageToImage) -> np.ndarray[Any, Any]:
        chance = np.random.default_rng(2)
        picture = RawImage(chance.integers(0, 256, (64, 64, 3), np.uint8).tobytes(), 64, 64, 3, 0)
        sources = {name: self._catalog.model(name).source for name in task.models}
        done = self._executor.make(task, sources, {"image": picture}, lambda event: None, CancellationToken())
        (made,) = done.images
        assert isinstance(made, RawImage)
        return np.frombuffer(made.pixels, np.uint8)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    root = tmp_path_factory.mktemp("schedulers")
    tiny_models.stable_diffusion(root / "sd")
    for name in FAMILIES[1:]:
        getattr(tiny_families, name)(root / name)
    tiny_models.lora(root / "fast.safetensors", root / "sd", kohya=True)
    return Machine(root)


def task(family: str, scheduler: str, steps: int, **more: Any) -> TextToImage:
    return TextToImage(
        prompt="a cat", model_id=family, width=64, height=64, steps=steps, guidance_scale=5, scheduler=scheduler, seed=1,
        **more,
    )  # fmt: skip


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("scheduler", NAMES)
def test_it_draws_or_says_what_would(machine: Machine, family: str, scheduler: str) -> None:
    """pndm below four steps was an internal error."""
    for steps in (1, 2, 3, 4, 5):
        asked = task(family, scheduler, steps)
        begun = ImageToImage(
            **asked.model_dump(exclude={"kind", "refine"}),
            image="x",
            strength=(1.0, 0.5, 0.4, 0.3, 0.8)[steps - 1],
        )
        for each in (asked, begun):
            if scheduler == "lcm" or (family in ("sd3", "flux") and scheduler != "default"):
                with pytest.raises(InvalidArgument, match="use default") as raised:
                    machine.make(each)
                assert (raised.value.reason, raised.value.field) == ("SCHEDULER_NOT_COMPATIBLE", "scheduler")
            else:
                assert machine.make(each).std() > 1


def test_lcm_is_there_where_a_lora_may_need_it(machine: Machine) -> None:
    """ComfyUI#1934."""
    with pytest.raises(InvalidArgument, match="or add an LCM LoRA to 'loras'"):
        machine.make(task("sd", "lcm", 4))
    with_lora = (LoraUse(id="fast", weight=1.0),)
    for steps in (1, 2, 4, 8):
        made = machine.make(task("sd", "lcm", steps, loras=with_lora))
        assert made.std() > 1
        assert not np.array_equal(made, machine.make(task("sd", "default", steps, loras=with_lora)))


@pytest.mark.parametrize(("family", "most"), [("sd", 2), ("sdxl", 2)])
def test_clip_skip_goes_as_deep_as_the_encoder(machine: Machine, family: str, most: int) -> None:
    drawn = [machine.make(task(family, "default", 2, clip_skip=skipped)) for skipped in range(most + 1)]
    assert all(not np.array_equal(drawn[0], other) for other in drawn[1:])
    for skipped in (most + 1, most + 2, 12):
        with pytest.raises(FailedPrecondition) as raised:
            machine.make(task(family, "default", 2, clip_skip=skipped))
        assert (raised.value.reason, raised.value.field) == ("MODEL_CANNOT", "clip_skip")
        assert raised.value.limit == f"at most {most}"
