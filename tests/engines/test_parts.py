"""LoRAs, other autoencoders, seamless pictures, and options that a family does not take."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
import numpy as np
import pytest

from sidecar.pb.viwo.imagegen.v1 import image_pb2, model_pb2
from sidecar.testing import tiny_models
from sidecar.testing.pictures import pixels
from sidecar.testing.refusals import error_info, refused
from sidecar.testing.requests import text_to_image
from sidecar.testing.server import Sidecar, started


@pytest.fixture(scope="module")
async def equipped(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sidecar]:
    """A server with a model, LoRAs in both formats, one that does not fit, and another autoencoder."""
    root = tmp_path_factory.mktemp("equipped")
    base = tiny_models.stable_diffusion(root / "sd")
    tiny_models.lora(root / "kohya.safetensors", base, kohya=True)
    tiny_models.lora(root / "plain.safetensors", base, kohya=False)
    tiny_models.autoencoder(root / "soft", seed=9)
    (root / "other").mkdir()
    tiny_models.embedding(root / "moss.safetensors", {"emb_params": (1, 32)})
    tiny_models.embedding(root / "many.safetensors", {"emb_params": (3, 32)}, seed=4)
    tiny_models.embedding(root / "other" / "moss.safetensors", {"<moss>": (1, 32)}, seed=5)
    tiny_models.embedding(root / "wide.safetensors", {"emb_params": (1, 48)})
    async with started(root, tmp_path_factory.mktemp("data")) as running:
        yield running


async def painted(sidecar: Sidecar, *loras: tuple[str, float], **options: Any) -> np.ndarray[Any, Any]:
    used = [image_pb2.Lora(id=name, weight=weight) for name, weight in loras]
    request = text_to_image(await sidecar.context(), loras=used, **options)
    return pixels((await sidecar.images.TextToImage(request)).images[0].data)


async def test_the_files_are_told_by_what_is_in_them(equipped: Sidecar) -> None:
    found = (await equipped.models.List(model_pb2.ListModelsRequest())).models
    families = {item.id: item.family for item in found}
    assert families["kohya"] == families["plain"] == "LoRA"
    assert families["soft"] == "AutoencoderKL"


async def test_a_lora_acts_by_its_weight_and_is_gone_afterwards(equipped: Sidecar) -> None:
    before = await painted(equipped)
    for name in ("kohya", "plain"):
        full, half = await painted(equipped, (name, 1.0)), await painted(equipped, (name, 0.5))
        assert not np.array_equal(full, before)
        assert not np.array_equal(full, half)
        assert np.array_equal(await painted(equipped, (name, 0.0)), before)
    assert np.array_equal(await painted(equipped), before)


async def test_both_formats_mean_the_same_and_several_add_up(equipped: Sidecar) -> None:
    one, other = await painted(equipped, ("kohya", 0.7)), await painted(equipped, ("plain", 0.7))
    assert np.abs(one.astype(int) - other).max() <= 1
    both = await painted(equipped, ("kohya", 0.35), ("plain", 0.35))
    assert np.abs(both.astype(int) - one).max() <= 2


async def test_another_autoencoder_decodes_and_is_gone_afterwards(equipped: Sidecar) -> None:
    before = await painted(equipped)
    assert not np.array_equal(await painted(equipped, vae="soft"), before)
    assert np.array_equal(await painted(equipped), before)


async def test_a_seamless_picture_joins_at_its_edges(equipped: Sidecar) -> None:
    size = {"width": 192, "height": 192}
    plain, seamless = await painted(equipped, **size), await painted(equipped, tiling=True, **size)
    assert np.array_equal(await painted(equipped, **size), plain)

    def jump(image: np.ndarray[Any, Any]) -> float:
        """How far the step over the left and right edge is from a usual step between columns, as a share of it."""
        wide = image.astype(float)
        usual = np.abs(np.diff(wide, axis=1)).mean()
        return float(abs(np.abs(wide[:, 0] - wide[:, -1]).mean() / usual - 1))

    assert jump(seamless) < 0.1 < jump(plain)


async def test_clip_skip_changes_the_picture(equipped: Sidecar) -> None:
    assert not np.array_equal(await painted(equipped, clip_skip=1), await painted(equipped))


@pytest.mark.parametrize(
    ("options", "field", "code"),
    [
        ({"prompt_2": "x"}, "options.prompt_2", grpc.StatusCode.FAILED_PRECONDITION),
        ({"vae": "sd"}, "options.vae", grpc.StatusCode.FAILED_PRECONDITION),
        ({"vae": "nothing"}, "options.vae", grpc.StatusCode.NOT_FOUND),
        (
            {"loras": [image_pb2.Lora(id="soft", weight=1)]},
            "options.loras[0].id",
            grpc.StatusCode.FAILED_PRECONDITION,
        ),
        (
            {"loras": [image_pb2.Lora(id="kohya", weight=9)]},
            "options.loras[0].weight",
            grpc.StatusCode.INVALID_ARGUMENT,
        ),
        (
            {"model_id": "icons", "loras": [image_pb2.Lora(id="kohya", weight=1)]},
            "options.loras",
            grpc.StatusCode.FAILED_PRECONDITION,
        ),
    ],
)
async def test_what_does_not_fit_is_named(
    equipped: Sidecar, options: dict[str, Any], field: str, code: grpc.StatusCode
) -> None:
    error = await refused(equipped.images.TextToImage(text_to_image(await equipped.context(), **options)))
    assert (error.code(), error_info(error).metadata["field"]) == (code, field), error.details()


async def test_every_part_must_be_allowed(equipped: Sidecar) -> None:
    context = await equipped.context({"allowed_models": ["sd", "kohya"]})
    allowed = [image_pb2.Lora(id="kohya", weight=1)]
    assert (await equipped.images.TextToImage(text_to_image(context, loras=allowed))).images
    for options in ({"loras": [image_pb2.Lora(id="plain", weight=1)]}, {"vae": "soft"}):
        error = await refused(equipped.images.TextToImage(text_to_image(context, **options)))
        assert error.code() == grpc.StatusCode.PERMISSION_DENIED


async def test_a_textual_inversion_acts_where_the_prompt_names_it_and_is_gone_afterwards(
    equipped: Sidecar,
) -> None:
    context = await equipped.context()

    async def drawn(prompt: str) -> bytes:
        answer = await equipped.images.TextToImage(text_to_image(context, prompt))
        return bytes(answer.images[0].data)

    plain = await drawn("a moss sword")
    for name in ("moss", "many", "other/moss"):
        assert await drawn(f"a embedding:{name} sword") != plain
        assert await drawn("a moss sword") == plain
    # Batching with weights, which are read by another library, and two at once.
    weighted = await drawn("a embedding:moss (sword:1.3)")
    assert weighted not in (plain, await drawn("a moss (sword:1.3)"))
    both = await drawn("embedding:moss embedding:many")
    assert both not in (await drawn("embedding:moss"), await drawn("embedding:many"))
    assert await drawn("a moss sword") == plain


async def test_textual_inversions_that_cannot_be(equipped: Sidecar) -> None:
    context = await equipped.context()
    for prompt, code in (
        ("embedding:nothing", grpc.StatusCode.NOT_FOUND),
        ("embedding:kohya", grpc.StatusCode.FAILED_PRECONDITION),
        ("embedding:wide", grpc.StatusCode.FAILED_PRECONDITION),
    ):
        error = await refused(equipped.images.TextToImage(text_to_image(context, prompt)))
        assert error.code() is code
    narrow = await equipped.context({"allowed_models": ["sd"]})
    error = await refused(equipped.images.TextToImage(text_to_image(narrow, "embedding:moss")))
    assert error.code() is grpc.StatusCode.PERMISSION_DENIED
    assert error_info(error).metadata["asked"] == "moss"
