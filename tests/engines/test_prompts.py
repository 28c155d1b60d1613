"""Prompts with weights, and prompts beyond 77 tokens."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from capabilities.methods.generation import embedding_ids
from capabilities.prompt_weights import weighted_parts
from sidecar.engines.local import inversions
from sidecar.engines.local.messages import ModelSource
from sidecar.engines.local.prompts import _pool_plain_words, conditioning
from sidecar.testing import tiny_models
from sidecar.testing.pictures import pixels
from sidecar.testing.refusals import error_info, refused
from sidecar.testing.requests import text_to_image
from sidecar.testing.server import Sidecar


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a cat", [("a cat", 1.0)]),
        ("a (red:1.5) cat", [("a ", 1.0), ("red", 1.5), (" cat", 1.0)]),
        ("(a (red:2) cat:0.5)", [("a ", 0.5), ("red", 1.0), (" cat", 0.5)]),
        ("a (small) cat", [("a (small) cat", 1.0)]),
        (r"a \(small:1.5\) cat", [("a (small:1.5) cat", 1.0)]),
        ("time 10:30) is late", [("time 10:30) is late", 1.0)]),
        ("((a:1.2", [("((a:1.2", 1.0)]),
        ("(x:99)", [("x", 4.0)]),
        ("", []),
    ],
)
def test_weights_are_read(text: str, parts: list[tuple[str, float]]) -> None:
    assert weighted_parts(text) == parts


@given(st.text(alphabet="ab ():.\\12", max_size=40))
def test_no_text_is_lost_or_made_up(text: str) -> None:
    joined = "".join(words for words, _ in weighted_parts(text))
    assert [letter for letter in joined if letter in "ab"] == [letter for letter in text if letter in "ab"]


def test_brackets_without_end_cost_no_time() -> None:
    assert weighted_parts("(" * 16_000) == [("(" * 16_000, 1.0)]
    assert weighted_parts("(" * 2_000 + "a" + ":1.1)" * 2_000)[0][0] == "a"


async def painted(sidecar: Sidecar, prompt: str, **options: Any) -> np.ndarray[Any, Any]:
    request = text_to_image(await sidecar.context(), prompt, **options)
    return pixels((await sidecar.images.TextToImage(request)).images[0].data).astype(int)


async def test_a_weight_acts_and_a_weight_of_one_does_not(sidecar: Sidecar) -> None:
    plain = await painted(sidecar, "a red cat")
    assert np.array_equal(await painted(sidecar, "a (red:1.0) cat"), plain)
    strong, weak = await painted(sidecar, "a (red:1.6) cat"), await painted(sidecar, "a (red:0.4) cat")
    assert np.abs(strong - plain).max() > 2
    assert np.abs(strong - weak).max() > 2


async def test_the_end_of_a_long_prompt_counts(sidecar: Sidecar) -> None:
    long = "word " * 60
    one, two = await painted(sidecar, long + "cat"), await painted(sidecar, long + "dog")
    assert np.abs(one - two).max() > 0


async def test_long_and_weighted_negative_prompts(sidecar: Sidecar) -> None:
    plain = await painted(sidecar, "a cat", negative_prompt="rain")
    assert np.abs(await painted(sidecar, "a cat", negative_prompt="(rain:1.5)") - plain).max() > 0
    assert (await painted(sidecar, "a cat", negative_prompt="rain " * 90)).shape == (64, 64, 3)


async def test_it_does_not_go_with_clip_skip(sidecar: Sidecar) -> None:
    request = text_to_image(await sidecar.context(), "a (red:1.5) cat", clip_skip=1)
    error = await refused(sidecar.images.TextToImage(request))
    assert error_info(error).metadata["field"] == "options.clip_skip"


UNITS = [
    "(", ")", "\\", ":", "1", ".", "-", " ", "\n", "()", ")(", "::", ": ", " :", ":1", "1:", ":-", ":.", "1.", ":1 ", "\\(", "\\)",
    "((a:1.1)", "(:1", "a:1.1)", ":1)", ": 1", "(a)", "(0:", "(a:1)", "(a:9)(", "٣", ":٣",
]  # fmt: skip


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize(("head", "tail"), [("", ""), ("(a:", ":1.1)")])
def test_a_million_characters_cost_what_they_are(unit: str, head: str, tail: str) -> None:
    def seconds(length: int) -> float:
        text = head + unit * (length // len(unit)) + tail
        begun = time.process_time()
        parts = weighted_parts(text)
        assert sum(len(words) for words, _ in parts) <= len(text)
        return time.process_time() - begun

    # What is quadratic takes sixteen times as long, and hours.
    assert seconds(1_000_000) < 8 * max(seconds(250_000), 0.1)


@pytest.mark.parametrize("depth", [1000, 100_000])
def test_deep_brackets_cost_what_they_are(depth: int) -> None:
    parts = weighted_parts("(" * depth + "a" + ":3)b" * depth)
    assert parts[0][0].startswith("a")
    assert parts[0][1] == 1e6
    assert len(parts) < depth + 2
    assert all(math.isfinite(weight) for _, weight in parts)
    assert all(math.isfinite(weight) for _, weight in weighted_parts("(" * depth + "(a:0)" + ":-4)" * depth))


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("a embedding:soft cat", ["soft"]),
        ("embedding:a/b.c, embedding:x-y.", ["a/b.c", "x-y"]),
        ("embedding:\"my style (v2), soft\" and embedding:'two words'", ["my style (v2), soft", "two words"]),
        ('embedding:""', []),
        ("noembedding:soft", []),
    ],
)
def test_embeddings_are_named_also_with_spaces_commas_and_brackets(text: str, ids: list[str]) -> None:
    """sdkit#46."""
    assert embedding_ids(text) == ids
    words = inversions.in_words(text, tuple(dict.fromkeys(ids)))
    assert words.count("<viwo-embedding-") == len(ids)
    assert not embedding_ids(words)


@pytest.mark.parametrize("prompt", ["a (red:1.4) {} cat", "{} " + "word " * 80, "({}:0.7)"])
def test_all_vectors_of_an_embedding_count_with_weights_and_in_long_prompts(
    tmp_path: Path, prompt: str
) -> None:
    """compel#28: only the first did."""
    load: Any = diffusers.StableDiffusionPipeline.from_pretrained
    base = tiny_models.stable_diffusion(tmp_path / "sd")
    vectors = torch.randn(3, 32, generator=torch.Generator().manual_seed(1))
    others = torch.cat([vectors[:1], -vectors[1:]])
    found = []
    for number, state in enumerate((vectors, others)):
        pipeline = load(base)
        file = tmp_path / f"{number}.safetensors"
        save_file({"emb_params": state[:, : pipeline.text_encoder.config.hidden_size].contiguous()}, file)
        inversions.load(pipeline, [ModelSource("style", str(file), "file")], "sd")
        text = inversions.in_words(prompt.format("embedding:style"), ("style",))
        with torch.inference_mode():
            made = conditioning(pipeline, {"prompt": text, "negative_prompt": None}, 0)
        found.append(made["prompt_embeds"])
    assert found[0].shape == found[1].shape
    assert (found[0] - found[1]).abs().max() > 1e-4


def test_a_prompt_as_a_whole_is_pooled_without_brackets_and_numbers() -> None:
    """compel#96."""

    class Provider:
        def get_pooled_embeddings(self, texts: list[str], device: str = "") -> list[str]:
            return texts

    provider = Provider()
    _pool_plain_words(provider)
    assert provider.get_pooled_embeddings(["a (red:1.4) cat (small)"], device="cpu") == ["a red cat (small)"]
