"""How many fields a message has, told from its bytes before it is parsed.

Two bytes can be a whole message inside another, and cost a hundred once they are parsed: a picture may be large, what
is around it may not.
"""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor import FieldDescriptor

FREE = 64 * 1024
"""Bytes of a message that is not looked at: it cannot hold very many fields."""
MOST_FIELDS = 50_000
"""A batch of a thousand tasks has about twenty thousand."""
_TEXTS = (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES)


def has_too_many_fields(data: bytes, descriptor: Any) -> bool:
    """Whether a message of this type has more fields than any that makes sense, those of its submessages with them.

    Bytes that are no message have no fields too many; the parser tells what they are.
    """
    if len(data) <= FREE or descriptor is None:
        return False
    try:
        return _count(data, descriptor) > MOST_FIELDS
    except IndexError:
        return False


def _count(data: bytes, descriptor: Any) -> int:
    fields = 0
    parts: list[tuple[int, int, Any]] = [(0, len(data), descriptor)]
    while parts and fields <= MOST_FIELDS:
        at, end, kind = parts.pop()
        known = kind.fields_by_number
        while at < end and fields <= MOST_FIELDS:
            tag, at = _varint(data, at)
            fields += 1
            if tag < 8:
                raise IndexError
            match tag & 7:
                case 0:
                    _, at = _varint(data, at)
                case 1:
                    at += 8
                case 5:
                    at += 4
                case 2:
                    size, at = _varint(data, at)
                    field = known.get(tag >> 3)
                    if field is not None and field.message_type is not None:
                        parts.append((at, min(at + size, end), field.message_type))
                    elif field is not None and field.is_repeated and field.type not in _TEXTS:
                        # Numbers, packed: up to one a byte.
                        fields += size
                    at += size
                case _:
                    raise IndexError
    return fields


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise IndexError
