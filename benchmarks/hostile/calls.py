"""Calls that somebody with a token, or without one, makes to do harm."""

from __future__ import annotations

import asyncio
import itertools
import json
import sqlite3
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc

from benchmarks.hostile import texts
from benchmarks.hostile.pictures import gif, pictures
from benchmarks.hostile.trial import Trial
from entity_store.world import SYSTEM_ID as SYSTEM
from sidecar.pb.viwo.imagegen.v1 import (
    blob_pb2,
    capability_pb2,
    common_pb2,
    entity_pb2,
    image_pb2,
    job_pb2,
    model_pb2,
    template_pb2,
)
from sidecar.surfaces.proto.conversions import to_struct
from sidecar.testing.pictures import plain
from sidecar.testing.process import Served
from viwo_imagegen_client.dialling import OPTIONS


class Calls:
    """The stubs of a server, and rights to use them."""

    def __init__(self, sidecar: Served, trial: Trial) -> None:
        self.sidecar, self.trial = sidecar, trial
        self.images, self.jobs, self.entities = sidecar.images, sidecar.jobs, sidecar.entities
        self.blobs, self.models, self.templates = sidecar.blobs, sidecar.models, sidecar.templates
        self.capabilities = sidecar.capabilities

    async def try_call(self, name: str, method: Any, request: Any) -> Any:
        return await self.trial.call(name, method(request))

    async def all(self, folder: Path) -> None:
        """Every kind, one after another."""
        self.paint = await self.sidecar.context()
        self.change = await self.sidecar.context(kind="image.edit")
        await self.with_models()
        await self.with_pictures()
        await self.with_messages()
        await self.with_documents()
        await self.with_templates()
        await self.with_rights(folder)
        await self.without_token()

    async def with_models(self) -> None:
        listed = await self.try_call("list models", self.models.List, model_pb2.ListModelsRequest())
        names = [model.id for model in listed.models] if listed is not None else []
        if "icons" not in names:
            self.trial.count("crashes", "the embedded model is no longer listed")
        for name in names:
            if name in ("icons", "hed") or name.startswith(
                ("realesr", "openpose", "midas", "lineart", "normalbae")
            ):
                continue
            await self.try_call(f"load {name!r}", self.models.Load, model_pb2.LoadModelRequest(id=name))
            await self.try_call(f"paint with {name!r}", self.images.TextToImage, image_pb2.TextToImageRequest(
                context=self.paint, prompt="a cup", options=image_pb2.GenerationOptions(model_id=name, steps=1)))  # fmt: skip
        for name in texts.WORDS:
            await self.try_call("load no model", self.models.Load, model_pb2.LoadModelRequest(id=name))

    async def with_pictures(self) -> None:
        for name, data in pictures():
            source = common_pb2.ImageSource(data=data)
            save = entity_pb2.SaveImageRequest(
                context=self.paint, image=source, options=common_pb2.SaveOptions(name="x")
            )
            await self.try_call(f"save {name}", self.entities.SaveImage, save)
            await self.trial.call(f"upload {name}", self.blobs.Upload(_chunks(data)))
            await self.try_call(f"blur {name}", self.images.Edit, image_pb2.EditRequest(
                context=self.change, image=source, operations=[image_pb2.EditOperation(filter=image_pb2.Filter(kind=image_pb2.FILTER_KIND_BLUR))]))  # fmt: skip
            await self.try_call(f"estimate {name}", self.jobs.Estimate, job_pb2.SubmitJobRequest(
                upscale=image_pb2.UpscaleRequest(context=await self.sidecar.context(kind="diffusers.upscale"), image=source)))  # fmt: skip
        bomb, small = (
            common_pb2.ImageSource(data=gif(16384, 4096)),
            common_pb2.ImageSource(data=plain(8, 8, "PNG")),
        )
        lay = image_pb2.EditOperation(composite=image_pb2.Composite(overlay=bomb))
        narrow = await self.sidecar.context({"max_pixels": 64}, kind="image.edit")
        for context in (narrow, self.change):
            bombs = image_pb2.EditRequest(context=context, image=small, operations=[lay] * 10)
            await self.try_call("ten bombs", self.images.Edit, bombs)
            await asyncio.gather(*(
                self.try_call("sixteen estimates of bombs", self.jobs.Estimate, job_pb2.SubmitJobRequest(edit=bombs)) for _ in range(16)
            ))  # fmt: skip
        for size in (1 << 31 - 1, 1_000_000, 16_384):
            for change in (image_pb2.EditOperation(resize=image_pb2.Resize(width=size)), image_pb2.EditOperation(
                transform=image_pb2.Transform(rotation=45, scale=size)), image_pb2.EditOperation(crop=image_pb2.Crop(width=size, height=size))):  # fmt: skip
                await self.try_call(
                    "huge edit",
                    self.images.Edit,
                    image_pb2.EditRequest(context=self.change, image=small, operations=[change] * 3),
                )

    async def with_messages(self) -> None:
        for name, prompt in texts.PROMPTS.items():
            await self.try_call(f"prompt of {name}", self.images.TextToImage, image_pb2.TextToImageRequest(
                context=self.paint, prompt=prompt.encode(errors="replace").decode(), options=image_pb2.GenerationOptions(steps=1)))  # fmt: skip
        for options in texts.options():
            await self.try_call(f"options {str(options)[:60]}", self.images.TextToImage, image_pb2.TextToImageRequest(
                context=self.paint, prompt="a cup", options=options))  # fmt: skip
        for text in texts.arguments():
            for method in ("textToImage", "imageToImage", "composite", "inpaint", "nothing"):
                await self.try_call(f"{method}({text[:40]}", self.images.Invoke, image_pb2.InvokeRequest(
                    context=self.paint, method=method, arguments_json=text))  # fmt: skip
        for word in texts.WORDS:
            try:
                word.encode()
            except UnicodeEncodeError:
                continue
            requests = (
                (self.jobs.Get, job_pb2.GetJobRequest(id=word)), (self.jobs.List, job_pb2.ListJobsRequest(page_token=word, capability_id=word)),
                (self.jobs.Rerun, job_pb2.RerunJobRequest(id=word, context=self.paint)), (self.jobs.History, job_pb2.HistoryRequest(ref=word)),
                (self.jobs.Export, job_pb2.ExportJobRequest(id=word)), (self.blobs.Describe, blob_pb2.DescribeBlobRequest(ref=word)),
                (self.capabilities.Get, capability_pb2.GetCapabilityRequest(id=word)),
                (self.templates.Get, template_pb2.GetTemplateRequest(name=word)),
                (self.images.Invoke, image_pb2.InvokeRequest(context=self.paint, method=word)),
                (self.entities.SaveImage, entity_pb2.SaveImageRequest(
                    context=self.paint, image=common_pb2.ImageSource(data=plain(8, 8, "PNG")),
                    options=common_pb2.SaveOptions(name=word, description=word))),
            )  # fmt: skip
            for method, request in requests:
                await self.try_call(f"{type(request).__name__} with {word[:20]!r}", method, request)

    async def with_documents(self) -> None:
        request = image_pb2.TextToImageRequest(
            context=self.paint, prompt="a cup", options=image_pb2.GenerationOptions(steps=1, seed=3)
        )
        answer = await self.try_call("a job to export", self.images.TextToImage, request)
        if answer is None:
            return
        exported = await self.try_call("export", self.jobs.Export, job_pb2.ExportJobRequest(id=answer.job_id))
        document = json.loads(exported.document_json)
        for name, text in texts.documents(document):
            await self.try_call(
                f"import {name}",
                self.jobs.Import,
                job_pb2.ImportJobRequest(context=self.paint, document_json=text),
            )

    async def with_templates(self) -> None:
        for name, text, parameters in texts.templates():
            saved_one = await self.try_call(
                f"template {name}", self.templates.Save, template_pb2.SaveTemplateRequest(document_json=text)
            )
            if saved_one is not None:
                await self.try_call(f"run {name}", self.templates.Run, template_pb2.RunTemplateRequest(
                    contexts=[self.paint], name=saved_one.name, parameters_json=parameters))  # fmt: skip

    async def with_rights(self, folder: Path) -> None:
        """Rows that a script, or another program, wrote into the world."""
        world = sqlite3.connect(folder / "world.sqlite", timeout=10)
        rows = {
            "broken": "{", "digits": '{"max_steps": ' + texts.DIGITS + "}", "huge": '{"compute_per_day": 1e308}', "list": "[]",
            "infinite": '{"max_compute": 1e999}', "nan": '{"max_compute": NaN}', "deep": '{"a": ' + texts.DEEP + "}", "null": "null",
            "text": '"*"', "many": json.dumps({"allowed_models": ["m" * 50] * 50_000}), "negative": '{"max_width": -5}',
        }  # fmt: skip
        names: dict[str, str] = {}
        with world:
            for name, params in rows.items():
                names[name] = str(uuid.uuid4())
                world.execute(
                    "INSERT INTO capabilities VALUES (?, ?, ?, ?)",
                    (names[name], SYSTEM, "diffusers.generate", params),
                )
            chain = [str(uuid.uuid4()) for _ in range(2000)]
            ring = [str(uuid.uuid4()) for _ in range(3)]
            for one in (*chain, *ring):
                world.execute(
                    "INSERT INTO capabilities VALUES (?, ?, ?, ?)", (one, SYSTEM, "diffusers.generate", "{}")
                )
            pairs = [
                *itertools.pairwise(chain),
                *zip(ring, (*ring[1:], ring[0]), strict=True),
                (str(uuid.uuid4()),) * 2,
            ]
            world.executemany("INSERT INTO imagegen_delegations (parent_id, child_id) VALUES (?, ?)", pairs)
            world.execute("INSERT INTO entities (prototype_id, props) VALUES (2, '{')")
            world.execute(
                "INSERT INTO entities (id, prototype_id, props) VALUES (900001, 900002, '{}'), (900002, 900001, '{}')"
            )
            world.execute(
                "INSERT INTO entities (prototype_id, props) VALUES (2, ?)",
                (json.dumps({"image_ref": "sha256:" + "0" * 64, "width": texts.DIGITS}),),
            )
        world.close()
        names |= {"a deep chain": chain[-1], "the top of a chain": chain[0], "a ring": ring[0]}
        for name, one in names.items():
            context = common_pb2.CallContext(capability_id=one, caller_id=SYSTEM, this_id=SYSTEM)
            await self.try_call(f"paint by {name}", self.images.TextToImage, image_pb2.TextToImageRequest(
                context=context, prompt="a cup", options=image_pb2.GenerationOptions(steps=1)))  # fmt: skip
            await self.try_call(
                f"budget of {name}", self.jobs.BudgetStatus, job_pb2.BudgetStatusRequest(context=context)
            )
            await self.try_call(
                f"get {name}", self.capabilities.Get, capability_pb2.GetCapabilityRequest(id=one)
            )
            await self.try_call(
                f"delegate {name}",
                self.capabilities.Delegate,
                capability_pb2.DelegateRequest(parent_id=one, caller_id=SYSTEM),
            )
        await self.try_call(
            "list rights", self.capabilities.List, capability_pb2.ListCapabilitiesRequest(owner_id=SYSTEM)
        )
        await self.try_call("list entities", self.entities.List, entity_pb2.ListEntitiesRequest())
        for entity in (900001, 900003, 900004, 2**63 - 1, -1, 0):
            await self.try_call(f"entity {entity}", self.entities.Get, entity_pb2.GetEntityRequest(id=entity))
        for name in ("the top of a chain", "a ring"):
            await self.try_call(
                f"revoke {name}",
                self.capabilities.Revoke,
                capability_pb2.RevokeRequest(id=names[name], caller_id=SYSTEM),
            )
        for value in (1e308, float("inf"), -1.0, 2.0**63):
            held = await self.capabilities.List(
                capability_pb2.ListCapabilitiesRequest(owner_id=SYSTEM, type="sys.mint"),
            )
            await self.try_call(f"mint {value}", self.capabilities.Mint, capability_pb2.MintRequest(
                authority_id=held.capabilities[0].id, caller_id=SYSTEM, type="diffusers.generate",
                params=to_struct({"compute_per_day": value, "money_per_month": value, "max_compute": value})))  # fmt: skip

    async def without_token(self) -> None:
        """Bodies of 60 MB that nobody has a right to send, and uploads that never end."""
        address = self.sidecar.address
        body = bytes(60_000_000)
        async with grpc.aio.insecure_channel(address, options=OPTIONS) as stranger:
            channel: Any = stranger
            raw = [
                channel.unary_unary("/viwo.imagegen.v1.ImageService/Edit"),
                channel.unary_unary("/viwo.imagegen.v1.JobService/Submit"),
            ]
            await asyncio.gather(
                *(self.trial.call("a body without a token", call(body)) for call in raw * 12)
            )
            stream = channel.stream_unary("/viwo.imagegen.v1.BlobService/Upload")
            await self.trial.call("an upload without a token", stream(_raw_chunks(body)))
        never = asyncio.Event()

        async def half() -> AsyncIterator[blob_pb2.UploadRequest]:
            yield blob_pb2.UploadRequest(chunk=bytes(500_000))
            await never.wait()

        half_open = [self.blobs.Upload(half()) for _ in range(40)]
        await self.try_call(
            "a call beside half-open uploads", self.models.List, model_pb2.ListModelsRequest()
        )
        for call in half_open:
            call.cancel()


async def _chunks(data: bytes) -> AsyncIterator[blob_pb2.UploadRequest]:
    for start in range(0, max(1, len(data)), 1 << 20):
        yield blob_pb2.UploadRequest(chunk=data[start : start + (1 << 20)])


async def _raw_chunks(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 1 << 20):
        yield data[start : start + (1 << 20)]
