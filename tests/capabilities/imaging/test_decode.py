"""The decoder's guard: whatever bytes come, either a picture or InvalidArgument."""

from __future__ import annotations

import base64
import io
import struct
import tracemalloc
import zlib

import numpy as np
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow

from capabilities import imaging
from capabilities.errors import InvalidArgument
from tests.capabilities.imaging.pictures import encoded, noise

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")


def outcome(data: bytes) -> str:
    """What became of bytes; any other exception than InvalidArgument fails the test."""
    refusal = None
    try:
        image = imaging.decode(data)
    except InvalidArgument as error:
        refusal = error
    if refusal is not None:
        assert refusal.message
        assert refusal.field == "image"
        return refusal.reason
    assert image.bands in (3, 4)
    return "decoded"


@given(st.binary(max_size=3000))
def test_random_bytes_are_refused(data: bytes) -> None:
    assert outcome(data) != "decoded"


@given(
    st.sampled_from([b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"RIFF\x40\0\0\0WEBPVP8 ", b"GIF89a"]),
    st.binary(max_size=500),
)
def test_a_right_beginning_is_not_enough(magic: bytes, data: bytes) -> None:
    assert outcome(magic + data) != "decoded"


@settings(max_examples=200)
@given(st.sampled_from(FORMATS), st.floats(0, 0.97))
def test_truncated_files_are_refused_whole(name: str, share: float) -> None:
    data = encoded(name)
    assert outcome(data[: int(len(data) * share)]) != "decoded"


@settings(max_examples=300)
@given(st.sampled_from(FORMATS), st.integers(0), st.integers(1, 255))
def test_flipped_bits_never_break_out(name: str, where: int, bits: int) -> None:
    data = bytearray(encoded(name))
    data[where % len(data)] ^= bits
    outcome(bytes(data))


@pytest.mark.parametrize("name", FORMATS)
def test_whole_files_are_read(name: str) -> None:
    data = encoded(name)
    info = imaging.probe(data)
    assert (info.format, info.width, info.height) == (name.lower(), 48, 32)
    assert outcome(data) == "decoded"


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "I;16", "CMYK", "RGBA", "RGB"])
def test_every_kind_of_pixel_becomes_rgb_or_rgba(mode: str) -> None:
    picture = Pillow.new(mode, (9, 7), 1 if mode in ("1", "P") else None)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG" if mode == "CMYK" else "PNG")
    image = imaging.decode(buffer.getvalue())
    assert (image.width, image.height, image.format) == (9, 7, "uchar")
    assert image.bands == (4 if mode in ("LA", "RGBA") else 3)


def test_a_turned_photograph_is_put_upright() -> None:
    picture = Pillow.new("RGB", (20, 10), "white")
    picture.putpixel((0, 0), (0, 0, 0))
    exif = Pillow.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", exif=exif)
    info = imaging.probe(buffer.getvalue())
    assert (info.width, info.height) == (10, 20)
    image = imaging.decode(buffer.getvalue())
    assert (image.width, image.height) == (10, 20)
    assert image(9, 0) == [0, 0, 0]


def test_an_animation_gives_its_first_frame() -> None:
    frames = [Pillow.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    for name in ("GIF", "WEBP"):
        buffer = io.BytesIO()
        frames[0].save(buffer, name, save_all=True, append_images=frames[1:])
        image = imaging.decode(buffer.getvalue())
        assert (image.width, image.height) == (8, 8)
        assert image(4, 4)[0] > 240


@pytest.mark.parametrize(
    "data",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>", b"%PDF-1.7\n", b"II*\0\x08\0\0\0", b"BM" + bytes(60),
        b"\0\0\0\x20ftypheic" + bytes(60), b"\xff\x0a" + bytes(60), b"#?RADIANCE\n", b"", b"\x89PNG",
    ],
)  # fmt: skip
def test_other_formats_are_refused_by_their_contents(data: bytes) -> None:
    assert outcome(data) in ("IMAGE_FORMAT", "IMAGE_UNREADABLE")


def png_claiming(width: int, height: int, body: bytes) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("width", "height"), [(60_000, 60_000), (16_000, 16_000), (20_000, 10), (10, 20_000)]
)
def test_bombs_are_refused_before_a_pixel_is_decoded(width: int, height: int) -> None:
    before = psutil.Process().memory_info().rss
    assert outcome(png_claiming(width, height, zlib.compress(bytes(1024 * 1024), 9))) == "IMAGE_TOO_LARGE"
    assert psutil.Process().memory_info().rss - before < 50 * 1024 * 1024


def test_a_gif_with_a_huge_screen_is_refused() -> None:
    assert outcome(b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0) + b"\x3b") != "decoded"


def test_limits_are_told() -> None:
    limits = imaging.Limits(max_bytes=100)
    with pytest.raises(InvalidArgument, match="at most 100 bytes"):
        imaging.decode(encoded("PNG"), limits=limits)
    with pytest.raises(InvalidArgument, match="48 x 32 pixels; at most 40 a side"):
        imaging.decode(encoded("PNG"), limits=imaging.Limits(max_side=40))


def test_refusals_do_not_hold_memory() -> None:
    process = psutil.Process()
    data = encoded("PNG")
    for _ in range(200):
        outcome(data[:-40])
    before = process.memory_info().rss
    for _ in range(600):
        outcome(data[:-40])
        outcome(data)
    assert process.memory_info().rss - before < 16 * 1024 * 1024


class TestBase64:
    def test_plain_and_data_urls(self) -> None:
        text = base64.b64encode(b"\x89PNG").decode()
        assert imaging.decode_base64(text) == b"\x89PNG"
        assert imaging.decode_base64(f"data:image/png;base64,{text[:3]}\n{text[3:]}") == b"\x89PNG"

    @pytest.mark.parametrize(
        "text", ["a", "a===", "é", "data:image/png,abc", "data:", "ab_-", "https://example.com/a.png"]
    )
    def test_anything_else_is_refused(self, text: str) -> None:
        with pytest.raises(InvalidArgument) as caught:
            imaging.decode_base64(text, field="mask")
        assert caught.value.field == "mask"

    @given(st.text(max_size=200))
    def test_only_one_kind_of_error(self, text: str) -> None:
        try:
            data = imaging.decode_base64(text)
        except InvalidArgument:
            return
        assert isinstance(data, bytes)

    def test_the_size_is_looked_at_first(self) -> None:
        with pytest.raises(InvalidArgument, match="at most 10 bytes"):
            imaging.decode_base64("A" * 1000, limits=imaging.Limits(max_bytes=10))


@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from([3, 4]), st.integers(0, 2**32))
def test_png_keeps_every_pixel(width: int, height: int, bands: int, seed: int) -> None:
    pixels = noise(width, height, bands, seed)
    image = imaging.from_pixels(pixels.tobytes(), width, height, bands)
    back = imaging.decode(imaging.encode(image))
    assert imaging.to_pixels(back) == pixels.tobytes()
    assert np.asarray(Pillow.open(io.BytesIO(imaging.encode(image)))).tobytes() == pixels.tobytes()


def test_white_space_in_base64_takes_no_memory_of_its_own() -> None:
    text = "AA \n" * 500_000
    tracemalloc.start()
    try:
        whole = imaging.decode_base64(text)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert whole == bytes(750_000)
    assert peak < 3 * len(text)


@pytest.mark.parametrize("text", ["\U0001f5e1" * 100, "AAAA\u00a0", "AA\u2028AA"])
def test_base64_is_ascii(text: str) -> None:
    with pytest.raises(InvalidArgument, match="not valid base64"):
        imaging.decode_base64(text)
