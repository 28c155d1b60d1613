"""Models from a hub: a stand-in of it on loopback, a real server and its real engine process."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
from pathlib import Path

import grpc
import pytest
from typer.testing import CliRunner

from sidecar import child_process
from sidecar.cli import app
from sidecar.configuration_check import default_model_remark
from sidecar.engines.local import hub_cache
from sidecar.engines.local.download_messages import Progress
from sidecar.engines.local.hub_fetch import Fetch
from sidecar.engines.local.hub_files import Wanted
from sidecar.pb.viwo.imagegen.v1 import image_pb2, job_pb2, model_pb2
from sidecar.testing import tiny_models
from sidecar.testing.hub import Hub
from sidecar.testing.refusals import refused
from sidecar.testing.requests import not_reused
from sidecar.testing.server import Sidecar
from tests.engines.hub.asking import blobs, draw, drawn, model, pulled


async def test_a_job_downloads_what_its_model_needs_and_tells_how_far_it_is(
    hub: Hub, hubbed: Sidecar
) -> None:
    assert "models pull tiny/plain" in (default_model_remark(hubbed.running.engines) or "")
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


async def test_what_makes_control_pictures_is_pulled_as_well(hub: Hub, hubbed: Sidecar) -> None:
    async def ready() -> set[str]:
        answer = await hubbed.images.ControlTypes(image_pb2.ControlTypesRequest(context=context))
        return {kind.name for kind in answer.types if kind.preprocess}

    context = await hubbed.context(kind="controlnet.generate")
    assert "lineart" not in await ready()
    assert (await pulled(hubbed, "lineart"))[-1].model.downloaded
    assert hub.repositories["lllyasviel/Annotators"].fetched() == ["sk_model.pth", "sk_model2.pth"]
    assert "lineart" in await ready()
    assert not (await model(hubbed, "realesrgan-x4plus")).downloaded, "its package has not been fetched"


async def test_what_is_broken_off_is_gone_on_with(hub: Hub, hubbed: Sidecar) -> None:
    repository = hub.repositories["tiny/cut"]
    repository.cut_after, repository.cuts = 100_000, 4
    told = await pulled(hubbed, "tiny/cut")
    assert told[-1].model.downloaded
    ranges = [wanted for _, _, wanted in repository.requests if wanted]
    assert len(ranges) == 4
    assert not repository.cuts


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
    async def command(*words: str) -> str:
        done = await asyncio.to_thread(CliRunner().invoke, app, ["models", *words], env=address(hubbed))
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


async def test_ctrl_c_ends_a_pull(hub: Hub, hubbed: Sidecar) -> None:
    repository = hub.repositories["tiny/stopped"]
    repository.hold_after = 100_000
    process = await asyncio.create_subprocess_exec(
        *child_process.command("sidecar.cli", ["models", "pull", "tiny/stopped"]),
        env={**os.environ, **address(hubbed)}, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    await asyncio.wait_for(repository.holding.wait(), 30)
    process.send_signal(signal.SIGINT)
    _, told = await process.communicate()
    assert process.returncode == 130, told
    assert b"what has come so far is kept" in told
    assert list(blobs(repository).glob("*.incomplete"))


async def test_two_processes_download_a_file_once(hub: Hub) -> None:
    repository = hub.repositories["tiny/changed"]
    runs = [asyncio.to_thread(Fetch(Wanted("tiny/changed"), 10**9, _ignored).run) for _ in range(2)]
    commits = await asyncio.gather(*runs)
    assert len(set(commits)) == 1
    fetched = repository.fetched()
    assert len(fetched) == len(set(fetched))
    shutil.rmtree(blobs(repository))
    assert hub_cache.kept(Wanted("tiny/changed")) is None, "the cache has been emptied"


async def test_a_pull_completes_what_another_program_has_fetched_in_part(hub: Hub) -> None:
    # Another program has fetched the halves alone, or was broken off before the last file of a part.
    for name, is_there in (
        ("tiny/halves", lambda file: not file.endswith(".safetensors") or ".fp16." in file),
        ("tiny/begun", lambda file: file != "tokenizer/tokenizer.json"),
    ):
        repository, wanted = hub.repositories[name], Wanted(name)
        files = repository.revisions[repository.refs["main"]]
        have = {file: blobs(repository) / each.etag for file, each in files.items() if is_there(file)}
        blobs(repository).mkdir(parents=True)
        for file, blob in have.items():
            shutil.copyfile(files[file].path, blob)
        hub_cache.note_in_cache(wanted, repository.refs["main"], have)
        adopted = hub_cache.kept(wanted)
        assert adopted is not None
        await asyncio.to_thread(Fetch(wanted, 10**9, _ignored).run)
        pulled_now = hub_cache.kept(wanted)
        assert pulled_now is not None
        for file in ("unet/diffusion_pytorch_model.safetensors", "tokenizer/tokenizer.json"):
            assert (pulled_now.path / file).read_bytes() == files[file].path.read_bytes(), (name, file)
        assert not adopted.path.exists(), "nobody uses it any more"


async def test_what_is_noted_in_a_shared_cache_can_be_read_by_others(hub: Hub) -> None:
    await asyncio.to_thread(Fetch(Wanted("tiny/readable"), 10**9, _ignored).run)
    folder = hub_cache.repository_folder("tiny/readable")
    before = os.umask(0)
    os.umask(before)
    noted = [folder / "refs" / "main", *(folder / "viwo-imagegen").glob("*.json")]
    assert len(noted) == 2
    for path in noted:
        assert path.stat().st_mode & 0o777 == 0o666 & ~before, path
    # Where it cannot be put in its place, nothing is left over.
    reference = folder / "refs" / "main"
    reference.unlink()
    (reference / "inside").mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        await asyncio.to_thread(Fetch(Wanted("tiny/readable"), 10**9, _ignored).run)
    assert [path.name for path in (folder / "refs").iterdir()] == ["main"]


def address(sidecar: Sidecar) -> dict[str, str]:
    """The environment of a command that is to find the server."""
    return {
        "VIWO_IMAGEGEN_DATA_DIR": str(sidecar.running.settings.data_dir),
        "VIWO_IMAGEGEN_PORT": sidecar.running.address.rsplit(":", 1)[1],
        "COLUMNS": "200",
    }


def _ignored(_: Progress) -> None:
    pass
