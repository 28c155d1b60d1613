"""Prompts with weights, `(a rusty sword:1.3)`, and prompts beyond CLIP's 77 tokens, through compel."""

from __future__ import annotations

import re
from typing import Any

from capabilities.errors import FailedPrecondition

_MARKS = re.compile(r"\\[()]|[()]|:\s*(-?\d*\.?\d+)\s*\)")
MOST_WEIGHT = 4.0


def weighted_parts(text: str) -> list[tuple[str, float]]:
    """The prompt cut where its weight changes.

    `(words:1.2)` weighs 1.2 times as much, also within another; brackets without a number are plain text, and so are
    `\\(` and `\\)`. A weight beyond 4 counts as 4.
    """
    parts: list[tuple[str, float]] = []
    opened: list[int] = []
    plain = 0
    for found in _MARKS.finditer(text):
        parts.append((text[plain : found.start()], 1.0))
        plain = found.end()
        mark = found.group()
        if mark == "(":
            opened.append(len(parts))
            parts.append((mark, 1.0))
        elif found.group(1) is not None and opened:
            start = opened.pop()
            factor = max(-MOST_WEIGHT, min(MOST_WEIGHT, float(found.group(1))))
            parts[start] = ("", 1.0)
            parts[start + 1 :] = [(words, weight * factor) for words, weight in parts[start + 1 :]]
        elif mark == ")":
            # Brackets without a number are what they look like.
            parts.append((mark, 1.0))
            del opened[-1:]
        else:
            parts.append((mark[1:] if mark[0] == "\\" else mark, 1.0))
    parts.append((text[plain:], 1.0))
    merged: list[tuple[str, float]] = []
    for words, weight in parts:
        if merged and merged[-1][1] == weight:
            merged[-1] = (merged[-1][0] + words, weight)
        elif words:
            merged.append((words, weight))
    return merged


def conditioning(pipeline: Any, arguments: dict[str, Any], clip_skip: int) -> dict[str, Any]:
    """The pipeline's arguments with its prompts as embeddings, where they have weights or are too long for it.

    Only for Stable Diffusion 1, 2 and XL; other families read the text as it is.
    """
    wrapper = _wrapper(type(pipeline).__name__)
    if wrapper is None or "CLIP" not in type(pipeline.tokenizer).__name__:
        return arguments
    if not _needs(pipeline, [arguments["prompt"], arguments["negative_prompt"] or ""]):
        # A weight of 1 and a bracket that was escaped are plain text.
        texts = {name: arguments[name] for name in ("prompt", "negative_prompt") if arguments[name]}
        return arguments | {
            name: "".join(words for words, _ in weighted_parts(text)) for name, text in texts.items()
        }
    if clip_skip:
        raise FailedPrecondition(
            "clip_skip does not go together with a prompt that has weights or more than 75 tokens; leave one out",
            reason="MODEL_CANNOT",
            field="clip_skip",
            asked=str(clip_skip),
        )
    import compel

    encode: Any = getattr(compel, wrapper)(pipeline)
    for name in ("compel", "compel_1", "compel_2"):
        if hasattr(encode, name):
            getattr(encode, name).parse_prompt_string = _conjunction
    kept = {
        name: value
        for name, value in arguments.items()
        if name not in ("prompt", "negative_prompt", "prompt_2", "negative_prompt_2")
    }
    negative = arguments["negative_prompt"] or ""
    if wrapper == "CompelForSD":
        made = encode(arguments["prompt"], negative_prompt=negative)
        return kept | {"prompt_embeds": made.embeds, "negative_prompt_embeds": made.negative_embeds}
    made = encode(
        arguments["prompt"],
        style_prompt=arguments.get("prompt_2") or None,
        negative_prompt=negative,
        negative_style_prompt=arguments.get("negative_prompt_2") or None,
    )
    # What the pipeline does itself with no negative prompt, for models that were trained so.
    zeros = not negative and pipeline.config.get("force_zeros_for_empty_prompt", False)
    return kept | {
        "prompt_embeds": made.embeds,
        "negative_prompt_embeds": made.negative_embeds * (0 if zeros else 1),
        "pooled_prompt_embeds": made.pooled_embeds,
        "negative_pooled_prompt_embeds": made.negative_pooled_embeds * (0 if zeros else 1),
    }


def _wrapper(family: str) -> str | None:
    if family.startswith("StableDiffusionXL"):
        return "CompelForSDXL"
    if family.startswith("StableDiffusion") and not family.startswith("StableDiffusion3"):
        return "CompelForSD"
    return None


def _needs(pipeline: Any, texts: list[str]) -> bool:
    """Whether a prompt has weights, or more tokens than the text encoder takes."""
    tokenizer = pipeline.tokenizer
    if any(weight != 1 for text in texts for _, weight in weighted_parts(text)):
        return True
    return any(
        len(tokenizer(text, truncation=False).input_ids) > tokenizer.model_max_length for text in texts
    )


def _conjunction(text: str) -> Any:
    """The prompt in compel's own form, past its own syntax, in which + and quotes would have a meaning."""
    from compel.prompt_parser import Conjunction, FlattenedPrompt, Fragment

    parts = weighted_parts(text) or [("", 1.0)]
    return Conjunction([FlattenedPrompt([Fragment(words, weight) for words, weight in parts])])
