"""Executes tasks with the models in memory: tasks in, events out. Knows nothing of pipes, processes or databases."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any, TypeVar

import torch

from capabilities.errors import FailedPrecondition, ResourceExhausted
from capabilities.methods.apply import Apply
from capabilities.methods.edit import Edit
from capabilities.methods.face_restore import FaceRestore
from capabilities.methods.generation import Generation
from capabilities.methods.initial_image import InitialImage
from capabilities.methods.inpaint import Inpaint
from capabilities.methods.outpaint import Outpaint
from capabilities.methods.preprocess import Preprocess
from capabilities.methods.text_to_image import TextToImage
from capabilities.methods.upscale import Upscale
from capabilities.methods.upscale_img2img import UpscaleImg2Img
from capabilities.tasks import Task
from sidecar.engines.events import Done, Event, Failed, Loading, RawImage, Step
from sidecar.engines.local import (
    annotators,
    controls,
    drawing,
    edits,
    faces,
    inpainting,
    matting,
    memory,
    pipelines,
    upscalers,
)
from sidecar.engines.local.annotators import Annotator
from sidecar.engines.local.batching import Batching
from sidecar.engines.local.cancellation import BatchItem, CancellationToken, Emit
from sidecar.engines.local.controls import Controls
from sidecar.engines.local.diffusion import Loaded
from sidecar.engines.local.faces import Restorer
from sidecar.engines.local.matting import Matting
from sidecar.engines.local.messages import ModelSource
from sidecar.engines.local.model_cache import ModelCache, release
from sidecar.engines.local.packaged import REALESRGAN
from sidecar.engines.local.pixels import as_array, as_raw, on_white
from sidecar.engines.local.upscalers import Upscaler
from sidecar.heap import Returned

T = TypeVar("T")
CANCEL_SECONDS = 0.1
"""How often a job that waits for a model to load looks whether it has been canceled."""
ENLARGER = ModelSource(
    "realesr-animevideov3",
    "realesr-animevideov3-x[24]",
    "package",
    role="upscaler",
    revision=REALESRGAN.sha256[:16],
)
"""Brings the pictures of a model that draws at one size only to larger ones."""


class Executor:
    """Models in memory, and the work done with them."""

    def __init__(
        self,
        device: str = "auto",
        *,
        threads: int = 0,
        max_loaded: int = 2,
        memory_budget: int = 0,
        max_download: int = 0,
    ) -> None:
        pipelines.quiet_libraries()
        if threads:
            torch.set_num_threads(threads)
        self.device = pipelines.pick_device(device)
        self._max_download = max_download
        self._finder: faces.FaceFinder | None = None
        self._batching = Batching()
        self.give_back = Returned()
        self._cache = ModelCache(self.device, budget=memory_budget, most=max_loaded)

    @property
    def loaded(self) -> list[str]:
        return self._cache.ids

    @property
    def device_memory(self) -> int:
        """Bytes of the device's own memory that are in use; 0 where it has none."""
        return torch.cuda.memory_allocated() if self.device == "cuda" else 0

    def load(self, source: ModelSource, emit: Emit, token: CancellationToken) -> None:
        """Bring a model into memory if need be. Raises FailedPrecondition where it cannot be loaded."""
        match source.role:
            case "upscaler":
                self._upscaler(source, emit, token)
            case "controlnet":
                self._controlnet(source, emit, token)
            case "annotator":
                self._annotator(source, emit, token)
            case "vae":
                self._vae(source, emit, token)
            case "matting":
                self._matting(source, emit, token)
            case "restorer":
                self._restorer(source, emit, token)
            case "lora" | "embedding":
                raise FailedPrecondition(
                    f"'{source.id}' is a {source.role} and cannot be loaded by itself: it is read with the job that uses it",
                    reason="MODEL_CANNOT",
                    field="id",
                    asked=source.id,
                )
            case _:
                self._pipeline(source, emit, token)

    def unload(self, model_id: str) -> None:
        self._cache.drop(model_id)

    def make(
        self,
        task: Task,
        sources: Mapping[str, ModelSource],
        inputs: Mapping[str, RawImage],
        emit: Emit,
        token: CancellationToken,
    ) -> Done:
        """All pictures of a task. Raises Canceled, ResourceExhausted when memory runs out, and the loader's refusals."""
        self._cache.begin()
        try:
            with torch.inference_mode():
                match task:
                    case Generation():
                        return self._generate(task, sources, inputs, emit, token)
                    case Preprocess():
                        annotator = self._annotator(sources[task.model_id], emit, token)
                        started = time.perf_counter()
                        image = controls.preprocess(task, inputs["image"], annotator)
                        return Done((image,), time.perf_counter() - started)
                    case Edit():
                        return self._edit(task, sources, inputs, emit, token)
                    case FaceRestore():
                        return self._restore_faces(task, sources[task.model_id], inputs["image"], emit, token)
                    case Upscale():
                        return self._upscale(task, sources[task.model_id], inputs["image"], emit, token)
        except (RuntimeError, MemoryError) as error:
            if not memory.is_out_of_memory(error):
                raise
            # What failed hangs on the error's own frames until it is gone.
            error.__traceback__ = None
            release(self.device)
            raise ResourceExhausted(
                f"{task.width} x {task.height} px does not fit in the memory of this {self.device}; make it smaller: "
                f"{task.width // 2} x {task.height // 2} takes a quarter of it or less",
                reason="OUT_OF_MEMORY",
                field="width",
                asked=f"{task.width} x {task.height}",
            ) from None
        raise TypeError(f"not a task of this engine: {task.kind}")

    def make_batch(
        self, parts: Sequence[BatchItem], sources: Mapping[str, ModelSource]
    ) -> list[Done | Failed | None]:
        """An outcome for each of several jobs with equal batch keys; None for one that has to be done by itself.

        Raises what a loader raises, Canceled when all were canceled, and whatever a pipeline does that cannot.
        """
        self._cache.begin()
        task = parts[0].task
        assert isinstance(task, Generation)
        emit = _to_all(parts)

        def alone(part: BatchItem) -> Done:
            return self.make(part.task, sources, {}, part.emit, part.token)

        with torch.inference_mode():
            loaded = self._pipeline(sources[task.model_id], emit, CancellationToken())
            enlarger = self._enlarger(task, sources, emit, CancellationToken())
            return self._batching.draw(parts, loaded, enlarger, alone)

    def _generate(
        self,
        task: Generation,
        sources: Mapping[str, ModelSource],
        inputs: Mapping[str, RawImage],
        emit: Emit,
        token: CancellationToken,
    ) -> Done:
        loaded = self._pipeline(sources[task.model_id], emit, token)
        enlarger = self._enlarger(task, sources, emit, token)
        steered = self._controls(task, sources, inputs, emit, token) if isinstance(task, Apply) else None
        # Diffusers takes a weight of 0 for one that was not given.
        loras = [(sources[lora.id], lora.weight) for lora in task.loras if lora.weight]
        embeddings = [sources[name] for name in task.embeddings]
        vae = self._vae(sources[task.vae], emit, token) if task.vae else None
        started = time.perf_counter()
        images = []
        with loaded.adjusted(loras, embeddings, vae, task.tiling) as warnings:
            for index in range(task.count):
                match task:
                    case Apply(image="") if steered is not None:
                        image = controls.apply(task, index, loaded, steered, emit, token)
                    case InitialImage() | Apply():
                        image = inpainting.inpaint(
                            task, index, loaded, inputs, enlarger, emit, token, steered
                        )
                    case _:
                        image = drawing.draw(task, index, loaded, enlarger, emit, token)
                images.append(image)
        warnings = [*warnings, *_doubts(task, sources[task.model_id])]
        return Done(tuple(images), time.perf_counter() - started, tuple(warnings))

    def _controls(
        self,
        task: Apply,
        sources: Mapping[str, ModelSource],
        inputs: Mapping[str, RawImage],
        emit: Emit,
        token: CancellationToken,
    ) -> Controls:
        networks = [self._controlnet(sources[item.model_id], emit, token) for item in task.controls]
        used = {item.preprocessor for item in task.controls if item.preprocessor}
        annotate = {name: self._annotator(sources[name], emit, token) for name in used}
        return Controls(task.controls, networks, controls.control_pictures(task, inputs, annotate))

    def _edit(
        self,
        task: Edit,
        sources: Mapping[str, ModelSource],
        inputs: Mapping[str, RawImage],
        emit: Emit,
        token: CancellationToken,
    ) -> Done:
        networks = {name: self._matting(sources[name], emit, token) for name in task.models}
        started = time.perf_counter()
        made = edits.edit(task, inputs, networks.__getitem__)
        return Done((made,), time.perf_counter() - started)

    def _matting(self, source: ModelSource, emit: Emit, token: CancellationToken) -> Matting:
        return self._taken(
            source, emit, token, lambda: matting.load(source, self.device), lambda made: [made.network]
        )

    def _restore_faces(
        self, task: FaceRestore, source: ModelSource, image: RawImage, emit: Emit, token: CancellationToken
    ) -> Done:
        if self._finder is None:
            self._finder = faces.FaceFinder()
        restorer = self._restorer(source, emit, token)
        started = time.perf_counter()
        picture = as_array(image)
        found = self._finder.find(on_white(picture))
        made = faces.restore(picture, found, restorer.restore, task.strength) if task.strength else picture
        warnings = () if found else ("no face was found; the picture is unchanged",)
        return Done((as_raw(made, 0),), time.perf_counter() - started, warnings)

    def _enlarger(
        self, task: Generation, sources: Mapping[str, ModelSource], emit: Emit, token: CancellationToken
    ) -> list[Upscaler] | None:
        """The upscaler that a generation needs besides its model, if any."""
        method = ""
        if isinstance(task, UpscaleImg2Img):
            method = task.method
        elif isinstance(task, TextToImage) and task.refine is not None:
            method = task.refine.method
        if method in sources:
            return self._upscaler(sources[method], emit, token)
        return self._upscaler(ENLARGER, emit, token) if _must_enlarge(task, sources[task.model_id]) else None

    def _upscale(
        self, task: Upscale, source: ModelSource, image: RawImage, emit: Emit, token: CancellationToken
    ) -> Done:
        networks = self._upscaler(source, emit, token)
        started = time.perf_counter()

        def tile_done(done: int, of: int) -> None:
            token.check()
            emit(Step(done, of, 0))

        made = upscalers.upscale(networks, as_array(image), task.factor, tile_done)
        return Done((as_raw(made, 0),), time.perf_counter() - started)

    def _pipeline(self, source: ModelSource, emit: Emit, token: CancellationToken) -> Loaded:
        def load() -> Loaded:
            return Loaded(pipelines.load(source, self.device, self._max_download), source)

        loaded = self._taken(source, emit, token, load, lambda loaded: loaded.modules, is_base=True)
        token.check()
        return loaded

    def _controlnet(self, source: ModelSource, emit: Emit, token: CancellationToken) -> Any:
        return self._part(source, emit, token, pipelines.load_controlnet)

    def _vae(self, source: ModelSource, emit: Emit, token: CancellationToken) -> Any:
        return self._part(source, emit, token, pipelines.load_vae)

    def _restorer(self, source: ModelSource, emit: Emit, token: CancellationToken) -> Restorer:
        return self._taken(
            source, emit, token, lambda: faces.load_restorer(source, self.device), lambda made: [made.network]
        )

    def _part(
        self,
        source: ModelSource,
        emit: Emit,
        token: CancellationToken,
        load: Callable[[ModelSource, str, int], Any],
    ) -> Any:
        """A single module that several pipelines may use."""

        def loaded() -> Any:
            return load(source, self.device, self._max_download)

        return self._taken(source, emit, token, loaded, lambda module: [module])

    def _annotator(self, source: ModelSource, emit: Emit, token: CancellationToken) -> Annotator:
        def load() -> Annotator:
            return annotators.load(source, self.device)

        return self._taken(source, emit, token, load, lambda annotator: annotator.modules)

    def _upscaler(self, source: ModelSource, emit: Emit, token: CancellationToken) -> list[Upscaler]:
        def load() -> list[Upscaler]:
            return upscalers.load(source, self.device)

        return self._taken(source, emit, token, load, lambda networks: [each.network for each in networks])

    def _taken(
        self,
        source: ModelSource,
        emit: Emit,
        token: CancellationToken,
        load: Callable[[], T],
        modules: Callable[[T], Iterable[Any]],
        *,
        is_base: bool = False,
    ) -> T:
        """What a source names, from the cache; loaded, while the job may still be canceled, where it is not there."""
        return self._cache.take(
            source.id,
            self._estimate(source),
            lambda: self._patiently(source, emit, token, load),
            modules,
            is_base=is_base,
            revision=source.revision,
        )

    def _patiently(
        self, source: ModelSource, emit: Emit, token: CancellationToken, load: Callable[[], T]
    ) -> T:
        """What a loader gives. Raises Canceled as soon as the job is, leaving the load to end by itself."""
        emit(Loading(source.id))
        # Beside the working thread, so that a job can be canceled meanwhile; and the thread ends with the load: as long as
        # it lives its own OpenMP workers do, and with more of them than cores every barrier takes twice as long.
        loading = ThreadPoolExecutor(1, "loading")
        future = loading.submit(load)
        loading.shutdown(wait=False)
        while not future.done():
            wait([future], CANCEL_SECONDS)
            token.check()
        return future.result()

    def _estimate(self, source: ModelSource) -> int:
        """Bytes that a model's weights will take in memory."""
        return source.parameters * pipelines.pick_dtype(self.device).itemsize


def _doubts(task: Generation, source: ModelSource) -> Iterator[str]:
    """What a model is known not to do well, in words."""
    if isinstance(task, Inpaint | Outpaint) and not source.fills:
        yield (
            f"the model '{source.id}' draws single things and was not trained to fill or continue pictures, so there may be "
            "seams, or a second thing; use another model, or draw the part by itself and lay it on with composite"
        )


def _must_enlarge(task: Generation, source: ModelSource) -> bool:
    return source.size is not None and min(task.width, task.height) > max(source.size)


def _to_all(parts: Sequence[BatchItem]) -> Emit:
    def emit(event: Event) -> None:
        for part in parts:
            part.emit(event)

    return emit
