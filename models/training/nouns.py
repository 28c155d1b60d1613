"""What a world's nouns look like: the drawings for each, and what it is made of where nothing is said.

A line reads `names | drawings | palettes`. Names have commas between them, the first is the head noun of the world's list;
drawings are glyphs of game-icons, or `e:` and an emoji's label; palettes are words of `materials`, one is chosen where the
name tells none. Emoji keep their own colours. Nouns that no picture can show (`length`, `object`) are left out.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Noun:
    """A thing or being, what it is called, the drawings that show it, and its usual palettes."""

    names: tuple[str, ...]
    glyphs: tuple[str, ...]
    emoji: tuple[str, ...]
    palettes: tuple[str, ...]


def _parse(table: str) -> tuple[Noun, ...]:
    nouns = []
    for line in table.strip().splitlines():
        names, drawings, palettes = (part.strip() for part in line.split("|"))
        listed = [each.strip() for each in drawings.split(",")]
        nouns.append(
            Noun(
                tuple(name.strip() for name in names.split(",")),
                tuple(each for each in listed if not each.startswith("e:")),
                tuple(each.removeprefix("e:") for each in listed if each.startswith("e:")),
                tuple(each.strip() for each in palettes.split(",")),
            )
        )
    return tuple(nouns)


OBJECTS = _parse(
    """
    key | key, skeleton-key, boss-key, heart-key, millenium-key, e:key, e:old key | gold, iron, brass, steel
    keys, bunch of keys, keyring | house-keys, keyring, three-keys | gold, iron, steel
    ring, finger ring | ring, diamond-ring, big-diamond-ring, engagement-ring, skull-ring, power-ring, skull-signet, e:ring | gold, silver
    sword, blade | broadsword, pointy-sword, stiletto, sword-hilt, piercing-sword, e:dagger | steel, iron, silver
    boots, boot, pair of boots | boots, leather-boot, fur-boot, walking-boot, metal-boot, steeltoe-boots, e:hiking boot | leather, black, brown
    potion | round-potion, standing-potion, health-potion, magic-potion, square-bottle, potion-of-madness | red, blue, green, purple
    cloak, mantle | cloak, cape, vampire-cape, wing-cloak, hooded-figure | red, blue, green, brown, black, gray
    staff, quarterstaff, walking staff, sceptre of wood | wizard-staff, crescent-staff, skull-staff, wood-stick, bo, shepherds-crook | wooden, brown, ebony
    shield | shield, checked-shield, round-shield, roman-shield, viking-shield, bordered-shield, templar-shield, e:shield | wooden, steel, bronze, iron
    plate, dish, platter | e:fork and knife with plate, hot-meal, metal-disc | white, silver, pewter
    plate, plates, metal plate, slab of metal | metal-plate, breastplate, lamellar | steel, iron
    armor, armour, suit of armor, body armor | breastplate, leather-armor, layered-armor, chest-armor, spiked-armor, armor-vest, heart-armor | steel, leather, iron, bronze
    dagger, dirk | plain-dagger, broad-dagger, stiletto, sacrificial-dagger, bowie-knife, diving-dagger, e:dagger | steel, iron, silver
    gloves, glove, mittens | gloves, winter-gloves, e:gloves, mailed-fist | leather, brown, black, white
    helm, warhelm | visored-helm, heavy-helm, light-helm, horned-helm, brutal-helm, crested-helmet, black-knight-helm | steel, iron, bronze
    bottle, flask of wine | wine-bottle, square-bottle, brandy-bottle, water-bottle, beer-bottle, e:bottle with popping cork | glass, green, brown
    scroll, parchment | scroll-unfurled, tied-scroll, scroll-quill, e:scroll | parchment
    leggings, leg guards | armored-pants, greaves, armor-cuisses, trousers, leg-armor | leather, steel, green
    belt, girdle, sash | belt, black-belt, belt-armor, belt-buckles | leather, black, brown
    bracelet, bangle | bracers, linked-rings, pearl-necklace, ring, prayer-beads | gold, silver, copper
    robe, robes, gown | robe, kimono, roman-toga, hooded-figure, e:kimono | blue, red, purple, white, gray, brown
    hat | pointy-hat, top-hat, western-hat, pilgrim-hat, robin-hood-hat, fedora, outback-hat, e:top hat, e:woman’s hat | brown, black, blue, green
    knife | plain-dagger, bowie-knife, curvy-knife, bone-knife, thrown-knife, trench-knife, meat-cleaver, e:kitchen knife | steel, iron
    pants, trousers, slacks, breeches | trousers, armored-pants, shorts, e:jeans | brown, blue, green, leather, gray
    fountain | fountain, water-fountain, e:fountain | stone, marble
    wand, magic wand | fairy-wand, orb-wand, lunar-wand, crystal-wand, e:magic wand | wooden, purple, gold, ebony
    book, tome, journal, bible, spellbook | book-cover, spell-book, black-book, white-book, evil-book, secret-book, e:closed book, e:blue book, e:green book, e:open book | leather, red, blue, brown
    sign, signpost, board | wooden-sign, hanging-sign, direction-sign, direction-signs, tavern-sign, e:placard | wooden
    helmet | visored-helm, helmet, viking-helmet, dwarf-helmet, elf-helmet, centurion-helmet, spartan-helmet, e:military helmet | steel, iron, bronze
    crown | crown, jewel-crown, queen-crown, sharp-crown, imperial-crown, crenel-crown, e:crown | gold, silver
    mace | spiked-mace, flanged-mace, mace-head, bone-mace, winged-scepter | steel, iron
    axe, hatchet | battle-axe, war-axe, wood-axe, sharp-axe, hatchet, stone-axe, fire-axe, e:axe | steel, iron
    sleeves, pair of sleeves, arm guards, armbands | bracers, bracer, shoulder-armor, mail-shirt, elbow-pad | leather, steel, cloth, green
    shirt, blouse | shirt, t-shirt, mail-shirt, fur-shirt, polo-shirt, e:t-shirt | white, cloth, blue, green, red
    dress | dress, ample-dress, large-dress, travel-dress, e:dress | red, blue, purple, white, green
    bow, longbow, shortbow | pocket-bow, bow-arrow, bow-string, high-shot, e:bow and arrow | wooden, brown
    spear, lance, pike | stone-spear, spears, barbed-spear, thrown-spear, spear-hook, spear-feather, sun-spear | wooden, steel, iron
    cape | cape, cloak, vampire-cape | red, blue, black, green, purple
    glass, drinking glass | wine-glass, martini, e:wine glass, e:tumbler glass, e:glass of milk | glass
    gauntlets, gauntlet | gauntlet, mailed-fist, metal-hand | steel, iron, black
    stone, pebble, runestone | rune-stone, rock, stone-sphere, e:rock | stone, gray
    necklace | necklace, gem-necklace, pearl-necklace, heart-necklace, emerald-necklace, intricate-necklace, primitive-necklace, e:prayer beads | gold, silver
    bag, sack, pouch, beltpouch, purse | swap-bag, knapsack, pouch-with-beads, shiny-purse, powder-bag, e:money bag, e:purse | leather, brown, burlap
    statue, figurine, statuette, idol | stone-bust, totem-head, moai, figurehead, venus-of-willendorf, philosopher-bust, colombian-statue, discobolus | stone, marble, bronze, gold
    chest, treasure chest, strongbox | chest, locked-chest, open-treasure-chest, open-chest, mimic-chest, strongbox | wooden, iron, brown
    jacket, coat, jerkin, doublet | sleeveless-jacket, moncler-jacket, pirate-coat, leather-vest, lab-coat, e:coat | leather, brown, blue, black
    mask | tribal-mask, iron-mask, carnival-mask, ceremonial-mask, domino-mask, bird-mask, architect-mask, e:performing arts, e:goblin | gold, wooden, white, red
    amulet, medallion, talisman, charm | gem-pendant, tribal-pendant, pendant-key, emerald-necklace, holy-symbol, ankh, pentacle, e:nazar amulet | gold, silver, bronze
    hammer, mallet | claw-hammer, flat-hammer, thor-hammer, stake-hammer, toy-mallet, gear-hammer, e:hammer | steel, iron, wooden
    warhammer, war hammer | warhammer, thor-hammer, flat-hammer | steel, iron
    club, cudgel, bludgeon | wood-club, spiked-bat, bone-mace, baseball-bat | wooden
    collar | spiked-collar, heavy-collar, bracer | leather, iron, black
    jar, urn | mason-jar, covered-jar, cloth-jar, honey-jar, egyptian-urns, amphora, e:jar, e:amphora | glass, clay
    bowl | dog-bowl, bowl-of-rice, bowl-spiral, bubbling-bowl, berries-bowl, e:bowl with spoon, e:steaming bowl | wooden, clay, white
    map | treasure-map, e:world map | parchment
    shoes, shoe, pair of shoes | running-shoe, converse-shoe, ballerina-shoes, wooden-clogs, high-heel, e:man’s shoe, e:running shoe | leather, brown, black
    slippers | slippers, bunny-slippers, ballerina-shoes, e:flat shoe | red, pink, blue
    tree | beech, oak, fruit-tree, willow-tree, pine-tree, bonsai-tree, baobab, e:deciduous tree, e:evergreen tree | green
    claw, claws, talon, talons | bird-claw, claw, steel-claws, grasping-claws, claws, crab-claw | bone, black, steel
    skull | death-skull, dread-skull, animal-skull, crowned-skull, broken-skull, horned-skull, harry-potter-skull, e:skull | bone, white
    board, plank, wooden board | planks, packed-planks, wood-beam, e:wood | wooden
    cup, goblet, chalice | holy-grail, jeweled-chalice, trophy-cup, pouring-chalice, e:trophy | gold, silver, bronze
    torch | primitive-torch, torch, torc, e:flashlight | wooden
    carcass, corpse, dead body | fish-corpse, animal-skull, carrion, ribcage, dead-head | flesh, bone
    corpse, body | half-dead, pierced-body, dead-head, skeleton | flesh, bone, gray
    sandals, sandal | sandal, flip-flops, e:woman’s sandal, e:thong sandal | leather, brown
    sceptre, scepter, rod | winged-scepter, bird-scepter, rod-of-asclepius, caduceus, orb-wand, winged-scepter | gold, silver
    whip | whip, slavery-whip, electric-whip, vine-whip | leather
    breastplate, chestplate, cuirass | breastplate, chest-armor, abdominal-armor, heart-armor, layered-armor | steel, bronze, iron
    arrow | broadhead-arrow, barbed-arrow, arrow-flights, flaming-arrow, heavy-arrow, broken-arrow | wooden, steel
    ball | soccer-ball, beach-ball, cannon-ball, volleyball-ball, stone-sphere, e:soccer ball | red, white, blue
    bar, ingot | gold-bar, metal-bar, chocolate-bar | gold, silver, iron
    vial, phial | vial, test-tubes, corked-tube, square-bottle, dripping-tube, e:test tube | glass, red, green, blue
    chainmail, chain mail, mail, ringmail, mail shirt | chain-mail, mail-shirt, scale-mail, lamellar | steel, iron, silver
    box, package | wooden-crate, cardboard-box-closed, cardboard-box, locked-box, ring-box, e:package | wooden, brown
    crate | wooden-crate, cargo-crate, e:package | wooden
    skirt, kilt | skirt, metal-skirt, large-dress | red, blue, leather, green
    pendant, locket | gem-pendant, tribal-pendant, heart-necklace, feather-necklace, gem-necklace | gold, silver
    shard, splinter, chunk, fragment | crystal-growth, floating-crystal, crystal-shine, shatter, striking-splinter | crystal, ice, obsidian
    gem, jewel, gemstone, stone of power | cut-diamond, gems, emerald, amethyst, topaz, saphir, rupee, e:gem stone | ruby, emerald, sapphire, diamond, amethyst
    bed | bed, bunk-beds, person-in-bed, e:bed | wooden, red, blue
    lantern | lantern, old-lantern, lantern-flame, asian-lantern, e:red paper lantern | brass, iron, yellow
    lamp | magic-lamp, desk-lamp, old-lantern, bed-lamp, e:diya lamp | brass, gold
    vest, waistcoat | leather-vest, armor-vest, sleeveless-jacket, kevlar-vest | leather, brown, green
    longsword, long sword | two-handed-sword, broadsword, pointy-sword, winged-sword, rune-sword, striped-sword | steel, silver
    scimitar, sabre, cutlass | crossed-sabres, sparkling-sabre, cracked-saber, dervish-swords, gladius, saber-slash, katana | steel
    egg | big-egg, egg-clutch, dinosaur-egg, easter-egg, cosmic-egg, e:egg | white, bone, brown
    candle | candle-light, candle-flame, candles, candle-holder, candlebright, e:candle | white, bone, red
    well | well | stone
    tail | fox-tail, reptile-tail, spiked-tail, armadillo-tail, scorpion-tail | brown, green, gray
    tunic, bodice, bodysuit | shirt, mail-shirt, fur-shirt, sleeveless-top, corset, roman-toga | cloth, green, brown, blue, red
    blood, drop of blood | drop, blood, droplets, bleeding-wound, e:drop of blood | red
    pick, pickaxe, icepick, ice pick | war-pick, mining, miner, e:pick | iron, steel
    pool, pond, puddle | oasis, waves, lily-pads, splash | blue, azure
    coins, coin, pile of coins, handful of coins | two-coins, coins, coins-pile, crown-coin, token, e:coin | gold, silver, copper
    rock, boulder, lump of rock, pebble | rock, falling-boulder, stone-pile, e:rock | stone, gray, brown
    feather, plume | feather, two-feathers, feathered-wing, e:feather | white, blue, red, black
    lance | spears, thrown-spear, spear-hook, sun-spear | steel, wooden
    rod, pole, fishing rod | fishing-pole, wood-stick, telescopic-baton, bo, e:fishing pole | wooden, iron
    meat, flesh, hunk of meat | meat, steak, ham-shank, bacon, e:meat on bone, e:cut of meat | flesh
    wings, wing, pair of wings | feathered-wing, angel-wings, bat-wing, fairy-wings, curly-wing, spiky-wing, e:wing | white, black, gold
    mug, tankard, pint, stein | beer-stein, coffee-mug, e:beer mug, e:hot beverage | wooden, pewter, brown
    apple | shiny-apple, e:red apple, e:green apple | red
    backpack, pack, rucksack, knapsack | backpack, knapsack, light-backpack, e:backpack | leather, brown, green
    shell, seashell | spiral-shell, nautilus-shell, scallop, gold-shell, turtle-shell, e:spiral shell | pearl, bone, pink
    broadsword | broadsword, two-handed-sword, striped-sword, sword-brandish | steel, iron
    table, desk | table, round-table, desk | wooden
    barrel, keg, cask | barrel, cellar-barrels | wooden
    bread, loaf, loaf of bread, waybread | bread, sliced-bread, bread-slice, e:bread, e:baguette bread, e:flatbread | brown
    cabinet, cupboard, dresser, wardrobe, closet | lockers, bookshelf, trophies-shelf, e:file cabinet | wooden
    bracers, bracer, wristguard, wristband, armband | bracers, bracer | leather, steel, bronze
    slab, tablet, stone slab | stone-tablet, broken-tablet, stone-block, rune-stone | stone
    hide, pelt, skin, fur | animal-hide, fur-shirt | leather, fur, brown
    sash, strip of cloth, ribbon | ribbon, spinning-ribbons, e:ribbon, black-belt | red, blue, silk
    head, severed head | dead-head, head-shot, orc-head, e:man, viking-head | flesh, green
    cap, skullcap | billed-cap, phrygian-cap, winter-hat, e:billed cap | red, blue, brown, leather
    gun, pistol | ray-gun, pistol-gun, colt-m1911, revolver, blunderbuss | steel, black
    rifle, shotgun, musket | rifle, winchester-rifle, musket, shotgun, sawed-off-shotgun | wooden, black
    rack, shelf, weapon rack | trophies-shelf, bookshelf, hanger, swords-emblem | wooden
    boat, raft, canoe | canoe, raft, sailboat, fishing-boat, small-fishing-sailboat, wood-canoe, e:canoe, e:sailboat | wooden
    stick, twig, branch | wood-stick, tree-branch, dead-wood, e:wood | wooden, brown
    orb, crystal ball, globe | crystal-ball, glass-ball, dragon-orb, frozen-orb, smoking-orb, e:crystal ball | purple, crystal, blue
    greaves, leg plates, shin guards | greaves, armor-cuisses, leg-armor | steel, iron, bronze
    shortsword, short sword | gladius, plain-dagger, stiletto, pointy-sword, ancient-sword | steel, iron, bronze
    rapier, foil, epee | piercing-sword, fencer, stiletto, energy-sword | steel, silver
    pie | pie-slice, e:pie | brown
    cake, slice of cake | cake-slice, stairs-cake, e:birthday cake, e:shortcake | pink, white
    note, letter, page, list, paper | paper, envelope, folded-paper, papers, checklist, e:page with curl, e:memo, e:envelope | paper
    card, playing card | card-ace-spades, card-joker, card-king-hearts, card-random, id-card | white
    rose | rose, shut-rose, e:rose, e:wilted flower | red
    flower, flowers | flowers, daisy, poppy, sunflower, e:tulip, e:blossom, e:bouquet | red, yellow, pink, blue
    leaf, leaves | oak-leaf, maple-leaf, linden-leaf, solid-leaf, curled-leaf, e:leaf fluttering in wind, e:maple leaf | green
    scale, scales, dragon scale | fish-scales, dorsal-scales, metal-scales, shoulder-scales | green, dragonscale, red
    balance, pair of scales | scales, weight-scale, e:balance scale | brass, gold
    diamond | cut-diamond, diamonds, diamond-hard, e:gem stone | diamond
    ruby | rupee, cut-diamond, gems | ruby
    emerald | emerald, rupee, cut-diamond | emerald
    pearl | oyster-pearl, mineral-pearls, stone-sphere, e:oyster | pearl
    leg, foot | leg, leg-armor, barefoot, chicken-leg, e:leg, e:foot | flesh
    arm, hand | arm, hand, severed-hand, evil-hand, skeletal-hand, e:raised hand, e:flexed biceps | flesh
    treasure, hoard, pile of treasure, heap of gold | open-treasure-chest, coins-pile, gold-stack, gems, jewel-crown | gold
    portal, gate, teleporter | magic-portal, portal, star-gate, magic-gate, gate | blue, purple, stone
    light, light bulb | candle-light, light-bulb, dungeon-light, wall-light, e:light bulb, e:sparkles | yellow
    shackles, manacles, handcuffs, chains | manacles, handcuffs, crossed-chains, breaking-chain, e:chains | iron, steel
    chain, length of chain | crossed-chains, wavy-chains, gem-chain, breaking-chain, e:chains | iron, steel, gold
    flail | flail, crook-flail, spiked-ball | iron, steel
    knuckles, brass knuckles | brass-knuckles | brass, iron
    machine, device, contraption | slot-machine, gears, clockwork, power-generator, vending-machine, e:gear | steel, brass
    shovel, spade | spade, trench-spade, trowel | iron, wooden
    headband, circlet, tiara, diadem | headband-knot, tiara, laurel-crown, crown | gold, silver, red
    bandanna, bandana | bandana, headband-knot | red, blue
    pen, quill | quill, quill-ink, fountain-pen, e:black nib, e:fountain pen | white, blue
    pencil | pencil, pencil-brush, e:pencil | yellow
    horn, drinking horn, horns | hunting-horn, mighty-horn, bull-horns, beer-horn, e:postal horn, e:ram | bone, brown
    visor, eyepatch | visored-helm, closed-barbute, frog-mouth-helm, vr-headset, steampunk-goggles | steel
    glasses, spectacles, goggles | spectacles, steampunk-goggles, prank-glasses, sunglasses, e:glasses, e:goggles | black, gold
    buckler, small shield, targe | round-shield, viking-shield, roman-shield, edged-shield | wooden, steel, bronze
    flask | round-bottom-flask, fizzing-flask, bubbling-flask, erlenmeyer, water-flask, e:alembic | glass, green, red
    canteen, waterskin, wineskin, water bottle | waterskin, water-flask, water-bottle | leather, brown
    eye, eyes | eyeball, evil-eyes, third-eye, beast-eye, six-eyes, e:eye | white, green, red
    doll, puppet | voodoo-doll, puppet, matryoshka-dolls, e:nesting dolls, e:teddy bear | burlap, red
    loincloth | loincloth, skirt, underwear | leather, cloth
    gold, nugget, gold nugget | gold-nuggets, gold-stack, gold-bar, e:coin | gold
    pot, cooking pot | camp-cooking-pot, cooking-pot, flower-pot, pouring-pot, painted-pottery, e:pot of food | clay, iron, copper
    medal | medal, star-medal, ribbon-medal, sport-medal, e:military medal, e:sports medal | gold, bronze, silver
    badge, crest, emblem | police-badge, law-star, eagle-emblem, swords-emblem, condor-emblem, star-formation | gold, silver
    slice | pie-slice, cake-slice, pizza-slice, bread-slice, orange-slice | brown, yellow
    can, tin, canister | soda-can, opened-food-can, oil-can, canned-fish, e:canned food | steel, red
    tray, platter | paper-tray, metal-disc, hot-meal | silver, wooden
    string, twine, thread, cord | sewing-string, bow-string, rope-coil, yarn, e:thread, e:yarn | brown, cloth, red
    rope, coil of rope, noose | rope-coil, jumping-rope, slipknot, lasso, e:knot | brown
    basket | basket, e:basket | wooden, brown
    bark, piece of wood, log | log, wood-pile, half-log, e:wood | wooden
    spring, stream, river | splashy-stream, river, waterfall, e:water wave | blue
    spring, coil | spring, bouncing-spring, barbed-coil | steel
    rations, food, meal | meal, hot-meal, charcuterie, opened-food-can, cheese-wedge, e:bento box, e:pot of food | brown
    cross, crucifix | iron-cross, gothic-cross, jerusalem-cross, crucifix, e:latin cross | gold, wooden, silver
    carton | milk-carton, paper-bag-folded, cardboard-box | white, blue
    couch, sofa | sofa, e:couch and lamp | red, brown, blue
    uniform, suit, overalls, coveralls | pirate-coat, clothes, lab-coat, saiyan-suit, hazmat-suit, e:martial arts uniform | blue, green, gray
    pastry, muffin, roll | croissant, cupcake, donut, pretzel, e:croissant, e:cupcake, e:doughnut | brown
    trident | trident, magic-trident, flaming-trident, harpoon-trident, e:trident emblem | steel, gold
    kris, wavy dagger | curvy-knife, sacrificial-dagger, wavy-itinerary, bone-knife | steel
    platemail, plate mail, field plate, full plate | breastplate, layered-armor, spiked-armor, abdominal-armor, chest-armor | steel, silver, black
    band, wedding band | ring, linked-rings, bracer | gold, silver
    flute, pipe | flute, pan-flute, e:flute | wooden, silver
    tie, bow tie | tie, bow-tie, e:necktie | red, blue
    sandwich | sandwich, e:sandwich | brown
    painting, picture, portrait | mona-lisa, portrait, easel, e:framed picture | wooden, gold
    mushroom, fungus | mushroom, spotted-mushroom, mushrooms, super-mushroom, mushrooms-cluster, e:mushroom, e:brown mushroom | red, brown
    hood, cowl | hood, warlock-hood, executioner-hood, cowled | brown, black, green, gray
    clump, lump, heap, mound, pile | rock, stone-pile, dust-cloud, grass, ore, stone-stack | brown, gray
    nuts, nut | almond, acorn, peanut, e:chestnut, e:peanuts | brown
    throne | stone-throne, throne-king | gold, stone
    chair, stool | wooden-chair, bar-stool, rocking-chair, e:chair | wooden
    scythe | scythe, reaper-scythe, sickle | steel, iron
    safe, vault | strongbox, locked-chest, locked-fortress | steel, iron
    bench, pew | park-bench | wooden
    broom, mop | broom, magic-broom, e:broom | wooden, brown
    altar, shrine | sword-altar, star-altar, crystal-shrine, fire-shrine, shinto-shrine, e:shinto shrine | stone, marble
    scabbard, sheath | scabbard | leather
    bone | crossed-bones, broken-bone, bone-gnawer, dinosaur-bones, e:bone | bone
    wrap, bandage | bandage-roll, rolled-cloth, headband-knot | cloth, white
    cloth, towel, blanket, rag | rolled-cloth, towel, blanket, clothes | cloth, white, red, blue
    tooth, teeth, fang, tusk | tooth, saber-tooth, fangs, boar-tusks, ivory-tusks, e:tooth | bone, white
    spike, spikes, nail | spikes, spikes-full, spikes-half, nails, barbed-nails | iron, steel
    flame, fire | small-fire, flame, fluffy-flame, fire, campfire, e:fire | orange, red, yellow
    bucket, pail | full-wood-bucket, empty-metal-bucket, empty-wood-bucket, e:bucket | wooden, steel
    quiver | quiver, arrow-cluster | leather, brown
    carrot | carrot, e:carrot | orange
    bookshelf, bookcase | bookshelf | wooden
    cluster, bundle | crystal-cluster, mushrooms-cluster, herbs-bundle, grain-bundle, grapes | crystal, green
    herb, herbs, weed, plant | herbs-bundle, curling-vines, sprout, fern, e:herb, e:seedling, e:potted plant | green
    flag | flying-flag, black-flag, pirate-flag, checkered-flag, star-flag | red, blue, green, white
    steak, venison, roast | steak, ham-shank, roast-chicken, e:cut of meat | flesh, brown
    telescope, spyglass | telescope, spyglass, e:telescope | brass
    banner, standard, pennant | knight-banner, vertical-banner, tattered-banner | red, blue, green, gold
    skeleton | skeleton, ribcage, skeleton-inside | bone
    kit, first aid kit, toolbox | first-aid-kit, medical-pack, toolbox, e:toolbox | red, steel
    nest | nest-eggs, nest-birds, e:empty nest, e:nest with eggs | brown
    cushion, pillow | pillow | red, white, blue
    heart | hearts, heart-organ, shining-heart, broken-heart, e:red heart, e:anatomical heart | red
    cookie, biscuit | cookie, gingerbread-man, e:cookie | brown
    dust, powder, sand, ash | powder, dust-cloud, pollen-dust, powder-bag, swap-bag | gray, yellow, white
    foil, sheet | folded-paper, flaming-sheet, paper | silver
    cauldron, kettle | cauldron, camp-cooking-pot, e:teapot | iron, black
    cleaver | meat-cleaver, cleaver | steel
    spoon, ladle, fork | spoon, ladle, fork-knife-spoon, knife-fork, e:spoon, e:fork and knife | silver, steel, wooden
    pin, brooch, button | pin, safety-pin, shirt-button, star-formation | silver, gold
    tub, bathtub | bathtub, e:bathtub | white, wooden
    apron | cooking-glove, loincloth, chef-toque | white, cloth
    cube, block | cube, cubes, companion-cube, ice-cube, stone-block | steel, stone, ice
    elixir, tonic, medicine | standing-potion, health-potion, vial, drink-me, e:test tube | blue, red, green
    jug, pitcher, decanter | jug, pouring-pot, amphora, porcelain-vase, e:amphora | clay, glass
    vase | porcelain-vase, column-vase, amphora, painted-pottery, e:amphora | clay, white, blue
    banana | banana, banana-bunch, banana-peeled, e:banana | yellow
    lute, guitar, mandolin | lyre, guitar, banjo, ocarina, e:guitar, e:banjo | wooden
    harp, lyre | harp, lyre | gold, wooden
    drum | drum, djembe, e:drum, e:long drum | wooden, red
    berries, berry | raspberry, elderberry, berries-bowl, blackcurrant, e:blueberries, e:grapes, e:cherries | red, blue, purple
    timer, clock, hourglass | hourglass, sands-of-time, pocket-watch, stopwatch, e:hourglass done, e:mantelpiece clock | gold, wooden
    star | flat-star, round-star, polar-star, e:star, e:glowing star | gold, yellow
    moon | moon, evil-moon, e:crescent moon, e:full moon | yellow, white
    sun | sun, striped-sun, heraldic-sun, e:sun | yellow
    battleaxe, battle axe, greataxe | battle-axe, war-axe, crossed-axes, magic-axe, battered-axe | steel, iron
    bell | ringing-bell, e:bell | brass, gold
    weapon, weapons | crossed-swords, broadsword, battle-axe, spiked-mace, e:crossed swords | steel
    swords, pair of swords | crossed-swords, hook-swords, dervish-swords, e:crossed swords | steel
    trap, bear trap | wolf-trap, box-trap, mantrap, spiky-pit | iron
    chicken, hen | chicken, rooster, roast-chicken, e:chicken, e:rooster, e:poultry leg | brown, white
    poem, song | scroll-quill, musical-score, love-letter, e:musical note | parchment
    iron, ore | ore, metal-bar, anvil, minerals | iron
    anvil | anvil, anvil-impact | iron
    mistletoe, holly | berry-bush, oak-leaf, herbs-bundle, e:herb | green
    salmon, trout, fish | salmon, flying-trout, double-fish, circling-fish, fish-cooked, e:fish, e:tropical fish | pink, gray, blue
    cloud | fluffy-cloud, dust-cloud, poison-cloud, e:cloud | white, gray
    tube, pipe | corked-tube, straight-pipe, transparent-tubes, lead-pipe | glass, iron, copper
    polearm, halberd, bardiche, glaive | halberd, sharp-halberd, glaive, spear-hook, pikeman | steel, iron
    vine, vines, ivy | vines, curling-vines, thorny-vine, vine-leaf | green
    piano, organ | grand-piano, pipe-organ, musical-keyboard, e:musical keyboard | black, wooden
    soup, stew | bowl-of-rice, hot-meal, e:pot of food, e:steaming bowl | brown
    world, globe | world, globe, earth-america | blue
    switch, lever, button | lever, toggles, button-finger | iron, red
    whistle | whistle | silver
    chop, pork | ham-shank, bacon, steak, e:cut of meat | flesh
    saw | hand-saw, crosscut-saw, circular-saw, e:carpentry saw | steel
    violin, fiddle | violin, viola, e:violin | wooden
    sink, basin | kitchen-tap, dog-bowl, bathtub | white, stone
    present, gift | present, gift-of-knowledge, e:wrapped gift | red, green
    tombstone, gravestone, headstone | tombstone, hasty-grave, graveyard, e:headstone | stone
    ankh | ankh | gold
    cookie jar, honey | honey-jar, honeypot, e:honey pot | yellow
    dragon, wyrm, drake | dragon-head, spiked-dragon-head, sea-dragon, wyvern, double-dragon, dragon-spiral, e:dragon, e:dragon face | red, green, black
    nose | nose-side, nose-front, e:nose | flesh
    shields | shield, crossed-swords, checked-shield | steel
    net, fishing net | fishing-net, bug-net | brown
    fishhook, fish hook, hook | fishing-hook, hook, pirate-hook, meat-hook, e:hook | steel, iron
    rags, clothes, clothing, garment | clothes, shirt, loincloth, rolled-cloth | cloth, gray, brown
    coconut | coconuts, e:coconut | brown
    anklet, armlet | bracer, linked-rings, leg-armor | gold, silver
    stiletto, letter opener | stiletto, plain-dagger, broad-dagger | steel
    tart, pudding | pie-slice, cupcake, e:pie, e:custard | brown
    crystal, crystals | crystal-growth, crystal-cluster, floating-crystal, minerals, crystal-shine | crystal, amethyst, blue
    heels | high-heel, e:high-heeled shoe | red, black
    horse shoe, horseshoe | horseshoe | iron, steel
    bed, cot, hammock | bed, bunk-beds, sleeping-bag | wooden, brown
    door | wooden-door, locked-door, steel-door, closed-doors, dungeon-gate, e:door | wooden
    window | window, window-bars, e:window | wooden, glass
    ladder | ladder, hole-ladder, e:ladder | wooden
    wheel | cartwheel, stone-wheel, ship-wheel, car-wheel, e:wheel | wooden
    cart, wagon, carriage | old-wagon, mine-wagon, wheelbarrow, caravan, chariot | wooden
    ship | galleon, caravel, drakkar, galley, e:ship | wooden
    house, cottage, cabin | house, wood-cabin, family-house, hobbit-dwelling, e:house, e:hut | brown, red
    tower | white-tower, stone-tower, watchtower, evil-tower | stone
    castle, fortress | castle, elven-castle, hill-fort, military-fort, e:castle | stone
    bridge | stone-bridge, rope-bridge, arch-bridge | stone, wooden
    tent | camping-tent, barracks-tent, medieval-pavilion, tipi, e:tent | white, brown, red
    statue of a man, bust | stone-bust, philosopher-bust | marble, stone
    mirror | mirror-mirror, e:mirror | silver, gold
    comb, brush | comb, paint-brush, large-paint-brush, e:paintbrush | bone, wooden
    needle | sewing-needle, needle-drill, e:sewing needle | steel
    scissors, shears | scissors, shears, gardening-shears, e:scissors | steel
    cheese | cheese-wedge, e:cheese wedge | yellow
    beer, ale, mead | beer-stein, beer-bottle, e:beer mug, e:clinking beer mugs | yellow, brown
    wine | wine-glass, wine-bottle, e:wine glass | red
    water, drop of water | water-drop, droplets, water-splash, e:droplet | blue
    tea, coffee | coffee-mug, teapot, coffee-cup, e:teacup without handle, e:hot beverage | brown, white
    tomato | tomato, e:tomato | red
    potato | potato, e:potato | brown
    onion, garlic | garlic, e:onion, e:garlic | white, brown
    pear | pear, e:pear | green, yellow
    peach, plum | peach, plum, e:peach | pink, purple
    grapes, bunch of grapes | grapes, e:grapes | purple, green
    pumpkin | pumpkin, pumpkin-lantern, e:jack-o-lantern | orange
    corn | corn, triple-corn, e:ear of corn | yellow
    wheat, grain | wheat, grain, grain-bundle, e:sheaf of rice | yellow
    sausage | sausage, sliced-sausage, e:hot dog | flesh, brown
    crossbow | crossbow, ballista | wooden, iron
    sling, slingshot | sling, slingshot | leather, wooden
    javelin, harpoon | thrown-spear, spears, aerodynamic-harpoon, barbed-spear | steel, wooden
    shuriken, throwing star | shuriken, ninja-star, star-shuriken, sharp-shuriken | steel
    katana | katana | steel
    bomb, grenade | unlit-bomb, grenade, time-bomb, rolling-bomb, e:bomb | black, iron
    cannon | cannon, pirate-cannon, field-gun | iron, bronze
    pitchfork, rake | pitchfork, rake | iron, wooden
    sickle | sickle, scythe | steel
    compass | compass, e:compass | brass
    dice, die | rolling-dices, dice-six-faces-five, perspective-dice-six, e:game die | white, red
    pipe, smoking pipe | smoking-pipe | wooden
    cigar, cigarette | cigar, cigarette, e:cigarette | brown, white
    coffin, casket | coffin, sarcophagus, e:coffin | wooden
    cage | cage, bird-cage, imprisoned | iron, gold
    lock, padlock | padlock, plain-padlock, dial-padlock, padlock-open, e:locked | brass, steel
    lockpick, lockpicks | lockpicks, lock-picking | steel
    seed, acorn | acorn, plant-seed, apple-seeds | brown
    web, cobweb | cobweb, spider-web, e:spider web | white, gray
    earring, earrings | crystal-earrings, drop-earrings, earrings, pearl-earring, heart-earrings | gold, silver
    shorts, underwear | shorts, underwear-shorts, underwear, e:shorts | white, blue
    socks, stockings | socks, e:socks | white, red
    scarf, shawl | blanket, e:scarf, poncho | red, green
    turban | turban | white, blue
    pauldrons, shoulder plates, shoulderguards, epaulettes | pauldrons, shoulder-armor, spiked-shoulder-armor, shoulder-scales | steel, leather
    instrument | lyre, violin, flute, trumpet, e:trumpet | wooden, brass
    trumpet | trumpet, french-horn, e:trumpet | brass
    """
)
CREATURES = _parse(
    """
    guard, guards, guardsman, gateguard, guildguard, cityguard, sentry, sentinel, watchman, patrolman | guards, static-guard, swordman, pikeman, spartan, e:guard, e:man guard | steel, blue, red
    man, guy, townsman, commoner, citizen, human, villager, peasant | person, character, e:man, e:person, e:man: beard | brown, blue
    woman, lady, wife, townswoman, housewife, lass | nun-face, cleopatra, e:woman, e:woman: blond hair, e:woman: red hair | brown, pink, red
    spider, tarantula | angular-spider, hanging-spider, long-legged-spider, spider-alt, masked-spider, spider-face, e:spider | black, brown
    dragon, wyrm, drake | dragon-head, spiked-dragon-head, sea-dragon, double-dragon, dragon-spiral, wyvern, e:dragon, e:dragon face | red, green, black
    child, kid, youth, teenager, newbie | baby-face, e:child, e:boy, e:girl | brown
    boy | e:boy, e:child, baby-face | brown
    girl | e:girl, e:child | pink
    baby | baby-face, e:baby | pink
    shadow, shade, darkness | shadow-follower, two-shadows, lightning-shadow, shadow-grasp, cowled | black, shadow, purple
    rat | rat, seated-mouse, e:rat | gray, brown
    mouse | mouse, seated-mouse, e:mouse | gray
    master, guildmaster, questmaster, teacher, instructor, leader | wizard-face, teacher, old-king, monk-face, e:teacher, e:mage | blue, purple, brown
    worker, labourer, carpenter, helper, foreman, smithy | miner, blacksmith, mechanic-garage, e:mechanic, e:farmer | brown, blue
    warrior, fighter, swordsman | swordman, barbarian, spartan, viking-head, swordwoman, sword-brandish, e:person fencing | steel, bronze, red
    soldier, sergeant, lieutenant, corporal, mercenary | swordman, pikeman, sergeant, spartan, static-guard, e:guard, e:man guard | green, steel
    cat, kitten | cat, hollow-cat, feline, e:cat, e:cat face, e:black cat | brown, black, gray
    knight, templar, paladin, cavalier | mounted-knight, black-knight-helm, visored-helm, swordman, chess-knight | steel, silver
    dog, hound, puppy | sitting-dog, labrador-head, jumping-dog, sniffing-dog, hound, basset-hound-head, e:dog, e:dog face, e:poodle | brown, black
    spirit, apparition, wisp | spectre, ghost, spark-spirit, floating-ghost, soul, e:ghost | pale, white, azure
    ghost, phantom | ghost, floating-ghost, spectre, ghost-ally, e:ghost | white, pale
    guardian, warden, protector | guards, swordman, robot-golem, templar-shield, e:guard | steel, stone
    bat | bat, evil-bat, swamp-bat, moon-bats, e:bat | black, brown
    magi, mage, wizard, sorcerer, magician, warlock | wizard-face, warlock-hood, tarot-01-the-magician, e:mage, e:man mage | blue, purple
    witch, hag, sorceress, enchantress | witch-face, witch-flight, e:woman mage | green, purple
    goblin, hobgoblin, gibberling, kobold | goblin-head, goblin, bad-gnome | green
    demon, fiend, balrog, devil | diablo-skull, daemon-skull, devil-mask, gooey-daemon, imp, tarot-15-the-devil, e:ogre, e:smiling face with horns | red, black
    king, lord, ruler | king, old-king, throne-king, dwarf-king, card-king-hearts, e:person with crown, e:prince | gold, red
    queen, princess, priestess | queen-crown, cleopatra, chess-queen, tarot-02-the-high-priestess, e:princess, e:woman with veil | gold, purple
    prince, noble, nobleman, baron | king, pawn, e:prince, e:person with crown | gold, blue
    zombie, ghoul, wight, undead | shambling-zombie, raise-zombie, half-dead, dead-head, mummy-head, e:zombie | green, gray
    troll | troll, brute, fomorian, e:troll | green, gray
    snake, serpent, viper, asp, rattlesnake, cobra | snake, cobra, rattlesnake, snake-spiral, sand-snake, snake-tongue, e:snake | green, brown
    slave, prisoner, servant, manservant | prisoner, imprisoned, manacles, handcuffed, kneeling | gray, brown
    golem | rock-golem, ice-golem, robot-golem, golem-head, metal-golem-head | stone, iron, clay
    mob, crowd, band of men | meeple-group, backup, three-friends, minions, guards | brown, gray
    assistant, attendant, clerk, secretary, receptionist | e:person in tuxedo, e:woman, e:student, character | blue, gray
    priest, cleric, bishop, prior, druid | monk-face, sun-priest, pope-crown, prayer, chess-bishop, e:man: white hair | white, brown
    statue | stone-bust, colombian-statue, moai, totem-head, e:moai | stone, marble
    monk, friar | monk-face, meditation, prayer, cultist | brown
    nun, maid | nun-face, e:woman with headscarf | black, white
    shopkeeper, merchant, trader, storekeeper, salesman, vendor, peddler, dealer | shop, take-my-money, e:person in tuxedo, e:man wearing turban, e:detective | brown, green
    keeper, innkeeper, bartender, barkeep, owner, butler, waiter | e:person in tuxedo, e:cook, e:man cook | brown, white
    thief, rogue, bandit, assassin, burglar, outlaw | hooded-assassin, bandit, robber, rogue, robber-mask, ninja-head, cloak-dagger, e:ninja | black, gray
    crab | crab, sad-crab, e:crab | red, orange
    monster, beast, creature | fish-monster, carnivore-mouth, sasquatch, werewolf, kraken-tentacle, sea-creature, e:alien monster, e:ogre | green, purple, brown
    horse, pony, mare, stallion | horse-head, cavalry, trojan-horse, e:horse, e:horse face | brown, white, black
    adventurer, hero, explorer, wanderer, traveller | hiking, swordman, walk, e:person walking, cowled | brown, green
    bear | bear-head, bear-face, polar-bear, e:bear, e:polar bear | brown, black
    farmer, peasant, farmhand, shepherd, gardener | farmer, scarecrow, e:farmer, e:man farmer, e:woman farmer | brown, green
    fox | fox, fox-head, e:fox | orange
    hunter, ranger, archer, woodsman | archer, bowman, william-tell, robin-hood-hat, high-shot, e:elf | green, brown
    captain, pirate, sailor, commander | pirate-captain, captain-hat-profile, pirate-skull, pirate-hat | blue, black
    cook, chef, baker, butcher | cook, chef-toque, e:cook, e:man cook, e:woman cook | white
    bard, minstrel, musician | lyre, musical-notes, ocarina, e:singer, e:man singer | green, purple
    chief, chieftain, shaman | war-bonnet, tribal-mask, totem-mask, wizard-face, caveman | brown, red
    gypsy, fortune teller | crystal-ball, e:woman with headscarf, e:woman dancing | purple, red
    bird, sparrow, finch | bird-twitter, sparrow, finch, hummingbird, swallow, kiwi-bird, e:bird, e:dove | brown, blue, red
    rabbit, bunny, hare | rabbit, rabbit-head, e:rabbit, e:rabbit face | brown, white, gray
    fish, trout | circling-fish, double-fish, tropical-fish, flying-trout, angler-fish, flatfish, e:fish, e:tropical fish | blue, gray, orange
    spectre, wraith, banshee, revenant | spectre, grim-reaper, screaming, haunting, floating-ghost, e:ghost | pale, black, gray
    scorpion | scorpion, scorpion-tail, e:scorpion | black, brown
    alien | alien-stare, alien-skull, alien-bug, metroid, e:alien, e:alien monster | green, gray
    healer, doctor, herbalist, alchemist, apothecary | doctor-face, plague-doctor-profile, nurse-female, apothecary, healing, e:scientist | white, green
    hermit, old man, beggar, bum, leper | tarot-09-the-hermit, cowled, beard, e:old man | brown, gray
    old woman, crone, grandmother, mother | witch-face, e:old woman | gray
    orc | orc-head, brute, ogre | green
    skeleton | skeleton, skeleton-inside, raise-skeleton, skeletal-hand, e:skull | bone, white
    dwarf | dwarf-face, dwarf-king, dwarf-helmet, bad-gnome, beard, viking-head | brown, red
    gnome, brownie, halfling | bad-gnome, dwarf-face, hobbit-dwelling, e:elf | green, red
    elf, dryad | woman-elf-face, elf-ear, elf-helmet, e:elf, e:fairy | green
    penguin | penguin, e:penguin | black
    ant | ant, ants, e:ant | black, red
    soul | soul, soul-vessel, floating-ghost, e:ghost | azure, white
    ogre, giant, cyclops, brute | ogre, giant, brute, cyclops, fomorian, one-eyed, e:ogre | green, brown
    squirrel, chipmunk | squirrel, e:chipmunk | brown, orange
    bodyguard, bouncer, thug, brawler, gladiator | strong-man, brute, muscle-up, barbarian, fist, mailed-fist | brown, flesh
    minotaur | minotaur, bull, taurus | brown
    bull, cow, calf, ox, buffalo | bull, cow, charging-bull, buffalo-head, e:cow, e:cow face, e:ox, e:water buffalo | brown, black
    lion | lion, e:lion | yellow, brown
    tiger | tiger-head, tiger, e:tiger, e:tiger face | orange
    beetle, cockroach, roach, bug | flying-beetle, scarab-beetle, spotted-bug, ladybug, e:beetle, e:cockroach, e:bug | black, green, brown
    musketeer, officer, policeman, official | police-officer-head, musket, pirate-hat, e:guard, e:man guard | blue
    waitress, maid, barmaid, wench | e:woman, e:woman cook | brown, white
    drunk, drunkard | drinking, beer-stein, e:woozy face | brown
    wolf, warg, coyote, jackal | wolf-head, wolf-howl, direwolf, hound, e:wolf | gray, black
    imp, gremlin | imp, imp-laugh, evil-minion, bully-minion, e:smiling face with horns | red
    toad, frog | frog, frog-prince, e:frog | green
    wyvern | wyvern, spiked-dragon-head, sea-dragon | green, red
    crow, raven, blackbird | raven, crow-dive, e:black bird | black
    vulture, buzzard | vulture, eagle-head | brown
    eagle, hawk, falcon | eagle-head, eagle-emblem, hawk-emblem, condor-emblem, e:eagle | brown
    owl | owl, barn-owl, e:owl | brown
    scout, spy, messenger | walking-scout, spy, cowled, running-ninja, e:detective | green, brown
    turtle, tortoise | turtle, tortoise, sea-turtle, e:turtle | green
    blacksmith, weaponsmith, smith, armorer, armourer | blacksmith, anvil, anvil-impact, e:mechanic | brown, iron
    apprentice, student, squire | character, graduate-cap, e:student, e:boy | blue, brown
    lizard, newt, salamander, gecko, lizardman | gecko, salamander, lizardman, lizard-tongue, horned-reptile, e:lizard | green
    crocodile, alligator | croc-jaws, alligator-clip, e:crocodile | green
    elemental, fire elemental | ifrit, djinn, fire-silhouette, ice-golem, spark-spirit | orange, blue
    genie, djinn | djinn, ifrit, magic-lamp, e:genie | blue
    nightmare, hell hound | horse-head, evil-bat, burning-skull | black, red
    jester, fool, clown, juggler | jester-hat, clown, juggler, card-joker, tarot-00-the-fool, e:clown face | red, yellow
    goat, ram | goat, ram, ram-profile, e:goat, e:ram | white, brown
    sheep, lamb, ewe | sheep, wool, e:ewe | white
    squid, octopus, kraken | giant-squid, squid, squid-head, octopus, kraken-tentacle, e:squid, e:octopus | purple, red
    worm, crawler, leech | earth-worm, worms, worm-mouth, leeching-worm, caterpillar, maggot, e:worm | pink, brown
    centipede, insect | centipede, earwig, praying-mantis, e:bug | brown
    vampire | vampire-dracula, resting-vampire, female-vampire, fangs, e:vampire | black, red
    inquisitor, executioner, torturer | executioner-hood, cowled, cultist, plague-doctor-profile | black
    deer, doe, buck, stag, elk | deer, deer-head, stag-head, e:deer | brown
    moose | stag-head, e:moose | brown
    gargoyle | gargoyle | stone
    ape, monkey, gorilla | gorilla, monkey, mandrill-head, e:gorilla, e:monkey, e:orangutan | brown, black
    bee, wasp, mosquito, fly | bee, wasp-sting, fly, amber-mosquito, e:honeybee, e:mosquito, e:fly | yellow, black
    butterfly, moth | butterfly, e:butterfly | blue, orange
    dragonfly | dragonfly | green, blue
    duck, goose, swan | duck, goose, swan, e:duck, e:goose, e:swan | white, brown
    turkey, pheasant | e:turkey, e:peacock, rooster | brown
    parrot | parrot-head, e:parrot | green, red
    dove, pigeon | dove, peace-dove, freedom-dove, e:dove | white
    pig, boar, piglet | pig, boar, pig-face, boar-tusks, e:pig, e:boar, e:pig face | pink, brown
    badger, weasel, raccoon, wolverine | badger, raccoon-head, ermine, wolverine-claws, e:badger, e:raccoon | gray, brown
    hedgehog, porcupine | hedgehog, porcupine, e:hedgehog | brown
    centaur | centaur, sagittarius | brown
    unicorn, pegasus | unicorn, pegasus, e:unicorn | white
    griffin, gryphon | griffin-symbol, griffin-shield, eagle-head | gold, brown
    fairy, pixie, sprite, nymph | fairy, fairy-wings, e:fairy | pink, green
    mermaid, merman, siren | mermaid, siren, e:merperson, e:mermaid | green, blue
    mummy | mummy-head, sarcophagus, bandaged | bone
    slime, blob, ooze, jelly | slime, transparent-slime, gloop, slow-blob, jelly | green, blue
    hydra, chimera | hydra, double-dragon, hydra-shot | green
    basilisk, cockatrice | snake, horned-reptile, rooster | green
    werewolf | werewolf, wolf-howl | gray
    medusa, gorgon | medusa-head | green
    reaper, death | grim-reaper, reaper-scythe, tarot-13-death | black
    cyclops | cyclops, jawless-cyclop, one-eyed | green
    mind flayer, mindflayer, illithid | octoman, brain-tentacle, squid-head | purple
    shark | shark-jaws, shark-fin, shark-bite, e:shark | gray, blue
    whale | sperm-whale, whale-tail, e:whale, e:spouting whale | blue
    snail, slug | snail, spiked-snail, grasping-slug, e:snail | brown, green
    elephant, mammoth | elephant, elephant-head, mammoth, e:elephant, e:mammoth | gray
    camel | camel, camel-head, e:camel | yellow
    dinosaur | diplodocus, dinosaur-rex, velociraptor, e:T-Rex, e:sauropod | green
    cactus | cactus, e:cactus | green
    treant, ent | ent-mouth, tree-face, evil-tree | green, brown
    robot, android, automaton | robot-golem, vintage-robot, megabot, robot-antennas, e:robot | steel
    mole | mole | brown
    seagull | seagull | white
    walrus | walrus-head | brown
    cricket, grasshopper | cricket, e:cricket | green
    bobcat, lynx, panther | lynx-head, tiger-head, feline, e:leopard | brown, yellow, black
    fisherman | fishing, lucky-fisherman, fishing-pole | blue
    banker, jeweler, lawyer, manager, mayor, magistrate, senator | e:person in tuxedo, e:judge, e:old man, public-speaker | gray, blue
    librarian, scribe, scholar, sage | read, notebook, e:student, e:teacher, wizard-face | brown, blue
    horseman, rider | mounted-knight, cavalry, e:horse racing, cloaked-figure-on-horseback | brown
    raider, looter, barbarian, viking | barbarian, viking-head, bandit | brown, red
    dracolich, bone dragon | spiked-dragon-head, dragon-head, dinosaur-bones | bone
    phoenix | fire-tail, eagle-emblem, feathered-wing, e:phoenix | orange
    """
)
