"""Models from a hub: a stand-in of it on loopback, a real server and its real engine process."""

from __future__ import annotations

import asyncio
import errno
import json
import shutil
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import grpc
import pytest
from typer.testing import CliRunner

from capabilities.errors import FailedPrecondition, ResourceExhausted
from sidecar.cli import app
from sidecar.config import HubModel
from sidecar.engines.local import hub_cache, hub_fetch
from sidecar.engines.local.download_messages import Progress
from sidecar.engines.local.hub_faults import failure
from sidecar.engines.local.hub_fetch import Fetch
from sidecar.engines.local.hub_files import Incomplete, Wanted, select
from sidecar.engines.local.listed_models import wanted_of
from sidecar.engines.local.model_files import UnusableModel
from sidecar.pb.viwo.imagegen.v1 import image_pb2, job_pb2, model_pb2
from sidecar.testing import single_file, tiny_models
from sidecar.testing.hub import Hub, Repository, serving
from sidecar.testing.refusals import refused, retry_delay
from sidecar.testing.requests import not_reused, text_to_image
from sidecar.testing.server import Sidecar, started

SIZE = {"width": 64, "height": 64}
PLAIN = (
    "plain", "first", "twice", "canceled", "gated", "private", "busy", "down", "cut", "damaged", "watched",
    "changed", "moved", "streamed", "shown",
)  # fmt: skip
"""Repositories with the same model, each for a test that does something to it."""


@pytest.fixture(scope="module")
async def hub(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hub]:
    """A hub in front of an empty cache; every process that is started from here uses it."""
    root = tmp_path_factory.mktemp("hub")
    made = Hub()
    for name in PLAIN:
        made.add(f"tiny/{name}", tiny / "sd")
    _with_much_else(tiny / "sd", root / "much")
    made.add("tiny/much", root / "much")
    shutil.copytree(tiny / "sd", root / "many" / "models" / "sd")
    made.add("tiny/many", root / "many")
    (root / "lora").mkdir()
    tiny_models.lora(root / "lora" / "weights.safetensors", tiny / "sd", kohya=True)
    made.add("tiny/lora", root / "lora")
    made.add("tiny/canny", tiny_models.controlnet(root / "canny", tiny / "sd"))
    (root / "pickled").mkdir()
    (root / "pickled" / "model.ckpt").write_bytes(b"pickle")
    made.add("tiny/pickled", root / "pickled")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("HF_TOKEN", "HF_HUB_OFFLINE", "HUGGING_FACE_HUB_TOKEN"):
            patch.delenv(name, raising=False)
        patch.setenv("HF_HOME", str(root / "home"))
        patch.delenv("HF_HUB_CACHE", raising=False)
        patch.setenv("VIWO_IMAGEGEN_CACHE", str(root / "cache"))
        async with serving(made):
            patch.setenv("HF_ENDPOINT", made.url)
            yield made


@pytest.fixture(scope="module")
async def hubbed(hub: Hub, tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sidecar]:
    """A server whose models all lie on the hub, but for a checkpoint in one file without its configurations."""
    listed: list[dict[str, object]] = [{"id": name} | SIZE for name in hub.repositories]
    listed += [
        {"id": "half", "repository": "tiny/much", "variant": "fp16", **SIZE},
        {"id": "tiny/many/models/sd", **SIZE},
        {"id": "style", "repository": "tiny/lora", "role": "lora"},
        {"id": "edges-canny", "repository": "tiny/canny", "role": "controlnet"},
        {"id": "pinned", "repository": "tiny/moved", "revision": hub.repositories["tiny/moved"].refs["main"], **SIZE},
        {"id": "no/such", **SIZE},
        {"id": "tagged", "repository": "tiny/plain", "revision": "v9", **SIZE},
    ]  # fmt: skip
    folder = tmp_path_factory.mktemp("models")
    single_file.stable_diffusion(tiny / "sd", folder / "alone.safetensors")
    shutil.rmtree(folder / "alone.config")
    data = tmp_path_factory.mktemp("hubbed")
    async with started(folder, data, hub_models=listed, default_model="tiny/plain") as sidecar:
        yield sidecar


async def test_a_job_downloads_what_its_model_needs_and_tells_how_far_it_is(
    hub: Hub, hubbed: Sidecar
) -> None:
    before = await model(hubbed, "tiny/much")
    assert (before.downloaded, before.origin, before.size_bytes) == (False, "tiny/much", 0)
    context = await hubbed.context()
    task = job_pb2.SubmitJobRequest(text_to_image=drawn(context, "tiny/much"))
    job = await hubbed.jobs.Submit(task)
    loading = []
    async for event in hubbed.jobs.Watch(job_pb2.WatchJobRequest(id=job.id)):
        if event.WhichOneof("event") == "loading":
            loading.append(event.loading)
    assert event.ended.state == job_pb2.JOB_STATE_SUCCEEDED, event.ended.failure
    fetched = hub.repositories["tiny/much"].fetched()
    assert len(fetched) == len(set(fetched))
    assert {name for name in fetched if "." in name.rpartition("/")[2]} == {
        "model_index.json", "scheduler/scheduler_config.json", "tokenizer/tokenizer.json",
        "tokenizer/tokenizer_config.json", *(f"{part}/config.json" for part in ("text_encoder", "unet", "vae")),
        "text_encoder/model.safetensors", "unet/diffusion_pytorch_model.safetensors",
        "vae/diffusion_pytorch_model.safetensors",
    }  # fmt: skip
    total = max(event.bytes_total for event in loading)
    assert any(event.bytes_done == event.bytes_total == total for event in loading)
    assert {event.model_id for event in loading} == {"tiny/much"}
    after = await model(hubbed, "tiny/much")
    assert after.downloaded
    assert after.origin == f"tiny/much@{hub.repositories['tiny/much'].refs['main']}"
    assert 0 < after.size_bytes < total
    assert after.revision
    assert "apply" in after.methods, "now it is known what the model can do"


async def test_a_variant_is_downloaded_and_loaded(hub: Hub, hubbed: Sidecar) -> None:
    repository = hub.repositories["tiny/much"]
    repository.requests.clear()
    assert (await pulled(hubbed, "half"))[-1].model.downloaded
    weights = [name for name in repository.fetched() if name.endswith("safetensors")]
    assert sorted(weights) == [
        "text_encoder/model.fp16.safetensors",
        "unet/diffusion_pytorch_model.fp16.safetensors",
        "vae/diffusion_pytorch_model.fp16.safetensors",
    ]
    await draw(hubbed, "half")
    error = await refused(
        hubbed.models.Pull(model_pb2.PullModelRequest(id="tiny/much", variant="bf16")).read()
    )
    assert "it has no variant 'bf16'; there are fp16" in (error.details() or "")


async def test_parts_of_a_repository_and_parts_of_models(hub: Hub, hubbed: Sidecar) -> None:
    await draw(hubbed, "tiny/many/models/sd")
    context = await hubbed.context()
    plain = await hubbed.images.TextToImage(drawn(context, "tiny/plain", seed=3))
    styled = drawn(context, "tiny/plain", seed=3)
    styled.options.loras.add(id="style", weight=1)
    with_lora = await hubbed.images.TextToImage(styled)
    assert with_lora.images[0].data != plain.images[0].data
    assert (await model(hubbed, "style")).methods == ["lora"]
    await pulled(hubbed, "edges-canny")
    assert (await model(hubbed, "edges-canny")).family == "ControlNetModel"
    steering = await hubbed.context(kind="controlnet.generate")
    apply = image_pb2.ApplyRequest(context=steering, prompt="a house", output=not_reused())
    apply.options.CopyFrom(drawn(context, "tiny/plain", seed=3).options)
    control = apply.controls.add(type="canny", model_id="edges-canny")
    control.image.data = plain.images[0].data
    assert (await hubbed.images.Apply(apply)).images


async def test_a_checkpoint_without_configurations_gets_those_of_its_family(
    hub: Hub, hubbed: Sidecar, tiny: Path
) -> None:
    family = "stable-diffusion-v1-5/stable-diffusion-v1-5"
    asked = drawn(await hubbed.context(), "alone")
    error = await refused(hubbed.images.TextToImage(asked))
    words = error.details() or ""
    assert error.code() is grpc.StatusCode.FAILED_PRECONDITION, words
    assert words.startswith(f"alone.safetensors needs the configurations of {family}: "), words
    assert words.endswith("or put them beside it, as alone.config/")
    repository = hub.add(family, tiny / "sd")
    await draw(hubbed, "alone")
    assert not [name for name in repository.fetched() if name.endswith("safetensors")]


async def test_what_is_broken_off_is_gone_on_with(hub: Hub, hubbed: Sidecar) -> None:
    repository = hub.repositories["tiny/cut"]
    repository.cut_after, repository.cuts = 100_000, 4
    told = await pulled(hubbed, "tiny/cut")
    assert told[-1].model.downloaded
    ranges = [wanted for _, _, wanted in repository.requests if wanted]
    assert len(ranges) == 4
    assert not repository.cuts


async def test_one_that_is_broken_off_without_end_is_told(hub: Hub, hubbed: Sidecar) -> None:
    repository = hub.repositories["tiny/first"]
    # Nothing at all comes of the weights.
    repository.cut_after, repository.cuts = -1, 1000
    error = await refused(pulled(hubbed, "tiny/first"))
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert "breaks off" in (error.details() or "")


async def test_a_canceled_job_ends_its_download_and_keeps_what_came(hub: Hub, hubbed: Sidecar) -> None:
    repository = hub.repositories["tiny/canceled"]
    repository.hold_after = 200_000
    context = await hubbed.context()
    job = await hubbed.jobs.Submit(job_pb2.SubmitJobRequest(text_to_image=drawn(context, "tiny/canceled")))
    await asyncio.wait_for(repository.holding.wait(), 30)
    async with asyncio.timeout(1):
        await hubbed.jobs.Cancel(job_pb2.CancelJobRequest(id=job.id))
        assert (await hubbed.ended(job.id)).state == job_pb2.JOB_STATE_CANCELED
    partial = [path.stat().st_size for path in blobs(repository).glob("*.incomplete")]
    assert partial
    repository.released.set()
    repository.requests.clear()
    assert (await pulled(hubbed, "tiny/canceled"))[-1].model.downloaded
    ranges = [wanted for _, _, wanted in repository.requests if wanted]
    assert ranges == [f"bytes={partial[0]}-"]


async def test_jobs_that_want_the_same_model_download_it_once(hub: Hub, hubbed: Sidecar) -> None:
    repository = hub.repositories["tiny/twice"]
    repository.hold_after = 100_000
    context = await hubbed.context()
    jobs = [
        await hubbed.jobs.Submit(
            job_pb2.SubmitJobRequest(text_to_image=drawn(context, "tiny/twice", seed=seed))
        )
        for seed in (1, 2)
    ]
    await asyncio.wait_for(repository.holding.wait(), 30)
    stream = hubbed.models.Pull(model_pb2.PullModelRequest(id="tiny/twice"))
    assert (await anext(aiter(stream))).bytes_total
    repository.released.set()
    for job in jobs:
        assert (await hubbed.ended(job.id)).state == job_pb2.JOB_STATE_SUCCEEDED
    assert [state async for state in stream][-1].model.downloaded
    fetched = repository.fetched()
    assert len(fetched) == len(set(fetched))


async def test_a_pull_that_nobody_waits_for_ends(hub: Hub, hubbed: Sidecar) -> None:
    repository = hub.repositories["tiny/streamed"]
    repository.hold_after = 100_000
    stream = hubbed.models.Pull(model_pb2.PullModelRequest(id="tiny/streamed"))
    assert (await anext(aiter(stream))).bytes_total
    await asyncio.wait_for(repository.holding.wait(), 30)
    stream.cancel()
    repository.released.set()
    assert not (await model(hubbed, "tiny/streamed")).downloaded
    assert (await pulled(hubbed, "tiny/streamed"))[-1].model.downloaded


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
        async with asyncio.timeout(8):
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
        hubbed.jobs.Submit(job_pb2.SubmitJobRequest(text_to_image=drawn(context, "tiny/shown")))
    )
    assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert "'tiny/shown' has not been downloaded, and HF_HUB_OFFLINE forbids to ask a hub" in (
        error.details() or ""
    )
    assert not hub.repositories["tiny/shown"].requests
    await draw(hubbed, "tiny/plain")


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


async def test_a_revision_stays_until_another_is_pulled(
    hub: Hub, hubbed: Sidecar, tiny: Path, tmp_path: Path
) -> None:
    repository = hub.repositories["tiny/moved"]
    await pulled(hubbed, "tiny/moved")
    first = await model(hubbed, "tiny/moved")
    await draw(hubbed, "tiny/moved")
    old = repository.refs["main"]
    new = repository.push(tiny_models.stable_diffusion(tmp_path / "newer", seed=9))
    repository.requests.clear()
    await draw(hubbed, "tiny/moved")
    assert not repository.requests, "no hub is asked for what is here"
    looked = (await pulled(hubbed, "tiny/moved", dry_run=True))[-1]
    assert (looked.previous_commit, looked.commit) == (old, new)
    assert 0 < looked.bytes_done < looked.bytes_total
    assert not looked.HasField("model")
    assert (await model(hubbed, "tiny/moved")).revision == first.revision
    second = (await pulled(hubbed, "tiny/moved"))[-1].model
    assert second.origin == f"tiny/moved@{new}"
    assert second.revision != first.revision
    assert (await pulled(hubbed, "pinned"))[-1].model.origin == f"tiny/moved@{old}"
    assert (await model(hubbed, "pinned")).revision == first.revision


async def test_the_command_line_lists_and_pulls(hub: Hub, hubbed: Sidecar) -> None:
    environment = {
        "VIWO_IMAGEGEN_DATA_DIR": str(hubbed.running.settings.data_dir),
        "VIWO_IMAGEGEN_PORT": hubbed.running.address.rsplit(":", 1)[1],
        "COLUMNS": "200",
    }

    async def command(*words: str) -> str:
        done = await asyncio.to_thread(CliRunner().invoke, app, ["models", *words], env=environment)
        assert done.exit_code == 0, done.output
        return done.stdout

    line = next(line for line in (await command("list")).splitlines() if line.startswith("tiny/shown "))
    assert "to download" in line
    assert "1.4 MB to download" in await command("pull", "tiny/shown", "--dry-run")
    assert "tiny/shown: downloaded, 1.4 MB" in await command("pull", "tiny/shown")
    answer = json.loads(await command("pull", "tiny/shown", "--json"))
    assert answer["model"]["downloaded"]
    assert "to download" not in next(
        line for line in (await command("list")).splitlines() if line.startswith("tiny/shown ")
    )


async def test_what_is_too_large_is_refused_before_it_begins(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = Wanted("tiny/watched")
    with pytest.raises(
        FailedPrecondition, match=r"has 1\.4 MB to download, and at most 1\.0 MB are; raise max_download_gib"
    ):
        await asyncio.to_thread(Fetch(wanted, 10**6, _ignored).run)
    room = shutil.disk_usage(hub_cache.folder())
    monkeypatch.setattr(hub_fetch.shutil, "disk_usage", lambda path: room._replace(free=10**6))
    with pytest.raises(ResourceExhausted, match=r"0\.0 GB are free"):
        await asyncio.to_thread(Fetch(wanted, 10**9, _ignored).run)
    assert not [name for name in hub.repositories["tiny/watched"].fetched() if name.endswith("safetensors")]
    full = failure(OSError(errno.ENOSPC, "No space left on device"), wanted)
    assert (full.code, full.reason) == ("RESOURCE_EXHAUSTED", "DISK_FULL")
    denied = failure(PermissionError(errno.EACCES, "Permission denied", "/x"), wanted)
    assert "set HF_HOME" in denied.message


async def test_two_processes_download_a_file_once(hub: Hub) -> None:
    repository = hub.repositories["tiny/changed"]
    runs = [asyncio.to_thread(Fetch(Wanted("tiny/changed"), 10**9, _ignored).run) for _ in range(2)]
    commits = await asyncio.gather(*runs)
    assert len(set(commits)) == 1
    fetched = repository.fetched()
    assert len(fetched) == len(set(fetched))
    shutil.rmtree(blobs(repository))
    assert hub_cache.kept(Wanted("tiny/changed")) is None, "the cache has been emptied"


def test_what_an_entry_means() -> None:
    assert wanted_of(HubModel(id="a/b/c/d")) == Wanted("a/b", subfolder="c/d")
    assert wanted_of(HubModel(id="x/y/z", repository="a/b")) == Wanted("a/b")
    for bad in (
        {"subfolder": "../x"},
        {"repository": "http://x/y"},
        {"variant": "../../x"},
        {"file": "/etc/passwd"},
    ):
        with pytest.raises(ValueError, match="should match pattern"):
            HubModel.model_validate({"id": "a/b", **bad})


class TestSelection:
    def chosen(
        self, names: list[str], contents: Mapping[str, Any] | None = None, **more: Any
    ) -> dict[str, str]:
        index = {
            "_class_name": "XPipeline",
            "unet": ["diffusers", "UNet"],
            "scheduler": ["diffusers", "XScheduler"],
        }
        read = {"model_index.json": index, **(contents or {})}
        return dict(select(Wanted("a/b", **more), names, read.__getitem__).files)

    def test_shards_are_those_that_the_index_names(self) -> None:
        index = "unet/diffusion_pytorch_model.fp16.safetensors.index.json"
        shards = ["diffusion_pytorch_model.fp16-00001-of-00002.safetensors", "part-two.safetensors"]
        names = [
            "model_index.json",
            "unet/config.json",
            "scheduler/scheduler_config.json",
            index,
            "unet/other.safetensors",
        ]
        contents = {index: {"weight_map": {"a": shards[0], "b": shards[1]}}}
        files = self.chosen([*names, *(f"unet/{shard}" for shard in shards)], contents, variant="fp16")
        assert files["unet/diffusion_pytorch_model.safetensors.index.json"] == index
        assert {f"unet/{shard}" for shard in shards} <= files.keys()
        assert "unet/other.safetensors" not in files
        with pytest.raises(Incomplete, match=r"part-two\.safetensors"):
            self.chosen([*names, f"unet/{shards[0]}"], contents, variant="fp16")

    def test_the_only_precision_that_is_there_is_taken(self) -> None:
        names = [
            "model_index.json",
            "scheduler/scheduler_config.json",
            "unet/diffusion_pytorch_model.fp16.safetensors",
        ]
        files = self.chosen(names)
        assert (
            files["unet/diffusion_pytorch_model.safetensors"]
            == "unet/diffusion_pytorch_model.fp16.safetensors"
        )

    def test_what_cannot_be_loaded_is_told(self) -> None:
        with pytest.raises(UnusableModel, match="the weights of its unet are pickles"):
            self.chosen(
                ["model_index.json", "scheduler/scheduler_config.json", "unet/diffusion_pytorch_model.bin"]
            )
        with pytest.raises(UnusableModel, match="several files of weights"):
            self.chosen(["one.safetensors", "two.safetensors"])
        assert self.chosen(["one.safetensors", "two.safetensors"], file="two.safetensors") == {
            "two.safetensors": "two.safetensors"
        }
        with pytest.raises(UnusableModel, match=r"not a \.safetensors file"):
            self.chosen(["one.bin"], file="one.bin")
        with pytest.raises(Incomplete, match="its folder 'x'"):
            self.chosen(["model_index.json"], subfolder="x")


def drawn(context: Any, model_id: str, seed: int = 7) -> image_pb2.TextToImageRequest:
    return text_to_image(context, model_id=model_id, seed=seed, guidance_scale=7.0, **SIZE)


async def draw(sidecar: Sidecar, model_id: str) -> None:
    answer = await sidecar.images.TextToImage(drawn(await sidecar.context(), model_id))
    assert answer.images


async def pulled(sidecar: Sidecar, model_id: str, **options: Any) -> list[model_pb2.PullModelProgress]:
    """All that a download tells."""
    request = model_pb2.PullModelRequest(id=model_id, **options)
    return [state async for state in sidecar.models.Pull(request)]


async def model(sidecar: Sidecar, model_id: str) -> model_pb2.Model:
    answer = await sidecar.models.List(model_pb2.ListModelsRequest(page_size=1000))
    found: model_pb2.Model = next(item for item in answer.models if item.id == model_id)
    return found


def blobs(repository: Repository) -> Path:
    return hub_cache.repository_folder(repository.name) / "blobs"


def _with_much_else(source: Path, folder: Path) -> None:
    """A model as they lie on the hub: with the same weights in other formats, precisions and files."""
    from safetensors.torch import load_file, save_file

    shutil.copytree(source, folder)
    for weights in list(folder.rglob("*.safetensors")):
        half = {name: value.half() for name, value in load_file(weights).items()}
        save_file(half, weights.with_name(f"{weights.stem}.fp16.safetensors"))
        for other in ("bin", "fp16.bin", "msgpack", "onnx"):
            weights.with_name(f"{weights.stem}.{other}").write_bytes(b"\0" * 1000)
        weights.with_name(f"{weights.stem}.non_ema.safetensors").write_bytes(b"\0" * 1000)
    for extra in ("tiny.safetensors", "tiny.ckpt", "README.md", "picture.png", ".gitattributes"):
        (folder / extra).write_bytes(b"\0" * 1000)
    (folder / "vae_decoder").mkdir()
    (folder / "vae_decoder" / "model.onnx").write_bytes(b"\0" * 1000)


def _ignored(_: Progress) -> None:
    pass
