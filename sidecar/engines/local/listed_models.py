"""Models that are known without looking for them: those of Python packages, and hub ids that the operator listed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from capabilities.models import GENERATION, IMAGE_TO_IMAGE, ModelFacts
from sidecar.config import HubModel
from sidecar.engines.local.discovery import LocalModel
from sidecar.engines.local.messages import ModelSource
from sidecar.engines.local.packaged import HED, REALESRGAN

ANNOTATORS = "lllyasviel/Annotators"
OF_THIS_PROGRAM = "this program"


def hub_model(entry: HubModel) -> LocalModel:
    # What a hub model can do is known when it has been fetched; until then nothing is refused beforehand.
    facts = ModelFacts(
        entry.id,
        entry.steps,
        entry.guidance_scale,
        entry.width,
        entry.height,
        methods=GENERATION | IMAGE_TO_IMAGE,
    )
    source = ModelSource(
        entry.id,
        entry.id,
        "hub",
        revision=entry.revision or "",
        granularity=16,
        side=max(entry.width, entry.height),
    )
    told_by = f"hub_models in the configuration; see the card at huggingface.co/{entry.id}"
    return LocalModel(facts, source, "hub", f"{entry.id} from the hub", 0, told_by=told_by)


def packaged_upscalers() -> Iterator[LocalModel]:
    """Real-ESRGAN's networks, whose weights come inside a Python package and are fetched when first needed."""
    for model_id, files, factor, description in (
        ("realesrgan-x4plus", "realesrgan-x4plus", 4, "Real-ESRGAN for photographs and paintings, slow"),
        ("realesrgan-x4plus-anime", "realesrgan-x4plus-anime", 4, "Real-ESRGAN for drawings and icons"),
        ("realesr-animevideov3", "realesr-animevideov3-x[24]", 4, "Real-ESRGAN compact: drawings, fast"),
    ):
        facts = ModelFacts(model_id, methods=frozenset({"upscale"}), factor=factor)
        source = ModelSource(model_id, files, "package", role="upscaler", revision=REALESRGAN.sha256[:16])
        yield LocalModel(
            facts, source, "Real-ESRGAN", description, 0, license=REALESRGAN.license, told_by=OF_THIS_PROGRAM
        )


def annotators() -> Iterator[LocalModel]:
    """What makes control pictures: HED from a package, the others from the hub when they are first used."""
    able = frozenset({"preprocess"})
    facts = ModelFacts("hed", methods=able)
    source = ModelSource("hed", "hed", "package", role="annotator", revision=HED.sha256[:16])
    yield LocalModel(
        facts, source, "HED", "Soft edges (BSDS500)", 0, license=HED.license, told_by=OF_THIS_PROGRAM
    )
    for model_id, description in (
        ("openpose", "People as stick figures"), ("midas-depth", "Depth"), ("lineart", "Clean lines"),
        ("normalbae", "Surface normals"),
    ):  # fmt: skip
        source = ModelSource(model_id, ANNOTATORS, "hub", role="annotator")
        facts = ModelFacts(model_id, methods=able, ready=_in_hub_cache(ANNOTATORS))
        words = f"{description}, from the hub"
        yield LocalModel(facts, source, "controlnet-aux", words, 0, told_by=OF_THIS_PROGRAM)


def _in_hub_cache(repository: str) -> bool:
    home = Path(os.environ.get("HF_HOME") or "~/.cache/huggingface").expanduser()
    return (home / "hub" / f"models--{repository.replace('/', '--')}").is_dir()
