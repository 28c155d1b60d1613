"""Which files of a hub's repository a model consists of: safetensors of one precision, and what configures them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from sidecar.engines.local.model_checks import INDEX, NAME
from sidecar.engines.local.model_files import PICKLES, UnusableModel, shown

MAX_FILES = 20_000
"""Most files of a repository that are looked at; those of models have a few dozen."""
_STEMS = ("diffusion_pytorch_model", "model")
"""How the weights of a part are called, by diffusers and by transformers."""
_WEIGHTLESS = ("Scheduler", "Tokenizer", "TokenizerFast", "FeatureExtractor", "Processor", "ProcessorFast")
"""Ends of the names of classes that have no weights."""
_CONFIGURATIONS = frozenset({".json", ".txt", ".model", ".jinja"})
_INDEX_ENDING = ".index.json"
_SAFETENSORS = ".safetensors"

Read = Callable[[str], Mapping[str, Any]]
"""The object in a JSON file of the repository, by its name."""


class Incomplete(Exception):
    """Files that the model needs are not among those that are there."""


@dataclass(frozen=True)
class Wanted:
    """What of a repository is a model. Names are those of the hub, with slashes."""

    repository: str
    revision: str = ""
    """A commit, tag or branch; empty: the main branch, as it was when it was fetched."""
    variant: str = ""
    """Such as "fp16"; empty: the ordinary weights."""
    subfolder: str = ""
    """Where in the repository it lies; empty: at the top."""
    file: str = ""
    """A single file of weights in that folder; empty: found out."""
    files: tuple[str, ...] = ()
    """Exactly these, whatever they are; empty: found out."""
    configurations: bool = False
    """What configures it, and no weights."""


@dataclass(frozen=True)
class Selection:
    """The files of a model: the name that each gets on this machine, relative to its folder, and its name on the hub."""

    files: Mapping[str, str]
    single: str = ""
    """The name of the only file, where the model is that file and not the folder."""


def select(wanted: Wanted, listed: Collection[str], read: Read) -> Selection:
    """The files of a model among those of its repository.

    Weights of a variant get the ordinary name, so that whoever loads the folder need not know of variants.

    Raises Incomplete where some are not there, and UnusableModel where nothing there can be loaded.
    """
    if len(listed) > MAX_FILES:
        raise UnusableModel(f"its repository has {len(listed)} files, and at most {MAX_FILES} are looked at")
    before = f"{wanted.subfolder}/" if wanted.subfolder else ""
    names = {name.removeprefix(before) for name in listed if name.startswith(before) and is_plain(name)}
    choice = _Choice(wanted, names, lambda name: read(before + name))
    found = choice.made()
    return Selection({local: before + name for local, name in found.files.items()}, found.single)


def is_plain(name: str) -> bool:
    """Whether a name stays inside the folder that it is relative to."""
    parts = PurePosixPath(name).parts
    return (
        bool(parts)
        and not name.startswith("/")
        and "\\" not in name
        and "\0" not in name
        and ".." not in parts
    )


class _Choice:
    """The choice among the files of one folder of a repository."""

    def __init__(self, wanted: Wanted, names: Collection[str], read: Read) -> None:
        self._wanted = wanted
        self._names = names
        self._read = read
        self._variant_found = False

    def made(self) -> Selection:
        wanted = self._wanted
        if wanted.files:
            self._require(*wanted.files)
            return Selection({name: name for name in wanted.files})
        if wanted.file:
            self._require(wanted.file)
            return self._single(wanted.file)
        if INDEX in self._names:
            files = self._pipeline()
        elif "config.json" in self._names and (wanted.configurations or self._weights("")):
            files = {"config.json": "config.json", **self._weights("")}
        else:
            return self._single(self._only_file())
        if wanted.variant and not self._variant_found:
            raise UnusableModel(
                f"it has no variant '{shown(wanted.variant)}'; there are {', '.join(self._variants()) or 'none'}"
            )
        return Selection(files)

    def _single(self, name: str) -> Selection:
        if not name.endswith(_SAFETENSORS):
            raise UnusableModel(f"{shown(name)} is not a .safetensors file, and only those are loaded")
        local = PurePosixPath(name).name
        return Selection({local: name}, single=local)

    def _only_file(self) -> str:
        found = sorted(name for name in self._names if name.endswith(_SAFETENSORS) and "/" not in name)
        if len(found) == 1:
            return found[0]
        if found:
            raise UnusableModel(
                f"there are several files of weights ({shown(', '.join(found))}); name one as 'file' of its hub_models entry"
            )
        if any(PurePosixPath(name).suffix in PICKLES for name in self._names):
            raise UnusableModel("its weights are pickles, and only .safetensors files are loaded")
        where = f"its folder '{shown(self._wanted.subfolder)}'" if self._wanted.subfolder else "it"
        raise Incomplete(f"{where} has no {INDEX}, and no .safetensors file")

    def _pipeline(self) -> dict[str, str]:
        files = {INDEX: INDEX}
        for part, value in self._read(INDEX).items():
            # What is odd about an index is told when the model is checked.
            if (
                part.startswith("_")
                or not NAME.fullmatch(part)
                or not isinstance(value, list)
                or value[1:] == [None]
            ):
                continue
            inside = [name for name in self._names if name.startswith(f"{part}/") and name.count("/") == 1]
            configurations = [name for name in inside if _is_configuration(name)]
            files |= dict(zip(configurations, configurations, strict=True))
            weights = self._weights(f"{part}/")
            kind = value[1] if len(value) == 2 and isinstance(value[1], str) else ""
            if not weights and not self._wanted.configurations and not kind.endswith(_WEIGHTLESS):
                if any(PurePosixPath(name).suffix in PICKLES for name in inside):
                    raise UnusableModel(
                        f"the weights of its {part} are pickles, and only .safetensors files are loaded"
                    )
                raise Incomplete(f"the weights of its {part}")
            if not weights and not configurations:
                raise Incomplete(f"its {part}")
            files |= weights
        return files

    def _weights(self, folder: str) -> dict[str, str]:
        """The weights in a folder, where any are wanted: of the wanted variant, else the ordinary ones, else those of the only variant."""
        for stem in () if self._wanted.configurations else _STEMS:
            variants = [variant for variant in self._variants_of(folder, stem) if variant]
            order = [self._wanted.variant, ""] + (variants if len(variants) == 1 else [])
            for variant in dict.fromkeys(order):
                if files := dict(self._named(folder, stem, variant)):
                    self._variant_found |= variant == self._wanted.variant
                    return files
        return {}

    def _named(self, folder: str, stem: str, variant: str) -> Iterator[tuple[str, str]]:
        """Local names and names of one variant of some weights; nothing where it is not there."""
        dotted = f".{variant}" if variant else ""
        whole = f"{folder}{stem}{dotted}{_SAFETENSORS}"
        if whole in self._names:
            yield f"{folder}{stem}{_SAFETENSORS}", whole
            return
        for index in (
            f"{stem}{dotted}{_SAFETENSORS}{_INDEX_ENDING}",
            f"{stem}{_SAFETENSORS}.index{dotted}.json",
        ):
            if f"{folder}{index}" not in self._names:
                continue
            yield f"{folder}{stem}{_SAFETENSORS}{_INDEX_ENDING}", f"{folder}{index}"
            for shard in _shards(index, self._read(f"{folder}{index}")):
                self._require(f"{folder}{shard}")
                yield f"{folder}{shard}", f"{folder}{shard}"
            return

    def _variants(self) -> list[str]:
        folders = {name.rpartition("/")[0] for name in self._names}
        found = {
            variant
            for folder in folders
            for stem in _STEMS
            for variant in self._variants_of(f"{folder}/" if folder else "", stem)
        }
        return sorted(filter(None, found))

    def _variants_of(self, folder: str, stem: str) -> set[str]:
        pattern = re.compile(
            rf"{re.escape(folder + stem)}(?:\.(?P<one>[^./]+))?\.safetensors(?:\.index(?:\.(?P<other>[^./]+))?\.json)?"
        )
        found = (pattern.fullmatch(name) for name in self._names)
        return {match["one"] or match["other"] or "" for match in found if match}

    def _require(self, *names: str) -> None:
        for name in names:
            if name not in self._names:
                raise Incomplete(name)


def _is_configuration(name: str) -> bool:
    return PurePosixPath(name).suffix in _CONFIGURATIONS and ".index." not in name


def _shards(index: str, content: Mapping[str, Any]) -> list[str]:
    names = content.get("weight_map")
    if not isinstance(names, dict):
        raise UnusableModel(f"{shown(index)} has no weight_map")
    shards = dict.fromkeys(names.values())
    for name in shards:
        if not isinstance(name, str) or "/" in name or not is_plain(name) or not name.endswith(_SAFETENSORS):
            raise UnusableModel(
                f"{shown(index)} names {shown(str(name))}; weights are .safetensors files beside their index only"
            )
    return list(shards)
