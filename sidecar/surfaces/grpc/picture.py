"""PictureService: pictures that were made here, found again."""

from __future__ import annotations

import re

from capabilities.errors import InvalidArgument, brief
from sidecar.application.pictures import Pictures, searched_words
from sidecar.pb.viwo.imagegen.v1 import picture_pb2 as pb
from sidecar.pb.viwo.imagegen.v1 import picture_pb2_grpc
from sidecar.queue.store.picture_rows import PictureFilter, Place, StoredPicture
from sidecar.surfaces.grpc.caller import Context, principal
from sidecar.surfaces.proto import conversions

_PREFIX = re.compile(r"(?:sha256:)?([0-9a-f]{0,64})")
_TOKEN = re.compile(r"([0-9]+\.?[0-9]*(?:e[+-]?[0-9]+)?)/([0-9a-z]{1,32})/([0-9]{1,9})")


class PictureServicer(picture_pb2_grpc.PictureServiceServicer):
    def __init__(self, pictures: Pictures) -> None:
        self._pictures = pictures

    async def List(self, request: pb.ListPicturesRequest, context: Context) -> pb.ListPicturesResponse:
        size = conversions.page_size(request.page_size, 50)
        found = await self._pictures.page(
            principal(), _filter(request), after=_place(request.page_token), limit=size + 1
        )
        token = _token(found[size - 1].place) if len(found) > size else ""
        return pb.ListPicturesResponse(
            pictures=[_picture(one) for one in found[:size]], next_page_token=token
        )

    async def Describe(self, request: pb.DescribePictureRequest, context: Context) -> pb.Picture:
        found, entity_ids = await self._pictures.origin(principal(), request.ref)
        message = _picture(found)
        message.entity_ids.extend(entity_ids)
        return message

    async def Thumbnail(self, request: pb.ThumbnailRequest, context: Context) -> pb.ThumbnailResponse:
        data = await self._pictures.thumbnail(principal(), request.ref, request.side)
        return pb.ThumbnailResponse(data=data)


def _filter(request: pb.ListPicturesRequest) -> PictureFilter:
    """Raises InvalidArgument for what no picture can have."""
    prefix = _PREFIX.fullmatch(request.ref_prefix)
    if prefix is None:
        raise InvalidArgument(
            "'ref_prefix' is not the beginning of a picture reference; one is 'sha256:' and 64 hexadecimal digits",
            reason="BAD_REFERENCE",
            field="ref_prefix",
            limit="up to 64 hexadecimal digits, in small letters",
            asked=brief(request.ref_prefix, 80),
        )
    for name in ("words", "model_id", "method"):
        # PostgreSQL takes none, and no picture has one.
        if "\0" in getattr(request, name):
            raise InvalidArgument(
                f"'{name}' must not hold a NUL character", reason="BAD_ARGUMENT", field=name, limit="text"
            )
    moments = {
        name: conversions.seconds(name, getattr(request, name)) if request.HasField(name) else None
        for name in ("start_time", "end_time")
    }
    return PictureFilter(
        words=searched_words(request.words),
        model_id=request.model_id,
        seed=request.seed if request.HasField("seed") else None,
        method=request.method,
        since=moments["start_time"],
        until=moments["end_time"],
        owner_id=request.owner_id,
        ref_prefix=f"sha256:{prefix[1]}" if prefix[1] else "",
    )


def _token(place: Place) -> str:
    made, job_id, index = place
    return f"{float(made)!r}/{job_id}/{index}"


def _place(token: str) -> Place | None:
    """The place to go on from. Raises InvalidArgument for a token that is not ours."""
    if not token:
        return None
    found = _TOKEN.fullmatch(token)
    if found is None:
        raise conversions.bad_page_token(token)
    return float(found[1]), found[2], int(found[3])


def _picture(value: StoredPicture) -> pb.Picture:
    return pb.Picture(
        ref=value.ref,
        format=conversions.FORMATS[value.format],
        width=value.width,
        height=value.height,
        size_bytes=value.size,
        prompt=conversions.text(value.task.get("prompt", "")),
        negative_prompt=conversions.text(value.task.get("negative_prompt", "")),
        model_id=conversions.text(value.model_id),
        seed=value.seed,
        method=conversions.text(value.method),
        create_time=conversions.timestamp(value.created),
        owner_id=value.owner_id,
        caller_id=value.caller_id,
        job_id=value.job_id,
        image_index=value.image_index,
        inputs=[
            pb.PictureInput(role=conversions.text(role), ref=conversions.text(ref))
            for role, ref in sorted(value.inputs.items())
        ],
    )
