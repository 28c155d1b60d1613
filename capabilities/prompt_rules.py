"""A prompt refined by rules alone: words for what people leave out, in the language of the prompt; nothing is taken away.

What a prompt names of medium, light and view is left as it is; the rest is added at its end. A prompt in a language that
is not known here is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class _Aspect:
    """Something that a prompt may say: the words by which it does, and what is added where it does not."""

    words: frozenset[str]
    added: str


@dataclass(frozen=True)
class _Language:
    """`common`: short words that hardly any other language has. `places`: what is shown from afar."""

    common: frozenset[str]
    places: frozenset[str]
    near: str
    far: str
    view: frozenset[str]
    aspects: tuple[_Aspect, ...]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_LANGUAGES: Mapping[str, _Language] = {
    "en": _Language(
        _words("a an the of with and in on at by from under over is"),
        _words(
            "landscape forest room hall city village castle street sea ocean mountain mountains valley garden cave river lake "
            "field desert sky tavern market house tower dungeon bridge island"
        ),
        "the subject centered on a plain background",
        "wide view",
        _words("view close-up closeup portrait centered centred wide background aerial panorama"),
        (
            _Aspect(
                _words(
                    "photo photograph painting watercolor watercolour oil drawing sketch illustration icon render pixel art "
                    "engraving woodcut cartoon ink pencil pastel anime 3d"
                ),
                "detailed illustration",
            ),
            _Aspect(
                _words(
                    "light lit lighting sunlight sunny moonlight dark shadow shadows glow glowing dusk dawn night sunset sunrise "
                    "candlelight backlit"
                ),
                "soft light from the side",
            ),
        ),
    ),
    "de": _Language(
        _words("ein eine einen einem einer der die das den dem mit und im am auf unter über aus ist vor"),
        _words(
            "landschaft wald zimmer raum saal halle stadt dorf burg schloss straße meer berg berge tal garten höhle fluss see feld "
            "wüste himmel taverne markt haus turm verlies brücke insel"
        ),
        "das Motiv in der Mitte vor schlichtem Hintergrund",
        "weiter Blick",
        _words("blick nahaufnahme porträt mitte hintergrund luftbild panorama weitwinkel"),
        (
            _Aspect(
                _words(
                    "foto fotografie gemälde aquarell öl ölbild zeichnung skizze illustration symbol icon holzschnitt stich tusche "
                    "bleistift pastell anime 3d"
                ),
                "detailreiche Illustration",
            ),
            _Aspect(
                _words(
                    "licht sonnenlicht mondlicht dunkel schatten glühend leuchtend dämmerung nacht sonnenuntergang sonnenaufgang "
                    "kerzenlicht gegenlicht"
                ),
                "weiches Licht von der Seite",
            ),
        ),
    ),
    "fr": _Language(
        _words("un une le la les des du de avec et dans sur sous au aux est"),
        _words(
            "paysage forêt chambre salle ville village château rue mer océan montagne montagnes vallée jardin grotte rivière lac "
            "champ désert ciel taverne marché maison tour donjon pont île"
        ),
        "le sujet au centre sur un fond uni",
        "vue large",
        _words("vue gros-plan portrait centre fond aérienne panorama"),
        (
            _Aspect(
                _words(
                    "photo photographie peinture aquarelle huile dessin croquis illustration icône gravure encre crayon pastel "
                    "anime 3d"
                ),
                "illustration détaillée",
            ),
            _Aspect(
                _words(
                    "lumière soleil lune sombre ombre ombres lueur crépuscule aube nuit bougie contre-jour"
                ),
                "lumière douce de côté",
            ),
        ),
    ),
    "es": _Language(
        _words("un una el la los las del de con y en sobre bajo al es"),
        _words(
            "paisaje bosque habitación sala ciudad pueblo aldea castillo calle mar océano montaña montañas valle jardín cueva río "
            "lago campo desierto cielo taberna mercado casa torre mazmorra puente isla"
        ),
        "el sujeto en el centro sobre un fondo liso",
        "vista amplia",
        _words("vista plano retrato centro fondo aérea panorama"),
        (
            _Aspect(
                _words(
                    "foto fotografía pintura acuarela óleo dibujo boceto ilustración icono grabado tinta lápiz pastel anime 3d"
                ),
                "ilustración detallada",
            ),
            _Aspect(
                _words(
                    "luz sol luna oscuro oscura sombra sombras brillo crepúsculo amanecer noche vela contraluz"
                ),
                "luz suave de lado",
            ),
        ),
    ),
}

_WORD = re.compile(r"[^\W_]+(?:-[^\W_]+)*")


def refine(prompt: str, most: int) -> str:
    """The prompt with words added that it lacks, of at most so many characters; itself where nothing can be added."""
    words = frozenset(_WORD.findall(prompt.lower()))
    language = _language_of(prompt, words)
    if language is None:
        return prompt
    added = [] if words & language.view else [language.far if words & language.places else language.near]
    added += [aspect.added for aspect in language.aspects if not words & aspect.words]
    refined = prompt.rstrip(" ,;.")
    for text in added:
        if len(refined) + len(text) + 2 <= most:
            refined += f", {text}"
    return refined if added else prompt


def _language_of(prompt: str, words: frozenset[str]) -> _Language | None:
    """By the short words, else by any others; English for what is ASCII throughout; None for what nobody can tell."""
    if not words:
        return None

    def known(language: _Language) -> tuple[int, int]:
        others = language.places | language.view | frozenset().union(*(a.words for a in language.aspects))
        return len(words & language.common), len(words & others)

    best = max(_LANGUAGES.values(), key=known)
    if any(known(best)):
        return best
    return _LANGUAGES["en"] if prompt.isascii() else None
