"""Which files of a repository a model consists of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from sidecar.config import HubModel
from sidecar.engines.local.hub_files import Incomplete, Wanted, select
from sidecar.engines.local.listed_models import wanted_of
from sidecar.engines.local.model_files import UnusableModel


def test_what_an_entry_means() -> None:
    assert wanted_of(HubModel(id="a/b/c/d")) == Wanted("a/b", subfolder="c/d")
    assert wanted_of(HubModel(id="x/y/z", repository="a/b")) == Wanted("a/b")
    for bad in (
        {"subfolder": "../x"},
        {"repository": "http://x/y"},
        {"variant": "../../x"},
        {"file": "/etc/passwd"},
    ):
        with pytest.raises(ValueError, match="should match pattern"):
            HubModel.model_validate({"id": "a/b", **bad})


class TestSelection:
    def chosen(
        self, names: list[str], contents: Mapping[str, Any] | None = None, **more: Any
    ) -> dict[str, str]:
        index = {
            "_class_name": "XPipeline",
            "unet": ["diffusers", "UNet"],
            "scheduler": ["diffusers", "XScheduler"],
        }
        read = {"model_index.json": index, **(contents or {})}
        return dict(select(Wanted("a/b", **more), names, read.__getitem__).files)

    def test_shards_are_those_that_the_index_names(self) -> None:
        index = "unet/diffusion_pytorch_model.fp16.safetensors.index.json"
        shards = ["diffusion_pytorch_model.fp16-00001-of-00002.safetensors", "part-two.safetensors"]
        names = [
            "model_index.json",
            "unet/config.json",
            "scheduler/scheduler_config.json",
            index,
            "unet/other.safetensors",
        ]
        contents = {index: {"weight_map": {"a": shards[0], "b": shards[1]}}}
        files = self.chosen([*names, *(f"unet/{shard}" for shard in shards)], contents, variant="fp16")
        assert files["unet/diffusion_pytorch_model.safetensors.index.json"] == index
        assert {f"unet/{shard}" for shard in shards} <= files.keys()
        assert "unet/other.safetensors" not in files
        with pytest.raises(Incomplete, match=r"part-two\.safetensors"):
            self.chosen([*names, f"unet/{shards[0]}"], contents, variant="fp16")

    def test_the_only_precision_that_is_there_is_taken(self) -> None:
        names = [
            "model_index.json",
            "scheduler/scheduler_config.json",
            "unet/diffusion_pytorch_model.fp16.safetensors",
        ]
        files = self.chosen(names)
        assert (
            files["unet/diffusion_pytorch_model.safetensors"]
            == "unet/diffusion_pytorch_model.fp16.safetensors"
        )

    def test_what_cannot_be_loaded_is_told(self) -> None:
        with pytest.raises(UnusableModel, match="the weights of its unet are pickles"):
            self.chosen(
                ["model_index.json", "scheduler/scheduler_config.json", "unet/diffusion_pytorch_model.bin"]
            )
        with pytest.raises(UnusableModel, match="several files of weights"):
            self.chosen(["one.safetensors", "two.safetensors"])
        assert self.chosen(["one.safetensors", "two.safetensors"], file="two.safetensors") == {
            "two.safetensors": "two.safetensors"
        }
        with pytest.raises(UnusableModel, match=r"not a \.safetensors file"):
            self.chosen(["one.bin"], file="one.bin")
        with pytest.raises(Incomplete, match="its folder 'x'"):
            self.chosen(["model_index.json"], subfolder="x")
