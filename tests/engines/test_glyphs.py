"""The engine `glyphs`: the named thing, in the named colour and wear, crisp and exactly cut out, and honest about its words."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from capabilities.imaging import read_metadata
from capabilities.methods.edit import Edit
from capabilities.methods.text_to_image import TextToImage
from capabilities.operations import Crop
from sidecar.config import Settings
from sidecar.engines.glyphs.choice import Chooser, Wanted
from sidecar.engines.glyphs.drawings import GLYPH_UNITS, ICON_UNITS, Drawings
from sidecar.engines.glyphs.engine import MODEL, GlyphsEngine
from sidecar.engines.glyphs.materials import PALETTES, STATES
from sidecar.engines.glyphs.painter import Look, paint
from sidecar.pb.viwo.imagegen.v1 import common_pb2, image_pb2, model_pb2
from sidecar.testing.pictures import pixels
from sidecar.testing.refusals import error_info, refused
from sidecar.testing.requests import text_to_image
from sidecar.testing.server import Sidecar, started

Array = np.ndarray[Any, np.dtype[np.uint8]]
DRAWINGS = Drawings()
CHOOSER = Chooser(DRAWINGS)


def painted(prompt: str, side: int = 128, seed: int = 1) -> Array:
    wanted = CHOOSER.understood(prompt)
    drawing = CHOOSER.drawing(wanted, seed)
    body = DRAWINGS.glyph(drawing.name) if drawing.is_glyph else DRAWINGS.icon(drawing.name)
    look = Look(drawing.palette, wanted.style, wanted.states, wanted.count, wanted.scale)
    return paint(body, GLYPH_UNITS if drawing.is_glyph else ICON_UNITS, drawing.is_glyph, look, side, seed)


def mean_colour(picture: Array) -> np.ndarray[Any, Any]:
    mean: np.ndarray[Any, Any] = picture[picture[..., 3] > 200][:, :3].mean(axis=0)
    return mean


class TestChoice:
    @pytest.mark.parametrize(
        ("prompt", "label"),
        [
            ("a sword", "sword"),
            ("Thorin's rusty sword", "sword"),
            ("a robe of the ice wizard", "robe"),
            ("a black dragon scale shirt", "shirt"),
            ("a pair of leather boots", "boots"),
            ("a suit of armor", "armor"),
            ("two gold coins", "coins"),
            ("swords", "swords"),
            ("a notched shield", "shield"),
            ("Grog the orc", "orc"),
            ("sword made of gold", "sword"),
            ("the key to the north gate", "key"),
            ("a potion, red and bubbling", "potion"),
            ("icon of a dagger", "dagger"),
            ("A SHIELD!", "shield"),
        ],
    )
    def test_the_head_noun_decides(self, prompt: str, label: str) -> None:
        assert CHOOSER.understood(prompt).thing.label == label

    @pytest.mark.parametrize(
        ("prompt", "glyph"),
        [
            ("a fishhook", "hook"),
            ("a horse shoe", "horseshoe"),
            ("a horse-shoe", "horseshoe"),
            ("wolves", "wolf-head"),
        ],
    )
    def test_compounds_and_plurals(self, prompt: str, glyph: str) -> None:
        thing = CHOOSER.understood(prompt).thing
        assert glyph in thing.glyphs or glyph.split("-", maxsplit=1)[0] in thing.label

    @pytest.mark.parametrize(
        ("prompt", "palette", "states"),
        [
            ("a blue sword", "blue", ()),
            ("a golden key", "golden", ()),
            ("a rusty iron axe", "iron", ("rusty",)),
            ("an old, broken shield", "", ("broken",)),
            ("ring of gold", "gold", ()),
            ("a hammer made out of solid wood", "wooden", ()),
            ("a glowing crystal orb", "crystal", ("glowing",)),
            ("an ancient burning torch", "", ("old", "burning")),
        ],
    )
    def test_words_before_it_adorn(self, prompt: str, palette: str, states: tuple[str, ...]) -> None:
        wanted = CHOOSER.understood(prompt)
        assert wanted.palette == (PALETTES[palette] if palette else None)
        assert set(wanted.states) >= set(states)

    def test_a_colour_on_a_material_has_its_surface(self) -> None:
        palette = CHOOSER.understood("red leather boots").palette
        assert palette is not None
        assert (palette.bright, palette.pattern) == (PALETTES["red"].bright, PALETTES["leather"].pattern)

    @pytest.mark.parametrize(
        ("prompt", "style"),
        [
            ("a sword, game icon", "game icon"), ("flat shield", "flat"), ("axe in pixel art style", "pixel art"),
            ("castle, line drawing", "line drawing"), ("a flat", "3d"),
        ],
    )  # fmt: skip
    def test_style_words(self, prompt: str, style: str) -> None:
        assert CHOOSER.understood(prompt).style == style

    @pytest.mark.parametrize("prompt", ["a xyzzyq", "", "   ", "żółć 龍", "!!!", "123"])
    def test_what_nothing_is_called_is_told(self, prompt: str) -> None:
        wanted = CHOOSER.understood(prompt)
        assert wanted.thing.label == "help"
        assert "nothing here is called" in wanted.warnings[0]

    def test_a_wider_word_is_told(self) -> None:
        (warning,) = CHOOSER.understood("a broadaxe").warnings or ("",)
        assert not warning or "it is drawn as" in warning

    def test_words_without_effect_are_told(self) -> None:
        (warning,) = CHOOSER.understood("an elven sword").warnings
        assert warning == "these words change nothing in the drawing: elven"

    @given(st.text(max_size=300))
    @settings(max_examples=300)
    def test_any_text_is_understood(self, text: str) -> None:
        wanted = CHOOSER.understood(text)
        assert isinstance(wanted, Wanted)
        assert CHOOSER.drawing(wanted, 3).name

    def test_a_long_prompt_takes_no_time(self) -> None:
        assert CHOOSER.understood("sword of " * 3000).thing.label == "sword"

    def test_every_drawing_that_is_named_is_there(self) -> None:
        for thing in DRAWINGS.things:
            for name in thing.glyphs:
                assert DRAWINGS.glyph(name)
            for code in thing.icons:
                assert DRAWINGS.icon(code)
            assert all(word in PALETTES for word in thing.palettes)
        assert all(-len(DRAWINGS.things) <= place < len(DRAWINGS.things) for place in DRAWINGS.words.values())


class TestPainting:
    @pytest.mark.parametrize(
        ("colour", "band"),
        [("red", 0), ("green", 1), ("blue", 2), ("crimson", 0), ("sapphire", 2), ("emerald", 1)],
    )
    def test_colours_are_what_they_are_called(self, colour: str, band: int) -> None:
        for noun in ("sword", "shield", "cloak", "dragon", "potion"):
            mean = mean_colour(painted(f"a {colour} {noun}"))
            assert mean.argmax() == band, noun
            assert mean[band] > 1.25 * np.delete(mean, band).max()

    def test_natural_colours(self) -> None:
        tomato, leaf = mean_colour(painted("a tomato")), mean_colour(painted("a frog"))
        assert tomato[0] > 1.5 * tomato[1:].max()
        assert leaf[1] > leaf[[0, 2]].max()

    @pytest.mark.parametrize("side", [16, 33, 64, 200, 512, 2048])
    @pytest.mark.parametrize("prompt", ["a rusty sword", "a ghost", "two coins", "a glowing ring, pixel art"])
    def test_every_size_is_whole_and_cut_out(self, prompt: str, side: int) -> None:
        made = painted(prompt, side)
        assert made.shape == (side, side, 4)
        assert made[[0, 0, -1, -1], [0, -1, 0, -1], 3].max() == 0
        assert 0.04 < (made[..., 3] > 128).mean() < 0.9

    @pytest.mark.parametrize("prompt", ["a sword", "a wooden shield", "a white rabbit", "a skull", "a cloud"])
    def test_it_is_crisp_at_any_size(self, prompt: str) -> None:
        """The soft part of the outline is about a pixel wide, however large the picture is."""
        for side in (256, 1024, 2048):
            alpha = painted(prompt, side)[..., 3].astype(int)
            edge = ((alpha > 8) & (alpha < 247)).sum()
            length = (
                np.abs(np.diff(alpha > 127, axis=0)).sum() + np.abs(np.diff(alpha > 127, axis=1)).sum()
            ) or 1
            assert edge / length < 3.2, side

    @pytest.mark.parametrize("prompt", ["a ghost", "a skull", "a white rabbit", "a cloud", "a sheep"])
    def test_pale_subjects_have_no_holes(self, prompt: str) -> None:
        alpha = painted(prompt, 256)[..., 3]
        image = Image.fromarray(((alpha < 128) * 255).astype(np.uint8))
        from PIL import ImageDraw

        framed = Image.new("L", (258, 258), 255)
        framed.paste(image, (1, 1))
        ImageDraw.floodfill(framed, (0, 0), 128)
        holes = np.asarray(framed) == 255
        assert holes.mean() < 0.02

    @pytest.mark.parametrize("state", [state for state in STATES if state not in ("tiny", "huge")])
    def test_wear_shows(self, state: str) -> None:
        plain = painted("a steel shield", 200).astype(int)
        worn = painted(f"a {STATES[state][0]} steel shield", 200).astype(int)
        both = (plain[..., 3] > 200) & (worn[..., 3] > 200)
        changed = np.abs(plain - worn)[both][:, :3].max(axis=1) > 24
        assert changed.mean() > 0.015 or np.abs(plain[..., 3] - worn[..., 3]).mean() > 4

    def test_sizes_and_numbers(self) -> None:
        area = {
            words: (painted(f"{words} apple")[..., 3] > 128).mean() for words in ("tiny", "a", "huge", "two")
        }
        assert area["tiny"] < 0.5 * area["a"] <= 0.5 * area["huge"] + 1e-9
        assert 0.4 * area["a"] < area["two"] < area["a"] * 1.2

    def test_equal_seeds_give_equal_pictures_and_others_others(self) -> None:
        made = [painted("a dagger", seed=seed).tobytes() for seed in (1, 1, 2, 3, 4, 5)]
        assert made[0] == made[1]
        assert len(set(made)) >= 4


class TestServed:
    async def test_over_grpc(self, sidecar: Sidecar) -> None:
        request = text_to_image(
            await sidecar.context(),
            "a rusty elven sword",
            model_id=MODEL,
            width=300,
            height=200,
            background="transparent",
        )
        request.options.ClearField("steps")
        answer = await sidecar.images.TextToImage(request)
        made = pixels(answer.images[0].data)
        assert made.shape == (200, 300, 4)
        assert made[:, :40, 3].max() == 0
        told = read_metadata(answer.images[0].data) or {}
        assert (told["model"], told["prompt"]) == (MODEL, "a rusty elven sword")
        assert told["drawing"].startswith("game/")
        assert "CC BY 3.0" in told["attribution"]
        assert list(answer.warnings) == ["these words change nothing in the drawing: elven"]
        assert answer.cost.compute == pytest.approx(0.06)

    async def test_on_white_and_several(self, sidecar: Sidecar) -> None:
        request = text_to_image(
            await sidecar.context(), "a tomato", model_id=MODEL, width=64, height=64, count=3
        )
        answer = await sidecar.images.TextToImage(request)
        assert len({image.data for image in answer.images}) >= 2
        for image in answer.images:
            made = pixels(image.data)
            assert made.shape == (64, 64, 3)
            assert made[0, 0].min() == 255
            assert Image.open(io.BytesIO(image.data)).format == "PNG"

    async def test_it_is_listed_for_what_it_is(self, sidecar: Sidecar) -> None:
        listed = {item.id: item for item in (await sidecar.models.List(model_pb2.ListModelsRequest())).models}
        assert listed[MODEL].engine == "glyphs"
        assert "nothing is generated" in listed[MODEL].description

    @pytest.mark.parametrize(
        ("options", "field"),
        [
            ({"clip_skip": 1}, "clip_skip"),
            ({"tiling": True}, "tiling"),
            ({"loras": [image_pb2.Lora(id="x")]}, "loras"),
        ],
    )
    async def test_what_it_does_not_take_is_named(
        self, sidecar: Sidecar, options: dict[str, Any], field: str
    ) -> None:
        error = await refused(
            sidecar.images.TextToImage(text_to_image(await sidecar.context(), model_id=MODEL, **options))
        )
        assert error.code() in (grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.NOT_FOUND)
        assert field in error_info(error).metadata["field"]

    async def test_what_it_cannot_do_is_refused(self) -> None:
        engine = GlyphsEngine()
        shared: dict[str, Any] = {
            "prompt": "a cat",
            "guidance_scale": 0,
            "scheduler": "default",
            "model_id": MODEL,
        }
        assert engine.supports(TextToImage(**shared, width=2048, height=16)) is None
        large = engine.supports(TextToImage(**shared, width=16, height=2049))
        assert large is not None
        assert (large.field, large.limit, large.asked) == ("height", "at most 2048", "2049")
        edit = engine.supports(Edit(image="x", operations=(Crop(width=1, height=1),), width=1, height=1))
        assert edit is not None
        assert edit.reason == "MODEL_CANNOT"
        await engine.stop()

    async def test_it_is_the_default_and_leaves_to_others_what_it_cannot(
        self, tiny: Path, tmp_path: Path
    ) -> None:
        assert Settings().default_model == MODEL
        async with started(tiny, tmp_path, default_model=MODEL) as sidecar:
            context = await sidecar.context()
            drawn = await sidecar.images.TextToImage(
                text_to_image(context, "a red apple", width=64, height=64)
            )
            assert drawn.model_id == MODEL
            request = image_pb2.ImageToImageRequest(
                context=context, prompt="a green apple", image=common_pb2.ImageSource(ref=drawn.images[0].ref)
            )
            request.options.steps = 2
            assert (await sidecar.images.ImageToImage(request)).model_id in ("icons", "sd")
            only = await sidecar.context({"allowed_models": [MODEL]})
            request.context.CopyFrom(only)
            error = await refused(sidecar.images.ImageToImage(request))
            assert error_info(error).reason == "MODEL_CANNOT"
