"""Fixtures: a stand-in of the hub, and a server whose models lie there; shared by the tests of this folder."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sidecar.testing import single_file, tiny_models
from sidecar.testing.hub import Hub, serving
from sidecar.testing.server import Sidecar, started
from tests.engines.hub.asking import SIZE

PLAIN = (
    "plain", "twice", "canceled", "cut", "changed", "moved", "streamed", "shown", "stopped", "first", "gated", "private", "busy",
    "down", "damaged", "large", "absent",
    "longer", "readable", "patient",
)  # fmt: skip
"""Repositories with the same model, each for a test that does something to it."""


@pytest.fixture(scope="package")
async def hub(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hub]:
    """A hub in front of an empty cache; every process that is started from here uses it."""
    root = tmp_path_factory.mktemp("hub")
    made = Hub()
    for name in PLAIN:
        made.add(f"tiny/{name}", tiny / "sd")
    _with_much_else(tiny / "sd", root / "much")
    for name in ("tiny/much", "tiny/halves", "tiny/begun"):
        made.add(name, root / "much")
    shutil.copytree(tiny / "sd", root / "many" / "models" / "sd")
    made.add("tiny/many", root / "many")
    (root / "lora").mkdir()
    tiny_models.lora(root / "lora" / "weights.safetensors", tiny / "sd", kohya=True)
    made.add("tiny/lora", root / "lora")
    made.add("tiny/canny", tiny_models.controlnet(root / "canny", tiny / "sd"))
    (root / "annotators").mkdir()
    for name in ("sk_model.pth", "sk_model2.pth", "scannet.pt"):
        (root / "annotators" / name).write_bytes(name.encode())
    made.add("lllyasviel/Annotators", root / "annotators")
    (root / "pickled").mkdir()
    (root / "pickled" / "model.ckpt").write_bytes(b"pickle")
    made.add("tiny/pickled", root / "pickled")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("HF_TOKEN", "HF_HUB_OFFLINE", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_CACHE"):
            patch.delenv(name, raising=False)
        patch.setenv("HF_HOME", str(root / "home"))
        patch.setenv("VIWO_IMAGEGEN_CACHE", str(root / "cache"))
        async with serving(made):
            patch.setenv("HF_ENDPOINT", made.url)
            yield made


@pytest.fixture(scope="package")
async def hubbed(hub: Hub, tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sidecar]:
    """A server whose models all lie on the hub, but for a checkpoint in one file without its configurations."""
    listed: list[dict[str, object]] = [
        {"id": name, **SIZE} for name in hub.repositories if name.startswith("tiny/")
    ]
    listed += [
        {"id": "no/such", **SIZE},
        {"id": "tagged", "repository": "tiny/plain", "revision": "v9", **SIZE},
        {"id": "half", "repository": "tiny/much", "variant": "fp16", **SIZE},
        {"id": "tiny/many/models/sd", **SIZE},
        {"id": "style", "repository": "tiny/lora", "role": "lora"},
        {"id": "edges-canny", "repository": "tiny/canny", "role": "controlnet"},
        {"id": "pinned", "repository": "tiny/moved", "revision": hub.repositories["tiny/moved"].refs["main"], **SIZE},
    ]  # fmt: skip
    folder = tmp_path_factory.mktemp("models")
    single_file.stable_diffusion(tiny / "sd", folder / "alone.safetensors")
    shutil.rmtree(folder / "alone.config")
    data = tmp_path_factory.mktemp("hubbed")
    async with started(folder, data, hub_models=listed, default_model="tiny/plain") as sidecar:
        yield sidecar


def _with_much_else(source: Path, folder: Path) -> None:
    """A model as they lie on the hub: with the same weights in other formats, precisions and files."""
    from safetensors.torch import load_file, save_file

    shutil.copytree(source, folder)
    for weights in list(folder.rglob("*.safetensors")):
        half = {name: value.half() for name, value in load_file(weights).items()}
        save_file(half, weights.with_name(f"{weights.stem}.fp16.safetensors"))
        for other in ("bin", "fp16.bin", "msgpack", "onnx"):
            weights.with_name(f"{weights.stem}.{other}").write_bytes(b"\0" * 1000)
        weights.with_name(f"{weights.stem}.non_ema.safetensors").write_bytes(b"\0" * 1000)
    for extra in ("tiny.safetensors", "tiny.ckpt", "README.md", "picture.png", ".gitattributes"):
        (folder / extra).write_bytes(b"\0" * 1000)
    (folder / "vae_decoder").mkdir()
    (folder / "vae_decoder" / "model.onnx").write_bytes(b"\0" * 1000)
