"""Prompts refined by rules: what is missing is added in the prompt's language, and nothing is taken away."""

from __future__ import annotations

import pytest

from capabilities.prompt_rules import refine


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        (
            "a sword",
            "a sword, the subject centered on a plain background, detailed illustration, soft light from the side",
        ),
        (
            "Forest at night, oil painting, wide view",
            "Forest at night, oil painting, wide view",
        ),
        ("a castle.", "a castle, wide view, detailed illustration, soft light from the side"),
        (
            "ein rostiges Schwert im Mondlicht",
            "ein rostiges Schwert im Mondlicht, das Motiv in der Mitte vor schlichtem Hintergrund, detailreiche Illustration",
        ),
        ("une épée dans la forêt", "une épée dans la forêt, vue large, illustration détaillée, lumière douce de côté"),
        ("un castillo con una torre", "un castillo con una torre, vista amplia, ilustración detallada, luz suave de lado"),
        ("sword", "sword, the subject centered on a plain background, detailed illustration, soft light from the side"),
        ("錆びた剣", "錆びた剣"),
        ("ржавый меч", "ржавый меч"),
        ("!?", "!?"),
        ("", ""),
    ],
)  # fmt: skip
def test_what_is_missing_is_added_in_the_language_of_the_prompt(prompt: str, expected: str) -> None:
    assert refine(prompt, 2000) == expected
    assert refine(expected, 2000) == expected


def test_what_would_be_too_long_is_left_out() -> None:
    assert refine("a sword", 50) == "a sword, detailed illustration"
    assert refine("a sword", 7) == "a sword"
