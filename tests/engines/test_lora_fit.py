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
from sidecar.engines.local.lycoris_weights import Merged, original_unet_layer
from sidecar.engines.local.messages import ModelSource
from sidecar.testing import single_file, tiny_models

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


def loaded(
    pipeline: Any, *sources: ModelSource, weight: float = 1.0, merged: Merged | None = None
) -> list[str]:
    return pipelines.load_loras(
        pipeline, [(source, weight) for source in sources], "sd", merged or Merged(pipeline)
    )


def pair(stem: str, width: int = 32) -> State:
    return {
        f"{stem}.lora_down.weight": torch.randn(2, width),
        f"{stem}.lora_up.weight": torch.randn(width, 2),
        f"{stem}.alpha": torch.tensor(2.0),
    }


@pytest.mark.parametrize("kohya", [True, False])
def test_one_that_fits_is_not_warned_of(base: Path, pipeline: Any, tmp_path: Path, kohya: bool) -> None:
    source = changed(base, tmp_path, lambda state: state, kohya=kohya)
    assert loaded(pipeline, source) == []


def test_layers_that_the_model_does_not_have_are_named(base: Path, pipeline: Any, tmp_path: Path) -> None:
    extra = "lora_unet_down_blocks_7_attentions_0_transformer_blocks_0_attn1_to_q"
    layers = len(lora_fit.read_layers(Path(changed(base, tmp_path, lambda state: state).location)).names)
    source = changed(base, tmp_path, lambda state: state | pair(extra))
    (warning,) = loaded(pipeline, source)
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
            loaded(pipeline, source)
        assert raised.value.reason == "LORA_DOES_NOT_FIT"
        assert raised.value.field == "loras"


@pytest.mark.parametrize(
    ("tensors", "told"),
    [
        ({"lora_unet_x.diff": torch.ones(2, 2)}, "none of its 1 layers are layers of this model"),
        ({"something.weight": torch.ones(2, 2)}, "no layers of a LoRA"),
    ],
)
def test_what_is_no_lora_is_refused_in_words(
    base: Path, pipeline: Any, tmp_path: Path, tensors: State, told: str
) -> None:
    source = changed(base, tmp_path, lambda _: tensors)
    with pytest.raises(FailedPrecondition, match=told):
        loaded(pipeline, source)


def test_values_that_are_no_numbers_are_refused(base: Path, pipeline: Any, tmp_path: Path) -> None:
    def spoil(state: State) -> State:
        name = next(name for name in state if "lora_up" in name)
        spoilt = state[name].clone()
        spoilt[0, 0] = float("nan")
        return state | {name: spoilt}

    with pytest.raises(FailedPrecondition, match="not numbers"):
        loaded(pipeline, changed(base, tmp_path, spoil))


def test_a_text_encoders_lora_acts_whole(base: Path, pipeline: Any, tmp_path: Path) -> None:
    layers = pipeline.text_encoder.config.num_hidden_layers
    width = pipeline.text_encoder.config.hidden_size
    state: State = {}
    for place in range(layers):
        for part in ("self_attn_q_proj", "self_attn_k_proj", "self_attn_v_proj", "self_attn_out_proj"):
            state |= pair(f"lora_te_text_model_encoder_layers_{place}_{part}", width)
    source = changed(base, tmp_path, lambda _: state)
    assert loaded(pipeline, source) == []
    found = sum("lora_0" in getattr(layer, "lora_A", ()) for layer in pipeline.text_encoder.modules())
    assert found == 4 * layers


LINEAR = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"
CONVOLUTION = "down_blocks.0.resnets.0.conv1"


def difference(kind: str, rows: int, columns: int) -> tuple[State, torch.Tensor]:
    """Tensors of a kind of LoRA for a layer of rows x columns numbers, and what they add to its weights."""
    chance = torch.Generator().manual_seed(7)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=chance)

    if kind == "LoHa":
        a, b, c, d = normal(rows, 2), normal(2, columns), normal(rows, 2), normal(2, columns)
        tensors = {"hada_w1_a": a, "hada_w1_b": b, "hada_w2_a": c, "hada_w2_b": d, "alpha": torch.tensor(1.0)}
        return tensors, (a @ b) * (c @ d) * 0.5
    if kind == "LoKr":
        left, a, b = normal(2, 2), normal(rows // 2, 2), normal(2, columns // 2)
        tensors = {"lokr_w1": left, "lokr_w2_a": a, "lokr_w2_b": b, "alpha": torch.tensor(1.0)}
        return tensors, torch.kron(left, a @ b) * 0.5
    if kind == "whole LoKr":
        # Both factors whole: there is no rank, and so alpha says nothing.
        left, right = normal(2, 2), normal(rows // 2, columns // 2)
        return {"lokr_w1": left, "lokr_w2": right, "alpha": torch.tensor(1.0)}, torch.kron(left, right)
    assert kind == "difference"
    whole = normal(rows, columns)
    return {"diff": whole}, whole


@pytest.mark.parametrize("kind", ["LoHa", "LoKr", "whole LoKr", "difference"])
@pytest.mark.parametrize("weight", [1.0, -0.5])
@pytest.mark.parametrize("names", ["kohya", "dots", "lycoris"])
def test_lycoris_kinds_act_whole_and_leave_nothing_behind(
    base: Path, pipeline: Any, tmp_path: Path, kind: str, weight: float, names: str
) -> None:
    layer = pipeline.unet.get_submodule(LINEAR)
    before = layer.weight.detach().clone()
    tensors, added = difference(kind, *before.shape)
    stem = {
        "kohya": f"lora_unet_{LINEAR.replace('.', '_')}",
        "lycoris": f"lycoris_{LINEAR.replace('.', '_')}",
        "dots": f"unet.{LINEAR}",
    }[names]
    source = changed(base, tmp_path, lambda _: {f"{stem}.{name}": value for name, value in tensors.items()})
    merged = Merged(pipeline)
    assert loaded(pipeline, source, weight=weight, merged=merged) == []
    torch.testing.assert_close(layer.weight, before + weight * added)
    merged.undo()
    assert torch.equal(layer.weight, before)


def test_a_convolution_takes_one_too(base: Path, pipeline: Any, tmp_path: Path) -> None:
    layer = pipeline.unet.get_submodule(CONVOLUTION)
    before = layer.weight.detach().clone()
    rows, columns = before.shape[0], before[0].numel()
    tensors, added = difference("LoHa", rows, columns)
    stem = f"lora_unet_{CONVOLUTION.replace('.', '_')}"
    source = changed(base, tmp_path, lambda _: {f"{stem}.{name}": value for name, value in tensors.items()})
    assert loaded(pipeline, source) == []
    torch.testing.assert_close(layer.weight, before + added.reshape(before.shape))


def test_kohyas_dora_keeps_its_magnitudes(base: Path, pipeline: Any, tmp_path: Path) -> None:
    layer = pipeline.unet.get_submodule(LINEAR)
    before = layer.weight.detach().clone()
    down, up = torch.randn(2, before.shape[1]), torch.randn(before.shape[0], 2)
    magnitudes = torch.rand(before.shape[0], 1) + 0.5
    stem = f"lora_unet_{LINEAR.replace('.', '_')}"
    state = {
        f"{stem}.lora_down.weight": down, f"{stem}.lora_up.weight": up, f"{stem}.alpha": torch.tensor(2.0),
        f"{stem}.dora_scale": magnitudes,
    }  # fmt: skip
    assert loaded(pipeline, changed(base, tmp_path, lambda _: state)) == []
    turned = before + up @ down
    torch.testing.assert_close(layer.weight, turned / turned.norm(dim=1, keepdim=True) * magnitudes)


def test_a_merged_one_and_a_pair_act_together(base: Path, pipeline: Any, tmp_path: Path) -> None:
    layer = pipeline.unet.get_submodule(LINEAR)
    before = layer.weight.detach().clone()
    (tmp_path / "pair").mkdir()
    (tmp_path / "whole").mkdir()
    low_rank = changed(base, tmp_path / "pair", lambda state: state)
    tensors, added = difference("difference", *before.shape)
    stem = f"lora_unet_{LINEAR.replace('.', '_')}"
    whole = changed(
        base, tmp_path / "whole", lambda _: {f"{stem}.{key}": value for key, value in tensors.items()}
    )
    merged = Merged(pipeline)
    assert loaded(pipeline, low_rank, whole, merged=merged) == []
    wrapped = pipeline.unet.get_submodule(LINEAR)
    torch.testing.assert_close(wrapped.base_layer.weight, before + added)
    assert "lora_0" in wrapped.lora_A
    pipeline.unload_lora_weights()
    merged.undo()
    assert torch.equal(pipeline.unet.get_submodule(LINEAR).weight, before)


def test_lycoris_layers_that_do_not_fit_are_told(base: Path, pipeline: Any, tmp_path: Path) -> None:
    layer = pipeline.unet.get_submodule(LINEAR)
    before = layer.weight.detach().clone()
    tensors, _ = difference("LoHa", *before.shape)
    stem = f"lora_unet_{LINEAR.replace('.', '_')}"
    state = {f"{stem}.{key}": value for key, value in tensors.items()}
    beyond = {key.replace("down_blocks_1", "down_blocks_9"): value.clone() for key, value in state.items()}
    (warning,) = loaded(pipeline, changed(base, tmp_path, lambda _: state | beyond))
    assert warning.startswith("LoRA 'drawn': 1 of its 2 layers are not in this model and have no effect")
    wider, _ = difference("difference", before.shape[0], before.shape[1] * 2)
    merged = Merged(pipeline)
    with pytest.raises(FailedPrecondition, match="does not fit"):
        loaded(
            pipeline, changed(base, tmp_path, lambda _: {f"{stem}.{key}": value for key, value in wider.items()}),
            merged=merged,
        )  # fmt: skip


@pytest.mark.parametrize("layers", [1, 2])
def test_names_of_the_original_unet_are_those_of_diffusers(layers: int) -> None:
    """Against the table that the tests' own checkpoints are written by."""
    library: Any = diffusers
    unet = library.UNet2DConditionModel(
        block_out_channels=(8, 16, 16), layers_per_block=layers, norm_num_groups=4, cross_attention_dim=8,
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"), attention_head_dim=2,
    )  # fmt: skip
    for key in unet.state_dict():
        if not key.endswith(".weight") or key.split(".")[0] not in ("down_blocks", "mid_block", "up_blocks"):
            continue
        original = single_file.unet_name(key, layers).removesuffix(".weight").replace(".", "_")
        if "upsamplers" in key and "_2_conv" not in original:
            continue
        assert original_unet_layer(original, layers) == key.removesuffix(".weight").replace(".", "_")
