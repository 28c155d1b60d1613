"""Textual inversions: vectors that stand for a word of the prompt, put in for one job and taken out after it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from capabilities.errors import FailedPrecondition
from capabilities.methods.generation import EMBEDDING, embedding_id
from sidecar.engines.local.messages import ModelSource
from sidecar.engines.local.model_faults import loading
from sidecar.engines.local.model_files import UnusableModel, shown
from sidecar.engines.local.weights import read_header


def load(pipeline: Any, sources: list[ModelSource], model_id: str) -> None:
    """Teach the pipeline's text encoders the word of each inversion. Raises FailedPrecondition where they do not fit."""
    if not hasattr(pipeline, "load_textual_inversion"):
        raise FailedPrecondition(
            f"the model '{model_id}' ({type(pipeline).__name__}) takes no textual inversion; leave embedding:... out",
            reason="MODEL_CANNOT",
            field="prompt",
            asked=sources[0].id,
        )
    for place, source in enumerate(sources):
        what = f"the textual inversion '{source.id}' does not fit the model '{model_id}'"
        with loading(what, source.id, field="prompt", reason="EMBEDDING_DOES_NOT_FIT"):
            read_header(Path(source.location))
            state = load_file(Path(source.location))
            for name, vectors in state.items():
                if not bool(torch.isfinite(vectors).all()):
                    raise UnusableModel(
                        f"its vectors {shown(name)} have values that are not numbers; the file is damaged"
                    )
            # Files for models with two text encoders have vectors for each.
            parts = (
                [state]
                if "clip_l" not in state
                else [{"emb_params": state["clip_l"]}, {"emb_params": state["clip_g"]}]
            )
            for part, (tokenizer, encoder) in zip(parts, _encoders(pipeline), strict=False):
                pipeline.load_textual_inversion(
                    part, token=_word(place), tokenizer=tokenizer, text_encoder=encoder
                )


def unload(pipeline: Any) -> None:
    """Take all of them out again."""
    for tokenizer, encoder in _encoders(pipeline):
        words = [word for word in tokenizer.get_added_vocab() if word.startswith(_PREFIX)]
        if words:
            pipeline.unload_textual_inversion(tokens=words, tokenizer=tokenizer, text_encoder=encoder)


def in_words(text: str, embeddings: tuple[str, ...]) -> str:
    """The prompt with each `embedding:ID` as the word that the text encoders learnt for it."""
    return EMBEDDING.sub(lambda match: _word(embeddings.index(embedding_id(match))), text)


_PREFIX = "<viwo-embedding-"


def _word(place: int) -> str:
    return f"{_PREFIX}{place}>"


def _encoders(pipeline: Any) -> list[tuple[Any, Any]]:
    pairs = [
        (getattr(pipeline, f"tokenizer{end}", None), getattr(pipeline, f"text_encoder{end}", None))
        for end in ("", "_2")
    ]
    return [(tokenizer, encoder) for tokenizer, encoder in pairs if None not in (tokenizer, encoder)]
