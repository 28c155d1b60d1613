"""`[[engines]]` of the configuration: which image servers are engines here, and on what terms."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, PrivateAttr, model_validator

from capabilities.budgets import UNITS, Price
from capabilities.models import ModelFacts
from capabilities.params import MAX_AMOUNT

MAX_PRICE = 1_000_000.0
"""Highest price of a picture or a megapixel-step, in the currency."""
RESERVED = frozenset({"local", "builtin", "glyphs", "ray"})
"""Names of engines that are not other people's servers."""

Kind = Literal["comfyui", "a1111", "invokeai", "fooocus", "openai"]
Fit = Literal["refuse", "scale", "crop"]
Quirk = Literal[
    "all-models",
    "batch-seeds",
    "guidance",
    "image-array",
    "max-completion-tokens",
    "negative-prompt",
    "negative-after-bar",
    "no-edits",
    "no-n",
    "output-format",
    "response-format",
    "sd-cpp",
    "seed",
    "size-auto",
    "step",
    "steps",
    "stream",
    "strength",
    "transparent",
    "variations",
]
"""In what an OpenAI-compatible server differs from what they all do; docs/engines.md says what each means."""
Seconds = Annotated[float, Field(gt=0, le=86_400)]


def _address(text: str) -> str:
    """An address without a slash at its end. Raises ValueError for one that holds a credential, a query or a fragment."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must begin with http:// or https:// and name a host, such as http://127.0.0.1:8188")
    if parts.username or parts.password:
        raise ValueError("must not hold a user or a password; put them into key_file")
    if parts.query or parts.fragment:
        raise ValueError("must not have a '?' or a '#'")
    return text.rstrip("/")


Address = Annotated[str, AfterValidator(_address)]


class Timeouts(BaseModel):
    """Seconds that the phases of a conversation may take."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    connect: Seconds = 5.0
    read: Seconds = 30.0
    """Without a byte, in any answer but the one that waits for a picture."""
    draw: Seconds = 600.0
    """From sending a task to its picture, waiting there included."""


class RemoteModel(BaseModel):
    """A model of the server, by the name that the server has for it; what is left out takes the engine's own.

    Sizes in pixels. Prices in the currency.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=400)]
    description: str = ""
    base: str = ""
    """Fooocus: the checkpoint that this is a variant of; empty: `name` is a checkpoint itself."""
    options: dict[str, JsonValue] = {}
    """Fooocus: what is sent with each request besides, such as performance_selection and style_selections."""
    family: Literal["", "sd1", "sd2", "sdxl", "sd3", "flux"] = ""
    """ComfyUI: which family a file belongs to; left out: what the file and its name tell."""
    methods: frozenset[str] | None = None
    """In-world names; left out: what the connector knows the kind of model to do."""
    steps: Annotated[int, Field(ge=1, le=1000)] | None = None
    guidance_scale: Annotated[float, Field(ge=0, le=100)] | None = None
    width: Annotated[int, Field(ge=8, le=8192)] | None = None
    height: Annotated[int, Field(ge=8, le=8192)] | None = None
    sizes: tuple[Annotated[str, Field(pattern=r"^[1-9]\d{1,4}x[1-9]\d{1,4}$")], ...] = ()
    """The sizes that it draws at, as "1024x1024"; none: any."""
    most_images: Annotated[int, Field(ge=1, le=10)] | None = None
    """Pictures that it draws in one call."""
    quality: Annotated[str, Field(pattern=r"^[a-z]{0,16}$")] = ""
    """OpenAI-compatible: what is sent as `quality`; empty: nothing."""
    per_image: Annotated[float, Field(ge=0, le=MAX_PRICE)] | None = None
    per_megapixel_step: Annotated[float, Field(ge=0, le=MAX_PRICE)] | None = None
    compute_per_image: Annotated[float, Field(ge=0, le=MAX_AMOUNT)] | None = None
    """What a picture counts as, in megapixel-steps, where the model's steps cannot be counted."""


class EngineSettings(BaseModel):
    """An image server, or several with the same models, as one engine. Never from a script, the world or HTTP."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
    """Stands before the colon in the ids of its models."""
    kind: Kind
    urls: Annotated[tuple[Address, ...], Field(min_length=1, max_length=16)]
    slots: Annotated[int, Field(ge=1, le=64)] = 1
    """Jobs that each of the servers is given at a time."""
    key_file: Path | None = None
    """A file with the key, or with user:password for a server that asks for these."""
    ca_file: Path | None = None
    """Certificates that are trusted instead of the machine's own, PEM."""
    timeouts: Timeouts = Timeouts()
    models: tuple[RemoteModel, ...] = ()
    """What is known of models beforehand; those that the server lists itself are there without."""
    only_these_models: bool = False
    """Whether models that are not named here stay out, though the server lists them."""
    fit: Fit = "refuse"
    """What becomes of a picture of another size than asked: a failure, or scaled, or cut to size."""
    per_image: Annotated[float, Field(ge=0, le=MAX_PRICE)] = 0.0
    per_megapixel_step: Annotated[float, Field(ge=0, le=MAX_PRICE)] = 0.0
    billed_when_canceled: bool = True
    compute_per_image: Annotated[float, Field(ge=0, le=MAX_AMOUNT)] | None = None
    workflows: Path | None = None
    """ComfyUI: a folder with workflows in API format, each with its inputs beside it."""
    quirks: frozenset[Quirk] = frozenset()
    """OpenAI-compatible: in what the server differs."""
    chat_model: str = ""
    """OpenAI-compatible: the model that refines prompts; empty: none."""
    per_refinement: Annotated[float, Field(ge=0, le=MAX_PRICE)] | None = None
    """What a prompt refined by the chat model costs; None: nothing."""

    _prices: dict[str, Price] = PrivateAttr(default_factory=dict)
    """Of `[[prices]]`, which count for more than what stands here."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.name in RESERVED:
            raise ValueError(f"name '{self.name}' belongs to an engine of this sidecar; choose another")
        of_kinds = {"workflows": "comfyui"} | dict.fromkeys(
            ("quirks", "chat_model", "per_refinement"), "openai"
        )
        for field, kind in of_kinds.items():
            if getattr(self, field) and self.kind != kind:
                raise ValueError(f'{field} goes with kind = "{kind}" only')
        if self.kind != "fooocus" and any(model.base or model.options for model in self.models):
            raise ValueError('base and options of a model go with kind = "fooocus" only')
        if self.kind != "comfyui" and any(model.family for model in self.models):
            raise ValueError('a model\'s family goes with kind = "comfyui" only')
        names = [model.name for model in self.models] + ([self.chat_model] if self.chat_model else [])
        if len(set(names)) < len(names):
            raise ValueError("two of its models have the same name")
        if "size-auto" in self.quirks and self.fit == "refuse":
            raise ValueError(
                "quirks with size-auto leave the size to the server, so fit must be scale or crop"
            )
        if self.kind == "openai" and self.key_file is not None and not self._says_what_it_costs:
            raise ValueError(
                "says nothing of what a picture costs: set per_image (0 where it is free), for the engine or each model"
            )
        if self.key_file is not None and self.chat_model and self.per_refinement is None:
            raise ValueError(
                "says nothing of what refining a prompt costs: set per_refinement (0 where it is free)"
            )
        return self

    @property
    def _says_what_it_costs(self) -> bool:
        priced = {"per_image", "per_megapixel_step"}
        return bool(priced & self.model_fields_set) or (
            bool(self.models) and all(priced & model.model_fields_set for model in self.models)
        )

    def model_named(self, name: str) -> RemoteModel:
        """What is known of a model beforehand."""
        return next((model for model in self.models if model.name == name), RemoteModel(name=name))

    def id_of(self, name: str) -> str:
        """The id that callers use for a model of the server."""
        return f"{self.name}:{name}"

    def priced(self, prices: Mapping[str, Price]) -> Self:
        """The same where some of its models cost what is said elsewhere, by their names."""
        copy = self.model_copy()
        copy._prices = dict(prices)
        return copy

    def part(self, name: str, method: str, **facts: Any) -> ModelFacts:
        """What is known of a model that draws nothing itself, such as a LoRA, by what it can do."""
        return ModelFacts(self.id_of(name), methods=frozenset({method}), revision=name, **facts)

    def price(self, name: str) -> Price:
        """What a model costs; zero throughout where it is free."""
        if name in self._prices:
            return self._prices[name]
        if name == self.chat_model:
            return Price(round((self.per_refinement or 0) * UNITS), 0, self.billed_when_canceled)
        model = self.model_named(name)
        per_image = self.per_image if model.per_image is None else model.per_image
        per_step = self.per_megapixel_step if model.per_megapixel_step is None else model.per_megapixel_step
        is_of_engine = model.per_image is None and model.per_megapixel_step is None
        return Price(
            round(per_image * UNITS), round(per_step * UNITS), self.billed_when_canceled, is_of_engine
        )

    @property
    def is_paid(self) -> bool:
        """Whether any of its models costs money."""
        prices = [self.per_image, self.per_megapixel_step, self.per_refinement or 0]
        for model in self.models:
            prices += [model.per_image or 0, model.per_megapixel_step or 0]
        return any(price > 0 for price in prices) or not all(price.is_free for price in self._prices.values())
