"""Prompts with weights, `(a rusty sword:1.3)`, and prompts beyond CLIP's 77 tokens, through compel."""

from __future__ import annotations

from typing import Any

from capabilities.errors import FailedPrecondition
from capabilities.prompt_weights import weighted_parts

_PROMPTS = ("prompt", "negative_prompt", "prompt_2", "negative_prompt_2")


def conditioning(pipeline: Any, arguments: dict[str, Any], clip_skip: int) -> dict[str, Any]:
    """The pipeline's arguments with its prompts as embeddings, where they have weights or are too long for it.

    Only for Stable Diffusion 1, 2 and XL; other families read the text as it is.
    """
    wrapper = _wrapper(type(pipeline).__name__)
    if wrapper is None or "CLIP" not in type(pipeline.tokenizer).__name__:
        return arguments
    written = [arguments.get(name) or "" for name in _PROMPTS]
    if not _needs(pipeline, [_with_all_vectors(pipeline, text) for text in written]):
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

    # The pipeline does it itself with the texts that it is given.
    arguments = arguments | {
        name: _with_all_vectors(pipeline, arguments[name]) for name in _PROMPTS if arguments.get(name)
    }
    encode: Any = getattr(compel, wrapper)(pipeline)
    for name in ("compel", "compel_1", "compel_2"):
        if hasattr(encode, name):
            getattr(encode, name).parse_prompt_string = _conjunction
    if hasattr(encode, "compel_2"):
        _pool_plain_words(encode.compel_2.conditioning_provider)
    kept = {name: value for name, value in arguments.items() if name not in _PROMPTS}
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


def _with_all_vectors(pipeline: Any, text: str) -> str:
    """A textual inversion of several vectors is a word for each of them; the prompt names the first."""
    if not text or not hasattr(pipeline, "maybe_convert_prompt"):
        return text
    return str(pipeline.maybe_convert_prompt(text, pipeline.tokenizer))


def _pool_plain_words(provider: Any) -> None:
    """Have the embedding of the prompt as a whole made of its words: compel takes the text as it was written, with brackets
    and numbers.
    """
    pooled = provider.get_pooled_embeddings

    def of_words(texts: list[str], *rest: Any, **more: Any) -> Any:
        plain = ["".join(words for words, _ in weighted_parts(text)) for text in texts]
        return pooled(plain, *rest, **more)

    provider.get_pooled_embeddings = of_words


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
