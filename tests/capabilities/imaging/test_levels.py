"""Pictures to the last level: each kind of fault that was reported of other servers, with its exact value."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import pyvips
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from capabilities import imaging
from capabilities.imaging.area import averaged
from capabilities.imaging.blend import BLENDS, over, over_opaque
from capabilities.imaging.metadata import MOST_BYTES, SHORTENED, read_metadata
from capabilities.operations import Transform

Array = np.ndarray[Any, np.dtype[Any]]
RNG = np.random.default_rng(7)


def picture(array: Array) -> imaging.Image:
    return imaging.from_pixels(array.tobytes(), array.shape[1], array.shape[0], array.shape[2])


def plain(value: int, width: int, height: int, bands: int = 3) -> imaging.Image:
    return picture(np.full((height, width, bands), value, np.uint8))


def noise(height: int, width: int, bands: int) -> Array:
    return RNG.integers(0, 256, (height, width, bands), dtype=np.uint8)


class TestAlpha:
    @pytest.mark.parametrize("degrees", [30, 1, 45, 137.5, -30, 271])
    @pytest.mark.parametrize(("width", "height"), [(96, 64), (31, 77), (5, 200)])
    def test_a_plain_colour_stays_what_it_is_when_it_is_turned(
        self, degrees: float, width: int, height: int
    ) -> None:
        turned = imaging.transform(plain(128, width, height), degrees, 1).numpy()
        assert set(np.unique(turned[turned[..., 3] > 0][:, :3])) == {128}

    @pytest.mark.parametrize(
        "work",
        [
            lambda image: imaging.transform(image, 30, 1),
            lambda image: imaging.transform(image, 0, 1.7),
            lambda image: imaging.transform(image, 200, 0.6),
            lambda image: imaging.filter_image(image, "blur"),
            lambda image: imaging.filter_image(image, "sharpen"),
            lambda image: imaging.filter_image(image, "grayscale"),
            *(
                lambda image, kernel=kernel: imaging.resize(image, 41, 30, kernel)
                for kernel in ("linear", "cubic", "lanczos3", "area", "nearest")
            ),
            *(
                lambda image, blend=blend: imaging.composite(plain(90, 64, 64), image, 5, -3, blend=blend)
                for blend in BLENDS
            ),
            lambda image: imaging.composite(image, plain(200, 20, 20, 4), 8, 8, blend="screen"),
        ],
    )
    def test_colours_that_do_not_show_make_no_difference(self, work: Any) -> None:
        """ "real-esrgan rims" and their kind: twins that differ in hidden colours only."""
        one = noise(64, 64, 4)
        one[..., 3] = RNG.choice([0, 0, 90, 255], (64, 64))
        other = one.copy()
        hidden = one[..., 3] == 0
        other[hidden, :3] = 255 - one[hidden, :3]
        left, right = (work(picture(each)).numpy().astype(int) for each in (one, other))
        if left.shape[2] == 4:
            assert (left[..., 3] == right[..., 3]).all()
            left, right = (each[left[..., 3] > 0] for each in (left, right))
        assert np.abs(left - right).max() == 0


class TestSizes:
    @pytest.mark.parametrize(
        ("width", "height", "degrees", "scale", "size"),
        [
            (96, 64, 30, 1.5, (173, 155)),
            (96, 64, 30, 1, (115, 103)),
            (7, 5, 0, 1.5, (11, 8)),
            (100, 40, 90, 0.5, (20, 50)),
            (10, 10, -1e-20, 1, (10, 10)),
            (10, 10, 360, 1, (10, 10)),
            (33, 77, 45, 1, (78, 78)),
        ],
    )
    def test_turned_first_then_scaled_and_halves_go_up(
        self, width: int, height: int, degrees: float, scale: float, size: tuple[int, int]
    ) -> None:
        made = imaging.transform(plain(9, width, height), degrees, scale)
        assert (made.width, made.height) == size
        assert Transform(rotation=degrees, scale=scale).size(width, height) == size

    @given(st.integers(1, 300), st.integers(1, 300), st.floats(-720, 720))
    def test_the_size_that_is_told_is_the_size_that_comes(
        self, width: int, height: int, degrees: float
    ) -> None:
        made = imaging.transform(plain(0, width, height), degrees, 1)
        assert (made.width, made.height) == imaging.rotated_size(width, height, degrees)


def w3c(below: Array, above: Array, blend: str) -> tuple[Array, Array]:
    """The formula of Compositing and Blending Level 1, in floats: colours and alpha, 0 to 255."""
    cb, ab, cs, sa = below[..., :3] / 255, below[..., 3:] / 255, above[..., :3] / 255, above[..., 3:] / 255
    mixed = {
        "normal": cs, "multiply": cb * cs, "screen": cb + cs - cb * cs, "darken": np.minimum(cb, cs),
        "overlay": np.where(cb <= 0.5, 2 * cb * cs, 1 - 2 * (1 - cb) * (1 - cs)), "lighten": np.maximum(cb, cs),
        "add": np.minimum(1, cb + cs), "difference": np.abs(cb - cs),
    }[blend]  # fmt: skip
    alpha = sa + ab * (1 - sa)
    colour = sa * ((1 - ab) * cs + ab * mixed) + (1 - sa) * ab * cb
    return colour / np.maximum(alpha, 1e-9) * 255, alpha * 255


class TestBlends:
    """libvips#4614: half transparent overlays were up to 64 levels off, and truncated."""

    @pytest.mark.parametrize("blend", BLENDS)
    def test_within_a_level_of_the_formula_on_an_opaque_base(self, blend: str) -> None:
        below, above = noise(256, 256, 4), noise(256, 256, 4)
        below[..., 3] = 255
        colours, _ = w3c(below, above, blend)
        assert np.abs(over(below, above, blend)[..., :3] - colours).max() < 1

    @pytest.mark.parametrize("blend", BLENDS)
    def test_alpha_is_rounded_and_clear_pixels_have_no_colour(self, blend: str) -> None:
        below, above = noise(256, 256, 4), noise(256, 256, 4)
        above[0, :, 3] = below[0, :, 3] = 0
        made = over(below, above, blend)
        colours, alpha = w3c(below, above, blend)
        assert np.abs(made[..., 3:] - alpha).max() < 0.5
        assert not made[0].any()
        seen = made[..., 3] >= 16
        assert np.abs(made[..., :3] - colours)[seen].max() < 6

    @pytest.mark.parametrize("blend", BLENDS)
    def test_known_values(self, blend: str) -> None:
        below = np.array([[[100, 200, 30, 255]]], np.uint8)
        above = np.array([[[200, 100, 250, 128]]], np.uint8)
        assert over(below, above, blend)[0, 0].tolist() == {
            "normal": [150, 150, 140, 255], "multiply": [89, 139, 29, 255], "screen": [161, 211, 141, 255],
            "overlay": [129, 194, 45, 255], "darken": [100, 150, 30, 255], "lighten": [150, 200, 140, 255],
            "add": [178, 228, 143, 255], "difference": [100, 150, 125, 255],
        }[blend]  # fmt: skip

    def test_the_short_way_is_the_same(self) -> None:
        below, above = noise(64, 64, 4), noise(64, 64, 4)
        below[..., 3] = 255
        assert (over_opaque(below[..., :3], above) == over(below, above, "normal")[..., :3]).all()

    @pytest.mark.parametrize(("x", "y"), [(0, 0), (-5, 3), (60, 60), (-200, 0), (10, -200)])
    def test_only_what_is_covered_changes(self, x: int, y: int) -> None:
        base, overlay = noise(64, 64, 3), noise(20, 20, 4)
        made = imaging.composite(picture(base), picture(overlay), x, y).numpy()
        covered = np.zeros((64, 64), bool)
        covered[max(0, y) : max(0, y + 20), max(0, x) : max(0, x + 20)] = True
        assert (made[~covered] == base[~covered]).all()


class TestArea:
    def test_a_chessboard_becomes_grey(self) -> None:
        board = np.indices((64, 64)).sum(axis=0) % 2 * np.uint8(255)
        small = imaging.resize(picture(np.repeat(board[..., None], 3, 2).astype(np.uint8)), 32, 32, "area")
        assert set(np.unique(small.numpy())) == {128}

    @pytest.mark.parametrize("size", [(65, 48), (43, 97), (131, 33), (10, 7), (1, 1), (130, 96)])
    def test_equal_to_opencvs_inter_area(self, size: tuple[int, int]) -> None:
        cv2 = pytest.importorskip("cv2")
        image = noise(97, 131, 3)
        theirs = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(int)
        assert np.abs(np.rint(averaged(image, *size)) - theirs).max() <= 1

    def test_the_mean_stays_whatever_the_size(self) -> None:
        image = noise(60, 84, 3)
        for size in ((7, 11), (84, 60), (13, 59), (200, 100)):
            assert abs(averaged(image, *size).mean() - image.mean()) < 0.01


def with_profile(colour: tuple[int, ...], profile: str, source: str = "srgb") -> bytes:
    """A PNG or JPEG that shows a colour of sRGB in another space."""
    image = pyvips.Image.black(16, 16, bands=3).copy(interpretation="srgb") + list(colour)
    image = image.cast("uchar").copy(interpretation="srgb")
    moved = image.icc_transform(profile, input_profile=source, intent="relative")
    if profile == "cmyk":
        return bytes(moved.jpegsave_buffer(Q=100))
    return bytes(moved.pngsave_buffer())


class TestColourProfiles:
    """ComfyUI#11241: profiles were stripped without being applied."""

    @pytest.mark.parametrize("colour", [(200, 60, 60), (10, 200, 90), (128, 128, 128), (255, 255, 255)])
    @pytest.mark.parametrize(("profile", "levels"), [("p3", 1), ("cmyk", 12)])
    def test_what_is_shown_comes_in(self, colour: tuple[int, int, int], profile: str, levels: int) -> None:
        if profile == "cmyk" and colour == (10, 200, 90):
            pytest.skip("no press prints it")
        pixel = imaging.decode(with_profile(colour, profile)).getpoint(3, 3)
        assert max(abs(one - other) for one, other in zip(pixel, colour, strict=True)) <= levels

    def test_a_profile_of_srgb_itself_changes_nothing(self) -> None:
        pixels = noise(16, 16, 3)
        stored = io.BytesIO()
        from PIL import ImageCms

        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        Image.fromarray(pixels).save(stored, "PNG", icc_profile=profile)
        assert (imaging.decode(stored.getvalue()).numpy() == pixels).all()

    @pytest.mark.parametrize("profile", [b"garbage" * 20, b"", b"\0" * 128, bytes(range(256)) * 8])
    def test_a_broken_profile_is_left_out(self, profile: bytes) -> None:
        pixels = noise(16, 16, 3)
        stored = io.BytesIO()
        Image.fromarray(pixels).save(stored, "PNG", icc_profile=profile)
        assert (imaging.decode(stored.getvalue()).numpy() == pixels).all()

    def test_grey_with_alpha_and_sixteen_bits_still_come_in(self) -> None:
        stored = io.BytesIO()
        Image.fromarray(np.full((4, 4), 0x8080, np.uint16)).save(stored, "PNG")
        assert imaging.decode(stored.getvalue()).getpoint(0, 0) == [128, 128, 128]


class TestMetadata:
    @pytest.mark.parametrize("length", [10, 59_000, 70_000, 900_000])
    @pytest.mark.parametrize("format", ["png", "webp"])
    def test_long_metadata_is_kept_whole_where_the_format_can(self, length: int, format: str) -> None:
        known = {"prompt": "x<&é"[: 4 if length < 100_000 else 3] * (length // 8), "seed": 7}
        assert read_metadata(imaging.encode(plain(9, 8, 8), format, metadata=known)) == known

    @pytest.mark.parametrize(
        ("format", "length"), [("jpeg", 70_000), ("png", MOST_BYTES + 1), ("webp", 3_000_000)]
    )
    def test_what_is_too_long_is_shortened_and_says_so(self, format: str, length: int) -> None:
        known = {"prompt": "x" * length, "seed": 7, "steps": 4}
        told = read_metadata(imaging.encode(plain(9, 8, 8), format, metadata=known))
        assert told == {"seed": 7, "steps": 4, SHORTENED: True}

    @pytest.mark.parametrize("prompt", ["a cup", "a cup, é", "ein 🐉, 日本"])
    def test_a_png_tells_its_parameters_as_other_programs_do(self, prompt: str) -> None:
        known = {
            "prompt": prompt, "negative_prompt": "blurry", "seed": 7, "steps": 4, "guidance_scale": 2.0,
            "scheduler": "euler", "width": 8, "height": 8, "model": "icons",
        }  # fmt: skip
        file = imaging.encode(plain(9, 8, 8), "png", metadata=known)
        assert Image.open(io.BytesIO(file)).text["parameters"] == (  # type: ignore[attr-defined]
            f"{prompt}\nNegative prompt: blurry\n"
            "Steps: 4, Sampler: euler, CFG scale: 2.0, Seed: 7, Model: icons, Size: 8x8"
        )
        assert read_metadata(file) == known
