"""Generate the packages `pb` of the sidecar and of the Python client from the .proto files: `python protos/generate.py [--check]`.

protoc writes imports by the proto path (``from viwo.imagegen.v1 import ...``); the generated packages live inside
``sidecar`` and ``viwo_imagegen_client``, so those imports are rewritten. The client has its own, to be installed alone. With ``--check`` nothing is written and a difference is an error.
"""

from __future__ import annotations

import filecmp
import re
import shutil
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
TARGETS = {
    "sidecar.pb": ROOT / "sidecar" / "pb",
    "viwo_imagegen_client.pb": ROOT / "clients" / "python" / "viwo_imagegen_client" / "pb",
}
ABSTRACT = re.compile(r"^ *@_abc_1\.abstractmethod\n", re.MULTILINE)
OWN_IMPORT = re.compile(r"^(from|import) (viwo\.imagegen\.v1)", re.MULTILINE)


def compiled(out: Path) -> None:
    """What protoc writes, by the proto path."""
    sources = sorted(str(path) for path in (ROOT / "protos").rglob("*.proto"))
    include = str(files("grpc_tools").joinpath("_proto"))
    arguments = ["protoc", f"-I{ROOT / 'protos'}", f"-I{include}"]
    arguments += [
        f"--python_out={out}",
        f"--mypy_out={out}",
        f"--grpc_python_out={out}",
        f"--mypy_grpc_out={out}",
    ]
    if protoc.main([*arguments, *sources]) != 0:
        raise SystemExit("protoc failed")


def moved(source: Path, out: Path, package: str) -> None:
    """The same as a part of `package`."""
    shutil.copytree(source, out)
    for path in [*out.rglob("*.py"), *out.rglob("*.pyi")]:
        text = OWN_IMPORT.sub(rf"\1 {package}.\2", path.read_text())
        # The stubs call a servicer's methods abstract; the generated classes answer UNIMPLEMENTED instead.
        path.write_text(ABSTRACT.sub("", text))
    for folder in [out, *(p for p in out.rglob("*") if p.is_dir())]:
        (folder / "__init__.py").write_text("")
    (out / "__init__.py").write_text('"""Generated from protos/ by `make protos`. Do not edit."""\n')


def differences(left: Path, right: Path) -> list[str]:
    names = {p.relative_to(left) for p in left.rglob("*.py*") if p.suffix != ".pyc"}
    names |= {p.relative_to(right) for p in right.rglob("*.py*") if p.suffix != ".pyc"}
    return [
        str(name)
        for name in sorted(names)
        if not (left / name).is_file()
        or not (right / name).is_file()
        or not filecmp.cmp(left / name, right / name, shallow=False)
    ]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "compiled"
        source.mkdir()
        compiled(source)
        for package, target in TARGETS.items():
            out = Path(folder) / package
            moved(source, out, package)
            if "--check" in sys.argv:
                if stale := differences(out, target):
                    raise SystemExit(f"generated code is stale, run `make protos`: {', '.join(stale)}")
            else:
                shutil.rmtree(target, ignore_errors=True)
                shutil.copytree(out, target)


if __name__ == "__main__":
    main()
