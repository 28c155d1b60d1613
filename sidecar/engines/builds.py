"""Which packages have a say in the pixels."""

from __future__ import annotations

import functools
import importlib.metadata

from capabilities import imaging

_MAKERS = ("viwo-imagegen", "torch", "diffusers", "transformers", "spandrel", "pyvips")


@functools.cache
def build_id() -> str:
    """The packages that make pictures here, with their versions."""
    found = [f"pictures {imaging.VERSION}"]
    for name in _MAKERS:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return ", ".join(found)
