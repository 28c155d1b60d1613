"""Looking through the model folders: known models wait for none of it, and unknown ids cause little of it."""

from __future__ import annotations

import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from capabilities.errors import FailedPrecondition, NotFound, Unavailable
from sidecar.engines.local import catalog as catalog_module
from sidecar.engines.local import discovery
from sidecar.engines.local.catalog import Catalog

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

    monkeypatch.setattr(catalog_module, "examined", slow)
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

    monkeypatch.setattr(catalog_module, "examined", slow)
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
