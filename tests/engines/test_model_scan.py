"""Looking through the model folders: known models wait for none of it, and unknown ids cause little of it."""

from __future__ import annotations

import os
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from capabilities.errors import FailedPrecondition, NotFound, Unavailable
from sidecar.config import HubModel
from sidecar.engines.local import catalog as catalog_module
from sidecar.engines.local import discovery, model_scan
from sidecar.engines.local.catalog import Catalog
from sidecar.engines.local.weights import MAX_HASHED, fingerprint
from sidecar.testing import tiny_models

HANG = 5.0


def test_a_model_is_looked_up_while_a_scan_hangs(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(tiny / "sd", tmp_path / "sd")
    catalog = Catalog([tmp_path], [], "sd")
    entered, go_on = threading.Event(), threading.Event()
    examined = discovery.examined

    def slow(model_id: str, path: Path) -> object:
        entered.set()
        go_on.wait(60)
        return examined(model_id, path)

    monkeypatch.setattr(model_scan, "examined", slow)
    shutil.copytree(tiny / "sd", tmp_path / "late")
    try:
        with pytest.raises(NotFound, match="being looked through"):
            catalog.find("late")
        assert entered.is_set()
        began = time.monotonic()
        for _ in range(100):
            assert catalog.find("sd").width == 64
            assert catalog.able("textToImage")
            with pytest.raises(NotFound):
                catalog.find("nothing")
        # One of the look-ups may have waited.
        assert time.monotonic() - began < catalog_module.LOOK_UP_WAIT * 2
    finally:
        go_on.set()
    assert catalog._idle.wait(30)
    assert catalog.find("late").width == 64


def test_a_job_waits_for_the_first_scan_and_a_caller_does_not(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(tiny / "sd", tmp_path / "sd")
    go_on = threading.Event()
    examined = discovery.examined

    def slow(model_id: str, path: Path) -> object:
        go_on.wait(60)
        return examined(model_id, path)

    monkeypatch.setattr(model_scan, "examined", slow)
    monkeypatch.setattr(catalog_module, "START_WAIT", 0.01)
    monkeypatch.setattr(catalog_module, "LOOK_UP_WAIT", 0.01)
    catalog = Catalog([tmp_path], [], "sd")
    with pytest.raises(Unavailable, match="still being looked through"):
        catalog.find("sd")
    with ThreadPoolExecutor(1) as jobs:
        found = jobs.submit(catalog.model, "sd", patient=True)
        go_on.set()
        assert found.result(30).facts.width == 64


def test_tens_of_thousands_of_files(tiny: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny / "sd", tmp_path / "zzz" / "sd")
    for number in range(30_000):
        (tmp_path / f"{number}.txt").touch()
    began = time.monotonic()
    catalog = Catalog([tmp_path], [], "zzz/sd")
    assert catalog.find("zzz/sd").width == 64
    with pytest.raises(NotFound):
        catalog.find("nothing")
    assert time.monotonic() - began < HANG


def test_unknown_ids_do_not_keep_the_folders_being_looked_through(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog = Catalog([tmp_path], [], "sd")
    monkeypatch.setattr(catalog_module, "LOOK_UP_WAIT", 0.01)
    scans = 0
    look_through = Catalog._look_through

    def counted(self: Catalog, deadline: float) -> None:
        nonlocal scans
        scans += 1
        look_through(self, deadline)

    monkeypatch.setattr(Catalog, "_look_through", counted)
    began = time.monotonic()
    for number in range(2000):
        with pytest.raises(NotFound):
            catalog.find(f"nothing-{number}")
    assert scans <= (time.monotonic() - began) / catalog_module.SCAN_GAP + 1


def test_a_repaired_model_and_one_that_broke_are_noticed(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog_module, "LOOK_EVERY", 0.0)
    index = shutil.copytree(tiny / "sd", tmp_path / "sd") / "model_index.json"
    whole = index.read_text()
    catalog = Catalog([tmp_path], [], "sd")
    for _ in range(2):
        index.write_text(whole.replace("StableDiffusionPipeline", "Evil"))
        with pytest.raises(FailedPrecondition, match="names 'Evil'"):
            catalog.find("sd")
        assert [item.of for item in catalog.problems] == ["sd"]
        index.write_text(whole)
        assert catalog.find("sd").width == 64
        assert not catalog.problems
    shutil.rmtree(tmp_path / "sd")
    with pytest.raises(NotFound):
        catalog.find("sd")


def always_looking(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if seconds lay between any two looks."""
    monkeypatch.setattr(catalog_module, "LOOK_EVERY", 0.0)
    monkeypatch.setattr(catalog_module, "SCAN_SHARE", 1.0)
    monkeypatch.setattr(catalog_module, "SCAN_GAP", 0.0)
    monkeypatch.setattr(catalog_module, "QUICK", HANG)


def test_what_is_looked_for_by_kind_is_found_while_the_server_runs(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wan2GP#2164."""
    always_looking(monkeypatch)
    catalog = Catalog([tmp_path], [], "sd")
    assert not catalog.able("control")
    tiny_models.controlnet(tmp_path / "canny", tiny / "sd")
    assert [model.id for model in catalog.able("control")] == ["canny"]
    tiny_models.face_restorer(tmp_path / "faces.safetensors")
    assert [model.id for model in catalog.able("faceRestore")] == ["faces"]
    tiny_models.lora(tmp_path / "drawn.safetensors", tiny / "sd", kohya=True)
    assert [model.id for model in catalog.able("lora")] == ["drawn"]
    # One more of a kind of which there are some.
    tiny_models.controlnet(tmp_path / "depth", tiny / "sd")
    assert {model.id for model in catalog.able("control")} == {"canny", "depth"}
    assert {"canny", "depth", "drawn", "faces"} <= {item.facts.id for item in catalog.listings(frozenset())}


def test_changed_settings_are_read_again(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    always_looking(monkeypatch)
    folder = tiny_models.controlnet(tmp_path / "edges", tiny / "sd")
    shutil.copytree(tiny / "sd", tmp_path / "sd")
    catalog = Catalog([tmp_path], [], "sd")
    assert [model.control for model in catalog.able("control")] == [""]
    for kind in ("canny", "depth"):
        (folder / "viwo_defaults.json").write_text(f'{{"control_type": "{kind}"}}')
        assert [model.control for model in catalog.able("control")] == [kind]
    for steps in (4, 9):
        (tmp_path / "sd" / "viwo_defaults.json").write_text(f'{{"steps": {steps}}}')
        assert catalog.find("sd").steps == steps
        assert {item.facts.id: item.facts.steps for item in catalog.listings(frozenset())}["sd"] == steps


@pytest.mark.parametrize("size", [1_000, 300_000, MAX_HASHED + 300_000])
def test_a_replaced_file_is_another_revision_whatever_bytes_differ(tmp_path: Path, size: int) -> None:
    file = tmp_path / "file"
    file.write_bytes(bytes(size))
    before, times = fingerprint([file]), file.stat()
    assert fingerprint([file]) == before
    for place in (0, size // 2, size // 3, size - 1):
        other = tmp_path / "other"
        other.write_bytes(bytes(size))
        with other.open("r+b") as opened:
            opened.seek(place)
            opened.write(b"x")
        # As a copy that keeps the times does.
        os.utime(other, ns=(times.st_atime_ns, times.st_mtime_ns))
        os.replace(other, file)
        assert fingerprint([file]) != before


def test_a_replaced_file_is_noticed_while_the_server_runs(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog_module, "LOOK_EVERY", 0.0)
    file = tiny_models.lora(tmp_path / "drawn.safetensors", tiny / "sd", kohya=True)
    catalog = Catalog([tmp_path], [], "sd")
    revisions = {catalog.find("drawn").revision}
    data, times = bytearray(file.read_bytes()), file.stat()
    for place in (-1, len(data) // 2, -3):
        data[place] ^= 1
        file.write_bytes(data)
        os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
        revisions.add(catalog.find("drawn").revision)
    assert len(revisions) == 4


def test_two_models_of_one_id_are_told(tiny: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    shutil.copytree(tiny / "sd", first / "sd")
    shutil.copytree(tiny / "sd", second / "sd")
    tiny_models.lora(first / "sd.safetensors", tiny / "sd", kohya=True)
    shutil.copytree(tiny / "sd", first / "listed")
    catalog = Catalog([first, second], [HubModel(id="listed")], "sd")
    told = {problem.file: problem.reason for problem in catalog.problems}
    assert (
        told[str(second / "sd")] == f"its id 'sd' is taken by {first / 'sd'}; rename one of them to use both"
    )
    assert told[str(first / "sd.safetensors")].startswith(f"its id 'sd' is taken by {first / 'sd'}")
    assert "its id is that of 'listed' of listed from the hub" in told[str(first / "listed")]
    assert catalog.model("sd").source.location == str(first / "sd")


def test_a_broken_model_does_not_keep_its_id_from_a_good_one(tiny: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    shutil.copytree(tiny / "sd", first / "sd")
    (first / "sd" / "model_index.json").write_text("{")
    shutil.copytree(tiny / "sd", second / "sd")
    catalog = Catalog([first, second], [], "sd")
    assert catalog.find("sd").width == 64
    assert catalog.model("sd").source.location == str(second / "sd")
    assert {problem.file for problem in catalog.problems} == {str(first / "sd")}
