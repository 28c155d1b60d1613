"""Every stage in order, from the icon packages to `models/training/milestone`: `python -m models.training`, or `make model`.

A stage whose result is already in the work folder is left out, and the UNet goes on from its last checkpoint, so a run
that was stopped is simply started again.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from models.training.workspace import open_workspace, stage_parser


def main() -> None:
    parser = stage_parser(__doc__)
    parser.add_argument("--hours", type=float, default=8.0, help="how long the UNet is trained")
    options = parser.parse_args()
    workspace = open_workspace(options)
    stages: tuple[tuple[str, Path | None, list[str]], ...] = (
        ("render", workspace.emoji, []),
        ("relief", workspace.reliefs, []),
        ("autoencoder", workspace.autoencoder, []),
        ("drawings", None, []),
        ("text_encoder", None, []),
        ("denoiser", None, ["--hours", str(options.hours)]),
        ("export", None, []),
        ("contact_sheet", None, []),
    )
    for stage, result, arguments in stages:
        if result is not None and result.exists():
            print(f"* {stage}: {result} is there", flush=True)
            continue
        print(f"* {stage}", flush=True)
        command = [
            sys.executable,
            "-m",
            f"models.training.{stage}",
            "--work",
            str(workspace.root),
            *arguments,
        ]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
