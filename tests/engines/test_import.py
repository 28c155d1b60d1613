"""`models import`: pickles become safetensors, nothing in them is run, and none takes the machine's memory or time."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from sidecar import cli
from tests.engines.hostile_model_files import Payload, pickled, plain_pickle

MEGABYTE = 1024 * 1024


class _Call:
    """A pickle that calls a function when it is loaded."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self._call = (function, arguments)

    def __reduce__(self) -> tuple[Any, ...]:
        return self._call


def zip_bomb(file: Path) -> None:
    """A gigabyte of zeros in a megabyte."""
    torch.save({"a": torch.ones(2)}, file)
    with zipfile.ZipFile(file) as archive:
        held = {item.filename: archive.read(item) for item in archive.infolist()}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in held.items():
            archive.writestr(name, data if not name.endswith("data/0") else bytes(1024 * MEGABYTE))


def expanded(file: Path) -> None:
    """A few bytes that are a terabyte when written out."""
    torch.save({"a": torch.ones(1).expand(2**38)}, file)


def expanded_often(file: Path) -> None:
    torch.save({f"a{number}": torch.ones(1000).expand(100, 1000) for number in range(2000)}, file)


def bytes_of_nothing(file: Path) -> None:
    """`bytearray(2**37)`, which torch allows."""
    file.write_bytes(pickle.dumps({"a": _Call(bytearray, 2**37)}, protocol=2))


def nested(file: Path) -> None:
    file.write_bytes(b"\x80\x02" + b"]" * 3_000_000 + b"a" * 2_999_999 + b".")


def no_weights(file: Path) -> None:
    torch.save([1, 2, {"a": "b"}], file)


def names_that_are_none(file: Path) -> None:
    torch.save({1: torch.ones(2), None: torch.ones(2)}, file)


def sparse(file: Path) -> None:
    made = torch.sparse_coo_tensor(torch.tensor([[0]]), torch.ones(1), (2**40,), check_invariants=True)
    torch.save({"a": made}, file)


def of_no_device(file: Path) -> None:
    torch.save({"a": torch.ones(2, device="meta")}, file)


def pipe(file: Path) -> None:
    os.mkfifo(file)


def device(file: Path) -> None:
    file.symlink_to("/dev/zero")


def folder(file: Path) -> None:
    file.mkdir()


HOSTILE = (
    zip_bomb, expanded, expanded_often, bytes_of_nothing, nested, no_weights, names_that_are_none, sparse, of_no_device,
    pipe, device, folder,
)  # fmt: skip


_MEASURED = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], timeout=60)
print("peak", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(done.returncode)
"""


def imported(file: Path, to: Path) -> tuple[int, str, int]:
    """Exit code and words of `models import`, and the most memory that a process of it took, in bytes."""
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED, sys.executable, "-m", cli.__name__, "models", "import", str(file), str(to)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(Path(cli.__file__).parents[2])},
    )  # fmt: skip
    words, _, peak = done.stdout.rpartition("peak ")
    return done.returncode, " ".join(words.split()), int(peak) * 1024


@pytest.mark.parametrize("make", HOSTILE, ids=lambda make: make.__name__)
def test_hostile_files_are_refused_in_words(tmp_path: Path, make: Callable[[Path], None]) -> None:
    file = tmp_path / "weights.pth"
    make(file)
    code, words, most = imported(file, tmp_path / "models")
    assert code == 1, words
    assert "cannot be read as weights" in words
    assert "Traceback" not in words
    assert most < 1500 * MEGABYTE
    assert not list((tmp_path / "models").glob("*")) if (tmp_path / "models").exists() else True


@pytest.mark.parametrize("make", [pickled, plain_pickle])
def test_code_in_a_pickle_is_not_run(tmp_path: Path, make: Callable[[Path, Path], Path]) -> None:
    make(tmp_path / "evil.pth", tmp_path / "witness")
    code, words, _ = imported(tmp_path / "evil.pth", tmp_path / "models")
    assert (code, "cannot be read as weights" in words) == (1, True)
    assert not (tmp_path / "witness").exists()


def test_code_in_a_pickle_within_an_archive_is_not_run(tmp_path: Path) -> None:
    file = tmp_path / "evil.pth"
    torch.save({"a": torch.ones(2)}, file)
    with zipfile.ZipFile(file) as archive:
        held = {item.filename: archive.read(item) for item in archive.infolist()}
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in held.items():
            evil = pickle.dumps(Payload(tmp_path / "witness"), protocol=2)
            archive.writestr(name, evil if name.endswith("data.pkl") else data)
    code, words, _ = imported(file, tmp_path / "models")
    assert (code, "cannot be read as weights" in words) == (1, True)
    assert not (tmp_path / "witness").exists()


def test_weights_that_are_shared_are_written_each_by_itself(tmp_path: Path) -> None:
    shared = torch.arange(6.0).reshape(2, 3)
    torch.save({"state_dict": {"a": shared, "b": shared.T}}, tmp_path / "tied.ckpt")
    code, words, _ = imported(tmp_path / "tied.ckpt", tmp_path / "models")
    assert code == 0, words
    made = load_file(tmp_path / "models" / "tied.safetensors")
    assert np.array_equal(made["a"], made["b"].T)
