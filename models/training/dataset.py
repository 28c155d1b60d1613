"""Draws training examples: a latent without noise, the states of one of its captions, a mask, and latents to go by.

Three uses share the mask and the latents to go by, in the layout of diffusers' inpainting UNets: plain drawings (the mask
covers all, the latents are those of nothing), drawings after another one that a look-up has found (the mask covers all, the
latents are those of another drawing of the same thing), and pictures to be filled in (the mask covers a part, the latents
are those of the rest).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from models.training.workspace import Workspace

SCALING_FACTOR = 1.2853785608327817
"""Brings latents to deviation 1; that of the autoencoder in `models/icons`."""
PLAIN_SHARE, LOOK_UP_SHARE = 0.35, 0.42
# Of the found drawings: another rendering of the same one, another one of the same thing, and anything.
SAME_DRAWING_SHARE, SAME_THING_SHARE = 0.7, 0.25
DROPPED_CAPTIONS = 0.1
# Deviation of the noise on the text states, at most; the states themselves have 1.
MOST_BLUR = 0.4


Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Batch:
    """Latents (n x 8 x 16 x 16), text states (n x 16 x 384), masks (n x 1 x 16 x 16), latents to go by, and the uses."""

    clean: Tensor
    texts: Tensor
    masks: Tensor
    known: Tensor
    uses: Tensor
    """0 plain, 1 look-up, 2 fill in."""


class Examples:
    """Everything in memory: an example costs an index, so the denoiser gets all of the processor."""

    def __init__(self, workspace: Workspace) -> None:
        paths = sorted(workspace.parts.glob("drawings-*.pt"))
        paths = [path for path in paths if path.with_name(path.name.replace("drawings", "states")).exists()]
        parts = [torch.load(path) for path in paths]
        states = [
            torch.load(path.with_name(path.name.replace("drawings", "states")))["states"] for path in paths
        ]
        rows = np.cumsum([0, *(len(each) for each in states)])
        places = np.cumsum([0, *(len(part["latents"]) for part in parts)])
        self.states: Tensor = torch.cat(states)
        # The last text of each part is the empty one.
        self.empty_row = len(states[0]) - 1
        self.latents: Tensor = torch.cat([part["latents"] for part in parts])
        self.captions: Tensor = torch.cat(
            [part["captions"] + int(start) for part, start in zip(parts, rows, strict=False)]
        )
        self.masked_rows: Tensor = torch.cat(
            [part["masked_rows"] + int(start) for part, start in zip(parts, places, strict=False)]
        )
        self.masked_latents: Tensor = torch.cat([part["masked_latents"] for part in parts])
        self.masks: Tensor = torch.cat([part["masks"] for part in parts])
        self.nothing: Tensor = parts[0]["nothing"]
        whole = torch.cat([~part["cropped"] for part in parts])
        self.whole_rows: Tensor = whole.nonzero().flatten()
        things, drawings = (
            torch.cat([part[key] for part in parts]).numpy() for key in ("things", "drawings")
        )
        self.by_thing = _groups(things, whole.numpy())
        self.by_drawing = _groups(drawings, whole.numpy())
        self.things, self.drawings = things, drawings

    def draw(self, count: int, generator: torch.Generator) -> Batch:
        use = torch.rand(count, generator=generator)
        uses = (use >= PLAIN_SHARE).long() + (use >= PLAIN_SHARE + LOOK_UP_SHARE).long()
        rows = self.whole_rows[torch.randint(len(self.whole_rows), (count,), generator=generator)]
        holes = torch.randint(len(self.masked_rows), (count,), generator=generator)
        rows = torch.where(uses == 2, self.masked_rows[holes], rows)
        found = self._found(rows, uses, generator)
        known = self.latents[found]
        known[uses == 0] = self.nothing
        known[uses == 2] = self.masked_latents[holes[uses == 2]]
        masks = torch.ones(count, 1, *self.masks.shape[1:])
        masks[uses == 2, 0] = self.masks[holes[uses == 2]].float()
        which = torch.randint(2, (count,), generator=generator)
        dropped = torch.rand(count, generator=generator) < DROPPED_CAPTIONS
        texts = torch.where(dropped, self.empty_row, self.captions[rows, which])
        return Batch(
            self.latents[rows].float() * SCALING_FACTOR,
            self._blurred(self.states[texts].float(), generator),
            masks,
            known.float() * SCALING_FACTOR,
            uses,
        )

    def _found(self, rows: Tensor, uses: Tensor, generator: torch.Generator) -> Tensor:
        """For each row another drawing that a look-up could have found."""
        chance = torch.rand(len(rows), generator=generator).tolist()
        picks = torch.rand(len(rows), generator=generator).tolist()
        found = rows.clone()
        for place, row in enumerate(rows.tolist()):
            if uses[place] != 1:
                continue
            if chance[place] < SAME_DRAWING_SHARE:
                others = self.by_drawing[self.drawings[row]]
            elif chance[place] < SAME_DRAWING_SHARE + SAME_THING_SHARE:
                others = self.by_thing[self.things[row]]
            else:
                others = self.whole_rows.numpy()
            found[place] = int(others[int(picks[place] * len(others))])
        return found

    @staticmethod
    def _blurred(states: Tensor, generator: torch.Generator) -> Tensor:
        """Text states moved a little, all positions of a text alike: what lies between two captions is drawn too."""
        count, _, width = states.shape
        far = torch.rand(count, 1, 1, generator=generator) * MOST_BLUR
        moved = states + far * torch.randn(count, 1, width, generator=generator)
        return moved / (1 + far.square()).sqrt()


def _groups(keys: Places, kept: npt.NDArray[np.bool_]) -> dict[int, Places]:
    """The places of each key's kept entries."""
    groups: dict[int, list[int]] = defaultdict(list)
    for place, (key, keep) in enumerate(zip(keys.tolist(), kept.tolist(), strict=True)):
        if keep:
            groups[key].append(place)
    # A drawing that is only there as a crop is found as any other of its thing would be: not at all, so it finds itself.
    for place, key in enumerate(keys.tolist()):
        groups.setdefault(key, [place])
    return {key: np.array(places) for key, places in groups.items()}
