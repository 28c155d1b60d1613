"""What is told of engines that are other people's servers: what they are, what they cost, what they did."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc

from capabilities.models import ModelFacts
from sidecar import server
from sidecar.config import Settings
from sidecar.pb.viwo.imagegen.v1 import job_pb2, model_pb2, system_pb2
from sidecar.testing.fake_engine import FakeEngine
from sidecar.testing.refusals import error_info, refused
from sidecar.testing.requests import submission, text_to_image
from sidecar.testing.server import connected

CLOUD: dict[str, Any] = {
    "name": "cloud", "kind": "openai", "urls": ["http://127.0.0.1:1"], "per_image": 0.04,
    "models": [{"name": "best", "per_image": 0.5, "per_megapixel_step": 0.001}],
}  # fmt: skip
POD = {"name": "pod", "kind": "comfyui", "urls": ["http://127.0.0.1:1"]}


async def test_models_engines_and_jobs_tell_who_does_it_and_what_it_costs(tmp_path: Path) -> None:
    counted = ModelFacts("cloud:best", width=128, height=128, has_steps=False, compute_per_image=2.0)
    cloud = FakeEngine("cloud", models=["cloud:plain", counted], slots=3)
    pod = FakeEngine("pod", models=["pod:sdxl"])
    settings = Settings(
        data_dir=tmp_path, port=0, default_model="icons", currency="EUR",
        engines=[CLOUD, POD], prices=[{"model": "pod:other", "per_image": 0}],
    )  # fmt: skip
    async with (
        server.running(settings, [FakeEngine(), cloud, pod]) as running,
        connected(running) as sidecar,
    ):
        listed = (await sidecar.models.List(model_pb2.ListModelsRequest())).models
        models = {item.id: item for item in listed}
        best, plain, free = models["cloud:best"], models["cloud:plain"], models["pod:sdxl"]
        assert (best.engine, best.paid, best.price.image_micros) == ("cloud", True, 500_000)
        assert (best.price.megapixel_step_micros, best.price.currency) == (1000, "EUR")
        assert (best.defaults.steps, best.compute_per_image) == (0, 2.0)
        assert (plain.paid, plain.price.image_micros, plain.defaults.steps) == (True, 40_000, 4)
        assert (free.engine, free.paid, free.HasField("price"), free.HasField("compute_per_image")) == (
            "pod", False, False, False,
        )  # fmt: skip
        pod.go_down("it is not there")
        status = await sidecar.system.Status(system_pb2.StatusRequest())
        told = {engine.name: engine for engine in status.engines}
        assert (told["cloud"].kind, told["cloud"].paid, told["cloud"].models, told["cloud"].slots) == (
            "openai", True, 2, 3,
        )  # fmt: skip
        assert (told["pod"].kind, told["pod"].paid, told["pod"].state, told["pod"].reason) == (
            "comfyui", False, system_pb2.ENGINE_STATE_DOWN, "it is not there",
        )  # fmt: skip
        context = await sidecar.context({"allowed_engines": ["cloud"]})
        job = await sidecar.jobs.Submit(submission(context, model_id="cloud/best"))
        ended = await sidecar.ended(job.id)
        assert (ended.state, ended.engine, ended.model_id) == (
            job_pb2.JOB_STATE_SUCCEEDED, "cloud", "cloud:best",
        )  # fmt: skip
        # A half for the picture, and 0.001 for each of the two megapixel-steps that it counts as.
        assert (ended.cost.money_micros, ended.cost.compute) == (502_000, 2.0)
        unnamed = text_to_image(await sidecar.context(), model_id="cloud:best")
        error = await refused(sidecar.images.TextToImage(unnamed))
        assert error.code() is grpc.StatusCode.PERMISSION_DENIED
        assert error_info(error).metadata["field"] == "allowed_engines"
