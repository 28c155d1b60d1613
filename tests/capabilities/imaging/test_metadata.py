"""JSON inside picture files."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow

from capabilities import imaging
from tests.capabilities.imaging.pictures import encoded, image_of, noise

SMALL = image_of(noise(8, 8))

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=50)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(texts, values, max_size=5), st.sampled_from(["png", "jpeg", "webp"]))
def test_what_is_put_in_comes_out(metadata: dict[str, Any], name: str) -> None:
    assert imaging.read_metadata(imaging.encode(SMALL, name, metadata=metadata)) == metadata


def test_files_are_the_same_each_time() -> None:
    for name in ("png", "jpeg", "webp"):
        assert imaging.encode(SMALL, name, metadata={"a": 1}) == imaging.encode(
            SMALL, name, metadata={"a": 1}
        )


def test_too_long_metadata_is_left_out_and_the_picture_stays_whole() -> None:
    data = imaging.encode(SMALL, "jpeg", metadata={"prompt": "x" * 70_000})
    assert imaging.read_metadata(data) == {"shortened": True}
    assert imaging.decode(data).width == 8


def test_the_comment_is_where_other_programs_look() -> None:
    data = imaging.encode(SMALL, "jpeg", metadata={"seed": 5})
    exif = Pillow.open(io.BytesIO(data)).getexif().get_ifd(0x8769)
    assert json.loads(exif[0x9286][8:]) == {"seed": 5}


def with_comment(comment: bytes, *, in_first: bool = False) -> bytes:
    """A file whose EXIF was written by another library, in the first directory as viwo's own library does or not."""
    exif = Pillow.Exif()
    if in_first:
        exif[0x9286] = comment
    else:
        exif[0x8769] = {0x9286: comment}
    buffer = io.BytesIO()
    Pillow.new("RGB", (8, 8)).save(buffer, "PNG", exif=exif)
    assert comment in buffer.getvalue()
    return buffer.getvalue()


@pytest.mark.parametrize("in_first", [True, False])
@pytest.mark.parametrize("prefix", [b"ASCII\0\0\0", b"UNICODE\0", b"\0" * 8, b""])
def test_reads_what_others_wrote(prefix: bytes, in_first: bool) -> None:
    assert imaging.read_metadata(with_comment(prefix + b'{"a": [1, 2]}', in_first=in_first)) == {"a": [1, 2]}


@pytest.mark.parametrize(
    "comment",
    [
        b"ASCII\0\0\0not json", b"ASCII\0\0\0[1, 2]", b'ASCII\0\0\0{"a": NaN}', b"ASCII\0\0\0" + b"[" * 20_000,
        b'ASCII\0\0\0{"a": "\\ud800"}', b"ASCII\0\0\0\xff\xfe{}", b"ASCII\0\0\0",
    ],
)  # fmt: skip
def test_hostile_comments_read_as_none(comment: bytes) -> None:
    assert imaging.read_metadata(with_comment(comment)) is None


@given(st.integers(0), st.binary(min_size=1, max_size=4))
def test_damaged_exif_never_raises(where: int, patch: bytes) -> None:
    data = bytearray(imaging.encode(SMALL, "webp", metadata={"a": "b" * 40}))
    start = bytes(data).find(b"EXIF")
    at = start + where % (len(data) - start)
    data[at : at + len(patch)] = patch[: len(data) - at]
    result = imaging.read_metadata(bytes(data))
    assert result is None or isinstance(result, dict)


def test_no_metadata() -> None:
    assert imaging.read_metadata(encoded("PNG")) is None
    assert imaging.read_metadata(b"nothing") is None
