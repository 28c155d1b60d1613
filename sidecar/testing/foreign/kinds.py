"""The kinds of foreign servers as engines of a sidecar: how each fake is started, and what it can do."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sidecar.engines.remote.settings import EngineSettings
from sidecar.testing.foreign.server import ForeignServer
from sidecar.testing.server import Sidecar, started

ENGINE = "far"
KEY = "name:password"


@dataclass(frozen=True)
class Kind:
    """A fake, and the engine that speaks to it."""

    name: str
    model: str
    """One of its models that can do all that it can."""
    route: str
    """How the path begins on which it is asked to draw."""
    path: str = ""
    """What its address ends in."""
    missing: frozenset[str] = frozenset()
    """In-world methods that it has none of."""
    upscaler: str = ""
    restorer: str = ""
    lacking: str = "dpm++ 2s"
    """A scheduler of ours that it has not; empty: it has all."""
    takes_seed: bool = True
    tells_model: bool = True
    """Whether it tells with which model it drew."""
    tells_seed: bool = True
    tells_steps: bool = True
    """Whether it tells how far it is to those who want no previews."""
    finds_what_was_sent: bool = False
    """Whether it finds again what a server took though the answer was lost."""
    key: str = KEY
    fake: dict[str, Any] = field(default_factory=dict)
    """Further options of the fake."""
    engine: dict[str, Any] = field(default_factory=dict)
    """Further settings of the engine."""

    @property
    def model_id(self) -> str:
        return f"{ENGINE}:{self.model}"


KINDS = (
    Kind(
        "a1111",
        "tiny-sd15",
        "/sdapi/v1/txt2img",
        upscaler="R-ESRGAN 4x+",
        restorer="GFPGAN",
    ),
    Kind(
        "fooocus",
        "tiny-sdxl.safetensors",
        "/v1/generation/text-to-image",
        upscaler="Upscale (Fast 2x)",
        key="a-key",
    ),
    Kind(
        "openai",
        "picture-2",
        "/v1/images/generations",
        path="/v1",
        missing=frozenset({"apply", "upscaleImg2Img"}),
        tells_model=False,
        tells_seed=False,
        tells_steps=False,
        fake={"variant": "loose"},
        engine={
            "models": [{"name": "picture-2"}],
            "quirks": ["seed", "batch-seeds", "negative-prompt"],
            "compute_per_image": 1,
        },
    ),
    Kind(
        "comfyui",
        "tiny-sd15.safetensors",
        "/prompt",
        upscaler="tiny-x4.safetensors",
        tells_model=False,
        tells_seed=False,
        finds_what_was_sent=True,
        key="a key",
    ),
    Kind(
        "invokeai",
        "tiny-sd15",
        "/api/v1/queue/default/enqueue_batch",
        upscaler="tiny-x2",
        lacking="",
        tells_model=False,
        tells_seed=False,
        finds_what_was_sent=True,
    ),
)


@dataclass
class Far:
    """A sidecar whose engine is a fake."""

    kind: Kind
    fake: ForeignServer
    sidecar: Sidecar

    async def fault(self, fault: str, **more: object) -> None:
        """What the fake does wrong when it is asked to draw; `times` 0: always."""
        await self.fake.control(fault=fault, **{"route": self.kind.route, **more})

    async def drawn(self) -> list[dict[str, Any]]:
        """What the fake has drawn since it was cleared."""
        found: list[dict[str, Any]] = (await self.fake.state())["drawn"]
        return found


@asynccontextmanager
async def far(
    kind: Kind, folder: Path, *, seconds: float = 0.02, paid: bool = False, **settings: Any
) -> AsyncIterator[Far]:
    """A fake and a sidecar of its own."""
    async with contextlib.AsyncExitStack() as stack:
        fake = await stack.enter_async_context(ForeignServer(kind.name, seconds=seconds, **kind.fake))
        engine = EngineSettings.model_validate(
            {
                "name": ENGINE,
                "kind": kind.name,
                "urls": [f"{fake.url}{kind.path}"],
                **({"per_image": 0.25} if paid else {}),
                **kind.engine,
                **settings,
            }
        )
        sidecar = await stack.enter_async_context(
            started(folder / "models", folder / "data", engines=[engine], default_model="glyphs:game-icons")
        )
        await sidecar.running.engines[ENGINE].wait_ready()
        yield Far(kind, fake, sidecar)
