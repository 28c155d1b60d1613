"""LoRAs that fit a model only in part, or not: refused or warned of, with the names (diffusers#9602, #7592)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
from safetensors.torch import load_file, save_file

from capabilities.errors import FailedPrecondition
from sidecar.engines.local import lora_fit, pipelines
from sidecar.engines.local.messages import ModelSource
from sidecar.testing import tiny_models

State = dict[str, Any]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.stable_diffusion(tmp_path_factory.mktemp("base") / "sd")


@pytest.fixture
def pipeline(base: Path) -> Any:
    load: Any = diffusers.StableDiffusionPipeline.from_pretrained
    made = load(base)
    made.set_progress_bar_config(disable=True)
    return made


def changed(base: Path, folder: Path, change: Callable[[State], State], *, kohya: bool = True) -> ModelSource:
    """A LoRA that fits, with its tensors changed."""
    file = tiny_models.lora(folder / "lora.safetensors", base, kohya=kohya)
    save_file({name: value.contiguous() for name, value in change(load_file(file)).items()}, file)
    return ModelSource("drawn", str(file), "file")


def pair(stem: str, width: int = 32) -> State:
    return {
        f"{stem}.lora_down.weight": torch.randn(2, width),
        f"{stem}.lora_up.weight": torch.randn(width, 2),
        f"{stem}.alpha": torch.tensor(2.0),
    }


@pytest.mark.parametrize("kohya", [True, False])
def test_one_that_fits_is_not_warned_of(base: Path, pipeline: Any, tmp_path: Path, kohya: bool) -> None:
    source = changed(base, tmp_path, lambda state: state, kohya=kohya)
    assert pipelines.load_loras(pipeline, [(source, 1.0)], "sd") == []


def test_layers_that_the_model_does_not_have_are_named(base: Path, pipeline: Any, tmp_path: Path) -> None:
    extra = "lora_unet_down_blocks_7_attentions_0_transformer_blocks_0_attn1_to_q"
    layers = len(lora_fit.read_layers(Path(changed(base, tmp_path, lambda state: state).location)).names)
    source = changed(base, tmp_path, lambda state: state | pair(extra))
    (warning,) = pipelines.load_loras(pipeline, [(source, 1.0)], "sd")
    assert warning == (
        f"LoRA 'drawn': 1 of its {layers + 1} layers are not in this model and have no effect: {extra}"
    )


def test_one_of_another_family_is_refused(base: Path, pipeline: Any, tmp_path: Path) -> None:
    for number, state in enumerate(
        (
            pair("lora_unet_double_blocks_0_img_attn_qkv"),
            pair("lora_unet_input_blocks_99_1_transformer_blocks_0_attn1_to_q"),
            {"transformer.single_transformer_blocks.0.attn.to_q.lora_A.weight": torch.randn(2, 8),
             "transformer.single_transformer_blocks.0.attn.to_q.lora_B.weight": torch.randn(8, 2)},
        )
    ):  # fmt: skip
        folder = tmp_path / str(number)
        folder.mkdir()
        source = changed(base, folder, lambda _, state=state: state)  # type: ignore[misc]
        with pytest.raises(FailedPrecondition) as raised:
            pipelines.load_loras(pipeline, [(source, 1.0)], "sd")
        assert raised.value.reason == "LORA_DOES_NOT_FIT"
        assert raised.value.field == "loras"


@pytest.mark.parametrize(
    ("tensors", "told"),
    [
        ({"lora_unet_x.hada_w1_a": torch.ones(2, 2)}, "LoHa"),
        ({"lora_unet_x.lokr_w1": torch.ones(2, 2)}, "LoKr"),
        ({"something.weight": torch.ones(2, 2)}, "no layers of a LoRA"),
    ],
)
def test_what_is_no_lora_is_refused_in_words(
    base: Path, pipeline: Any, tmp_path: Path, tensors: State, told: str
) -> None:
    source = changed(base, tmp_path, lambda _: tensors)
    with pytest.raises(FailedPrecondition, match=told):
        pipelines.load_loras(pipeline, [(source, 1.0)], "sd")


def test_values_that_are_no_numbers_are_refused(base: Path, pipeline: Any, tmp_path: Path) -> None:
    def spoil(state: State) -> State:
        name = next(name for name in state if "lora_up" in name)
        spoilt = state[name].clone()
        spoilt[0, 0] = float("nan")
        return state | {name: spoilt}

    with pytest.raises(FailedPrecondition, match="not numbers"):
        pipelines.load_loras(pipeline, [(changed(base, tmp_path, spoil), 1.0)], "sd")


def test_a_dora_whose_magnitudes_the_loader_drops_is_refused(
    base: Path, pipeline: Any, tmp_path: Path
) -> None:
    def dora(state: State) -> State:
        more = {
            name.replace("lora_up.weight", "dora_scale"): torch.full((value.shape[0], 1), 3.0)
            for name, value in state.items()
            if name.endswith("lora_up.weight")
        }
        return state | more

    with pytest.raises(FailedPrecondition, match="it is a DoRA, and its magnitudes were lost"):
        pipelines.load_loras(pipeline, [(changed(base, tmp_path, dora), 1.0)], "sd")


def test_a_text_encoders_lora_acts_whole(base: Path, pipeline: Any, tmp_path: Path) -> None:
    layers = pipeline.text_encoder.config.num_hidden_layers
    width = pipeline.text_encoder.config.hidden_size
    state: State = {}
    for place in range(layers):
        for part in ("self_attn_q_proj", "self_attn_k_proj", "self_attn_v_proj", "self_attn_out_proj"):
            state |= pair(f"lora_te_text_model_encoder_layers_{place}_{part}", width)
    source = changed(base, tmp_path, lambda _: state)
    assert pipelines.load_loras(pipeline, [(source, 1.0)], "sd") == []
    loaded = sum("lora_0" in getattr(layer, "lora_A", ()) for layer in pipeline.text_encoder.modules())
    assert loaded == 4 * layers
