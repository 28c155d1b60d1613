"""Jobs done again, exported, imported; and the history of a picture."""

from __future__ import annotations

import json
from pathlib import Path

import grpc

from sidecar.pb.viwo.imagegen.v1 import common_pb2, entity_pb2, image_pb2, job_pb2
from tests.harness import Sidecar, ended, in_world, refused, started, submission, text_to_image

EDIT = "image.edit"


async def test_a_job_is_done_again_exactly(sidecar: Sidecar) -> None:
    context = await sidecar.context()
    first = await ended(sidecar, (await sidecar.jobs.Submit(submission(context, seed=31))).id)
    again = await sidecar.jobs.Rerun(job_pb2.RerunJobRequest(id=first.id))
    final = await ended(sidecar, again.id)
    assert final.id != first.id
    assert (final.answered_by, final.attempts) == ("", 1)
    assert final.task_json == first.task_json
    assert final.images[0].ref == first.images[0].ref


async def test_it_is_done_again_only_by_right(sidecar: Sidecar) -> None:
    first = await ended(sidecar, (await sidecar.jobs.Submit(submission(await sidecar.context()))).id)
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
    job = await ended(
        sidecar, (await sidecar.jobs.Submit(job_pb2.SubmitJobRequest(image_to_image=request))).id
    )
    exported = await sidecar.jobs.Export(job_pb2.ExportJobRequest(id=job.id))
    async with started(tiny, tmp_path) as other:
        context = await other.context()
        made = await other.jobs.Import(
            job_pb2.ImportJobRequest(context=context, document_json=exported.document_json)
        )
        final = await ended(other, made.id)
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
    laid = await in_world(sidecar, edits, "composite", brought.ref, brought.ref, 3, 4)
    turned = await in_world(sidecar, edits, "transform", laid["ref"], 90)
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
