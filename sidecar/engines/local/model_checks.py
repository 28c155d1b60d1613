"""Whether a model's files are safe to give to a loader: safetensors only, no code, nothing from outside its folder.

Loaders of diffusers and transformers follow what is written in the files: an index names the weights to open, a component
the library and class to import, a configuration further code or another folder. Every folder is checked here first, when
it is found and again just before it is loaded. Imports no torch; whether a class is what it must be is checked where it is
loaded.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sidecar.engines.local.model_files import (
    MAX_CONFIG,
    MAX_READ,
    PICKLES,
    UnusableModel,
    entries,
    kind,
    parsed,
    read_bounded,
    require_regular,
    shown,
    unreadable,
)

INDEX = "model_index.json"
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}", re.ASCII)
"""A class or component."""
LIBRARIES = frozenset({"diffusers", "transformers"})
PIPELINE_PARTS = frozenset({
    ("stable_diffusion", "StableDiffusionSafetyChecker"), ("stable_diffusion", "StableUnCLIPImageNormalizer"),
    ("deepfloyd_if", "IFSafetyChecker"), ("kandinsky", "MultilingualCLIP"), ("latent_diffusion", "LDMBertModel"),
    ("paint_by_example", "PaintByExampleImageEncoder"), ("stable_cascade", "StableCascadeUNet"),
    ("wuerstchen", "WuerstchenPrior"), ("wuerstchen", "WuerstchenDiffNeXt"), ("wuerstchen", "PaellaVQModel"),
})  # fmt: skip
"""Parts that diffusers keeps beside a pipeline, by the module that a model names."""

_MAX_INDEX = 16 * 1024 * 1024
_MAX_TOKENS = 4 * 1024 * 1024
_MAX_VOCABULARY = 64 * 1024 * 1024
_VOCABULARIES = frozenset({"tokenizer.json", "vocab.json"})
"""Lists of words: large, and read by the tokenizer alone, which takes nothing from them but words."""
_STANDARD_WEIGHTS = ("diffusion_pytorch_model.safetensors", "model.safetensors")
_CODE_KEYS = frozenset({"auto_map", "custom_pipeline", "custom_pipelines", "trust_remote_code"})
"""Keys that name code of the model's own."""
_REPOSITORY_KEYS = frozenset({"attn_implementation", "_attn_implementation", "_attn_implementation_internal"})
"""Keys whose values are words, or the name of a repository with code, which has a slash."""
_FILE_KEYS = frozenset({"transformers_weights", "gguf_file"})
"""Keys that name weights."""
_READ_ENDINGS = frozenset({".json", ".txt", ".model", ".safetensors", ".jinja"})


@dataclass(frozen=True)
class Component:
    """One part of a model, checked."""

    folder: Path
    weights: tuple[Path, ...]
    """The files that a loader opens."""
    files: tuple[Path, ...]
    """All that lies there."""


_MOST_OF_ANY = 10_000_000
_MOST = {
    "num_hidden_layers": 1000, "num_layers": 1000, "num_single_layers": 1000, "num_decoder_layers": 1000, "layers_per_block": 100,
    "transformer_layers_per_block": 100, "num_train_timesteps": 100_000, "num_attention_heads": 10_000,
    "max_position_embeddings": 1_000_000, "n_positions": 1_000_000, "sample_size": 65_536,
}  # fmt: skip
"""What loaders make room for, or loops of, before they see a weight; many times what any model has."""
_LENGTHS = frozenset({"model_max_length"})
"""Tokenizers without a limit say so with a huge number; it is cut when they are loaded."""


def check_pipeline(folder: Path, *, configuration_only: bool = False) -> dict[str, Component]:
    """The components of a diffusers folder, by name.

    `configuration_only`: the folder holds the configurations of a single file, so weights have no business there.

    Raises UnusableModel for the first thing that must not be loaded.
    """
    reader = _Reader()
    index = reader.json(folder / INDEX, MAX_CONFIG)
    _check_keys(index, folder / INDEX)
    name = index.get("_class_name")
    if not isinstance(name, str) or not NAME.fullmatch(name) or not name.endswith("Pipeline"):
        raise UnusableModel(f"{INDEX} names '{shown(str(name))}', which is no pipeline of diffusers")
    found = {}
    for part in _named_parts(index):
        found[part] = _check_component(folder / part, reader, pickles=not configuration_only)
    return found


def _named_parts(index: Mapping[str, Any]) -> Iterator[str]:
    """Names of the components that a model has. Raises UnusableModel for one that is not of an allowed library."""
    for part, value in index.items():
        if part.startswith("_") or not isinstance(value, list):
            continue
        if value == [None, None]:
            continue
        if len(value) != 2 or not all(isinstance(each, str) and NAME.fullmatch(each) for each in value):
            raise UnusableModel(f"{INDEX}: '{shown(part)}' is no pair of a library and a class")
        if not NAME.fullmatch(part):
            raise UnusableModel(f"{INDEX}: '{shown(part)}' is no name of a component")
        library, name = value
        if library not in LIBRARIES and (library, name) not in PIPELINE_PARTS:
            raise UnusableModel(
                f"{INDEX}: '{part}' comes from '{shown(library)}', and only classes of {' and '.join(sorted(LIBRARIES))} "
                "are loaded, no code of the model's own"
            )
        yield part


def check_component(folder: Path) -> Component:
    """A folder with one part: an autoencoder, a text encoder, a tokenizer.

    Raises UnusableModel for the first thing that must not be loaded.
    """
    return _check_component(folder, _Reader(), pickles=True)


class _Reader:
    """Reads the JSON files of one model, and not without end."""

    def __init__(self) -> None:
        self._left = MAX_READ

    def json(self, path: Path, most: int) -> dict[str, Any]:
        """The object in a file of at most `most` bytes. Raises UnusableModel."""
        data = read_bounded(path, most)
        self._left -= len(data)
        if self._left < 0:
            raise UnusableModel(f"its configurations have more than {MAX_READ} bytes together")
        return parsed(path, data)


def _check_component(folder: Path, reader: _Reader, *, pickles: bool) -> Component:
    """`pickles`: weights in unsafe formats may lie beside safe ones, which are loaded in their place."""
    files = entries(folder)
    regular: dict[str, Path] = {}
    for path in files:
        try:
            found = path.stat()
        except (OSError, ValueError) as error:
            if path.suffix.lower() in _READ_ENDINGS:
                raise unreadable(path, error) from None
            continue
        if stat.S_ISDIR(found.st_mode):
            continue
        require_regular(path, found)
        if path.suffix.lower() == ".py":
            raise UnusableModel(f"{folder.name}/{shown(path.name)} is code, and no code of a model is run")
        if path.name == "adapter_config.json":
            raise UnusableModel(
                f"{folder.name}/adapter_config.json names another model to load; merge the adapter into its model"
            )
        regular[path.name] = path
        if path.suffix == ".json":
            _check_json(path, found.st_size, reader)
    unsafe = [name for name, path in regular.items() if path.suffix.lower() in PICKLES]
    safe = [name for name in regular if name.endswith(".safetensors")]
    if unsafe and (not pickles or not safe):
        raise UnusableModel(
            f"{folder.name} has its weights in {shown(unsafe[0])}, and only .safetensors files are loaded; save it with "
            "safe_serialization=True, or turn the file into safetensors with 'viwo-imagegen models import'"
        )
    return Component(folder, tuple(_weights(regular, reader)), tuple(files))


def _weights(files: Mapping[str, Path], reader: _Reader) -> Iterator[Path]:
    """The weights that a loader opens: under their standard names, or those that an index names."""
    names = {name: None for name in _STANDARD_WEIGHTS if name in files}
    for name, path in files.items():
        if name.endswith(".safetensors.index.json"):
            names |= dict.fromkeys(_shards(path, reader))
    for name in names:
        if name not in files:
            raise UnusableModel(f"{shown(name)} is named in an index and is not there")
        yield files[name]


def _shards(path: Path, reader: _Reader) -> list[str]:
    """The files that an index of weights names. Raises UnusableModel unless all are safetensors beside it."""
    names = reader.json(path, _MAX_INDEX).get("weight_map")
    if not isinstance(names, dict):
        raise UnusableModel(f"{shown(path.name)} has no weight_map")
    shards: dict[str, None] = {}
    for name in names.values():
        if not isinstance(name, str) or not _is_file_name(name) or not name.endswith(".safetensors"):
            raise UnusableModel(
                f"{shown(path.name)} names {shown(str(name))}; weights are .safetensors files beside their index only"
            )
        shards[name] = None
    return list(shards)


def _check_json(path: Path, size: int, reader: _Reader) -> None:
    if path.name in _VOCABULARIES:
        if size > _MAX_VOCABULARY:
            raise UnusableModel(
                f"{shown(path.name)} has {size} bytes, and at most {_MAX_VOCABULARY} are read"
            )
        return
    if path.name.endswith(".index.json"):
        # The index of weights that are not loaded is none of ours; see _weights.
        return
    _check_keys(reader.json(path, _MAX_TOKENS if "token" in path.name else MAX_CONFIG), path)


def _check_keys(value: Mapping[str, Any], path: Path) -> None:
    """Raises UnusableModel for a configuration that names code, or files elsewhere, at any depth."""
    left: list[Any] = [value]
    while left:
        item = left.pop()
        if isinstance(item, list):
            left += item
        if not isinstance(item, dict):
            continue
        for key, held in item.items():
            if key in _CODE_KEYS and held:
                raise UnusableModel(f"{shown(path.name)} asks for code of the model's own ({key})")
            if key in _REPOSITORY_KEYS and isinstance(held, str) and not NAME.fullmatch(held):
                raise UnusableModel(f"{shown(path.name)} asks for code from '{shown(held)}' ({key})")
            if key not in _LENGTHS and any(_is_too_many(key, number) for number in _numbers(held)):
                raise UnusableModel(
                    f"{shown(path.name)}: {shown(str(key))} is beyond what any model has, at most {_MOST.get(key, _MOST_OF_ANY)}"
                )
            if key in _FILE_KEYS and isinstance(held, str) and not _is_file_name(held):
                raise UnusableModel(f"{shown(path.name)} names a file outside its folder ({key})")
        left += item.values()


def _numbers(value: object) -> Iterator[int]:
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, int) and not isinstance(item, bool):
            yield item


def _is_too_many(key: str, number: int) -> bool:
    return abs(number) > _MOST.get(key, _MOST_OF_ANY)


def _is_file_name(name: str) -> bool:
    return (
        bool(name) and "/" not in name and "\\" not in name and name not in (".", "..") and "\0" not in name
    )


def stray_entries(folder: Path) -> Iterator[UnusableModel]:
    """What lies in a model's folder that is neither file nor folder: no loader opens it, and it is told all the same."""
    try:
        own = folder.stat()
        found = entries(folder)
    except UnusableModel as problem:
        yield problem
        return
    except OSError as error:
        yield unreadable(folder, error)
        return
    for path in found:
        try:
            seen = path.stat()
        except (OSError, ValueError) as error:
            yield unreadable(path, error)
            continue
        if stat.S_ISDIR(seen.st_mode):
            if (seen.st_dev, seen.st_ino) == (own.st_dev, own.st_ino):
                yield UnusableModel(f"{shown(path.name)} is a link to the folder that it lies in")
        elif not stat.S_ISREG(seen.st_mode):
            yield UnusableModel(f"{shown(path.name)} is {kind(seen)}")
