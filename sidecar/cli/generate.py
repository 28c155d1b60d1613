"""The command that makes pictures from words, with or without a picture to begin with."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from capabilities.errors import InvalidArgument
from entity_store.world import SYSTEM_ID
from sidecar.cli import completion
from sidecar.cli.capability import context_for
from sidecar.cli.making import done, print_made, seeds_of, show_made, written
from sidecar.cli.output import Json, client, out, refusals, show, table
from sidecar.cli.picture_files import Open, Out, target
from sidecar.cli.references import names_picture, with_whole_pictures
from viwo_imagegen_client import Client
from viwo_imagegen_client.pb.viwo.imagegen.v1 import capability_pb2, common_pb2, image_pb2, job_pb2

FORMATS = {
    "png": common_pb2.IMAGE_FORMAT_PNG, "jpeg": common_pb2.IMAGE_FORMAT_JPEG, "webp": common_pb2.IMAGE_FORMAT_WEBP,
}  # fmt: skip


def generate(
    prompt: str,
    model: Annotated[
        str | None, typer.Option(help="Model id; see 'models list'.", autocompletion=completion.models)
    ] = None,
    width: Annotated[int | None, typer.Option(help="Pixels.")] = None,
    height: Annotated[int | None, typer.Option(help="Pixels.")] = None,
    steps: Annotated[int | None, typer.Option(help="Denoising steps.")] = None,
    guidance: Annotated[float | None, typer.Option(help="Guidance scale.")] = None,
    negative: Annotated[str | None, typer.Option(help="What not to show.")] = None,
    seed: Annotated[int | None, typer.Option(help="Makes the same picture again.")] = None,
    count: Annotated[int | None, typer.Option(help="How many pictures.")] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="Such as 'dpm++ 2m'.", autocompletion=completion.schedulers)
    ] = None,
    lora: Annotated[
        list[str] | None, typer.Option(help="A LoRA's model id, or id:weight. Repeatable.")
    ] = None,
    image: Annotated[
        str | None,
        typer.Option(
            help="A picture to begin with: a file, or the beginning of a reference.",
            autocompletion=completion.pictures_beside_files,
        ),
    ] = None,
    mask: Annotated[
        str | None,
        typer.Option(
            help="With --image: white is drawn anew, black is kept.",
            autocompletion=completion.pictures_beside_files,
        ),
    ] = None,
    strength: Annotated[
        float | None, typer.Option(help="With --image: how far to go from it, 0 to 1.")
    ] = None,
    control: Annotated[
        list[str] | None,
        typer.Option(
            help="A control picture as type:file, such as canny:edges.png, or type:reference. Repeatable."
        ),
    ] = None,
    hires: Annotated[
        float | None, typer.Option(help="Compose at the model's own size, then enlarge this much and redraw.")
    ] = None,
    image_format: Annotated[
        str | None, typer.Option("--format", help="png, jpeg or webp; left out: as --out ends, or png.")
    ] = None,
    transparent: Annotated[bool, typer.Option(help="Clear the plain ground behind an icon.")] = False,
    upscale: Annotated[int, typer.Option(help="2 or 4: enlarge the result with a trained upscaler.")] = 1,
    upscaler: Annotated[str, typer.Option(help="Which; see 'models list'.")] = "anime",
    capability: Annotated[
        str,
        typer.Option(
            help="Capability id; left out: the actor's own.", autocompletion=completion.capabilities
        ),
    ] = "",
    caller: Annotated[int, typer.Option("--as", help="Entity that acts.")] = SYSTEM_ID,
    save: Annotated[bool, typer.Option(help="Also make an image entity.")] = False,
    room: Annotated[int, typer.Option(help="Room to put the entity in (implies --save).")] = 0,
    name: Annotated[str, typer.Option(help="The entity's name (implies --save).")] = "",
    file: Out = None,
    show_them: Open = False,
    as_json: Json = False,
) -> None:
    """Make pictures from words."""
    given: dict[str, Any] = {
        "model_id": model, "width": width, "height": height, "steps": steps, "guidance_scale": guidance,
        "negative_prompt": negative, "seed": seed, "count": count, "scheduler": scheduler,
        "background": "transparent" if transparent else None,
    }  # fmt: skip
    with refusals():
        where = target(file, image_format)
        options = image_pb2.GenerationOptions(
            **{key: value for key, value in given.items() if value is not None},
            loras=[_lora(text) for text in lora or ()],
        )
        request = _request(prompt, options, image, mask, strength, control or [], hires)
    output = common_pb2.OutputOptions(format=FORMATS[where.format])
    saving = common_pb2.SaveOptions(name=name or prompt[:60], room_id=room) if save or room or name else None
    with client(may_serve=True) as sidecar:
        with_whole_pictures(sidecar, request)
        kind = request.WhichOneof("task")
        task = getattr(request, str(kind))
        task.context.CopyFrom(context_for(sidecar, capability, caller, _KINDS[str(kind)]))
        task.output.CopyFrom(_saved(output, None if upscale > 1 else saving))
        job = done(sidecar, request)
        seeds = seeds_of(job.images)
        jobs = [job]
        if upscale > 1:
            jobs = _enlarged(sidecar, job, caller, upscaler, upscale, _saved(output, saving))
        images = [made for each in jobs for made in each.images]
        paths = written(images, where, where.paths(prompt, seeds), show_them)
        show_made(jobs, paths, seeds, prompt, as_json, partial(print_made, jobs, paths, seeds))


_KINDS = {
    "text_to_image": "diffusers.generate", "image_to_image": "diffusers.generate", "inpaint": "diffusers.inpaint",
    "apply": "controlnet.generate",
}  # fmt: skip


def _request(
    prompt: str,
    options: image_pb2.GenerationOptions,
    image: str | None,
    mask: str | None,
    strength: float | None,
    controls: list[str],
    hires: float | None,
) -> job_pb2.SubmitJobRequest:
    """The method that these options come to. Raises InvalidArgument for what does not go together."""
    for option, value, needs in (("--mask", mask, image), ("--strength", strength, image)):
        if value is not None and needs is None:
            raise InvalidArgument(
                f"{option} is about a picture to begin with; give it with --image",
                reason="BAD_ARGUMENT",
                field=option,
            )
    if hires is not None and (image is not None or controls):
        raise InvalidArgument(
            "--hires is for pictures from words alone; leave --image and --control out",
            reason="BAD_ARGUMENT",
            field="--hires",
        )
    first = None if image is None else _source(image, "--image")
    area = None if mask is None else _source(mask, "--mask")
    if controls:
        applied = image_pb2.ApplyRequest(
            prompt=prompt, options=options, controls=[_control(text) for text in controls],
            init_image=first, mask=area, denoise_strength=strength,
        )  # fmt: skip
        return job_pb2.SubmitJobRequest(apply=applied)
    if first is not None and area is not None:
        painted = image_pb2.InpaintRequest(
            prompt=prompt, options=options, image=first, mask=area, strength=strength
        )
        return job_pb2.SubmitJobRequest(inpaint=painted)
    if first is not None:
        changed = image_pb2.ImageToImageRequest(
            prompt=prompt, options=options, image=first, strength=strength
        )
        return job_pb2.SubmitJobRequest(image_to_image=changed)
    drawn = image_pb2.TextToImageRequest(
        prompt=prompt, options=options, hires_fix=None if hires is None else image_pb2.HiresFix(scale=hires)
    )
    return job_pb2.SubmitJobRequest(text_to_image=drawn)


def _source(text: str, option: str) -> common_pb2.ImageSource:
    """A file, or the beginning of a stored picture's reference. Raises InvalidArgument for what is neither."""
    path = Path(text)
    if path.is_file():
        return common_pb2.ImageSource(data=path.read_bytes())
    if not names_picture(text):
        raise InvalidArgument(
            f"there is no file {text} for {option}", reason="NO_FILE", field=option, asked=text
        )
    return common_pb2.ImageSource(ref=text)


def _lora(text: str) -> image_pb2.Lora:
    name, colon, weight = text.rpartition(":")
    try:
        return image_pb2.Lora(id=name, weight=float(weight)) if colon else image_pb2.Lora(id=text)
    except ValueError:
        # An id may have a colon.
        return image_pb2.Lora(id=text)


def _control(text: str) -> image_pb2.Control:
    kind, colon, file = text.partition(":")
    if not colon:
        raise InvalidArgument(
            f"--control takes type:file, such as canny:edges.png; got {text}",
            reason="BAD_ARGUMENT",
            field="--control",
            asked=text,
        )
    return image_pb2.Control(type=kind, image=_source(file, "--control"))


def _enlarged(
    sidecar: Client,
    job: job_pb2.Job,
    caller: int,
    upscaler: str,
    factor: int,
    output: common_pb2.OutputOptions,
) -> list[job_pb2.Job]:
    context = context_for(sidecar, "", caller, "diffusers.upscale")
    return [
        done(
            sidecar,
            job_pb2.SubmitJobRequest(
                upscale=image_pb2.UpscaleRequest(
                    context=context,
                    image=common_pb2.ImageSource(ref=image.ref),
                    model=upscaler,
                    factor=factor,
                    output=output,
                )
            ),
        )
        for image in job.images
    ]


def _saved(
    output: common_pb2.OutputOptions, saving: common_pb2.SaveOptions | None
) -> common_pb2.OutputOptions:
    """The same output options, with an entity made of the result where there is something to save."""
    copy = common_pb2.OutputOptions()
    copy.CopyFrom(output)
    if saving is not None:
        copy.save.CopyFrom(saving)
    return copy


def methods(as_json: Json = False) -> None:
    """List the in-world methods that this sidecar can do."""
    with client() as sidecar:
        answer = sidecar.capabilities.DescribeMethods(capability_pb2.DescribeMethodsRequest())

        def render() -> None:
            for method in answer.methods:
                out.print(f"[bold]{method.type}[/] {method.name}: {method.description}")
                rows = table("argument", "type", "meaning")
                for item in method.parameters:
                    note = " (required)" if item.required else ""
                    group = f" ({item.group})" if item.group else ""
                    rows.add_row(f"  {item.name}", item.type, item.description + note + group)
                    for member in item.members:
                        rows.add_row(f"    .{member.name}", member.type, member.description)
                out.print(rows)

        show(answer, as_json, render)
