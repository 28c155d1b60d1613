"""Between protobuf messages and the project's own types."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf import field_mask_pb2, json_format, struct_pb2, timestamp_pb2
from google.protobuf.message import Message

from capabilities.call_options import Placement
from capabilities.errors import InvalidArgument, brief
from capabilities.params import Moment
from capabilities.policy import Caller, Capability
from capabilities.tasks import MAX_SEED
from entity_store.images import Version
from entity_store.world import Entity
from sidecar.application.access import Call
from sidecar.application.entities import metadata_of
from sidecar.pb.viwo.imagegen.v1 import capability_pb2, common_pb2, entity_pb2, image_pb2
from sidecar.queue.model import StoredImage

MAX_PAGE = 1000
MAX_PATHS = 100
MAX_DEPTH = 20
"""Levels of nesting that are sent; protobuf's own reader ends at a hundred, of which each level here takes four."""

FORMATS = {
    "png": common_pb2.IMAGE_FORMAT_PNG,
    "jpeg": common_pb2.IMAGE_FORMAT_JPEG,
    "webp": common_pb2.IMAGE_FORMAT_WEBP,
    "gif": common_pb2.IMAGE_FORMAT_GIF,
}


def call(context: common_pb2.CallContext) -> Call:
    """By what right a call comes, as far as it says."""
    caller = Caller(context.caller_id, context.this_id)
    return Call(context.capability_id, caller, context.capability_statement)


def generation_options(options: image_pb2.GenerationOptions) -> dict[str, object]:
    """Every option that is set, by its own name; what no method takes is refused by the arguments' own check."""
    values: dict[str, object] = {}
    for field, value in options.ListFields():
        values[field.name] = [_plain(item) for item in value] if field.is_repeated else value
    return values


def output_options(output: common_pb2.OutputOptions) -> dict[str, object]:
    values: dict[str, object] = {}
    if output.format:
        names = {number: name for name, number in FORMATS.items()}
        # A number that no format has is passed on as text, to be refused with the list of formats.
        values["format"] = names.get(output.format, str(output.format))
    if output.quality:
        values["quality"] = output.quality
    if output.background_color:
        values["background_color"] = output.background_color
    return values


def placement(output: common_pb2.OutputOptions) -> Placement | None:
    return save_options(output.save) if output.HasField("save") else None


def save_options(options: common_pb2.SaveOptions) -> Placement:
    return Placement(
        options.name,
        options.description,
        _not_negative("room_id", options.room_id),
        _not_negative("canvas_id", options.canvas_id),
    )


def image_source(source: common_pb2.ImageSource, *, field: str = "image") -> bytes | str | int:
    """What a request names as its picture. Raises InvalidArgument where it names none."""
    kind = source.WhichOneof("source")
    if kind is None or (kind == "entity_id" and source.entity_id <= 0):
        raise InvalidArgument(
            f"'{field}' is required: data, ref or entity_id", reason="MISSING_ARGUMENT", field=field
        )
    value: bytes | str | int = getattr(source, kind)
    if kind == "ref" and not str(value).startswith("sha256:"):
        raise InvalidArgument(
            f"'{field}' is not a picture reference; one is 'sha256:' and 64 hexadecimal digits",
            reason="BAD_REFERENCE",
            field=field,
            asked=brief(value),
        )
    return value


def page_size(asked: int, usual: int) -> int:
    if asked < 0 or asked > MAX_PAGE:
        raise InvalidArgument(
            f"'page_size' must be 0 to {MAX_PAGE}; got {asked}",
            reason="BAD_ARGUMENT",
            field="page_size",
            limit=f"0 to {MAX_PAGE}",
            asked=str(asked),
        )
    return asked or usual


def page_number(token: str) -> int:
    """The row to go on from. Raises InvalidArgument for a token that is not ours."""
    if not token:
        return 0
    if not token.isascii() or not token.isdecimal() or len(token) > 18:
        raise bad_page_token(token)
    return int(token)


def bad_page_token(token: str) -> InvalidArgument:
    return InvalidArgument(
        "'page_token' is not one that this server gave; begin with an empty one",
        reason="BAD_PAGE_TOKEN",
        field="page_token",
        asked=brief(token, 40),
    )


def masked(message: Message, mask: field_mask_pb2.FieldMask) -> None:
    """Keep only the fields that a read mask names. Raises InvalidArgument for a field that there is not."""
    if not mask.paths:
        return
    if len(mask.paths) > MAX_PATHS:
        raise InvalidArgument(
            f"'read_mask' may name at most {MAX_PATHS} fields; got {len(mask.paths)}",
            reason="BAD_READ_MASK",
            field="read_mask",
            limit=f"{MAX_PATHS} fields",
            asked=f"{len(mask.paths)} fields",
        )
    descriptor: Any = message.DESCRIPTOR
    named = ", ".join(mask.paths)
    if not mask.IsValidForDescriptor(descriptor):
        raise InvalidArgument(
            f"'read_mask' names a field that {message.DESCRIPTOR.name} does not have: {brief(named)}",
            reason="BAD_READ_MASK",
            field="read_mask",
            asked=brief(named),
        )
    kept = type(message)()
    mask.MergeMessage(message, kept)
    message.CopyFrom(kept)


def from_struct(struct: struct_pb2.Struct) -> dict[str, Any]:
    """A Struct as JSON values, whole numbers as integers. Raises InvalidArgument for NaN and the infinities."""
    return {key: _from_value(value) for key, value in struct.fields.items()}


def to_struct(values: Mapping[str, object]) -> struct_pb2.Struct:
    """JSON values that any program may have written, as a Struct; what a message cannot hold is made so that it can."""
    struct = struct_pb2.Struct()
    json_format.ParseDict(_holdable(dict(values), MAX_DEPTH), struct)
    return struct


def text(value: object) -> str:
    """A property as text that can be sent; JavaScript's lone surrogates cannot."""
    return str(value if value is not None else "").encode("utf-8", "replace").decode("utf-8")


def _holdable(value: object, depth: int) -> Any:
    if isinstance(value, str):
        return text(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int) and not isinstance(value, bool):
        return value if abs(value) < 2**63 else str(value)[:40]
    if isinstance(value, dict | list) and depth == 0:
        return "(nested too deeply)"
    if isinstance(value, dict):
        return {text(key): _holdable(item, depth - 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_holdable(item, depth - 1) for item in value]
    return value


def timestamp(seconds: float | None) -> timestamp_pb2.Timestamp | None:
    if seconds is None:
        return None
    stamp = timestamp_pb2.Timestamp()
    stamp.FromMicroseconds(int(seconds * 1e6))
    return stamp


def seconds(field: str, stamp: timestamp_pb2.Timestamp) -> float:
    """Unix seconds. Raises InvalidArgument for a moment that no calendar has."""
    try:
        return stamp.ToDatetime(dt.UTC).timestamp()
    except (ValueError, OverflowError):
        raise InvalidArgument(f"'{field}' is no moment", reason="BAD_ARGUMENT", field=field) from None


def capability(value: Capability) -> capability_pb2.Capability:
    message = capability_pb2.Capability(
        id=value.id, owner_id=value.owner_id, type=text(value.type), params=to_struct(value.params),
        parent_id=value.parent_id or "",
    )  # fmt: skip
    if "expires_at" in value.params:
        try:
            moment = Moment("moment", "").read(value.params["expires_at"])
        except ValueError:
            return message
        assert isinstance(moment, dt.datetime)
        message.expire_time.FromDatetime(moment)
    return message


def stored_image(image: StoredImage, data: bytes = b"", *, has_seed: bool) -> common_pb2.Image:
    return common_pb2.Image(
        data=data, ref=image.ref, format=FORMATS[image.format], width=image.width, height=image.height,
        size_bytes=image.size, seed=image.seed if has_seed else None, entity_id=image.entity_id,
    )  # fmt: skip


def entity(value: Entity, *, data: bytes = b"", history: Sequence[Version] = ()) -> entity_pb2.ImageEntity:
    props = value.props
    message = entity_pb2.ImageEntity(
        id=value.id,
        prototype_id=value.prototype_id if isinstance(value.prototype_id, int) else 0,
        name=text(props.get("name")),
        location=_whole(props.get("location")),
        image=common_pb2.Image(
            data=data,
            ref=text(props.get("image_ref")),
            format=FORMATS.get(str(props.get("format")), common_pb2.IMAGE_FORMAT_UNSPECIFIED),
            width=_whole(props.get("width")),
            height=_whole(props.get("height")),
            size_bytes=len(data),
            entity_id=value.id,
        ),
        version=_whole(props.get("version")),
        thumbnail=text(props.get("thumbnail")),
        history=[
            common_pb2.ImageVersion(
                version=item.version, ref=item.ref, verb=item.verb, arguments_json=item.arguments,
                derived_from=item.derived_from, create_time=timestamp(item.created.timestamp()),
            )
            for item in history
        ],
    )  # fmt: skip
    metadata = metadata_of(value)
    seed = metadata.get("seed")
    if isinstance(seed, int) and not isinstance(seed, bool) and 0 <= seed <= MAX_SEED:
        message.image.seed = seed
    message.metadata.CopyFrom(to_struct(metadata))
    return message


def _plain(value: object) -> object:
    return (
        json_format.MessageToDict(value, preserving_proto_field_name=True)
        if isinstance(value, Message)
        else value
    )


def _from_value(value: struct_pb2.Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "number_value":
        number = value.number_value
        if not math.isfinite(number):
            raise InvalidArgument(
                f"{number} is not a number that JSON has", reason="BAD_NUMBER", field="params"
            )
        return int(number) if number.is_integer() and abs(number) < 2**53 else number
    if kind == "struct_value":
        return from_struct(value.struct_value)
    if kind == "list_value":
        return [_from_value(item) for item in value.list_value.values]
    return None if kind in (None, "null_value") else getattr(value, kind)


def _not_negative(field: str, value: int) -> int:
    if value < 0:
        raise InvalidArgument(
            f"'{field}' must not be negative", reason="BAD_ARGUMENT", field=field, asked=str(value)
        )
    return value


def _whole(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31 else 0
