"""How every Python process that we start is started: with our code and the installed packages, and nothing else.

`python -m` puts the current folder first on the import path, so a `torch.py` lying there would be run. Children run in
isolated mode instead (`-I`: no current folder, no PYTHON* variables, no packages of the user), in a working folder that
holds no modules. Our own packages come from where this process has them, also in a checkout that is not installed; what
else lies there (dependencies, after `pip install --user` or `--target`) comes last.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

import sidecar

_ROOT = Path(sidecar.__file__).resolve().parents[1]
"""The folder that holds our packages: site-packages, or a checkout. It is trusted as our own code is."""

_START = """
import sys
from importlib.machinery import PathFinder
root, clients, module = sys.argv[1:4]
class OwnPackages:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name in ("capabilities", "entity_store", "sidecar"):
            return PathFinder.find_spec(name, [root])
        if name == "viwo_imagegen_client":
            return PathFinder.find_spec(name, [clients])
sys.meta_path.insert(0, OwnPackages)
sys.path.append(root)
del sys.argv[1:4]
import runpy
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""

_FOLDER_VARIABLES = (
    "VIWO_IMAGEGEN_CACHE", "XDG_CACHE_HOME", "HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "TORCH_HOME", "PIP_CONFIG_FILE",
    "PIP_FIND_LINKS", "PIP_CACHE_DIR", "PIP_CERT", "HF_TOKEN_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
)  # fmt: skip
"""Name folders or files, and may do so from the current folder, which a child does not share."""


def command(module: str, arguments: Sequence[str] = ()) -> list[str]:
    """The command line that runs a module as `python -m` would, isolated. Paths in `arguments` must be absolute."""
    return [sys.executable, "-I", "-c", _START, str(_ROOT), _clients(), module, *arguments]


def _clients() -> str:
    """The folder that holds the client library, which is another in a checkout."""
    found = find_spec("viwo_imagegen_client")
    assert found is not None
    assert found.origin is not None
    return str(Path(found.origin).resolve().parents[1])


def environment() -> dict[str, str]:
    """This process's variables without those that bring code into a Python process; its own children are safe too."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith("PYTHON")}
    for name in _FOLDER_VARIABLES:
        if _is_relative(kept, name):
            kept[name] = os.path.abspath(kept[name])
    return kept | {"PYTHONSAFEPATH": "1", "PYTHONNOUSERSITE": "1"}


def folder() -> str:
    """The working folder of every child: the root of the file system, which holds no modules."""
    return Path(sys.executable).anchor or os.sep


def _is_relative(variables: Mapping[str, str], name: str) -> bool:
    value = variables.get(name, "")
    return bool(value) and not value.startswith("~") and "://" not in value and not os.path.isabs(value)
