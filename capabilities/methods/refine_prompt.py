"""`refinePrompt`: a prompt with more of what makes a picture, written by a chat model or by rules; no picture is made."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from capabilities.arguments import Arguments, ModelId, spelled
from capabilities.errors import InvalidArgument
from capabilities.methods.declaration import Method
from capabilities.tasks import encodable

RULES = "rules"
"""Stands for the refiner that is no model."""
MAX_REFINED = 2000
"""Most characters of a prompt, before and after."""


class RefinePromptArguments(Arguments):
    prompt: Annotated[
        str,
        AfterValidator(encodable),
        Field(
            max_length=MAX_REFINED, description="What the picture shows.", validation_alias=spelled("prompt")
        ),
    ]
    model_id: Annotated[
        ModelId | None,
        Field(description="A chat model of an engine, or 'rules'; left out: the first that may be used, else rules.",
              validation_alias=spelled("model_id", "model")),
    ] = None  # fmt: skip

    def require_words(self) -> None:
        """Raises InvalidArgument for a prompt that is empty."""
        if not self.prompt.strip():
            raise InvalidArgument(
                "'prompt' is empty; say what the picture shows", reason="BAD_ARGUMENT", field="prompt"
            )


METHOD = Method(
    capability_type="diffusers.generate",
    name="refinePrompt",
    label="Refine a prompt",
    description="Writes a fuller prompt from a short one, by a chat model or by rules, and tells by which. No picture is made.",
    rpc="RefinePrompt",
    positional=("prompt",),
    arguments=RefinePromptArguments,
)
