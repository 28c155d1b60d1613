"""What must stay true of the code itself."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
from pathlib import Path

from capabilities.methods import EDIT, METHODS
from sidecar.cli.commands import COMMANDS, loaded

ROOT = Path(__file__).resolve().parent.parent


def imported_by(statement: str) -> set[str]:
    """The modules that a fresh interpreter has after a statement."""
    code = f"{statement}\nimport sys, json\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(json.loads(done.stdout))


def test_imports_run_downwards_only() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_server_does_not_import_torch() -> None:
    heavy = {"torch", "diffusers", "transformers", "numpy"}
    assert not imported_by("import capabilities.methods, capabilities.imaging") & (
        heavy | {"grpc", "sqlalchemy"}
    )
    assert not imported_by("import entity_store.images") & (heavy | {"grpc", "sqlalchemy"})
    assert not imported_by("import sidecar.server, sidecar.cli.serve, sidecar.cli.generate") & heavy


def test_the_list_of_commands_needs_none_of_their_modules() -> None:
    """`viwo-imagegen --help`, and the completion of its commands, come at once."""
    assert not imported_by("import sidecar.cli") & {"grpc", "sqlalchemy", "pydantic", "pyvips", "numpy"}
    for name, place in COMMANDS.items():
        command = loaded(name)
        assert command.name == name
        assert (command.help or "").splitlines()[0] == place.help


def test_every_field_of_the_contract_is_commented() -> None:
    field = re.compile(r"^\s*(repeated |optional )?[\w.]+ \w+ = \d+;$")
    bare = []
    for path in (ROOT / "protos").rglob("*.proto"):
        lines = path.read_text().splitlines()
        for before, line in itertools.pairwise(lines):
            if field.match(line) and not before.strip().startswith("//"):
                bare.append(f"{path.name}: {line.strip()}")
    assert not bare


def test_every_method_is_declared_once_in_a_module_of_its_own() -> None:
    shared = {"declaration", "generation", "initial_image", "masked", "upscalers"}
    declared = {
        path.stem: path.read_text().count("\nMETHOD = Method(\n")
        for path in (ROOT / "capabilities" / "methods").glob("[!_]*.py")
        if path.stem not in shared
    }
    assert set(declared.values()) == {1}
    registered = [*METHODS, EDIT]
    assert len(declared) == len(registered) == len({method.name for method in registered})
    assert "Method(" not in "".join(
        (ROOT / "capabilities" / "methods" / f"{name}.py").read_text() for name in shared - {"declaration"}
    )


def test_no_module_is_long_without_a_reason() -> None:
    long = [
        str(path.relative_to(ROOT))
        for folder in ("capabilities", "entity_store", "sidecar", "tests", "benchmarks")
        for path in (ROOT / folder).rglob("*.py")
        if "pb" not in path.parts and len(path.read_text().splitlines()) > 400
    ]
    assert not long


def test_tests_and_benchmarks_do_not_import_each_other() -> None:
    """What both need is in `sidecar/testing`."""
    crossing = [
        f"{path.relative_to(ROOT)}: {found[0].strip()}"
        for folder, other in (("tests", "benchmarks"), ("benchmarks", "tests"))
        for path in (ROOT / folder).rglob("*.py")
        for found in re.finditer(rf"^\s*(from|import) {other}\b.*", path.read_text(), re.MULTILINE)
    ]
    assert not crossing


def test_every_child_process_is_started_in_one_place() -> None:
    """The current folder must not be on a child's import path; `sidecar/child_process.py` sees to that."""
    starting = [
        str(path.relative_to(ROOT))
        for folder in ("capabilities", "entity_store", "sidecar")
        for path in (ROOT / folder).rglob("*.py")
        if re.search(r"sys\.executable|multiprocessing|\"-m\", \"", path.read_text())
    ]
    assert starting == ["sidecar/child_process.py"]
