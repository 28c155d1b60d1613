"""Times as the command line takes them: a span such as 12h or 30d, or a time such as 2030-01-31T12:00:00Z."""

from __future__ import annotations

import datetime as dt
import re

from google.protobuf import timestamp_pb2

from capabilities.errors import InvalidArgument

_UNITS = {"m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_SPAN = re.compile(r"(\d{1,6})([mhdw])")


def moment(text: str, field: str, *, ago: bool = False) -> timestamp_pb2.Timestamp:
    """The time, or the span from now, or `ago`. Raises InvalidArgument for what is neither."""
    stamp = timestamp_pb2.Timestamp()
    try:
        if span := _SPAN.fullmatch(text):
            length = dt.timedelta(seconds=int(span[1]) * _UNITS[span[2]])
            stamp.FromDatetime(dt.datetime.now(dt.UTC) + (-length if ago else length))
        else:
            stamp.FromDatetime(dt.datetime.fromisoformat(text).astimezone(dt.UTC))
    except (ValueError, OverflowError):
        raise InvalidArgument(
            f"'--{field}' must be a span such as 12h or 30d, or a time such as 2030-01-31T12:00:00Z; got '{text}'",
            reason="BAD_ARGUMENT",
            field=field,
            asked=text,
        ) from None
    return stamp
