"""Finds a drawing for a name, to be the latents that the denoiser goes by: the thing by its head noun, coloured as it says."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from models.training import autoencoder, drawings, paint
from models.training.recipes import BASIC, Cook, Recipe
from models.training.text_encoder import encode
from models.training.workspace import Workspace
from sidecar.engines.glyphs.materials import COLOURS, PALETTES, STATES

ARTICLES = re.compile(r"^(icon of )?(a|an|the|some|two|three|four|a pair of) ")


class LookUp:
    """Recipes for names, by exact names of things and else by the nearest thing in the text encoder's eyes."""

    def __init__(self, workspace: Workspace, text_encoder: torch.nn.Module, tokenizer: Any) -> None:
        self.cook: Cook = drawings.new_cook(workspace)
        self.artist = drawings.Artist(workspace)
        self.encoder = autoencoder.load(workspace).encoder
        self.text_encoder, self.tokenizer = text_encoder, tokenizer
        self.by_name: dict[str, tuple[float, int]] = {}
        for place, thing in enumerate(self.cook.things):
            for name, weight in thing.names.items():
                strength = weight * (thing.weight if thing.kind in ("object", "creature") else 1.0)
                if strength > self.by_name.get(name, (0.0, 0))[0]:
                    self.by_name[name] = (strength, place)
        self.labels = torch.empty(0)

    def _means(self, texts: list[str]) -> torch.Tensor:
        states = encode(self.text_encoder, self.tokenizer, texts)
        return functional.normalize(states[:, 0].float(), dim=1)

    def thing(self, text: str) -> int:
        """The place of the thing that a text names."""
        head = re.split(r" (?:of|from|with|in|made) |, ", ARTICLES.sub("", text.lower()))[0]
        words = head.split()
        for start in range(len(words)):
            for ending in (" ".join(words[start:]), " ".join(words[start:]).rstrip("s")):
                if ending in self.by_name:
                    return self.by_name[ending][1]
        if not len(self.labels):
            self.labels = self._means([thing.label.replace("-", " ") for thing in self.cook.things])
        return int((self.labels @ self._means([text])[0]).argmax())

    def recipe(self, text: str, seed: int) -> Recipe:
        random = np.random.default_rng(seed)
        thing = self.cook.things[self.thing(text)]
        words = re.findall(r"[a-z]+", text.lower())
        palette = next((word for word in words if word in PALETTES), "")
        states = tuple(state for state, names in STATES.items() if set(names) & set(words))
        states = tuple(state for state in states if state in paint.STATE_PAINTERS)
        style = next((style for style in paint.STYLES if style in text), "3d")
        use_emoji = bool(thing.emoji) and (not thing.glyphs or (not palette and random.random() < 0.7))
        hue = palette if use_emoji and palette in BASIC else ""
        if not use_emoji and not palette:
            palette = str(random.choice(thing.palettes))
        return Recipe(
            self.thing(text),
            -1 if use_emoji else int(random.choice(thing.glyphs)),
            int(random.choice(thing.emoji)) if use_emoji else -1,
            "3d" if use_emoji and style == "game icon" else style,
            "" if hue or (style == "game icon" and palette not in COLOURS) else palette,
            "",
            states,
            1,
            paint.Pose(),
            hue,
            seed,
            (text,),
        )

    def found(self, texts: list[str], seeds: list[int]) -> tuple[npt.NDArray[np.uint8], torch.Tensor]:
        """The drawings found (n x 128 x 128 x 4 bytes) and their latents as the autoencoder gives them."""
        recipes = [self.recipe(text, seed) for text, seed in zip(texts, seeds, strict=True)]
        pixels = [self.artist.draw(each, np.random.default_rng(each.seed), each.pose) for each in recipes]
        return np.stack(pixels), drawings.encode(self.encoder, pixels)
