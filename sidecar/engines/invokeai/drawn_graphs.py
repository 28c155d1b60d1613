"""Drawings as graphs of InvokeAI's nodes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from capabilities.methods.generation import EMBEDDING, embedding_id
from capabilities.methods.upscalers import native_factor
from sidecar.engines.invokeai.families import DETECTORS, FAMILIES, Family
from sidecar.engines.invokeai.graph import Graph, Port
from sidecar.engines.invokeai.inventory import ESRGAN, UPSCALER, Stock
from sidecar.engines.invokeai.models import Model
from sidecar.engines.remote.connector import ControlPart, Drawing
from sidecar.engines.remote.failures import FailureKind, RemoteFailure

SEEDS = 2**32
"""Its noise has so many seeds; larger ones are taken modulo this."""
NOISE, DENOISE, OUTPUT = "noise", "denoise", "output"
"""Ids of nodes that are looked at afterwards."""
_NO_BRACKETS = str.maketrans("", "", "<>")
Images = Mapping[bytes, str]
"""The server's names of uploaded pictures."""


def pictures(wanted: Drawing) -> Iterator[bytes]:
    """What is to be uploaded for a drawing."""
    yield from (part.picture for part in wanted.controls)
    yield from (picture for picture in (wanted.image, wanted.mask) if picture)


def graph(wanted: Drawing, stock: Stock, images: Images) -> Graph:
    """The graph of a drawing. Raises RemoteFailure for what does not go together, or is not there any more."""
    match wanted.kind:
        case "text" | "image" | "masked":
            return _Generation(wanted, stock, images).graph
        case "upscale":
            return _enlarging(wanted, stock, images)
        case "faces" | "control":
            raise _cannot("InvokeAI makes no such picture by itself", "model_id", wanted.model)


def _enlarging(wanted: Drawing, stock: Stock, images: Images) -> Graph:
    made = Graph()
    made.output = made.measured = OUTPUT
    image = _image(images, wanted.image)
    if wanted.model not in stock.esrgan:
        model = stock.model(wanted.model, "model_id").identifier
        made.add(OUTPUT, UPSCALER, image=image, image_to_image_model=model, scale=float(wanted.factor))
        return made
    made.measured = made.add("enlarge", ESRGAN, image=image, model_name=wanted.model)
    scale = wanted.factor / native_factor(wanted.model)
    made.add(OUTPUT, "img_scale", image=Port("enlarge", "image"), scale_factor=scale, resample_mode="lanczos")
    return made


class _Generation:
    """Puts together the graph of one picture."""

    def __init__(self, wanted: Drawing, stock: Stock, images: Images) -> None:
        self.graph = Graph()
        self._wanted = wanted
        self._stock = stock
        self._images = images
        self._model = stock.model(wanted.model, "model_id")
        self._family: Family = FAMILIES[self._model.base]
        self._outputs: dict[str, Port] = {}
        """Where each output of the loader comes from by now."""
        self._load()
        self._patch()
        self._draw()

    def _load(self) -> None:
        family = self._family
        parts: dict[str, object] = {}
        for name, type in family.parts.items():
            part = self._stock.part(type, family.base)
            parts[name] = part.identifier if part else None
        self.graph.add_kept("model", family.loader, model=self._model.identifier, **parts)
        names = {family.model, "vae", *family.texts.values()}
        self._outputs = {name: Port("model", name) for name in names}
        if self._wanted.vae:
            vae = self._fitting(self._wanted.vae, "vae", "the autoencoder")
            self.graph.add_kept("vae", "vae_loader", vae_model=vae.identifier)
            self._outputs["vae"] = Port("vae", "vae")

    def _patch(self) -> None:
        """LoRAs, skipped layers of the text encoder, and seams, each between the loader and what uses it."""
        wanted, family = self._wanted, self._family
        for place, lora in enumerate(wanted.loras):
            record = self._fitting(lora.name, "loras", "the LoRA").identifier
            self._through(f"lora_{place}", family.lora, family.patched, lora=record, weight=lora.weight)
        if wanted.clip_skip and family.clip_skip:
            self._through("clip_skip", family.clip_skip, ("clip",), skipped_layers=wanted.clip_skip)
        if wanted.tiling:
            names = (family.model, "vae")
            self._through("seamless", family.seamless, names, seamless_x=True, seamless_y=True)

    def _through(self, id: str, type: str, names: tuple[str, ...], **fields: object) -> None:
        """Lead outputs through one more node."""
        self.graph.add_kept(id, type, **{name: self._outputs[name] for name in names}, **fields)
        self._outputs |= {name: Port(id, name) for name in names}

    def _draw(self) -> None:
        wanted, family, graph = self._wanted, self._family, self.graph
        denoiser: dict[str, object] = {
            family.model: self._outputs[family.model],
            family.positive: self._text("positive", wanted.prompt, wanted.prompt_2),
            family.steps_field: wanted.steps,
            family.guidance_field: wanted.guidance_scale,
            "scheduler": wanted.scheduler or None,
            "control": self._controls(),
        }
        if family.negative:
            denoiser[family.negative] = self._text(
                "negative", wanted.negative_prompt, wanted.negative_prompt_2
            )
        if family.noise:
            size = {"width": wanted.width, "height": wanted.height}
            graph.add(NOISE, family.noise, seed=wanted.seed % SEEDS, use_cpu=True, **size)
            denoiser["noise"] = Port(NOISE, "noise")
        else:
            denoiser |= {"seed": wanted.seed % SEEDS, "width": wanted.width, "height": wanted.height}
        if wanted.controls and family.control == "flux_controlnet":
            denoiser["controlnet_vae"] = self._outputs["vae"]
        if wanted.kind != "text":
            denoiser |= {"latents": self._initial(), "denoising_start": round(1 - wanted.strength, 6)}
        if wanted.kind == "masked":
            denoiser["denoise_mask"] = self._mask()
        graph.measured = graph.add(DENOISE, family.denoiser, **denoiser)
        graph.output = graph.add(
            OUTPUT,
            family.image_decoder,
            latents=Port(DENOISE, "latents"),
            vae=self._outputs["vae"],
            fp32=self._precise(family.image_decoder),
        )

    def _text(self, id: str, prompt: str, style: str) -> Port:
        family, wanted = self._family, self._wanted
        fields: dict[str, object] = {"prompt": self._called(prompt)}
        if family.has_style:
            fields["style"] = self._called(style)
            for side in ("original", "target"):
                fields |= {f"{side}_width": wanted.width, f"{side}_height": wanted.height}
        texts = {name: self._outputs[output] for name, output in family.texts.items()}
        return Port(self.graph.add_kept(id, family.text_encoder, **texts, **fields), "conditioning")

    def _called(self, text: str) -> str:
        """A prompt whose textual inversions are called as the server calls them."""

        def call(name: str) -> str:
            server_name = self._wanted.embeddings.get(name)
            if server_name is None:
                return name
            # One of another family would be left out without a word.
            return f"<{self._fitting(server_name, 'prompt', 'the textual inversion').name}>"

        # A name in brackets would use a textual inversion that nobody has allowed.
        return EMBEDDING.sub(lambda found: call(embedding_id(found)), text.translate(_NO_BRACKETS))

    def _initial(self) -> Port:
        encoder = self._family.image_encoder
        image = _image(self._images, self._wanted.image)
        fields = {"image": image, "vae": self._outputs["vae"], "fp32": self._precise(encoder)}
        return Port(self.graph.add("initial", encoder, **fields), "latents")

    def _mask(self) -> Port:
        """What is to be drawn is black there."""
        image = None
        if self._model.variant == "inpaint":
            image = _image(self._images, self._wanted.image)
        self.graph.add("inverted", "img_lerp", image=_image(self._images, self._wanted.mask), min=255, max=0)
        mask = {"mask": Port("inverted", "image"), "vae": self._outputs["vae"], "image": image}
        return Port(self.graph.add("mask", "create_denoise_mask", **mask), "denoise_mask")

    def _controls(self) -> Port | None:
        if not self._wanted.controls:
            return None
        self.graph.add("controls", "collect")
        for place, part in enumerate(self._wanted.controls):
            model = self._fitting(part.model, "type", "the ControlNet")
            self.graph.add(
                f"control_{place}",
                self._family.control,
                image=self._control_picture(place, part),
                control_model=model.identifier,
                control_weight=part.strength,
                begin_step_percent=part.start,
                end_step_percent=part.end,
            )
            self.graph.join(Port(f"control_{place}", "control"), "controls", "item")
        return Port("controls", "collection")

    def _control_picture(self, place: int, part: ControlPart) -> Port | dict[str, str]:
        picture = _image(self._images, part.picture)
        if not part.preprocess or part.type not in DETECTORS:
            return picture
        node, fields = DETECTORS[part.type]
        if not self._stock.nodes.has(node):
            raise _cannot(
                f"it makes no control picture of type '{part.type}'; send one, without preprocess",
                "preprocess",
                part.type,
            )
        return Port(self.graph.add(f"detected_{place}", node, image=picture, **fields), "image")

    def _fitting(self, name: str, asked_in: str, what: str) -> Model:
        """A model that goes with the one that draws. Raises RemoteFailure for one of another family."""
        found = self._stock.model(name, asked_in)
        if found.base != self._model.base:
            raise _cannot(
                f"{what} '{name}' is for {_label(found.base)}, and '{self._wanted.model}' is of {self._family.label}",
                asked_in,
                name,
            )
        return found

    def _precise(self, node: str) -> bool | None:
        """Half precision overflows in some autoencoders, and the picture is black; some nodes always take all of it."""
        return True if "fp32" in self._stock.nodes.fields.get(node, {}) else None


def _image(images: Images, picture: bytes) -> dict[str, str]:
    return {"image_name": images[picture]}


def _label(base: str) -> str:
    return FAMILIES[base].label if base in FAMILIES else base


def _cannot(words: str, asked_in: str, asked: str) -> RemoteFailure:
    return RemoteFailure(FailureKind.BAD_REQUEST, words, field=asked_in, asked=asked, was_sent=False)
