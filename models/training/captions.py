"""The texts an icon is trained on: its name, what a player would call it, its rarer tags, and what WordNet says of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from models.training.sources import Icon
from models.training.wordnet import WordNet

# Emoji names are not game words. Each line: the emoji's label, then what else a game world calls such a thing.
ALIASES = {
    label.strip(): tuple(name.strip() for name in names.split(","))
    for label, _, names in (
        line.partition(":")
        for line in """
        mage: wizard, sorcerer, magician, warlock
        man mage: old wizard, male wizard
        woman mage: witch, sorceress, enchantress
        dagger: sword, short sword, blade, knife
        crossed swords: two swords, swords, battle, duel
        kitchen knife: chef knife
        bow and arrow: bow, longbow, archer's bow, archery
        shield: wooden shield, knight's shield
        axe: hatchet, battle axe, woodcutter's axe
        pick: pickaxe, miner's pick
        hammer: war hammer, smith's hammer
        hammer and pick: mining tools
        trident emblem: trident
        alembic: flask, alchemy flask, alchemist's still
        test tube: vial, green potion, vial of poison
        gem stone: gem, jewel, diamond, crystal, sapphire
        coin: gold coin, gold, gold piece
        money bag: bag of gold, bag of coins, sack of gold
        key: golden key
        old key: rusty key, dungeon key, iron key
        locked: padlock, lock
        scroll: parchment, spell scroll, quest scroll
        world map: map, treasure map
        open book: spellbook, opened book
        closed book: book, red book, tome
        books: pile of books, library
        black nib: quill, quill pen
        crystal ball: magic orb, orb
        magic wand: wand
        sparkles: magic, spell, magic sparks
        collision: explosion, blast, fireball
        fire: flame, campfire, flames
        high voltage: lightning, lightning bolt, spark
        snowflake: frost, ice crystal
        ice: ice cube, block of ice
        droplet: water, drop of water, water drop
        drop of blood: blood, blood drop
        skull: human skull, dead head
        skull and crossbones: crossbones, death, pirate sign
        ghost: spirit, phantom, spectre
        ogre: demon, red ogre, oni
        goblin: red goblin, tengu
        troll: green troll
        alien monster: invader, space monster
        alien: alien head, grey alien
        robot: metal golem, automaton
        dragon: green dragon, serpent dragon, wyrm
        dragon face: dragon head, drake
        sauropod: dinosaur, long neck dinosaur
        T-Rex: tyrannosaurus, big lizard
        lizard: newt, salamander, gecko
        snake: viper, serpent, green snake
        spider: giant spider, tarantula
        spider web: cobweb, web
        scorpion: giant scorpion
        bug: caterpillar, grub
        rat: giant rat, sewer rat
        wolf: wolf head, grey wolf
        bear: bear head, brown bear
        horse: brown horse, steed
        horse face: horse head
        dog face: dog head, puppy
        cat face: cat head, kitten
        chicken: hen
        elf: archer elf, elven hero
        fairy: pixie, sprite
        vampire: count, dracula
        zombie: undead, ghoul
        person: villager, peasant
        guard: royal guard, palace guard, soldier
        person with crown: ruler, monarch, king
        princess: queen
        cook: chef, innkeeper
        mechanic: blacksmith, smith
        ninja: thief, assassin, rogue
        person fencing: fencer, duellist
        person in tuxedo: butler, merchant
        farmer: gardener
        detective: spy, investigator
        martial arts uniform: white robe, monk's robe
        kimono: robe, red robe
        coat: cloak, leather coat
        hiking boot: boot, boots, leather boots
        man’s shoe: leather shoe
        gloves: gauntlets
        rescue worker’s helmet: white cross helmet
        military helmet: helmet, green helmet, soldier's helmet
        crown: royal crown, golden crown
        top hat: black hat
        ring: diamond ring, magic ring, silver ring
        prayer beads: beads, bead necklace
        nazar amulet: blue amulet, evil eye
        backpack: rucksack, adventurer's pack
        handbag: satchel, leather bag
        castle: stone castle, fortress, keep
        Japanese castle: pagoda
        hut: cottage, shack, straw hut
        house: home, little house
        houses: village, town
        derelict house: haunted house, ruined house, abandoned house
        hotel: inn
        classical building: temple, old temple
        church: chapel
        factory: workshop
        tent: camp tent
        camping: camp, campsite
        fountain: stone fountain
        headstone: grave, tombstone, gravestone
        coffin: casket
        funeral urn: urn, vase
        amphora: clay jar, jar, pot
        wood: log, firewood, timber
        rock: stone, boulder
        brick: bricks, wall
        mountain: grey mountain, hill
        snow-capped mountain: snowy mountain, peak
        volcano: lava mountain
        evergreen tree: pine, pine tree, fir tree
        deciduous tree: tree, oak, oak tree
        mushroom: toadstool, red mushroom
        herb: healing herb, green herb
        seedling: sprout
        sheaf of rice: wheat, grain
        candle: burning candle
        red paper lantern: lantern
        diya lamp: oil lamp
        flashlight: electric torch
        bomb: round bomb
        chains: iron chain, chain
        ladder: wooden ladder
        bucket: pail
        basket: woven basket
        package: box, crate
        knot: rope
        hook: iron hook
        carpentry saw: saw
        toolbox: red toolbox
        balance scale: scales
        magnifying glass tilted left: magnifying glass, lens
        hourglass done: hourglass, sand clock
        wheel: cart wheel
        sailboat: boat, sailing boat
        ship: big ship
        canoe: rowing boat
        oil drum: metal barrel
        fishing pole: fishing rod
        red apple: apple
        bread: loaf of bread, loaf
        baguette bread: long bread
        cheese wedge: cheese
        meat on bone: meat, roast meat
        poultry leg: chicken leg, drumstick
        cut of meat: steak, raw meat
        pot of food: stew, soup
        beer mug: beer, ale, mug of ale
        wine glass: wine, glass of wine
        bottle with popping cork: bottle, champagne
        honey pot: honey
        glass of milk: milk
        hot beverage: coffee, tea, cup of tea
        birthday cake: cake
        teacup without handle: tea cup, green tea
        fish: blue fish
        crescent moon: moon
        full moon: round moon
        star: yellow star, gold star
        glowing star: shining star
        sun: sunshine
        cloud with lightning: storm, thunderstorm
        cloud with rain: rain, rain cloud
        water wave: wave, sea, ocean
        tornado: whirlwind
        red heart: heart, life, health
        grinning face: smiling face, smile, happy face
        smiling face with smiling eyes: smiling eyes
        angry face: anger
        crying face: sad face, tear
        loudly crying face: weeping face
        sleeping face: sleep
        face with symbols on mouth: swearing face
        smiling face with horns: devil, imp
        jack-o-lantern: carved pumpkin
        feather: plume
        nest with eggs: bird nest
        egg: white egg
        military medal: medal
        trophy: cup, golden cup
        drum: war drum
        violin: fiddle
        postal horn: horn, bugle
        game die: die, dice
        chess pawn: pawn
        wrapped gift: gift, present
        scissors: shears
        thread: spool of thread
        yarn: ball of yarn, wool
        door: wooden door, entrance
        window: glass window
        bed: sleeping place
        chair: wooden chair
        mirror: magic mirror
        """.strip().splitlines()
    )
}

# What a game shows most; these concepts are drawn more often in training.
FAVOURITES = frozenset(
    name.strip()
    for name in """
    dagger|crossed swords|bow and arrow|shield|axe|pick|hammer|trident emblem|alembic|test tube|gem stone|coin
    |money bag|key|old key|locked|scroll|world map|open book|closed book|books|crystal ball|magic wand|fire
    |sparkles|high voltage|skull|ghost|ogre|goblin|troll|robot|dragon|dragon face|snake|spider|bat|rat|wolf|bear
    |horse|dog|dog face|cat|cat face|rabbit|owl|eagle|fish|frog|mage|man mage|woman mage|elf|fairy|vampire|zombie
    |guard|person with crown|princess|prince|ninja|crown|ring|hiking boot|castle|house|hut|houses|tent|mountain
    |volcano|evergreen tree|deciduous tree|mushroom|herb|candle|bomb|package|door|hourglass done|sailboat
    |red apple|bread|cheese wedge|meat on bone|pot of food|beer mug|wine glass|crescent moon|star|sun|red heart
    |grinning face|angry face|crying face|smiling face with horns|droplet|snowflake|unicorn|military helmet
    """.replace("\n", "").split("|")
)
# A tag shared by more concepts than this ("food", "face") says too little about a drawing to be its caption.
MOST_SHARED_TAG = 2
# How often each kind of text comes up, against 1 for a game name.
LABEL, GAME_NAME, TAG, SYNONYM, DEFINITION = 2.0, 1.0, 0.3, 0.5, 0.4
# Tags and dictionary texts are many and loose; together they come up no more often than this.
MOST_OF_THE_REST = 1.5
# Prompts that judge the model must not be texts that it was trained on.
PROMPTS = Path(__file__).parents[2] / "benchmarks" / "prompts"
HELD_OUT = ("paraphrases.txt", "attributes.txt", "attributes_sheet.txt", "world.txt")


def held_out() -> set[str]:
    """The texts that no caption may be, word for word."""
    lines = [line for name in HELD_OUT for line in (PROMPTS / name).read_text().splitlines()]
    return {line.split(": ")[0].strip() for line in lines if line and not line.startswith("#")}


def normal(name: str) -> str:
    return name.lower().replace("’", "'").replace(":", "")


def game_names(icon: Icon) -> list[str]:
    """The label and what a player would say for it."""
    extra = icon.tags if icon.code.startswith("game:") else ALIASES.get(icon.label, ())
    return [normal(icon.label), *(name for name in extra if name != normal(icon.label))]


def other_names(icon: Icon, wordnet: WordNet) -> Iterator[tuple[str, float]]:
    """Tags, synonyms and definitions, some of them shared with other icons."""
    if not icon.code.startswith("game:"):
        yield from ((normal(tag), TAG) for tag in icon.tags)
    hints = {word for text in (*icon.tags, *game_names(icon)) for word in text.lower().split()}
    defined = set()
    for name in game_names(icon):
        sense = wordnet.look_up(name, hints - set(name.split()))
        if sense is not None and sense.gloss not in defined:
            defined.add(sense.gloss)
            yield from ((normal(lemma), SYNONYM) for lemma in sense.lemmas)
            yield from ((normal(lemma), TAG) for lemma in sense.broader)
            yield sense.gloss.lower(), DEFINITION


def names_of(icons: list[Icon], wordnet: WordNet) -> list[dict[str, float]]:
    """What each icon is called, with weights; never the name that another icon has for its own."""
    own = [game_names(icon) for icon in icons]
    others = [dict(other_names(icon, wordnet)) for icon in icons]
    taken = {name for names in own for name in names}
    uses = Counter(name for names in others for name in names)
    found = []
    for mine, shared in zip(own, others, strict=True):
        names = {name: TAG for name in shared if name not in taken and uses[name] <= MOST_SHARED_TAG}
        names = {name: max(weight, shared[name]) for name, weight in names.items()}
        excess = max(1.0, sum(names.values()) / MOST_OF_THE_REST)
        names = {name: weight / excess for name, weight in names.items()}
        names |= dict.fromkeys(mine, GAME_NAME) | {mine[0]: LABEL}
        found.append(names)
    return found
