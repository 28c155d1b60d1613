"""A short list against an InvokeAI of yours."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import numpy as np
import pytest

from sidecar.engines.remote.settings import EngineSettings
from sidecar.testing.server import started
from tests.engines.remote.test_scenarios import CONTROL, INPAINT, hole, pixels, text


@pytest.mark.skipif(
    "VIWO_TEST_INVOKEAI_URL" not in os.environ, reason="VIWO_TEST_INVOKEAI_URL names no server"
)
async def test_a_real_server(tmp_path: Path) -> None:
    """VIWO_TEST_INVOKEAI_URL=http://host:9090, and if need be _MODEL=name, _KEY_FILE=path, _SIZE=512x512."""

    def told(name: str, otherwise: str = "") -> str:
        return os.environ.get(f"VIWO_TEST_INVOKEAI_{name}", otherwise)

    width, _, height = told("SIZE", "512x512").partition("x")
    key = {"key_file": told("KEY_FILE")} if told("KEY_FILE") else {}
    settings = EngineSettings.model_validate(
        {"name": "real", "kind": "invokeai", "urls": [told("URL")], **key}
    )
    async with started(
        tmp_path / "models", tmp_path / "data", engines=[settings], default_model="glyphs:game-icons"
    ) as sidecar:
        engine = sidecar.running.engines["real"]
        async with asyncio.timeout(60):
            await engine.wait_ready()
        able = [each.facts.id for each in engine.models() if "textToImage" in each.facts.methods]
        model = f"real:{told('MODEL')}" if told("MODEL") else able[0]
        options = {
            "model": model,
            "seed": 5,
            "reuse": False,
            **({"steps": int(told("STEPS"))} if told("STEPS") else {}),
        }
        context = await sidecar.context({})
        size = {"width": int(width), "height": int(height)}
        first, again = [
            await sidecar.in_world(context, "textToImage", "a red apple", {**options, **size})
            for _ in range(2)
        ]
        assert pixels(first).shape == (int(height), int(width), 3)
        assert np.array_equal(pixels(first), pixels(again))
        image = first["images"][0]["image"]
        changed = await sidecar.in_world(context, "imageToImage", image, "a green apple", 0.6, options)
        assert not np.array_equal(pixels(changed), pixels(first))
        inpainting = await sidecar.context({}, kind=INPAINT)
        mask = text(hole(int(width), int(height)))
        painted = await sidecar.in_world(
            inpainting, "inpaint", image, mask, "a worm", {**options, "feather": 0}
        )
        outside = np.asarray(hole(int(width), int(height))) == 0
        assert np.array_equal(pixels(painted)[outside], pixels(first)[outside])
        controls = [each.facts for each in engine.models() if "control" in each.facts.methods]
        if controls:
            applying = await sidecar.context({}, kind=CONTROL)
            options["preprocess"] = True
            steered = await sidecar.in_world(applying, "apply", image, "a pear", "canny", options)
            assert pixels(steered).shape == (int(height), int(width), 3)
