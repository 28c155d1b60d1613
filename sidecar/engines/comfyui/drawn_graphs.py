"""Graphs for drawings: how a model of each family is loaded, told what to draw, and sampled."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sidecar.engines.comfyui.embeddings import named
from sidecar.engines.comfyui.families import Family, ModelFile
from sidecar.engines.comfyui.graph import Edge, Graph
from sidecar.engines.comfyui.node_classes import NodeClasses
from sidecar.engines.remote.connector import ControlPart, Drawing
from sidecar.engines.remote.failures import FailureKind, RemoteFailure

CANNY_LOW, CANNY_HIGH = 100 / 255, 200 / 255
"""Edges weaker than these are dropped, and stronger than these are kept."""
TILE_BLUR = 4
"""How many times smaller the detail is that a control picture of type "tile" goes without."""

FileOf = Callable[[str, str], ModelFile]
"""The file of a part by its name in a drawing; the second is the task's field. Raises RemoteFailure."""

Uploads = Mapping[bytes, str]
"""Pictures, and the names that the server gave them."""


def pictures(drawing: Drawing) -> list[bytes]:
    """The pictures that a drawing is made from."""
    return [
        each
        for each in (drawing.image, drawing.mask, *(control.picture for control in drawing.controls))
        if each
    ]


def enlarging(drawing: Drawing, file: ModelFile, uploads: Uploads) -> Graph:
    """A picture enlarged by a trained upscaler, as much as that one does."""
    graph = Graph(loaders=frozenset({"model"}))
    graph.add("model", "UpscaleModelLoader", model_name=file.name)
    graph.tell("model", model_name="model_id")
    graph.add("image", "LoadImage", image=uploads[drawing.image])
    graph.tell("image", image="image")
    graph.sampler = graph.add(
        "enlarged", "ImageUpscaleWithModel", upscale_model=("model", 0), image=("image", 0)
    )
    graph.saved(("enlarged", 0))
    return graph


def generation(
    drawing: Drawing, file: ModelFile, file_of: FileOf, uploads: Uploads, classes: NodeClasses
) -> Graph:
    """A picture from words, and perhaps from another picture, a mask and controls. Raises RemoteFailure."""
    return _Generation(drawing, file, file_of, uploads, classes).graph()


class _Generation:
    """One graph while it is put together; what the edges `model`, `clip` and so on hold changes on the way."""

    def __init__(
        self, drawing: Drawing, file: ModelFile, file_of: FileOf, uploads: Uploads, classes: NodeClasses
    ) -> None:
        assert file.family is not None
        self._drawing = drawing
        self._file = file
        self._family: Family = file.family
        self._file_of = file_of
        self._uploads = uploads
        self._classes = classes
        self._graph = Graph()
        self._model: Edge = ("model", 0)
        self._clip: Edge = ("model", 1)
        self._vae: Edge = ("model", 2)

    def graph(self) -> Graph:
        self._load()
        positive, negative = self._conditioning()
        positive, negative = self._controlled(positive, negative)
        latent, positive, negative = self._latent(positive, negative)
        self._sample(positive, negative, latent)
        return self._graph

    def _load(self) -> None:
        graph, file = self._graph, self._file
        if file.folder == "checkpoints":
            graph.add("model", "CheckpointLoaderSimple", ckpt_name=file.name)
            graph.tell("model", ckpt_name="model_id")
        else:
            graph.add("model", "UNETLoader", unet_name=file.name, weight_dtype="default")
            graph.tell("model", unet_name="model_id")
            self._load_encoders(file.encoders)
            self._clip = ("encoders", 0)
        vae = self._file_of(self._drawing.vae, "vae").name if self._drawing.vae else file.vae
        if vae:
            graph.add("vae", "VAELoader", vae_name=vae)
            graph.tell("vae", vae_name="vae")
            self._vae = ("vae", 0)
        graph.loaders = frozenset(graph.nodes)
        for place, lora in enumerate(self._drawing.loras):
            id = graph.add(
                f"lora_{place}",
                "LoraLoader",
                model=self._model,
                clip=self._clip,
                lora_name=self._file_of(lora.name, f"loras[{place}].id").name,
                strength_model=lora.weight,
                strength_clip=lora.weight,
            )
            graph.tell(id, lora_name=f"loras[{place}].id", strength_model=f"loras[{place}].weight")
            self._model, self._clip = (id, 0), (id, 1)
        if self._drawing.clip_skip and self._family.has_clip_layers:
            # The last layer is -1, so leaving out one of them ends at -2.
            last = -1 - self._drawing.clip_skip
            graph.add("last_layer", "CLIPSetLastLayer", clip=self._clip, stop_at_clip_layer=last)
            graph.tell("last_layer", stop_at_clip_layer="clip_skip")
            self._clip = ("last_layer", 0)

    def _load_encoders(self, files: tuple[str, ...]) -> None:
        match files:
            case (one,):
                inputs = {"clip_name": one, "type": self._family.encoder_type}
                self._graph.add("encoders", "CLIPLoader", **inputs)
            case (one, two):
                inputs = {"clip_name1": one, "clip_name2": two, "type": self._family.encoder_type}
                self._graph.add("encoders", "DualCLIPLoader", **inputs)
            case _:
                inputs = {f"clip_name{place}": name for place, name in enumerate(files, 1)}
                self._graph.add("encoders", "TripleCLIPLoader", **inputs)

    def _conditioning(self) -> tuple[Edge, Edge]:
        drawing, graph = self._drawing, self._graph
        first, second = self._named(drawing.prompt), self._named(drawing.prompt_2)
        self._encode("positive", first, second, "prompt")
        if not self._family.guidance_is_told:
            negative = self._named(drawing.negative_prompt), self._named(drawing.negative_prompt_2)
            self._encode("negative", *negative, "negative_prompt")
            return ("positive", 0), ("negative", 0)
        # It was trained to do with one pass what guidance does with two.
        positive: Edge = ("positive", 0)
        if not second:
            graph.add("guidance", "FluxGuidance", conditioning=positive, guidance=drawing.guidance_scale)
            graph.tell("guidance", guidance="guidance_scale")
            positive = ("guidance", 0)
        graph.add("negative", "ConditioningZeroOut", conditioning=("positive", 0))
        return positive, ("negative", 0)

    def _encode(self, id: str, first: str, second: str, field: str) -> None:
        drawing, graph = self._drawing, self._graph
        if not second:
            graph.add(id, "CLIPTextEncode", clip=self._clip, text=first)
            graph.tell(id, text=field)
        elif self._family.guidance_is_told:
            texts = {"clip_l": first, "t5xxl": second}
            guidance = drawing.guidance_scale
            graph.add(id, self._family.prompts, clip=self._clip, **texts, guidance=guidance)
            graph.tell(id, clip_l=field, t5xxl=f"{field}_2", guidance="guidance_scale")
        else:
            size = {
                f"{of}{side}": getattr(drawing, side)
                for of in ("", "target_")
                for side in ("width", "height")
            }
            texts = {"text_l": first, "text_g": second}
            graph.add(id, self._family.prompts, clip=self._clip, **texts, **size, crop_w=0, crop_h=0)
            graph.tell(id, text_l=field, text_g=f"{field}_2")

    def _controlled(self, positive: Edge, negative: Edge) -> tuple[Edge, Edge]:
        graph = self._graph
        for place, control in enumerate(self._drawing.controls):
            name = self._file_of(control.model, f"control_model_id[{place}]").name
            network = graph.add(f"control_{place}_model", "ControlNetLoader", control_net_name=name)
            graph.tell(network, control_net_name=f"control_model_id[{place}]")
            # Networks of the newer families work on latents.
            vae = {"vae": self._vae} if self._family.is_flow else {}
            id = graph.add(
                f"control_{place}",
                "ControlNetApplyAdvanced",
                positive=positive,
                negative=negative,
                control_net=(network, 0),
                image=self._control_picture(control, place),
                strength=control.strength,
                start_percent=control.start,
                end_percent=control.end,
                **vae,
            )
            told = {"strength": "strength", "start_percent": "guidance_start", "end_percent": "guidance_end"}
            graph.tell(id, **{name: f"{field}[{place}]" for name, field in told.items()})
            positive, negative = (id, 0), (id, 1)
        return positive, negative

    def _control_picture(self, control: ControlPart, place: int) -> Edge:
        graph, drawing = self._graph, self._drawing
        id = graph.add(f"control_{place}_image", "LoadImage", image=self._uploads[control.picture])
        graph.tell(id, image=f"image[{place}]")
        if not control.preprocess:
            return id, 0
        made = f"control_{place}_picture"
        match control.type:
            case "canny":
                graph.add(made, "Canny", image=(id, 0), low_threshold=CANNY_LOW, high_threshold=CANNY_HIGH)
            case "tile":
                small = graph.add(
                    f"{made}_small",
                    "ImageScale",
                    image=(id, 0),
                    upscale_method="area",
                    width=max(1, drawing.width // TILE_BLUR),
                    height=max(1, drawing.height // TILE_BLUR),
                    crop="disabled",
                )
                size = {"width": drawing.width, "height": drawing.height}
                graph.add(
                    made, "ImageScale", image=(small, 0), upscale_method="bicubic", **size, crop="disabled"
                )
            case _:
                raise RemoteFailure(
                    FailureKind.BAD_REQUEST,
                    f"it makes no control picture of type '{control.type}' itself; give one that is made already, and "
                    "leave preprocess out",
                    field=f"preprocess[{place}]",
                    limit="canny, tile",
                    asked=control.type,
                    was_sent=False,
                )
        return made, 0

    def _latent(self, positive: Edge, negative: Edge) -> tuple[Edge, Edge, Edge]:
        drawing, graph = self._drawing, self._graph
        if not drawing.image:
            size = {"width": drawing.width, "height": drawing.height}
            graph.add("latent", self._family.latent, **size, batch_size=1)
            graph.tell("latent", width="width", height="height")
            return ("latent", 0), positive, negative
        graph.add("image", "LoadImage", image=self._uploads[drawing.image])
        graph.tell("image", image="image")
        if not drawing.mask:
            graph.add("latent", "VAEEncode", pixels=("image", 0), vae=self._vae)
            return ("latent", 0), positive, negative
        graph.add("mask", "LoadImageMask", image=self._uploads[drawing.mask], channel="red")
        graph.tell("mask", image="mask")
        if self._file.is_inpainting:
            graph.add(
                "inpainting",
                "InpaintModelConditioning",
                positive=positive,
                negative=negative,
                vae=self._vae,
                pixels=("image", 0),
                mask=("mask", 0),
                **({"noise_mask": True} if self._takes_noise_mask else {}),
            )
            return ("inpainting", 2), ("inpainting", 0), ("inpainting", 1)
        graph.add("encoded", "VAEEncode", pixels=("image", 0), vae=self._vae)
        graph.add("latent", "SetLatentNoiseMask", samples=("encoded", 0), mask=("mask", 0))
        return ("latent", 0), positive, negative

    @property
    def _takes_noise_mask(self) -> bool:
        return self._classes.takes("InpaintModelConditioning", "noise_mask")

    def _sample(self, positive: Edge, negative: Edge, latent: Edge) -> None:
        drawing, graph = self._drawing, self._graph
        sampler, _, schedule = (drawing.scheduler or self._family.sampler).partition("|")
        graph.sampler = graph.add(
            "sampler",
            "KSampler",
            model=self._model,
            seed=drawing.seed,
            steps=steps_taken(drawing),
            cfg=1.0 if self._family.guidance_is_told else drawing.guidance_scale,
            sampler_name=sampler,
            scheduler=schedule,
            positive=positive,
            negative=negative,
            latent_image=latent,
            denoise=drawing.strength,
        )
        fields = {"seed": "seed", "steps": "steps", "cfg": "guidance_scale", "denoise": "strength"}
        graph.tell("sampler", **fields, sampler_name="scheduler", scheduler="scheduler")
        graph.drawing = ("sampler",)
        graph.add("decoded", "VAEDecode", samples=("sampler", 0), vae=self._vae)
        graph.saved(("decoded", 0))

    def _named(self, text: str) -> str:
        def file_of(name: str) -> str:
            return self._file_of(self._drawing.embeddings.get(name, name), "prompt").name

        return named(text, file_of)


def steps_taken(drawing: Drawing) -> int:
    """Steps that are really done: a KSampler does all that it is told, spread over the rest of the way."""
    return max(1, min(drawing.steps, int(drawing.steps * drawing.strength)))
