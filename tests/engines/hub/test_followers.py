"""Whoever follows a download is told its end, whatever ended it."""

from __future__ import annotations

import asyncio
import sys

import pytest

from sidecar import child_process
from sidecar.engines.events import Failed
from sidecar.engines.local.downloads import Download, Downloads
from sidecar.engines.local.hub_files import Wanted

WANTED = Wanted("tiny/followed")


async def end(download: Download) -> Failed:
    async with asyncio.timeout(20):
        async for _ in download.follow():
            pass
    assert isinstance(download.outcome, Failed)
    return download.outcome


@pytest.mark.parametrize("said", ["'no message'", "'x' * 1_000_000", "'[\"Fetched\", 7]'"])
async def test_a_process_that_says_what_nobody_understands(
    said: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(child_process, "command", lambda *_: [sys.executable, "-c", f"print({said})"])
    downloads = Downloads(most_bytes=1)
    with downloads.joined(WANTED) as first, downloads.joined(WANTED) as second:
        assert first is second
        ends = await asyncio.gather(end(first), end(second))
        assert {(one.code, one.reason) for one in ends} == {("INTERNAL", "BUG")}
        assert "the download of tiny/followed failed" in caplog.text
        with downloads.joined(WANTED) as another:
            assert another is not first, "who comes now begins another"


@pytest.mark.parametrize("is_under_way", [True, False])
async def test_a_server_that_stops(is_under_way: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    told = '["Progress", {"done": 0, "total": 9, "commit": "c"}]'
    waits = f"print('{told}', flush=True); input()"
    monkeypatch.setattr(child_process, "command", lambda *_: [sys.executable, "-c", waits])
    downloads = Downloads(most_bytes=1)
    with downloads.joined(WANTED) as download:
        if is_under_way:
            async for progress in download.follow():
                if progress.total:
                    break
        following = asyncio.create_task(end(download))
        await downloads.stop()
        failed = await following
    assert (failed.code, failed.reason, failed.retryable) == ("UNAVAILABLE", "DOWNLOAD_LOST", True)
    assert "'tiny/followed' has not been downloaded: it was ended; try again" in failed.message
