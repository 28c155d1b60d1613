"""What a task costs of money: by how often its model draws, and each model that has a price of its own."""

from __future__ import annotations

from typing import Any

import pytest

from capabilities.budgets import FREE, UNITS, Price, cost
from capabilities.methods.generation import LoraUse
from capabilities.methods.text_to_image import Refinement, TextToImage
from capabilities.methods.upscale_img2img import UpscaleImg2Img
from capabilities.tasks import Task
from sidecar.engines.remote.settings import EngineSettings

RUN: dict[str, Any] = {
    "model_id": "pod:sd", "prompt": "a cup", "width": 128, "height": 128, "steps": 4, "guidance_scale": 7.5,
    "scheduler": "default", "seed": 1, "count": 2, "loras": (LoraUse(id="pod:ink", weight=1),),
}  # fmt: skip
TWICE = Refinement(width=64, height=64, strength=0.5, method="lanczos")
TILES: dict[str, Any] = {"image": "sha256:0", "strength": 0.5, "tile": 64, "overlap": 0}


@pytest.mark.parametrize(
    ("task", "drawings"),
    [
        (TextToImage(**RUN), 2),
        (TextToImage(**RUN, refine=TWICE), 4),
        (TextToImage(**RUN, refine=TWICE.model_copy(update={"method": "pod:larger"})), 6),
        (UpscaleImg2Img(**RUN, **TILES, method="lanczos"), 8),
        (UpscaleImg2Img(**RUN, **TILES, method="pod:larger"), 10),
    ],
)
def test_an_engine_is_paid_for_each_drawing(task: Task, drawings: int) -> None:
    pod = EngineSettings(name="pod", kind="a1111", urls=("http://127.0.0.1:1",), per_image=0.5)
    money = cost(task, lambda model: pod.price(model.partition(":")[2]), {}).money
    assert money == drawings * UNITS // 2


def test_a_part_with_a_price_of_its_own_costs_it() -> None:
    prices = {"pod:sd": Price(per_image=3, is_of_engine=True), "pod:ink": Price(per_image=5)}
    assert cost(TextToImage(**RUN), lambda model: prices.get(model, FREE), {}).money == 2 * (3 + 5)
