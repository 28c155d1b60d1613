"""What goes wrong with a hub: told at once, as what it is, with what to do."""

from __future__ import annotations

import asyncio
import errno
import shutil
from collections.abc import Callable
from pathlib import Path

import grpc
import httpx2
import pytest
from huggingface_hub.errors import HfHubHTTPError

from capabilities.errors import FailedPrecondition, ResourceExhausted
from sidecar.engines.events import Failed
from sidecar.engines.local import hub_cache, pipelines
from sidecar.engines.local.download_messages import Progress
from sidecar.engines.local.hub_faults import failure
from sidecar.engines.local.hub_fetch import Fetch
from sidecar.engines.local.hub_files import Wanted
from sidecar.engines.local.messages import ModelSource
from sidecar.pb.viwo.imagegen.v1 import job_pb2
from sidecar.testing import single_file
from sidecar.testing.hub import Hub, Repository
from sidecar.testing.refusals import refused, retry_delay
from sidecar.testing.server import Sidecar
from tests.engines.hub.asking import blobs, draw, drawn, pulled


async def test_one_that_is_broken_off_without_end_is_told(hub: Hub, hubbed: Sidecar) -> None:
    repository = hub.repositories["tiny/first"]
    # Nothing at all comes of the weights.
    repository.cut_after, repository.cuts = -1, 1000
    error = await refused(pulled(hubbed, "tiny/first"))
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert "breaks off" in (error.details() or "")


async def test_gated_models_name_the_page_and_the_token(
    hub: Hub, hubbed: Sidecar, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.repositories["tiny/gated"].gated = True
    context = await hubbed.context()
    error = await refused(hubbed.images.TextToImage(drawn(context, "tiny/gated")))
    assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert f"open {hub.url}/tiny/gated with your account, accept its conditions" in (error.details() or "")
    assert "HF_TOKEN" in (error.details() or "")
    monkeypatch.setenv("HF_TOKEN", "hf_known")
    error = await refused(pulled(hubbed, "tiny/gated"))
    assert "has not been let in" in (error.details() or "")
    assert "hf_known" not in (error.details() or "")
    monkeypatch.setenv("HF_TOKEN", "hf_accepted")
    assert (await pulled(hubbed, "tiny/gated"))[-1].model.downloaded


async def test_tokens_and_names_that_the_hub_does_not_take(
    hub: Hub, hubbed: Sidecar, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.repositories["tiny/private"].private = True
    for name in ("tiny/private", "no/such"):
        error = await refused(pulled(hubbed, name))
        assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
        assert f"lets nobody without a token read '{name}', or has no such repository" in (
            error.details() or ""
        )
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    error = await refused(pulled(hubbed, "tiny/private"))
    assert "does not let the token in HF_TOKEN read 'tiny/private' (401)" in (error.details() or "")
    monkeypatch.setenv("HF_TOKEN", "hf_known")
    error = await refused(pulled(hubbed, "no/such"))
    assert error.code() is grpc.StatusCode.NOT_FOUND
    assert "has no repository 'no/such'" in (error.details() or "")
    error = await refused(pulled(hubbed, "tagged"))
    assert error.code() is grpc.StatusCode.NOT_FOUND
    assert "has no revision 'v9'" in (error.details() or "")
    error = await refused(pulled(hubbed, "tiny/pickled"))
    assert "pickles" in (error.details() or "")
    error = await refused(pulled(hubbed, "icons"))
    assert "is not from a hub" in (error.details() or "")


async def test_a_hub_that_is_busy_is_asked_again_when_it_says(hub: Hub, hubbed: Sidecar) -> None:
    repository = hub.repositories["tiny/busy"]
    repository.status, repository.headers = 429, {"Retry-After": "77"}
    error = await refused(pulled(hubbed, "tiny/busy"))
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert retry_delay(error) == 77
    repository.headers, repository.refusals = {"Retry-After": "0"}, 1
    context = await hubbed.context()
    job = await hubbed.jobs.Submit(job_pb2.SubmitJobRequest(text_to_image=drawn(context, "tiny/busy")))
    ended = await hubbed.ended(job.id)
    assert (ended.state, ended.attempts) == (job_pb2.JOB_STATE_SUCCEEDED, 2)


async def test_a_hub_that_is_not_there_is_told_at_once(
    hub: Hub, hubbed: Sidecar, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.repositories["tiny/down"].status = 503
    host = hub.url.removeprefix("http://")
    context = await hubbed.context()
    error = await refused(hubbed.images.TextToImage(drawn(context, "tiny/down")))
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert f"the hub {host} is out of order (503)" in (error.details() or "")
    for endpoint, words in (
        ("http://127.0.0.1:9", "the hub 127.0.0.1:9 cannot be reached"),
        (f"{hub.url}/elsewhere", "does not answer as a hub does"),
    ):
        monkeypatch.setenv("HF_ENDPOINT", endpoint)
        async with asyncio.timeout(20):
            error = await refused(hubbed.images.TextToImage(drawn(context, "tiny/down")))
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        assert words in (error.details() or "")
        assert "local_files_only" not in (error.details() or "")


async def test_without_a_hub_what_is_not_here_is_refused_before_it_waits(
    hub: Hub, hubbed: Sidecar, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pulled(hubbed, "tiny/plain")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    context = await hubbed.context()
    error = await refused(
        hubbed.jobs.Submit(job_pb2.SubmitJobRequest(text_to_image=drawn(context, "tiny/absent")))
    )
    assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert "'tiny/absent' has not been downloaded, and HF_HUB_OFFLINE forbids to ask a hub" in (
        error.details() or ""
    )
    assert not hub.repositories["tiny/absent"].requests
    await draw(hubbed, "tiny/plain")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "9" * 400}, 3600),
        ({"RateLimit": f'"api";r=0;t={"9" * 400}'}, 3600),
        ({"Retry-After": "\N{SUPERSCRIPT TWO}"}, 30),
        ({"RateLimit": '"api";r=0;t=12'}, 12),
    ],
)
async def test_no_hub_has_a_job_wait_for_ever(hub: Hub, headers: dict[str, str], seconds: float) -> None:
    repository = hub.repositories["tiny/patient"]
    repository.status, repository.headers = 429, headers
    failed = await asyncio.to_thread(failing, Wanted("tiny/patient"))
    assert (failed.reason, failed.retry_after) == ("HUB_BUSY", seconds)


@pytest.mark.parametrize(
    ("endpoint", "reason", "named"),
    [
        # The stand-in knows no passwords, and says so itself: it is no other place that keeps the files.
        ("http://me:secret@{hub}", "HUB_TOKEN_MISSING", "{hub} lets nobody"),
        ("http://me:se@secret@127.0.0.1:9", "HUB_UNREACHABLE", "the hub 127.0.0.1:9 cannot be reached"),
        ("http://me:s/secret@127.0.0.1:9", "BAD_ENDPOINT", "HF_ENDPOINT is http://127.0.0.1:9, which"),
        ("ftp://me:secret@mirror", "BAD_ENDPOINT", "HF_ENDPOINT is ftp://mirror, which"),
        ("me:secret@mirror", "BAD_ENDPOINT", "HF_ENDPOINT is mirror, which"),
    ],
)
async def test_the_password_of_a_mirror_is_not_told(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, endpoint: str, reason: str, named: str
) -> None:
    host = hub.url.removeprefix("http://")
    monkeypatch.setenv("HF_ENDPOINT", endpoint.format(hub=host))
    failed = await asyncio.to_thread(failing, Wanted("tiny/absent"))
    assert failed.reason == reason
    assert named.format(hub=host) in failed.message
    assert "secret" not in repr(failed)


async def test_the_page_of_a_gated_model_is_named_without_the_password(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://me:secret@mirror")
    answer = httpx2.Response(
        403, headers={"X-Error-Code": "GatedRepo"}, request=httpx2.Request("GET", "http://mirror/x/y")
    )
    failed = failure(HfHubHTTPError("gated", response=answer), Wanted("x/y"))
    assert "open http://mirror/x/y with your account" in failed.message
    monkeypatch.setenv("HF_ENDPOINT", "http://MIRROR:80")
    answer = httpx2.Response(403, request=httpx2.Request("GET", "http://mirror/x/y"))
    failed = failure(HfHubHTTPError("refused", response=answer), Wanted("x/y"))
    assert failed.reason == "HUB_TOKEN_MISSING", "the hub itself, however it is written"


@pytest.mark.parametrize(
    ("most", "words"),
    [
        (0, "has not been downloaded, and max_download_gib is 0, so nothing is; raise it"),
        (100, "to download, and at most 0.0 MB are; raise max_download_gib"),
    ],
)
async def test_configurations_are_downloads_as_well(
    hub: Hub, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int, words: str
) -> None:
    name = "stable-diffusion-v1-5/stable-diffusion-v1-5"
    repository = Repository(name)
    repository.push(tiny / "sd")
    monkeypatch.setitem(hub.repositories, name, repository)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    single_file.stable_diffusion(tiny / "sd", tmp_path / "alone.safetensors")
    shutil.rmtree(tmp_path / "alone.config")
    source = ModelSource(
        "alone", str(tmp_path / "alone.safetensors"), "file", pipeline="StableDiffusionPipeline"
    )
    with pytest.raises(FailedPrecondition) as refusal:
        await asyncio.to_thread(pipelines.load, source, "cpu", most)
    assert refusal.value.message.startswith(f"alone.safetensors needs the configurations of {name}: ")
    assert words in refusal.value.message
    assert refusal.value.limit.startswith("max_download_gib")
    assert most or not repository.requests


async def test_damaged_files_are_told_and_not_kept(hub: Hub, hubbed: Sidecar) -> None:
    repository = hub.repositories["tiny/damaged"]
    repository.damaged = {"unet/diffusion_pytorch_model.safetensors"}
    error = await refused(pulled(hubbed, "tiny/damaged"))
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert "unet/diffusion_pytorch_model.safetensors of 'tiny/damaged' came damaged" in (
        error.details() or ""
    )
    assert not list(blobs(repository).glob("*.incomplete"))
    repository.damaged = set()
    assert (await pulled(hubbed, "tiny/damaged"))[-1].model.downloaded


async def test_what_comes_longer_than_it_is_fills_no_disk(hub: Hub) -> None:
    repository = hub.repositories["tiny/longer"]
    # A page of HTML in the place of a file of a few hundred bytes, and after half of a large one has come.
    weights = "unet/diffusion_pytorch_model.safetensors"
    whole = repository.revisions[repository.refs["main"]][weights]
    for name, content in (
        ("unet/config.json", b"<html>".ljust(5000)),
        (weights, whole.path.read_bytes() + b"\n"),
    ):
        repository.replaced = {name: content}
        repository.requests.clear()
        if name == weights:
            partial = blobs(repository) / f"{whole.etag}.incomplete"
            partial.write_bytes(whole.path.read_bytes()[: whole.size // 2])
        told: list[Progress] = []
        failed = await asyncio.to_thread(failing, Wanted("tiny/longer"), told.append)
        assert (failed.code, failed.reason) == ("UNAVAILABLE", "DOWNLOAD_DAMAGED")
        assert f"{name} of 'tiny/longer' came damaged" in failed.message
        assert "it is longer than the hub says" in failed.message
        assert repository.fetched().count(name) == 3
        assert all(0 <= each.done <= each.total for each in told)
        assert not sum(path.stat().st_size for path in blobs(repository).glob("*.incomplete"))
    repository.replaced = {}
    await asyncio.to_thread(Fetch(Wanted("tiny/longer"), 10**9, lambda told: None).run)
    assert hub_cache.kept(Wanted("tiny/longer")) is not None


async def test_what_is_too_large_is_refused_before_it_begins(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = Wanted("tiny/large")
    with pytest.raises(
        FailedPrecondition, match=r"has 1\.4 MB to download, and at most 1\.0 MB are; raise max_download_gib"
    ):
        await asyncio.to_thread(Fetch(wanted, 10**6, lambda told: None).run)
    room = shutil.disk_usage(hub_cache.folder())
    monkeypatch.setattr(shutil, "disk_usage", lambda path: room._replace(free=10**6))
    with pytest.raises(ResourceExhausted, match=r"1\.0 MB are free"):
        await asyncio.to_thread(Fetch(wanted, 10**9, lambda told: None).run)
    assert not [name for name in hub.repositories["tiny/large"].fetched() if name.endswith("safetensors")]
    full = failure(OSError(errno.ENOSPC, "No space left on device"), wanted)
    assert (full.code, full.reason) == ("RESOURCE_EXHAUSTED", "DISK_FULL")
    odd = await asyncio.to_thread(failing, Wanted("a--b/c"))
    assert "is no name of a repository" in odd.message
    denied = failure(PermissionError(errno.EACCES, "Permission denied", "/x"), wanted)
    assert "set HF_HOME" in denied.message


def failing(wanted: Wanted, tell: Callable[[Progress], None] = lambda told: None) -> Failed:
    """How a download ends that cannot succeed."""
    try:
        Fetch(wanted, 10**9, tell).run()
    except Exception as error:
        return failure(error, wanted)
    raise AssertionError("it has been downloaded")
