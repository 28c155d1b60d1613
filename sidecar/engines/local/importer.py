"""Turns weights in a pickle into a .safetensors file: `python -m sidecar.engines.local.importer FILE FOLDER`."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

from capabilities.errors import FailedPrecondition

WRAPPERS = ("params_ema", "params", "state_dict")
"""Names under which training programs keep the weights themselves, the best first."""


def convert(file: Path, folder: Path) -> str:
    """Write `folder/<name>.safetensors` and say what it holds. Only tensors and plain containers are read.

    Raises FailedPrecondition for anything else in the file; nothing that is in it is run.
    """
    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
        state = next((state[name] for name in WRAPPERS if name in state), state)
        tensors = {name: value.contiguous() for name, value in state.items() if torch.is_tensor(value)}
    except (OSError, RuntimeError, pickle.UnpicklingError, EOFError, AttributeError, TypeError) as error:
        lines = str(error).splitlines()
        raise FailedPrecondition(
            f"{file} cannot be read as weights: {lines[0] if lines else type(error).__name__}",
            reason="BAD_MODEL_FILE",
            field="file",
            asked=file.name,
        ) from None
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{file.stem}.safetensors"
    save_file(tensors, target)
    return f"{len(tensors)} tensors in {target}"


def main() -> None:
    try:
        print(convert(Path(sys.argv[1]), Path(sys.argv[2])))
    except FailedPrecondition as refusal:
        raise SystemExit(refusal.message) from None


if __name__ == "__main__":
    main()
