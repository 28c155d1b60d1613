"""Small pipelines of real architecture with random weights, built without a download: a megabyte, a picture in 0.1 s."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sidecar.engines.local.vision import ensure_torchvision

# Before diffusers and transformers, which import it.
ensure_torchvision()


def stable_diffusion(folder: Path, *, seed: int = 0, width: int = 1) -> Path:
    """A Stable Diffusion 1 pipeline that draws 64 x 64 pixels of noise, saved as a diffusers folder.

    `width` multiplies its channels.
    """
    import diffusers
    import torch
    from transformers import CLIPTextConfig, CLIPTextModel

    torch.manual_seed(seed)
    library: Any = diffusers
    unet = library.UNet2DConditionModel(
        sample_size=8,
        in_channels=4,
        out_channels=4,
        block_out_channels=(16 * width, 32 * width),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=32,
        attention_head_dim=2,
        norm_num_groups=8,
    )
    vae = library.AutoencoderKL(
        block_out_channels=(8, 8, 16, 16),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        latent_channels=4,
        norm_num_groups=4,
        sample_size=64,
    )
    words = tokenizer(folder.parent / f"{folder.name}-tokenizer")
    text = CLIPTextModel(
        CLIPTextConfig(
            hidden_size=32,
            intermediate_size=64,
            num_attention_heads=2,
            num_hidden_layers=2,
            vocab_size=len(words),
            max_position_embeddings=77,
            bos_token_id=words.bos_token_id,
            eos_token_id=words.eos_token_id,
            pad_token_id=words.pad_token_id,
        )
    )
    scheduler = library.DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False, steps_offset=1
    )
    pipeline = library.StableDiffusionPipeline(
        vae=vae,
        text_encoder=text,
        tokenizer=words,
        unet=unet,
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(folder, safe_serialization=True)
    return folder


def tokenizer(folder: Path) -> Any:
    """A CLIP tokenizer that knows single characters only."""
    from transformers import CLIPTokenizer

    folder.mkdir(parents=True, exist_ok=True)
    characters = [chr(code) for code in range(33, 127)]
    vocabulary = [*characters, *(f"{c}</w>" for c in characters), "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({word: index for index, word in enumerate(vocabulary)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=77)


def controlnet(folder: Path, base: Path) -> Path:
    """A ControlNet for the pipeline in `base`, with an effect that shows at once."""
    import diffusers
    import torch

    library: Any = diffusers
    torch.manual_seed(3)
    unet = library.UNet2DConditionModel.from_pretrained(base / "unet")
    made = library.ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=(8, 8, 16, 16))
    # A fresh ControlNet ends in zeros and so does nothing.
    for layer in (*made.controlnet_down_blocks, made.controlnet_mid_block):
        torch.nn.init.normal_(layer.weight, std=0.3)
    torch.nn.init.normal_(made.controlnet_cond_embedding.conv_out.weight, std=0.3)
    made.save_pretrained(folder, safe_serialization=True)
    return folder


def lora(file: Path, base: Path, *, kohya: bool) -> Path:
    """A LoRA on the attention of the pipeline in `base`, with weights that show, in kohya's or diffusers' names."""
    import torch
    from safetensors.torch import load_file, save_file

    torch.manual_seed(5)
    weights = load_file(base / "unet" / "diffusion_pytorch_model.safetensors")
    state: dict[str, Any] = {}
    for name, weight in weights.items():
        if not name.endswith(("attn1.to_q.weight", "attn2.to_v.weight")):
            continue
        layer = name.removesuffix(".weight")
        down, up = torch.randn(2, weight.shape[1]), torch.randn(weight.shape[0], 2)
        if kohya:
            stem = f"lora_unet_{layer.replace('.', '_')}"
            state |= {
                f"{stem}.lora_down.weight": down,
                f"{stem}.lora_up.weight": up,
                f"{stem}.alpha": torch.tensor(2.0),
            }
        else:
            state |= {f"unet.{layer}.lora.down.weight": down, f"unet.{layer}.lora.up.weight": up}
    save_file({name: value.contiguous() for name, value in state.items()}, file)
    return file


def autoencoder(folder: Path, *, seed: int) -> Path:
    """Another autoencoder for the Stable Diffusion pipelines here."""
    import diffusers
    import torch

    torch.manual_seed(seed)
    library: Any = diffusers
    library.AutoencoderKL(
        block_out_channels=(8, 8, 16, 16),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        latent_channels=4,
        norm_num_groups=4,
        sample_size=64,
    ).save_pretrained(folder, safe_serialization=True)
    return folder


def face_restorer(file: Path) -> Path:
    """A network of RestoreFormer's architecture, narrow and with random weights."""
    import torch
    from safetensors.torch import save_file
    from spandrel.architectures.RestoreFormer import RestoreFormer

    torch.manual_seed(11)
    network = RestoreFormer(
        n_embed=16, embed_dim=32, ch=32, ch_mult=(1, 1, 1, 1, 1, 1), num_res_blocks=1, z_channels=32, head_size=1
    )  # fmt: skip
    save_file({name: value.contiguous() for name, value in network.state_dict().items()}, file)
    return file


def embedding(file: Path, tensors: dict[str, tuple[int, int]], *, seed: int = 3) -> Path:
    """A textual inversion: vectors (count, width) by the names that programs give them."""
    import torch
    from safetensors.torch import save_file

    chance = torch.Generator().manual_seed(seed)
    save_file({name: torch.randn(shape, generator=chance) for name, shape in tensors.items()}, file)
    return file


def with_safety_checker(folder: Path, base: Path, *, flags: bool) -> Path:
    """A copy of a Stable Diffusion folder whose safety checker flags every picture, or none."""
    import diffusers
    import torch
    from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
    from transformers import CLIPConfig, CLIPImageProcessor

    vision = {
        "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2,
        "image_size": 32, "patch_size": 16, "projection_dim": 16,
    }  # fmt: skip
    checker = StableDiffusionSafetyChecker(CLIPConfig(vision_config=vision, projection_dim=16))
    # The picture's likeness to a concept is between -1 and 1; what is above the concept's weight is flagged.
    for name in ("concept_embeds_weights", "special_care_embeds_weights"):
        getattr(checker, name).data = torch.full_like(getattr(checker, name), -2.0 if flags else 2.0)
    library: Any = diffusers
    pipeline = library.StableDiffusionPipeline.from_pretrained(base, safety_checker=None)
    pipeline.register_modules(
        safety_checker=checker,
        feature_extractor=CLIPImageProcessor(
            size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
        ),
    )
    pipeline.register_to_config(requires_safety_checker=True)
    pipeline.save_pretrained(folder, safe_serialization=True)
    return folder


def matting(file: Path, *, is_net: bool = False) -> Path:
    """A U²-Net or IS-Net whose weights are made by hand: how red a pixel is, that much of it is subject."""
    import torch
    from safetensors.torch import save_file

    from sidecar.engines.local.matting import Network

    wide = 2
    shapes: dict[str, tuple[int, ...]] = {} if is_net else {"outconv.weight": (1, 6, 1, 1)}
    if is_net:
        shapes["conv_in.weight"] = (wide, 3, 3, 3)
    for level in range(1, 7):
        first = 3 if level == 1 and not is_net else wide
        shapes |= {
            f"stage{level}.rebnconvin.conv_s1.weight": (wide, first, 3, 3),
            f"stage{level}.rebnconv1.conv_s1.weight": (1, wide, 3, 3),
            f"stage{level}d.rebnconvin.conv_s1.weight": (wide, 2 * wide, 3, 3),
            f"stage{level}d.rebnconv1.conv_s1.weight": (1, wide, 3, 3),
            f"side{level}.weight": (1, wide, 3, 3),
        }
    state = {
        name: torch.ones_like(value) if name.endswith("running_var") else torch.zeros_like(value)
        for name, value in Network(shapes).state_dict().items()
    }
    # Red goes straight through the first stage, past all others, and out.
    ways = {
        "conv_in.weight": 0, "stage1.rebnconvin.conv_s1.weight": 0, "stage1d.rebnconvin.conv_s1.weight": wide,
        "side1.weight": 0, "outconv.weight": 0,
    }  # fmt: skip
    for name, band in ways.items():
        if name in state:
            middle = state[name].shape[2] // 2
            state[name][0, band, middle, middle] = 4.0 if name.startswith("side") else 1.0
            if name.endswith("conv_s1.weight"):
                state[name.replace("conv_s1", "bn_s1")][0] = 1.0
    save_file(state, file)
    return file
