"""Requests as tests and benchmarks send them."""

from __future__ import annotations

from typing import Any

from sidecar.pb.viwo.imagegen.v1 import common_pb2, image_pb2, job_pb2

STEPS = 3
SLOW: dict[str, Any] = {"steps": 150, "count": 16}
"""Options of a job that is still running when a test wants it to be, also on a fast machine."""


def not_reused(**output: Any) -> common_pb2.OutputOptions:
    """Options of an answer that is never taken from the store."""
    return common_pb2.OutputOptions(job=common_pb2.JobOptions(reuse=common_pb2.REUSE_NEVER), **output)


def text_to_image(
    context: common_pb2.CallContext,
    prompt: str = "a rusty sword",
    *,
    output: common_pb2.OutputOptions | None = None,
    **options: Any,
) -> image_pb2.TextToImageRequest:
    """A small picture that is not answered from the store, unless `output` says how jobs are handled.

    `options` are those of GenerationOptions; None leaves one to the model.
    """
    if output is None or not output.HasField("job"):
        fresh = not_reused()
        if output is not None:
            fresh.MergeFrom(output)
        output = fresh
    return image_pb2.TextToImageRequest(
        context=context,
        prompt=prompt,
        options=image_pb2.GenerationOptions(**{"steps": STEPS, "seed": 7, **options}),
        output=output,
    )


def submission(
    context: common_pb2.CallContext, prompt: str = "a rusty sword", **options: Any
) -> job_pb2.SubmitJobRequest:
    return job_pb2.SubmitJobRequest(text_to_image=text_to_image(context, prompt, **options))
