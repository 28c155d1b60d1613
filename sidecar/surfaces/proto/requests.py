"""From a typed request, an in-world call or a batch to plain requests: what the services share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from capabilities import methods
from capabilities.call_options import CallOptions
from capabilities.errors import InvalidArgument, Refusal, Unimplemented
from capabilities.methods import Method
from capabilities.methods.refine_prompt import RefinePromptArguments
from capabilities.tasks import MAX_PROMPT
from sidecar.application.access import Call
from sidecar.application.batches import require_size, task_named, variations
from sidecar.application.generation import GenerationRequest
from sidecar.pb.viwo.imagegen.v1 import common_pb2, image_pb2, job_pb2
from sidecar.surfaces.proto import conversions, job_messages
from sidecar.surfaces.proto.field_names import path_in

MAX_EXPANDED = 64 << 20
"""Most bytes of all tasks that variations stand for, together."""


def text_to_image(request: image_pb2.TextToImageRequest) -> GenerationRequest:
    values: dict[str, object] = {"prompt": request.prompt}
    if request.HasField("hires_fix"):
        values["hires_fix"] = {field.name: value for field, value in request.hires_fix.ListFields()}
    return _request(request, "textToImage", values)


def image_to_image(request: image_pb2.ImageToImageRequest) -> GenerationRequest:
    return _request(request, "imageToImage", _given(request, "prompt", "strength", pictures=("image",)))


def preprocess(request: image_pb2.PreprocessRequest) -> GenerationRequest:
    values = _given(request, "type", pictures=("image",))
    if request.options_json:
        values |= methods.options_from_json(request.options_json)
    return _request(request, "preprocess", values)


def apply(request: image_pb2.ApplyRequest) -> GenerationRequest:
    if not request.controls:
        raise InvalidArgument("'controls' is required", reason="MISSING_ARGUMENT", field="controls")
    defaults = {"strength": 1.0, "guidance_start": 0.0, "guidance_end": 1.0, "preprocess": False}
    values: dict[str, object] = {
        name: tuple(getattr(item, name) if _has(item, name) else default for item in request.controls)
        for name, default in defaults.items()
    }
    values["image"] = tuple(
        conversions.image_source(item.image, field=f"controls[{place}].image")
        for place, item in enumerate(request.controls)
    )
    values["type"] = tuple(item.type for item in request.controls)
    values["control_model_id"] = tuple(item.model_id or None for item in request.controls)
    beginning = tuple(name for name in ("init_image", "mask") if request.HasField(name))
    given = _given(
        request, "prompt", "denoise_strength", "feather", "crop_padding", "mask_threshold", pictures=beginning
    )
    return _request(request, "apply", values | given | _mask_fit(request))


def _has(message: Any, name: str) -> bool:
    return bool(message.HasField(name))


def inpaint(request: image_pb2.InpaintRequest) -> GenerationRequest:
    values = _given(
        request, "prompt", "strength", "feather", "crop_padding", "mask_threshold", pictures=("image", "mask")
    )
    return _request(request, "inpaint", values | _mask_fit(request))


def _mask_fit(request: image_pb2.InpaintRequest | image_pb2.ApplyRequest) -> dict[str, object]:
    # A number that no way of fitting has is passed on as text, to be refused with the list of them.
    names = {1: "refuse", 2: "scale"}
    return {"mask_fit": names.get(request.mask_fit, str(request.mask_fit))} if request.mask_fit else {}


def outpaint(request: image_pb2.OutpaintRequest) -> GenerationRequest:
    sides = {name: getattr(request, name) for name in ("left", "right", "top", "bottom")}
    values = _given(request, "prompt", "feather", pictures=("image",))
    return _request(request, "outpaint", values | {"direction": sides})


def upscale(request: image_pb2.UpscaleRequest) -> GenerationRequest:
    values = _given(request, pictures=("image",))
    if request.model:
        values["model_id"] = request.model
    if request.factor:
        values["factor"] = request.factor
    return _request(request, "upscale", values)


def upscale_img2img(request: image_pb2.UpscaleImg2ImgRequest) -> GenerationRequest:
    values = _given(request, "prompt", "factor", "tile_size", "tile_overlap", pictures=("image",))
    if request.HasField("denoise_strength"):
        values["strength"] = request.denoise_strength
    if request.HasField("upscale_method"):
        values["method"] = request.upscale_method
    return _request(request, "upscaleImg2Img", values)


def upscale_traditional(request: image_pb2.UpscaleTraditionalRequest) -> GenerationRequest:
    values = _given(request, pictures=("image",))
    if request.method:
        values["method"] = _resampling(request.method)
    if request.factor:
        values["factor"] = request.factor
    return _request(request, "upscaleTraditional", values)


def face_restore(request: image_pb2.FaceRestoreRequest) -> GenerationRequest:
    values = _given(request, "strength", pictures=("image",))
    if request.model:
        values["model_id"] = request.model
    return _request(request, "faceRestore", values)


def edit(request: image_pb2.EditRequest) -> GenerationRequest:
    overlays: list[bytes | str | int] = []
    operations = []
    for place, operation in enumerate(request.operations):
        kind = operation.WhichOneof("operation")
        if kind is None:
            raise InvalidArgument(
                f"'operations[{place}]' is empty", reason="MISSING_ARGUMENT", field=f"operations[{place}]"
            )
        given = getattr(operation, kind)
        if kind == "composite":
            overlays.append(
                conversions.image_source(given.overlay, field=f"operations[{place}].composite.overlay")
            )
        operations.append({"kind": kind, **_operation(given)})
    values = _given(request, pictures=("image",))
    return _request(
        request, methods.EDIT, values | {"operations": tuple(operations), "overlays": tuple(overlays)}
    )


def convert(request: image_pb2.ConvertRequest) -> GenerationRequest:
    return _request(request, "convert", _given(request, "preserve_metadata", pictures=("image",)))


def _operation(message: Any) -> dict[str, object]:
    """The fields of an operation; what is unset takes the operation's own default."""
    values: dict[str, object] = {}
    for field, value in message.ListFields():
        match field.name:
            case "overlay":
                continue
            case "method":
                values["method"] = _resampling(value)
            case "blend":
                values["blend"] = _lower(image_pb2.BlendMode, value, "BLEND_MODE_")
            case "kind":
                values["name"] = _lower(image_pb2.FilterKind, value, "FILTER_KIND_")
            case name:
                values[name] = value
    return values


def _resampling(number: int) -> str:
    return _lower(image_pb2.ResampleMethod, number, "RESAMPLE_METHOD_")


def _lower(enum: Any, number: int, prefix: str) -> str:
    """The in-world name of an enum's value; an unknown number stays one, to be refused with the list of names."""
    name = enum.Name(number) if number in enum.values() else str(number)
    return str(name.removeprefix(prefix).lower())


def _given(request: Any, *names: str, pictures: tuple[str, ...]) -> dict[str, object]:
    """The pictures of a request, and those of the named fields that are set or cannot be unset."""
    values: dict[str, object] = {
        name: conversions.image_source(getattr(request, name), field=name) for name in pictures
    }
    fields = request.DESCRIPTOR.fields_by_name
    for name in names:
        if not fields[name].has_presence or request.HasField(name):
            values[name] = getattr(request, name)
    return values


def _request(request: Any, method: str | Method, values: dict[str, object]) -> GenerationRequest:
    """What a typed request asks for: its own fields, and the options and output that nearly all of them share."""
    if "options" in request.DESCRIPTOR.fields_by_name:
        values |= conversions.generation_options(request.options)
    values |= conversions.output_options(request.output)
    if isinstance(method, str):
        method = methods.find(method)
    names = partial(path_in, request.DESCRIPTOR)
    try:
        return GenerationRequest(
            conversions.call(request.context),
            method,
            method.arguments.read(values),
            CallOptions(
                conversions.placement(request.output),
                request.output.references_only,
                job_messages.job_options(request.output.job),
            ),
            keep=request.output.on_disconnect == common_pb2.DISCONNECT_POLICY_KEEP,
            spelled=names,
        )
    except Refusal as refusal:
        raise refusal.spelled(names) from None


TYPED: Mapping[str, Callable[[Any], GenerationRequest]] = {
    "text_to_image": text_to_image,
    "image_to_image": image_to_image,
    "preprocess": preprocess,
    "apply": apply,
    "inpaint": inpaint,
    "outpaint": outpaint,
    "upscale": upscale,
    "upscale_img2img": upscale_img2img,
    "upscale_traditional": upscale_traditional,
    "face_restore": face_restore,
    "edit": edit,
    "convert": convert,
}
"""The tasks of a submission that are typed requests, by their field."""


def refine_prompt(request: image_pb2.RefinePromptRequest) -> tuple[Call, RefinePromptArguments]:
    """By what right, and what is to be refined."""
    names = partial(path_in, request.DESCRIPTOR)
    try:
        values = _given(request, "prompt", "model_id", pictures=())
        return conversions.call(request.context), RefinePromptArguments.read(values)
    except Refusal as refusal:
        raise refusal.spelled(names) from None


def invoked(request: image_pb2.InvokeRequest) -> GenerationRequest:
    """A call as a script writes it."""
    method = methods.find(request.method)
    call = method.from_script(methods.arguments_from_json(request.arguments_json))
    asked = conversions.call(request.context)
    return GenerationRequest(asked, method, call.arguments, call.options, spelled=call.spelled)


def submitted(request: job_pb2.SubmitJobRequest) -> GenerationRequest:
    """The task of a submission. Raises InvalidArgument where there is none, Unimplemented for one not built yet."""
    kind = request.WhichOneof("task")
    if kind is None:
        raise InvalidArgument("'task' is required", reason="MISSING_ARGUMENT", field="task")
    if kind == "invoke":
        return replace(invoked(request.invoke), request_id=request.request_id)
    if kind in TYPED:
        return replace(TYPED[kind](getattr(request, kind)), request_id=request.request_id)
    raise Unimplemented(
        f"'{kind}' is not built in this version; DescribeMethods tells what is",
        reason="NOT_BUILT",
        field="task",
    )


def batch(request: job_pb2.SubmitBatchRequest) -> list[GenerationRequest]:
    """The tasks of a batch, those that are listed first, then the variations. Raises InvalidArgument naming the task."""
    varied = request.variations
    asked = len(request.tasks)
    if request.HasField("variations"):
        asked += max(1, len(varied.prompts)) * max(1, len(varied.seeds), varied.count)
    # Before any of them is looked at.
    require_size(asked)
    made = []
    for place, task in enumerate(request.tasks):
        with task_named(place):
            made.append(submitted(task))
    if request.HasField("variations"):
        _require_room(varied)
        made += variations(submitted(varied.task), varied.prompts, varied.seeds, varied.count)
    return made


def _require_room(varied: job_pb2.Variations) -> None:
    """Raises InvalidArgument where the tasks would be too large, before there are any."""
    for place, prompt in enumerate(varied.prompts):
        if len(prompt) > MAX_PROMPT:
            raise InvalidArgument(
                f"'prompts[{place}]' must have at most {MAX_PROMPT} characters; got {len(prompt)}",
                reason="BAD_ARGUMENT",
                field=f"variations.prompts[{place}]",
                limit=f"at most {MAX_PROMPT} characters",
                asked=f"{len(prompt)} characters",
            )
    count = max(1, len(varied.prompts)) * max(1, len(varied.seeds), varied.count)
    size = varied.task.ByteSize() * count
    if size > MAX_EXPANDED:
        raise InvalidArgument(
            f"the variations would be {size} bytes of tasks; at most {MAX_EXPANDED}. Upload the pictures and name them by "
            "their references",
            reason="TOO_LARGE",
            field="variations.task",
            limit=f"{MAX_EXPANDED} bytes",
            asked=f"{size} bytes",
        )
