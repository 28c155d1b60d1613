"""Model folders and working folders that are not what they seem."""

from __future__ import annotations

import json
import os
import socket
import struct
from pathlib import Path

MODULES = (
    "torch", "pip", "json", "numpy", "diffusers", "transformers", "sitecustomize", "usercustomize", "pyvips", "cv2", "sidecar",
    "capabilities", "safetensors", "logging", "typing",
)  # fmt: skip
"""Modules that a child process would import from its folder, were that on its path."""


def poison(folder: Path, canaries: Path) -> None:
    """Modules that leave a file behind when somebody imports them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in MODULES:
        (folder / f"{name}.py").write_text(
            f"open({str(canaries / name)!r}, 'w').close()\nraise SystemExit(3)\n"
        )


def pickle_that_runs(canaries: Path, name: str) -> bytes:
    """A pickle that leaves a file behind when somebody reads it."""
    path = str(canaries / name).encode()
    return b"cbuiltins\nopen\n(S'" + path + b"'\nS'w'\ntR."


def safetensors(header: bytes, length: int | None = None, body: bytes = b"") -> bytes:
    return struct.pack("<Q", len(header) if length is None else length & (2**64 - 1)) + header + body


def _tensor(**changes: object) -> bytes:
    tensor: dict[str, object] = {"dtype": "F32", "shape": [4], "data_offsets": [0, 16], **changes}
    return safetensors(json.dumps({"lora_unet_a.lora_down.weight": tensor}).encode(), body=bytes(16))


def _pipeline(folder: Path, **index: object) -> Path:
    folder.mkdir(parents=True)
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


def model_folders(root: Path, canaries: Path) -> None:
    """Everything that a folder of models may hold and no server may trip over."""
    root.mkdir(parents=True)
    files = {
        "empty": b"", "short": b"\0\0\0", "text": b"this is text\n" * 100, "no header": safetensors(b""),
        "huge header": safetensors(b" " * 60_000_000 + b"{}"), "header beyond the file": safetensors(b"{}", 1 << 40),
        "negative header": safetensors(b"{}", -1), "header no json": safetensors(b"{" * 1000),
        "header deep": safetensors(b'{"a":' * 100_000 + b"1" + b"}" * 100_000), "header a list": safetensors(b"[1, 2]"),
        "header binary": safetensors(os.urandom(1000)), "offsets beyond": _tensor(data_offsets=[0, 1 << 50]),
        "offsets negative": _tensor(data_offsets=[-16, 0]), "offsets reversed": _tensor(data_offsets=[16, 0]),
        "shape huge": _tensor(shape=[2**62, 2**62]), "shape negative": _tensor(shape=[-4]),
        "shape text": _tensor(shape="four"), "shape deep": _tensor(shape=[[[4]]]), "dtype unknown": _tensor(dtype="EVIL"),
        "dtype number": _tensor(dtype=7), "digits": _tensor(shape=[10**400]), "a pickle": pickle_that_runs(canaries, "named-so"),
        "line\nbreak": _tensor(), "bell\x07": _tensor(), "\u202ereversed": _tensor(), "x" * 200: _tensor(),
    }  # fmt: skip
    for name, data in files.items():
        (root / f"{name}.safetensors").write_bytes(data)
    (root / os.fsdecode(b"not\xff\xfeunicode.safetensors")).write_bytes(_tensor())
    os.mkfifo(root / "fifo.safetensors")
    with socket.socket(socket.AF_UNIX) as listening:
        here = os.getcwd()
        os.chdir(root)
        listening.bind("socket.safetensors")
        os.chdir(here)
    (root / "itself").symlink_to(root)
    (root / "up").symlink_to(root.parent)
    (root / "nowhere.safetensors").symlink_to("missing")
    (root / "device.safetensors").symlink_to("/dev/zero")
    (root / "a folder.safetensors").mkdir()
    deep = root
    for _ in range(60):
        deep = deep / "d"
    deep.mkdir(parents=True)
    many = root / "many"
    many.mkdir()
    for number in range(3000):
        (many / f"{number}.safetensors").write_bytes(b"")
    _index_folders(root, canaries)


def _index_folders(root: Path, canaries: Path) -> None:
    good = {"_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"]}
    indexes: dict[str, dict[str, object]] = {
        "evil class": {**good, "_class_name": "Evil"}, "class of os": {**good, "_class_name": "os.system"},
        "class a list": {**good, "_class_name": ["a", "b"]}, "component of os": {**good, "vae": ["os", "system"]},
        "component of subprocess": {**good, "scheduler": ["subprocess", "Popen"]},
        "component in a module": {**good, "unet": ["modeling", "Evil"]}, "component a number": {**good, "unet": 7},
        "component nulls": {**good, "unet": [None, None]}, "component short": {**good, "unet": ["diffusers"]},
    }  # fmt: skip
    for name, index in indexes.items():
        folder = _pipeline(root / name, **index)
        (folder / "modeling.py").write_text(f"open({str(canaries / name)!r}, 'w').close()\n")
        (folder / "pipeline.py").write_text(f"open({str(canaries / name)!r}, 'w').close()\n")
    for name, text in {
        "index no json": "{" * 50, "index deep": "[" * 100_000, "index a number": "7", "index digits": "9" * 10_000,
        "index huge": '{"a": "' + "x" * 50_000_000 + '"}', "index binary": "\0\1\2", "index nan": '{"_class_name": NaN}',
    }.items():  # fmt: skip
        folder = root / name
        folder.mkdir()
        (folder / "model_index.json").write_text(text)
    shards = _pipeline(root / "shards", **good)
    (shards / "unet").mkdir()
    (shards / "unet" / "config.json").write_text(
        json.dumps({"_class_name": "UNet2DConditionModel", "sample_size": 8})
    )
    shard_index = {"weight_map": {"conv_in.weight": "shard.bin", "conv_out.weight": "../../up.bin"}}
    (shards / "unet" / "diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps(shard_index))
    for place in (
        shards / "unet" / "shard.bin",
        root / "up.bin",
        shards / "unet" / "diffusion_pytorch_model.bin",
    ):
        place.write_bytes(pickle_that_runs(canaries, place.name))
    wrong = _pipeline(root / "wrong defaults", **good)
    defaults = {"steps": "many", "guidance_scale": [], "width": -1, "height": 10**400, "plain_ground": "yes"}
    (wrong / "viwo_defaults.json").write_text(json.dumps(defaults))
    linked = _pipeline(root / "linked out", **good)
    (linked / "unet").symlink_to("/etc")
    remote = root / "remote code"
    remote.mkdir()
    (remote / "config.json").write_text(
        json.dumps({"_class_name": "ControlNetModel", "auto_map": {"AutoModel": "code.Evil"}})
    )
    (remote / "code.py").write_text(f"open({str(canaries / 'remote code')!r}, 'w').close()\n")
    (remote / "diffusion_pytorch_model.safetensors").write_bytes(_tensor())
