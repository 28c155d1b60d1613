"""Makes names as a text world gives them, from the table of its nouns and attributes: `python -m benchmarks.world_names`.

Nouns and attributes are drawn by how often the world uses them, each pair once; an attribute that is the noun itself is
drawn again. The seed of the committed list (`prompts/world.txt`) was fixed before the model that it judges was trained.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

TABLE = Path(__file__).parent / "prompts" / "world_nouns.tsv"
SEED = 20261125
COUNT = 64
# How many of each kind's commonest nouns are drawn from, and the share of the names that each kind gets.
MOST = {"object": 300, "creature": 150}
SHARES = {"object": 0.7, "creature": 0.3}
ATTRIBUTED_SHARE = 0.7


def read_table() -> dict[str, list[tuple[str, int]]]:
    """Words with their counts, commonest first, by kind: object, creature, attribute."""
    found: dict[str, list[tuple[str, int]]] = {}
    for line in TABLE.read_text().splitlines():
        if not line.startswith("#"):
            kind, word, count = line.split("\t")
            found.setdefault(kind, []).append((word, int(count)))
    return found


def draw_names(count: int, seed: int) -> list[str]:
    """Names such as "a rusty sword"."""
    table, chance = read_table(), random.Random(seed)
    attributes, attribute_counts = zip(*table["attribute"], strict=True)
    plain = {word for word, _ in table["attribute"][:60]}
    names: dict[str, None] = {}
    while len(names) < count:
        kind = chance.choices(list(SHARES), list(SHARES.values()))[0]
        words, counts = zip(*table[kind][: MOST[kind]], strict=True)
        noun = chance.choices(words, counts)[0]
        attribute = chance.choices(attributes, attribute_counts)[0]
        # Words such as "black" or "huge" are heads of names only because the table's parser found no noun.
        if noun in plain or attribute == noun:
            continue
        text = f"{attribute} {noun}" if chance.random() < ATTRIBUTED_SHARE else noun
        names.setdefault(f"{'an' if text[0] in 'aeiou' else 'a'} {text}")
    return list(names)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args()
    print("\n".join(draw_names(options.count, options.seed)))


if __name__ == "__main__":
    main()
