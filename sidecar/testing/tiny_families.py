"""Small pipelines of the architectures of SDXL, Stable Diffusion 3 and Flux, with random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sidecar.testing.tiny_models import tokenizer


def sdxl(folder: Path) -> Path:
    """Two text encoders, pooled text and sizes as further conditions; 64 x 64 px."""
    import diffusers
    import torch

    torch.manual_seed(1)
    library: Any = diffusers
    words = tokenizer(folder.parent / f"{folder.name}-tokenizer")
    unet = library.UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(16, 32),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        attention_head_dim=(2, 4),
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        transformer_layers_per_block=(1, 1),
        projection_class_embeddings_input_dim=6 * 8 + 32,
        cross_attention_dim=64,
        norm_num_groups=8,
    )
    pipeline = library.StableDiffusionXLPipeline(
        vae=_autoencoder(4),
        unet=unet,
        text_encoder=_clip(words, projected=False),
        text_encoder_2=_clip(words, projected=True),
        tokenizer=words,
        tokenizer_2=words,
        scheduler=library.EulerDiscreteScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear"
        ),
    )
    pipeline.save_pretrained(folder, safe_serialization=True)
    return folder


def sd3(folder: Path) -> Path:
    """A transformer on patches of two, three text encoders, flow matching; 64 x 64 px."""
    import diffusers
    import torch

    torch.manual_seed(2)
    library: Any = diffusers
    words = tokenizer(folder.parent / f"{folder.name}-tokenizer")
    transformer = library.SD3Transformer2DModel(
        sample_size=8,
        patch_size=2,
        in_channels=16,
        num_layers=1,
        attention_head_dim=8,
        num_attention_heads=4,
        caption_projection_dim=32,
        joint_attention_dim=64,
        pooled_projection_dim=64,
        out_channels=16,
    )
    pipeline = library.StableDiffusion3Pipeline(
        vae=_autoencoder(16, shift_factor=0.06),
        transformer=transformer,
        text_encoder=_clip(words, projected=True),
        text_encoder_2=_clip(words, projected=True),
        text_encoder_3=_t5(64),
        tokenizer=words,
        tokenizer_2=words,
        tokenizer_3=_t5_tokenizer(),
        scheduler=library.FlowMatchEulerDiscreteScheduler(),
    )
    pipeline.save_pretrained(folder, safe_serialization=True)
    return folder


def flux(folder: Path) -> Path:
    """A transformer with double and single blocks, CLIP and T5, guidance as an input; 64 x 64 px."""
    import diffusers
    import torch

    torch.manual_seed(3)
    library: Any = diffusers
    words = tokenizer(folder.parent / f"{folder.name}-tokenizer")
    transformer = library.FluxTransformer2DModel(
        patch_size=1,
        in_channels=64,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=32,
        pooled_projection_dim=32,
        axes_dims_rope=(4, 4, 8),
        guidance_embeds=True,
    )
    pipeline = library.FluxPipeline(
        vae=_autoencoder(16, shift_factor=0.06),
        transformer=transformer,
        text_encoder=_clip(words, projected=False),
        text_encoder_2=_t5(32),
        tokenizer=words,
        tokenizer_2=_t5_tokenizer(),
        scheduler=library.FlowMatchEulerDiscreteScheduler(),
    )
    pipeline.save_pretrained(folder, safe_serialization=True)
    return folder


def _autoencoder(channels: int, shift_factor: float | None = None) -> Any:
    import diffusers

    library: Any = diffusers
    return library.AutoencoderKL(
        block_out_channels=(8, 8, 16, 16),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        latent_channels=channels,
        norm_num_groups=4,
        sample_size=64,
        shift_factor=shift_factor,
        use_quant_conv=shift_factor is None,
        use_post_quant_conv=shift_factor is None,
    )


def _clip(words: Any, *, projected: bool) -> Any:
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    config = CLIPTextConfig(
        hidden_size=32,
        intermediate_size=64,
        projection_dim=32,
        num_attention_heads=2,
        num_hidden_layers=3,
        vocab_size=len(words),
        max_position_embeddings=77,
        bos_token_id=words.bos_token_id,
        eos_token_id=words.eos_token_id,
        pad_token_id=words.pad_token_id,
    )
    return CLIPTextModelWithProjection(config) if projected else CLIPTextModel(config)


def _t5(width: int) -> Any:
    from transformers import T5Config, T5EncoderModel

    return T5EncoderModel(
        T5Config(
            d_model=width,
            d_ff=64,
            d_kv=8,
            num_layers=1,
            num_heads=2,
            vocab_size=100,
            is_encoder_decoder=False,
        )
    )


def _t5_tokenizer() -> Any:
    """A T5 tokenizer that knows single characters only."""
    import transformers

    library: Any = transformers
    pieces = ["<pad>", "</s>", "<unk>", "▁", *(chr(code) for code in range(33, 120))]
    return library.T5TokenizerFast(
        vocab=[(piece, -float(place)) for place, piece in enumerate(pieces)], extra_ids=0
    )
