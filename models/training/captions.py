"""The texts an icon is trained on: its name, its rarer tags, and the names a player would use for it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from models.training.sources import Icon

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
        trident emblem: trident, spear
        alembic: potion, magic potion, flask, alchemy flask
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
        ghost: spirit, phantom, spectre, wraith
        ogre: demon, red ogre, oni
        goblin: red goblin, tengu
        troll: green troll, orc
        alien monster: invader, space monster
        alien: alien head, grey alien
        robot: golem, metal golem, automaton
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
        wolf: wolf head, grey wolf, werewolf
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
        person fencing: swordsman, fencer, duellist
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
        prayer beads: necklace, amulet, beads
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
        diya lamp: oil lamp, torch
        flashlight: electric torch
        bomb: round bomb
        chains: iron chain, chain
        ladder: wooden ladder
        bucket: pail
        basket: woven basket
        package: box, crate, chest
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
        oil drum: barrel
        fishing pole: fishing rod
        red apple: apple
        bread: loaf of bread, loaf
        baguette bread: long bread
        cheese wedge: cheese
        meat on bone: meat, roast meat
        poultry leg: chicken leg, drumstick
        cut of meat: steak, raw meat
        pot of food: stew, soup, cauldron
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
        jack-o-lantern: pumpkin
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
        door: wooden door, gate, entrance
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
FAVOURITE_WEIGHT = 3.0
# A tag shared by more concepts than this ("food", "face") says too little about a drawing to be its caption.
MOST_SHARED_TAG = 2


@dataclass(frozen=True)
class Caption:
    """One text for one concept; `style` is "flat" where the text asks for the flat drawing."""

    text: str
    concept: int
    style: str
    weight: float


def names_of(icon: Icon, tag_uses: Counter[str]) -> list[tuple[str, float]]:
    """Everything the icon is called, weighted so that its label and its game names come up most."""
    label = icon.label.lower().replace("’", "'").replace(":", "")
    names = [(label, 2.0)]
    names += [(alias, 1.0) for alias in ALIASES.get(icon.label, ())]
    known = {name for name, _ in names}
    for tag in icon.tags:
        tag = tag.lower().replace("’", "'")
        if tag not in known and tag_uses[tag] <= MOST_SHARED_TAG:
            names.append((tag, 0.25))
    return names


def captions_for(icons: list[Icon]) -> list[Caption]:
    """All captions of all icons. A plain text stands for the 3d drawing, "..., flat" for the flat one."""
    tag_uses = Counter(tag.lower() for icon in icons for tag in icon.tags)
    # A name that is some icon's own label or alias must not lead to another icon's drawing as well.
    taken = {icon.label.lower() for icon in icons} | {alias for names in ALIASES.values() for alias in names}
    for word in taken:
        tag_uses[word] += MOST_SHARED_TAG + 1
    captions = []
    for concept, icon in enumerate(icons):
        names = names_of(icon, tag_uses)
        whole = sum(weight for _, weight in names)
        for name, weight in names:
            share = weight / whole
            article = "an" if name[0] in "aeiou" else "a"
            if icon.file_3d is not None:
                for text, part in (
                    (name, 0.5),
                    (f"{article} {name}", 0.2),
                    (f"{name}, 3d", 0.2),
                    (f"icon of {article} {name}", 0.1),
                ):
                    captions.append(Caption(text, concept, "3d", share * part))
            if icon.svg_flat is not None:
                captions.append(Caption(f"{name}, flat", concept, "flat", share * 0.8))
                captions.append(Caption(f"{article} {name}, flat", concept, "flat", share * 0.2))
    return captions
