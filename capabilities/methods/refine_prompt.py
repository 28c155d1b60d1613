"""`refinePrompt`: a prompt with more of what makes a picture, written by a chat model or by rules; no picture is made."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from capabilities.arguments import Arguments, ModelId, spelled
from capabilities.errors import InvalidArgument
from capabilities.methods.declaration import Method
from capabilities.tasks import Text

RULES = "rules"
"""Stands for the refiner that is no model."""
MAX_REFINED = 2000
"""Characters of a refined prompt; one that is longer to begin with is not refined."""


class RefinePromptArguments(Arguments):
    prompt: Annotated[
        Text,
        Field(
            description=f"What the picture shows; at most {MAX_REFINED} characters.",
            validation_alias=spelled("prompt"),
        ),
    ]
    model_id: Annotated[
        ModelId | None,
        Field(description="A chat model of an engine, or 'rules'; left out: the first that may be used, else rules.",
              validation_alias=spelled("model_id", "model")),
    ] = None  # fmt: skip

    def require_possible(self) -> None:
        """Raises InvalidArgument for a prompt without words, or that is too long to say more."""
        if not self.prompt.strip():
            raise InvalidArgument(
                "'prompt' is empty; say what the picture shows", reason="BAD_ARGUMENT", field="prompt"
            )
        if len(self.prompt) > MAX_REFINED:
            raise InvalidArgument(
                f"'prompt' must have at most {MAX_REFINED} characters to be refined; got {len(self.prompt)}",
                reason="BAD_ARGUMENT",
                field="prompt",
                limit=f"at most {MAX_REFINED} characters",
                asked=f"{len(self.prompt)} characters",
            )


METHOD = Method(
    capability_type="diffusers.generate",
    name="refinePrompt",
    label="Refine a prompt",
    description="Writes a fuller prompt from a short one.",
    rpc="RefinePrompt",
    positional=("prompt",),
    arguments=RefinePromptArguments,
)
