"""What the operator says of a model, in `viwo_defaults.json` in its folder. A broken file is left out, and told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sidecar.engines.local.model_files import UnusableModel, is_clean, json_if_there

DEFAULTS_FILE = "viwo_defaults.json"
MOST_SIDE = 16_384
"""No model draws larger pictures than this, in pixels."""
_SETTINGS: dict[str, tuple[type, float, float]] = {
    "steps": (int, 1, 1000), "guidance_scale": (float, 0, 100), "width": (int, 8, MOST_SIDE),
    "height": (int, 8, MOST_SIDE), "fixed_size": (bool, 0, 1), "plain_ground": (bool, 0, 1), "fills": (bool, 0, 1),
    "empty_prompt": (str, 0, 1000), "description": (str, 0, 1000), "control_type": (str, 0, 100),
    "license": (str, 0, 100),
}  # fmt: skip
"""What may be said: type, and the least and largest value or length."""


def settings_of(folder: Path) -> tuple[dict[str, Any], list[UnusableModel]]:
    """The settings of a model by name; none, and why, where the file is broken."""
    try:
        return _checked(folder / DEFAULTS_FILE), []
    except UnusableModel as problem:
        return {}, [problem]


def _checked(path: Path) -> dict[str, Any]:
    """Raises UnusableModel where a value is of another type or out of bounds."""
    values = {}
    for name, value in json_if_there(path).items():
        if name not in _SETTINGS:
            continue
        wanted, least, most = _SETTINGS[name]
        right = isinstance(value, wanted) or (wanted is float and isinstance(value, int))
        if not right or (isinstance(value, bool) and wanted is not bool):
            raise UnusableModel(
                f"{path.name}: {name} must be of type {wanted.__name__}; the file is not used"
            )
        if isinstance(value, str):
            if len(value) > most or not is_clean(value.replace("\n", " ")):
                raise UnusableModel(
                    f"{path.name}: {name} has more than {most:g} or control characters; the file is not used"
                )
        elif not least <= value <= most:
            raise UnusableModel(f"{path.name}: {name} must be {least:g} to {most:g}; the file is not used")
        values[name] = wanted(value)
    return values
