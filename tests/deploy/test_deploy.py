"""What is in deploy/: linted, its variables settings, and the steps of the container's build done in plain folders."""

from __future__ import annotations

import configparser
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from sidecar.config import Settings
from sidecar.configuration_check import remarks

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
CONTAINERFILE = (DEPLOY / "Containerfile").read_text()


def run(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in command],
        env={**os.environ, **environment},
        text=True,
        capture_output=True,
        check=False,
    )


def test_the_containerfile_has_no_fault_that_hadolint_knows() -> None:
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    assert hadolint is not None
    done = run(hadolint, DEPLOY / "Containerfile")
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("name", ["Containerfile", "compose.yaml", "viwo-imagegen.service"])
def test_every_variable_is_one_that_is_read(name: str) -> None:
    variables = set(re.findall(r"VIWO_IMAGEGEN_[A-Z_]+", (DEPLOY / name).read_text()))
    assert variables
    assert list(remarks(Settings(), dict.fromkeys(variables, ""))) == []


def test_both_services_share_one_network_and_one_world() -> None:
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    viwo, sidecar = services["viwo"], services["imagegen"]
    assert sidecar["network_mode"] == "service:viwo"
    assert "ports" not in sidecar
    assert all(port.startswith("127.0.0.1:") for port in viwo["ports"])
    folders = [{volume.rsplit(":/", 1)[0] for volume in service["volumes"]} for service in (viwo, sidecar)]
    assert {"${WORLD:-./world}"} <= folders[0] & folders[1]
    assert viwo["environment"]["DB_PATH"] == sidecar["environment"]["VIWO_IMAGEGEN_WORLD_PATH"]
    assert "${DATA:-./data}:/data:ro" in viwo["volumes"]
    built = (DEPLOY / sidecar["build"]["context"]).resolve() / sidecar["build"]["dockerfile"]
    assert built == DEPLOY / "Containerfile"


def test_the_unit_is_hardened_and_stops_later_than_the_server_does(tmp_path: Path) -> None:
    class Unit(configparser.RawConfigParser):
        def optionxform(self, optionstr: str) -> str:
            return optionstr

    unit = Unit(strict=False)
    unit.read(DEPLOY / "viwo-imagegen.service")
    service = unit["Service"]
    for name in ("NoNewPrivileges", "PrivateTmp", "ProtectHome", "RestrictNamespaces", "LockPersonality"):
        assert service[name] == "yes"
    assert (service["ProtectSystem"], service["UMask"], service["CapabilityBoundingSet"]) == (
        "strict",
        "0077",
        "",
    )
    assert int(service["TimeoutStopSec"]) > 20
    assert service["ExecStart"].endswith("/viwo-imagegen serve")
    if analyze := shutil.which("systemd-analyze"):
        copy = tmp_path / "viwo-imagegen.service"
        copy.write_text(
            (DEPLOY / "viwo-imagegen.service").read_text().replace(service["ExecStart"], "/bin/true")
        )
        assert run(analyze, "verify", copy).returncode == 0


def test_what_the_container_copies_is_enough_to_build_and_run(tmp_path: Path) -> None:
    """The build's COPY lines into an empty folder, its pip into an empty environment, and its health check."""
    source = tmp_path / "build"
    source.mkdir()
    for words in re.findall(r"^COPY (?!--from)(.+)$", CONTAINERFILE, re.MULTILINE):
        *names, target = words.split()
        for name in names:
            place = source / target
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, place, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / name, place)
    wheels = tmp_path / "wheels"
    built = run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", wheels, source)
    assert built.returncode == 0, built.stderr
    environment = tmp_path / "environment"
    run(sys.executable, "-m", "venv", "--without-pip", environment)
    # What was installed for the tests stands in for the packages that the container's pip fetches.
    (site,) = environment.glob("lib/python*/site-packages")
    (wheel,) = wheels.glob("viwo_imagegen-*.whl")
    target = run(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", site, wheel)
    assert target.returncode == 0, target.stderr
    packages = next(path for path in sys.path if path.endswith("site-packages"))
    (site / "others.pth").write_text(f"{packages}\n")
    program = "from sidecar.cli import app; app()"
    data = {"VIWO_IMAGEGEN_DATA_DIR": str(tmp_path / "data"), "VIWO_IMAGEGEN_PORT": "0"}
    checked = run(environment / "bin" / "python", "-I", "-c", program, "doctor", "--json", **data)
    findings = json.loads(checked.stdout)
    assert {finding["state"] for finding in findings} == {"fine"}, checked.stdout
    assert any(finding["words"].startswith("512 x 512 px by glyphs:game-icons") for finding in findings)
    alone = run(
        environment / "bin" / "python", "-I", "-c", program, "doctor", "--only", "server", "--json", **data
    )
    (finding,) = json.loads(alone.stdout)
    assert (alone.returncode, finding["state"]) == (1, "wrong")
    assert "viwo-imagegen serve" in finding["words"]
