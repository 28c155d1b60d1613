"""Jobs done again, exported, imported; and the history of a picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import grpc
import pytest

from sidecar.pb.viwo.imagegen.v1 import common_pb2, entity_pb2, image_pb2, job_pb2
from sidecar.testing.refusals import error_info, refused
from sidecar.testing.requests import submission, text_to_image
from sidecar.testing.server import Sidecar, started

EDIT = "image.edit"


async def test_a_job_is_done_again_exactly(sidecar: Sidecar) -> None:
    context = await sidecar.context()
    first = await sidecar.ended((await sidecar.jobs.Submit(submission(context, seed=31))).id)
    again = await sidecar.jobs.Rerun(job_pb2.RerunJobRequest(id=first.id))
    final = await sidecar.ended(again.id)
    assert final.id != first.id
    assert (final.answered_by, final.attempts) == ("", 1)
    assert final.task_json == first.task_json
    assert final.images[0].ref == first.images[0].ref


async def test_it_is_done_again_only_by_right(sidecar: Sidecar) -> None:
    first = await sidecar.ended((await sidecar.jobs.Submit(submission(await sidecar.context()))).id)
    narrow = await sidecar.context({"max_steps": 1})
    for context, code in (
        (narrow, grpc.StatusCode.PERMISSION_DENIED),
        (common_pb2.CallContext(capability_id="none", caller_id=1), grpc.StatusCode.NOT_FOUND),
        (await sidecar.context(kind=EDIT), grpc.StatusCode.PERMISSION_DENIED),
    ):
        error = await refused(sidecar.jobs.Rerun(job_pb2.RerunJobRequest(id=first.id, context=context)))
        assert error.code() is code


async def test_a_job_is_carried_to_another_server(sidecar: Sidecar, tiny: Path, tmp_path: Path) -> None:
    drawn = await sidecar.images.TextToImage(text_to_image(await sidecar.context()))
    request = image_pb2.ImageToImageRequest(
        context=await sidecar.context(),
        image=common_pb2.ImageSource(ref=drawn.images[0].ref),
        prompt="a cup",
        options=image_pb2.GenerationOptions(steps=3, seed=4),
    )
    job = await sidecar.ended(
        (await sidecar.jobs.Submit(job_pb2.SubmitJobRequest(image_to_image=request))).id
    )
    exported = await sidecar.jobs.Export(job_pb2.ExportJobRequest(id=job.id))
    async with started(tiny, tmp_path) as other:
        context = await other.context()
        made = await other.jobs.Import(
            job_pb2.ImportJobRequest(context=context, document_json=exported.document_json)
        )
        final = await other.ended(made.id)
        assert final.images[0].ref == job.images[0].ref
        document = json.loads(exported.document_json)
        wrong_picture = {**document, "inputs": dict.fromkeys(document["inputs"], "aGVsbG8=")}
        for text in (
            "no json", "[]", "{}", json.dumps({**document, "format": "x"}), json.dumps({**document, "task": {"kind": "x"}}),
            json.dumps({**document, "method": 3}), json.dumps(wrong_picture),
        ):  # fmt: skip
            error = await refused(
                other.jobs.Import(job_pb2.ImportJobRequest(context=context, document_json=text))
            )
            assert error.code() is grpc.StatusCode.INVALID_ARGUMENT, text
            assert "no job document" in (error.details() or "")


async def test_the_history_of_a_picture_is_a_tree(sidecar: Sidecar) -> None:
    context = await sidecar.context()
    brought = (await sidecar.images.TextToImage(text_to_image(context, seed=90))).images[0]
    edits = await sidecar.context(kind=EDIT)
    laid = await sidecar.in_world(edits, "composite", brought.ref, brought.ref, 3, 4)
    turned = await sidecar.in_world(edits, "transform", laid["ref"], 90)
    node = await sidecar.jobs.History(job_pb2.HistoryRequest(ref=turned["ref"]))
    assert (node.ref, node.method, node.role) == (turned["ref"], "transform", "")
    assert json.loads(node.task_json)["operations"][0]["rotation"] == 90
    (below,) = node.sources
    assert (below.ref, below.role, below.method) == (laid["ref"], "image", "composite")
    assert [(source.role, source.ref) for source in below.sources] == [
        ("image", brought.ref),
        ("overlay_0", brought.ref),
    ]
    assert below.sources[0].method == "textToImage"
    assert below.sources[0].create_time.seconds > 0
    assert not below.sources[0].sources


async def test_the_history_of_an_entity_knows_its_verbs(sidecar: Sidecar) -> None:
    output = common_pb2.OutputOptions(save=common_pb2.SaveOptions(name="cup"))
    drawn = await sidecar.images.TextToImage(text_to_image(await sidecar.context(), seed=91, output=output))
    entity_id = drawn.images[0].entity_id
    call = entity_pb2.CallVerbRequest(
        context=common_pb2.CallContext(caller_id=sidecar.painter, this_id=sidecar.painter),
        entity_id=entity_id,
        verb="filter",
        arguments_json='["grayscale"]',
    )
    await sidecar.entities.CallVerb(call)
    node = await sidecar.jobs.History(job_pb2.HistoryRequest(entity_id=entity_id))
    assert node.method == "filter (verb)"
    assert node.sources[0].method == "textToImage"


async def test_no_history(sidecar: Sidecar) -> None:
    error = await refused(sidecar.jobs.History(job_pb2.HistoryRequest()))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    error = await refused(sidecar.jobs.History(job_pb2.HistoryRequest(ref="sha256:" + "0" * 64)))
    assert error.code() is grpc.StatusCode.NOT_FOUND


DRAW = {
    "kind": "text_to_image", "model_id": "sd", "prompt": "a cup", "width": 64, "height": 64, "steps": 3,
    "guidance_scale": 1, "scheduler": "default",
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "method", "task", "reason"),
    [
        ("diffusers.generate", "imageToImage", DRAW, "WRONG_METHOD"),
        ("diffusers.generate", "textToImage", {**DRAW, "steps": -(10**9)}, "BAD_DOCUMENT"),
        ("diffusers.generate", "textToImage", {**DRAW, "width": 0}, "BAD_DOCUMENT"),
        ("diffusers.generate", "textToImage", {**DRAW, "model_id": ""}, "BAD_DOCUMENT"),
        ("diffusers.generate", "textToImage", {**DRAW, "prompt": "a" * 20_000}, "BAD_DOCUMENT"),
        ("diffusers.generate", "textToImage", {**DRAW, "guidance_scale": float("nan")}, "BAD_DOCUMENT"),
        ("diffusers.generate", "textToImage", {**DRAW, "steps": 10**400}, "BAD_DOCUMENT"),
        ("diffusers.generate", "textToImage", {**DRAW, "model_id": "nothing"}, "UNKNOWN_MODEL"),
        ("diffusers.generate", "textToImage", {**DRAW, "loras": [{"id": "sd", "weight": 1}]}, "MODEL_CANNOT"),
        ("diffusers.generate", "textToImage", {**DRAW, "width": 4096}, "OVER_LIMIT"),
        (EDIT, "textToImage", DRAW, "WRONG_TYPE"),
        (EDIT, "resize", {"kind": "edit", "width": 8, "height": 8, "operations": [{"kind": "filter", "name": "blur"}]}, "WRONG_METHOD"),
        (EDIT, "resize", {"kind": "edit", "width": 8, "height": 8, "operations": [{"kind": "resize", "width": 2000, "height": 2000}]}, "BAD_SIZE"),
        (EDIT, "edit", {"kind": "edit", "width": 8, "height": 8, "operations": [{"kind": "crop", "width": 8, "height": 0}, {"kind": "resize", "height": 8}]}, "BAD_DOCUMENT"),
        (EDIT, "transform", {"kind": "edit", "width": 8, "height": 8, "operations": [{"kind": "transform", "scale": 1e307}]}, "BAD_DOCUMENT"),
        ("diffusers.upscale", "upscaleImg2Img", {**DRAW, "kind": "upscale_img2img", "strength": 0.5, "method": "lanczos", "tile": 64, "overlap": 64}, "BAD_DOCUMENT"),
    ],
)  # fmt: skip
async def test_an_import_may_do_no_more_than_a_call(
    sidecar: Sidecar, kind: str, method: str, task: dict[str, Any], reason: str
) -> None:
    context = await sidecar.context({"compute_per_day": 1}, kind=kind)
    if task["kind"] != "text_to_image":
        draws = await sidecar.context()
        task = {**task, "image": (await sidecar.images.TextToImage(text_to_image(draws))).images[0].ref}
    text = json.dumps({"format": "viwo-job/1", "method": method, "task": task, "inputs": {}})
    error = await refused(sidecar.jobs.Import(job_pb2.ImportJobRequest(context=context, document_json=text)))
    assert error_info(error).reason == reason, error.details()
    page = await sidecar.jobs.List(job_pb2.ListJobsRequest(capability_id=context.capability_id))
    assert not page.jobs


async def test_what_a_refused_import_brought_is_not_kept(sidecar: Sidecar) -> None:
    draws = await sidecar.context()
    job = await sidecar.ended((await sidecar.jobs.Submit(submission(draws, seed=44))).id)
    edited = await sidecar.in_world(await sidecar.context(kind=EDIT), "filter", job.images[0].ref, "blur")
    exported = await sidecar.jobs.Export(job_pb2.ExportJobRequest(id=edited["job"]))
    digest = job.images[0].ref.removeprefix("sha256:")
    file = sidecar.running.settings.data_dir / "images" / digest[:2] / digest
    file.unlink()
    wrong = job_pb2.ImportJobRequest(context=draws, document_json=exported.document_json)
    assert (await refused(sidecar.jobs.Import(wrong))).code() is grpc.StatusCode.PERMISSION_DENIED
    assert not file.exists()
    right = job_pb2.ImportJobRequest(
        context=await sidecar.context(kind=EDIT), document_json=exported.document_json
    )
    assert (await sidecar.ended((await sidecar.jobs.Import(right)).id)).images[0].ref == edited["ref"]


async def test_a_job_answered_by_another_is_done_again_with_the_others_seed(sidecar: Sidecar) -> None:
    request = image_pb2.TextToImageRequest(
        context=await sidecar.context(), prompt="any cup", options=image_pb2.GenerationOptions(steps=3)
    )
    request.output.job.reuse = common_pb2.REUSE_ALWAYS
    jobs = [await sidecar.images.TextToImage(request) for _ in range(2)]
    assert jobs[0].images[0].ref == jobs[1].images[0].ref
    again = await sidecar.jobs.Rerun(job_pb2.RerunJobRequest(id=jobs[1].job_id))
    assert (await sidecar.ended(again.id)).images[0].ref == jobs[0].images[0].ref


async def test_a_history_stays_as_small_as_what_happened(sidecar: Sidecar) -> None:
    edits = await sidecar.context(kind=EDIT)
    drawn = await sidecar.images.TextToImage(text_to_image(await sidecar.context(), seed=92))
    ref = drawn.images[0].ref
    for step in range(14):
        # Laid on itself: the number of ways back doubles each time.
        ref = (await sidecar.in_world(edits, "composite", ref, ref, step + 1, 0))["ref"]
    node = await sidecar.jobs.History(job_pb2.HistoryRequest(ref=ref))
    count, left = 0, [node]
    while left:
        count += 1
        left += left.pop().sources
    assert count == 2 * 14 + 1
