"""Where training keeps its data and checkpoints, and how it writes them so that a crash costs nothing."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

DEFAULT_ROOT = Path("~/.cache/viwo-imagegen/training")


@dataclass(frozen=True)
class Workspace:
    """The folder outside git that holds everything training makes before the export."""

    root: Path

    @property
    def packages(self) -> Path:
        return self.root / "npm"

    @property
    def reliefs(self) -> Path:
        return self.root / "reliefs.npy"

    @property
    def emoji(self) -> Path:
        return self.root / "emoji.npz"

    @property
    def autoencoder(self) -> Path:
        return self.root / "autoencoder.pt"

    @property
    def parts(self) -> Path:
        return self.root / "parts"

    @property
    def text_encoder(self) -> Path:
        return self.root / "text_encoder"

    @property
    def captions(self) -> Path:
        return self.root / "captions.pt"

    @property
    def denoiser(self) -> Path:
        return self.root / "denoiser.pt"

    @property
    def denoiser_at_full_rate(self) -> Path:
        return self.root / "denoiser-at-full-rate.pt"

    @property
    def log(self) -> Path:
        return self.root / "denoiser.log"


def stage_parser(description: str | None) -> argparse.ArgumentParser:
    """An argument parser with the option that every stage takes."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--work", type=Path, default=DEFAULT_ROOT, help="folder for data and checkpoints")
    return parser


def open_workspace(options: argparse.Namespace) -> Workspace:
    root = Path(options.work).expanduser()
    root.mkdir(parents=True, exist_ok=True)
    return Workspace(root)


def save_atomically(value: Any, path: Path) -> None:
    """Write beside the target and rename, so that a reader or a crash never meets half a file."""
    partial = path.with_name(path.name + ".partial")
    torch.save(value, partial)
    os.replace(partial, path)
