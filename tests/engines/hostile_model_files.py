"""Model folders as an attacker or an accident would leave them, each made by a function of this module."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch


class Payload:
    """A pickle that makes a file when it is loaded."""

    def __init__(self, witness: Path) -> None:
        self._witness = witness

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self._witness,))


def pickled(file: Path, witness: Path) -> Path:
    """Weights as `torch.save` writes them, with a payload among them."""
    torch.save({"conv.weight": torch.ones(2, 2), "payload": Payload(witness)}, file)
    return file


def plain_pickle(file: Path, witness: Path) -> Path:
    file.write_bytes(pickle.dumps(Payload(witness), protocol=2))
    return file


def safetensors(file: Path, header: object, data: bytes = b"") -> Path:
    """A file with any header at all."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    file.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return file


def edited(file: Path, **values: object) -> None:
    """A JSON file with some values replaced."""
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


class Models:
    """Copies of one good model, each with something wrong; `witness` appears when code of theirs is run."""

    def __init__(self, root: Path, good: Path, witness: Path) -> None:
        self.root = root
        self.good = good
        self.witness = witness

    def copy(self, name: str) -> Path:
        return Path(shutil.copytree(self.good, self.root / name))

    # --- only safetensors ---

    def index_of_pickles(self, name: str) -> None:
        """A sharded component whose index names a pickle."""
        unet = self.copy(name) / "unet"
        (unet / "diffusion_pytorch_model.safetensors").unlink()
        pickled(unet / "shard.bin", self.witness)
        _index(unet / "diffusion_pytorch_model.safetensors.index.json", {"conv_in.weight": "shard.bin"})

    def index_of_a_pickled_encoder(self, name: str) -> None:
        encoder = self.copy(name) / "text_encoder"
        (encoder / "model.safetensors").unlink()
        pickled(encoder / "weights.pt", self.witness)
        _index(encoder / "model.safetensors.index.json", {"embeddings.weight": "weights.pt"})

    def index_that_leads_out(self, name: str) -> None:
        vae = self.copy(name) / "vae"
        (vae / "diffusion_pytorch_model.safetensors").unlink()
        pickled(self.root / "outside.bin", self.witness)
        _index(vae / "diffusion_pytorch_model.safetensors.index.json", {"x": "../../outside.bin"})

    def index_of_an_absolute_path(self, name: str) -> None:
        unet = self.copy(name) / "unet"
        there = self.good / "unet" / "diffusion_pytorch_model.safetensors"
        (unet / "diffusion_pytorch_model.safetensors").unlink()
        _index(unet / "diffusion_pytorch_model.safetensors.index.json", {"x": str(there)})

    def pickles_only(self, name: str) -> None:
        unet = self.copy(name) / "unet"
        (unet / "diffusion_pytorch_model.safetensors").unlink()
        pickled(unet / "diffusion_pytorch_model.bin", self.witness)

    def a_pickle_named_safetensors(self, name: str) -> None:
        pickled(self.copy(name) / "unet" / "diffusion_pytorch_model.safetensors", self.witness)

    def a_link_to_a_pickle(self, name: str) -> None:
        weights = self.copy(name) / "unet" / "diffusion_pytorch_model.safetensors"
        weights.unlink()
        weights.symlink_to(plain_pickle(self.root / "linked.pkl", self.witness))

    # --- code ---

    def parts_of_the_system(self, name: str) -> None:
        edited(self.copy(name) / "model_index.json", unet=["os", "system"])

    def parts_of_a_module_beside(self, name: str) -> None:
        folder = self.copy(name)
        edited(folder / "model_index.json", unet=["mine", "Unet"])
        self._code(folder / "unet" / "mine.py")

    def a_module_named_diffusers(self, name: str) -> None:
        self._code(self.copy(name) / "unet" / "diffusers.py")

    def a_pipeline_of_its_own(self, name: str) -> None:
        folder = self.copy(name)
        edited(folder / "model_index.json", _class_name=["pipeline", "Mine"])
        self._code(folder / "pipeline.py")

    def a_tokenizer_of_its_own(self, name: str) -> None:
        folder = self.copy(name) / "tokenizer"
        edited(folder / "tokenizer_config.json", auto_map={"AutoTokenizer": ["mine.Tokenizer", None]})
        self._code(folder / "mine.py")

    def attention_from_the_hub(self, name: str) -> None:
        edited(self.copy(name) / "text_encoder" / "config.json", attn_implementation="evil/kernel:run")

    def an_adapter_of_another_model(self, name: str) -> None:
        adapter = self.copy(name) / "text_encoder" / "adapter_config.json"
        adapter.write_text(json.dumps({"base_model_name_or_path": "evil/model", "peft_type": "LORA"}))

    def no_class_of_diffusers(self, name: str) -> None:
        edited(self.copy(name) / "model_index.json", _class_name="Evil")

    def no_pipeline_of_diffusers(self, name: str) -> None:
        edited(self.copy(name) / "model_index.json", _class_name="EvilPipeline")

    def a_function_as_a_part(self, name: str) -> None:
        edited(self.copy(name) / "model_index.json", tokenizer=["transformers", "pipeline"])

    def a_pipeline_as_a_part(self, name: str) -> None:
        edited(self.copy(name) / "model_index.json", unet=["diffusers", "StableDiffusionPipeline"])

    # --- broken parts ---

    def no_scheduler_like_that(self, name: str) -> None:
        edited(self.copy(name) / "model_index.json", scheduler=["diffusers", "EvilScheduler"])

    def no_scheduler(self, name: str) -> None:
        edited(self.copy(name) / "model_index.json", scheduler=[None, None])

    def no_text_encoder(self, name: str) -> None:
        shutil.rmtree(self.copy(name) / "text_encoder")

    def other_shapes(self, name: str) -> None:
        edited(self.copy(name) / "unet" / "config.json", block_out_channels=[8, 24], norm_num_groups=4)

    def parts_that_do_not_fit(self, name: str) -> None:
        """Each can be loaded: the text encoder's states are of another size than the denoiser takes."""
        import transformers

        folder = self.copy(name)
        library: Any = transformers
        config = library.CLIPTextConfig.from_pretrained(folder / "text_encoder")
        config.hidden_size = 48
        config.num_attention_heads = 2
        library.CLIPTextModel(config).save_pretrained(folder / "text_encoder")

    def a_scheduler_of_words(self, name: str) -> None:
        edited(self.copy(name) / "scheduler" / "scheduler_config.json", beta_start="soon", beta_end=[1])

    def a_configuration_of_words(self, name: str) -> None:
        edited(self.copy(name) / "vae" / "config.json", block_out_channels={"a": 1}, latent_channels="four")

    def huge_levels(self, name: str) -> None:
        edited(self.copy(name) / "vae" / "config.json", block_out_channels=[1] * 100_000)

    def huge_sizes(self, name: str) -> None:
        edited(self.copy(name) / "unet" / "config.json", sample_size=10**30, cross_attention_dim=-4)

    def a_schedule_without_end(self, name: str) -> None:
        edited(self.copy(name) / "scheduler" / "scheduler_config.json", num_train_timesteps=200_000_000)

    def an_encoder_of_very_many_layers(self, name: str) -> None:
        edited(self.copy(name) / "text_encoder" / "config.json", num_hidden_layers=20_000)

    def a_denoiser_of_very_many_layers(self, name: str) -> None:
        edited(self.copy(name) / "unet" / "config.json", layers_per_block=[5_000, 5_000])

    def a_vocabulary_without_end(self, name: str) -> None:
        edited(self.copy(name) / "text_encoder" / "config.json", vocab_size=2_000_000_000)

    def half_a_file(self, name: str) -> None:
        weights = self.copy(name) / "vae" / "diffusion_pytorch_model.safetensors"
        weights.write_bytes(weights.read_bytes()[: weights.stat().st_size // 2])

    # --- files that are none ---

    def a_pipe_for_an_index(self, name: str) -> None:
        index = self.copy(name) / "model_index.json"
        index.unlink()
        os.mkfifo(index)

    def a_pipe_for_a_vocabulary(self, name: str) -> None:
        words = self.copy(name) / "tokenizer" / "vocab.txt"
        os.mkfifo(words)

    def a_pipe_for_weights(self, name: str) -> None:
        weights = self.copy(name) / "unet" / "diffusion_pytorch_model.safetensors"
        weights.unlink()
        os.mkfifo(weights)

    def a_device_for_a_configuration(self, name: str) -> None:
        config = self.copy(name) / "unet" / "config.json"
        config.unlink()
        config.symlink_to("/dev/zero")

    def a_folder_for_a_configuration(self, name: str) -> None:
        config = self.copy(name) / "unet" / "config.json"
        config.unlink()
        config.mkdir()

    def a_link_to_itself_for_weights(self, name: str) -> None:
        weights = self.copy(name) / "unet" / "diffusion_pytorch_model.safetensors"
        weights.unlink()
        weights.symlink_to(weights)

    def an_index_that_is_no_text(self, name: str) -> None:
        (self.copy(name) / "model_index.json").write_bytes(bytes(range(256)) * 40)

    def a_deep_index(self, name: str) -> None:
        (self.copy(name) / "model_index.json").write_text("[" * 200_000)

    def a_deep_configuration(self, name: str) -> None:
        (self.copy(name) / "unet" / "config.json").write_text('{"a":' * 90_000 + "1" + "}" * 90_000)

    def a_huge_configuration(self, name: str) -> None:
        _huge(self.copy(name) / "text_encoder" / "config.json")

    def a_huge_index(self, name: str) -> None:
        _huge(self.copy(name) / "model_index.json")

    def many_large_configurations(self, name: str) -> None:
        unet = self.copy(name) / "unet"
        for number in range(80):
            (unet / f"{number}.json").write_bytes(b" " * 1_000_000 + b"{}")

    def a_part_of_many_files(self, name: str) -> None:
        unet = self.copy(name) / "unet"
        for number in range(3000):
            (unet / f"{number}.json").touch()

    def lone_surrogates(self, name: str) -> None:
        index = self.copy(name) / "model_index.json"
        index.write_text(index.read_text().replace("StableDiffusionPipeline", r"\ud800Pipeline"))

    def _code(self, file: Path) -> None:
        file.write_text(f"open({str(self.witness)!r}, 'w')\n")


def refused_folders() -> dict[str, Callable[[Models, str], None]]:
    """All of the above by name."""
    return {
        name: make
        for name, make in vars(Models).items()
        if callable(make) and not name.startswith("_") and name != "copy"
    }


def single_files(root: Path, witness: Path) -> list[str]:
    """Files that are no weights, or lie about them; their names."""
    tensor = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
    key = "cond_stage_model.transformer.text_model.x"
    headers: dict[str, object] = {
        "negative_offsets": {key: {**tensor, "data_offsets": [-8, 0]}},
        "huge_offsets": {key: {**tensor, "data_offsets": [0, 2**63]}},
        "huge_shape": {key: {**tensor, "shape": [2**62, 2**62]}},
        "overlapping": {key: tensor, "other": tensor},
        "words": {key: {"dtype": "F32", "shape": "two", "data_offsets": "all"}},
        "entry_of_words": {key: "two"},
        "no_offsets": {key: {"dtype": "F32", "shape": [2]}},
        "fractions": {key: {**tensor, "shape": [2.0]}},
        "type_of_a_list": {key: {**tensor, "dtype": ["F32"]}},
        "list": [1, 2, 3],
        "deep": b'{"a":' * 100_000,
        "digits": b'{"'
        + key.encode()
        + b'":{"dtype":"F32","shape":['
        + b"9" * 5000
        + b'],"data_offsets":[0,8]}}',
        "no_text": bytes(range(128, 256)) * 10,
    }
    for name, header in headers.items():
        safetensors(root / f"{name}.safetensors", header, bytes(8))
    # A header of 60 MB, well formed.
    text = b'{"__metadata__":{"a":"' + b"x" * 60_000_000 + b'"}}'
    safetensors(root / "long_header.safetensors", text, bytes(8))
    (root / "empty.safetensors").touch()
    (root / "short.safetensors").write_bytes(b"\x10")
    os.mkfifo(root / "pipe.safetensors")
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.open(root, os.O_RDONLY)
        listener.bind(f"/proc/self/fd/{here}/socket.safetensors")
        os.close(here)
    (root / "device.safetensors").symlink_to("/dev/zero")
    (root / "nowhere.safetensors").symlink_to(root / "not" / "there")
    (root / "itself.safetensors").symlink_to(root / "itself.safetensors")
    pickled(root / "pickle.safetensors", witness)
    others = ("long_header", "empty", "short", "pipe", "socket", "device", "nowhere", "itself", "pickle")
    return [*headers, *others]


def strange_entries(root: Path) -> None:
    """What lies in a model folder and is left out: links in circles, odd names, depth."""
    (root / "circle").mkdir()
    for name in ("a", "b", "c"):
        (root / "circle" / name).symlink_to(root, target_is_directory=True)
    (root / "two").mkdir()
    (root / "three").mkdir()
    (root / "two" / "on").symlink_to(root / "three", target_is_directory=True)
    (root / "three" / "on").symlink_to(root / "two", target_is_directory=True)
    for name in ("new\nline", "bell\x07", "\x1b[31mred", "x" * 240):
        safetensors(root / f"{name}.safetensors", {}, b"")
    with open(os.fsencode(root) + b"/\xff\xfe.safetensors", "wb") as file:
        file.write(b"x")
    deep = root
    for _ in range(40):
        deep = deep / "deeper"
    deep.mkdir(parents=True)
    (root / "weights.ckpt").write_bytes(b"x")


def _index(file: Path, weight_map: dict[str, str]) -> None:
    file.write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": weight_map}))


def _huge(file: Path) -> None:
    """100 MB of JSON, most of it a hole."""
    text = file.read_bytes()
    with file.open("wb") as stream:
        stream.write(text[:-1])
        stream.truncate(100_000_000)
