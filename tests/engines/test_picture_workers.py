"""Child processes that decode what strangers send: they may die, hang or run out of memory, and nothing else does."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from capabilities import imaging
from capabilities.errors import InvalidArgument, ResourceExhausted, Unavailable
from capabilities.methods.edit import Edit
from capabilities.operations import Crop
from sidecar import child_process
from sidecar.engines.builtin.workers import PictureWorkers
from sidecar.engines.events import EncodedImage
from sidecar.testing.pictures import plain


@pytest.fixture
def workers() -> Iterator[PictureWorkers]:
    made = PictureWorkers(2)
    try:
        yield made
    finally:
        made.close()


def test_they_answer_as_the_same_work_here(workers: PictureWorkers) -> None:
    data = plain(30, 20)
    assert workers.inspect(data) == imaging.inspect(data) == imaging.ImageInfo("png", 30, 20, False)
    assert workers.thumbnail(data, 10) == imaging.thumbnail(data, 10)
    task = Edit(image="a", operations=(Crop(width=5, height=4),), width=5, height=4)
    (made,) = workers.edit(task, {"image": data}, {"method": "crop"}).images
    assert isinstance(made, EncodedImage)
    assert imaging.probe(made.data) == imaging.ImageInfo("png", 5, 4, False)
    assert imaging.read_metadata(made.data) == {"method": "crop"}


def test_a_refusal_comes_back_as_one(workers: PictureWorkers) -> None:
    for data in (b"", b"\x89PNG\r\n\x1a\n", plain(8, 8)[:-20], b"GIF89a" + bytes(10)):
        with pytest.raises(InvalidArgument) as raised:
            workers.inspect(data, field="mask")
        assert raised.value.field == "mask"


def test_a_worker_is_started_when_needed_and_ended_with_the_server(workers: PictureWorkers) -> None:
    assert workers.pids == []
    workers.inspect(plain(8, 8))
    (pid,) = workers.pids
    workers.inspect(plain(9, 9))
    assert workers.pids == [pid]
    workers.close()
    assert not psutil.pid_exists(pid)
    with pytest.raises(Unavailable):
        workers.inspect(plain(8, 8))


def test_one_that_is_killed_over_a_request_is_replaced(workers: PictureWorkers) -> None:
    workers.start()
    (pid,) = workers.pids
    os.kill(pid, signal.SIGSTOP)
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(workers.inspect, plain(8, 8), field="image")
        os.kill(pid, signal.SIGKILL)
        assert asked.result(timeout=30).width == 8
    assert pid not in workers.pids


def test_a_request_that_ends_every_worker_is_refused(
    workers: PictureWorkers, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []

    def dying(module: str, arguments: list[str]) -> list[str]:
        started.append(module)
        return [sys.executable, "-c", "import sys; sys.stdin.buffer.read(1)"]

    with monkeypatch.context() as patched:
        patched.setattr(child_process, "command", dying)
        with pytest.raises(ResourceExhausted, match="ended its worker twice") as raised:
            workers.inspect(plain(8, 8), field="mask")
    assert raised.value.field == "mask"
    assert len(started) == 2
    assert workers.inspect(plain(8, 8)).width == 8


def test_one_that_was_killed_while_idle_costs_nobody_a_request(workers: PictureWorkers) -> None:
    workers.start()
    (pid,) = workers.pids
    process = psutil.Process(pid)
    os.kill(pid, signal.SIGKILL)
    while process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
        pass
    assert workers.inspect(plain(8, 8)).width == 8


def test_one_that_hangs_is_ended() -> None:
    workers = PictureWorkers(1, timeout=1.0)
    try:
        workers.start()
        (pid,) = workers.pids
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(ResourceExhausted, match="took more than 1 s"):
            workers.inspect(plain(8, 8))
        assert not psutil.pid_exists(pid)
        # The next one has its own second, which the start of a process may need.
        patient = PictureWorkers(1)
        assert patient.inspect(plain(8, 8)).width == 8
        patient.close()
    finally:
        workers.close()


def test_a_picture_that_needs_too_much_memory_is_refused_and_the_next_is_not() -> None:
    workers = PictureWorkers(1, memory_mib=256)
    try:
        large = plain(8192, 8192)
        task = Edit(image="a", operations=(Crop(width=8000, height=8000),), width=8000, height=8000)
        workers.start()
        (pid,) = workers.pids
        for _ in range(2):
            with pytest.raises(ResourceExhausted) as raised:
                workers.edit(task, {"image": large}, None)
            assert raised.value.reason == imaging.OUT_OF_MEMORY
            assert workers.inspect(plain(8, 8)).width == 8
        assert pid not in workers.pids
    finally:
        workers.close()


def test_many_at_once_are_all_answered(workers: PictureWorkers) -> None:
    barrier = threading.Barrier(8)

    def ask(side: int) -> tuple[int, int]:
        barrier.wait()
        return side, workers.inspect(plain(side, 8)).width

    with ThreadPoolExecutor(8) as pool:
        for side, width in pool.map(ask, range(1, 9)):
            assert side == width
    assert len(workers.pids) == 2
