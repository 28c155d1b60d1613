"""Which of the game-icons glyphs the model learns, and what they are called.

Each line: the glyph, then the concept it shows. A concept that the emoji have too (by its label) gets the glyph as its
drawing in the "game icon" style; any other is a concept of its own, which exists in that style only.
"""

from __future__ import annotations

GLYPHS: dict[str, tuple[str, ...]] = {
    glyph.strip(): tuple(name.strip() for name in names.split(","))
    for glyph, _, names in (
        line.partition(":")
        for line in """
        broadsword: dagger
        crossed-swords: crossed swords
        bow-arrow: bow and arrow
        checked-shield: shield
        battle-axe: axe
        mining: pick
        claw-hammer: hammer
        trident: trident emblem
        test-tubes: test tube
        cut-diamond: gem stone
        two-coins: coin
        swap-bag: money bag
        key: key
        skeleton-key: old key
        padlock: locked
        padlock-open: unlocked
        scroll-unfurled: scroll
        treasure-map: world map
        open-book: open book
        black-book: closed book
        book-pile: books
        crystal-ball: crystal ball
        fairy-wand: magic wand
        small-fire: fire
        sparkles: sparkles
        lightning-arc: high voltage
        death-skull: skull
        skull-crossed-bones: skull and crossbones
        ghost: ghost
        ogre: ogre
        goblin-head: goblin
        troll: troll
        double-dragon: dragon
        dragon-head: dragon face
        snake: snake
        angular-spider: spider
        cobweb: spider web
        bat: bat
        rat: rat
        wolf-head: wolf
        bear-head: bear
        cavalry: horse
        horse-head: horse face
        sitting-dog: dog
        cat: cat
        rabbit: rabbit
        rabbit-head: rabbit face
        owl: owl
        eagle-head: eagle
        circling-fish: fish
        frog: frog
        wizard-face: mage
        witch-flight: woman mage
        woman-elf-face: elf
        fairy: fairy
        vampire-dracula: vampire
        shambling-zombie: zombie
        unicorn: unicorn
        crown: crown
        ring: ring
        leather-boot: hiking boot
        castle: castle
        house: house
        hut: hut
        huts-village: houses
        camping-tent: tent
        campfire: camping
        mountains: mountain
        summits: snow-capped mountain
        smoking-volcano: volcano
        pine-tree: evergreen tree
        oak: deciduous tree
        palm-tree: palm tree
        spotted-mushroom: mushroom
        herbs-bundle: herb
        candle-light: candle
        unlit-bomb: bomb
        wooden-door: door
        sands-of-time: hourglass done
        sailboat: sailboat
        shiny-apple: red apple
        sliced-bread: bread
        cheese-wedge: cheese wedge
        meat: meat on bone
        chicken-leg: poultry leg
        steak: cut of meat
        camp-cooking-pot: pot of food
        beer-stein: beer mug
        wine-glass: wine glass
        moon: crescent moon
        flat-star: star
        sun: sun
        hearts: red heart
        droplets: droplet
        drop: drop of blood
        snowflake-1: snowflake
        cracked-helm: military helmet
        cactus: cactus
        scorpion: scorpion
        crab: crab
        octopus: octopus
        giant-squid: squid
        shark-jaws: shark
        sperm-whale: whale
        dolphin: dolphin
        turtle: turtle
        snail: snail
        butterfly: butterfly
        bee: honeybee
        ant: ant
        raven: black bird
        rooster: rooster
        chicken: chicken
        duck: duck
        swan: swan
        fox-head: fox
        lion: lion
        tiger-head: tiger face
        elephant: elephant
        monkey: monkey
        pig: pig
        boar: boar
        cow: cow
        sheep: ewe
        ram: ram
        goat: goat
        deer: deer
        camel: camel
        squirrel: chipmunk
        hedgehog: hedgehog
        penguin: penguin
        parrot-head: parrot
        dove: dove
        feather: feather
        rose: rose
        sunflower: sunflower
        lotus-flower: lotus
        clover: four leaf clover
        maple-leaf: maple leaf
        carrot: carrot
        corn: ear of corn
        banana: banana
        grapes: grapes
        cherry: cherries
        strawberry: strawberry
        pineapple: pineapple
        pear: pear
        lemon: lemon
        tomato: tomato
        garlic: garlic
        potato: potato
        pumpkin-lantern: jack-o-lantern
        croissant: croissant
        pretzel: pretzel
        bacon: bacon
        honey-jar: honey pot
        cake-slice: shortcake
        pie-slice: pie
        teapot: teapot
        coffee-mug: hot beverage
        anchor: anchor
        ship-wheel: ring buoy
        canoe: canoe
        galleon: ship
        hot-meal: steaming bowl
        trumpet: trumpet
        violin: violin
        guitar: guitar
        flute: flute
        drum: drum
        banjo: banjo
        ringing-bell: bell
        hunting-horn: postal horn
        magnifying-glass: magnifying glass tilted left
        lantern-flame: red paper lantern
        magic-lamp: diya lamp
        light-bulb: light bulb
        quill-ink: black nib
        pencil: pencil
        envelope: envelope
        love-letter: love letter
        scissors: scissors
        crossed-chains: chains
        fishing-pole: fishing pole
        hand-saw: carpentry saw
        wooden-crate: package
        ladder: ladder
        full-wood-bucket: bucket
        basket: basket
        rope-coil: knot
        broom: broom
        tombstone: headstone
        coffin: coffin
        porcelain-vase: funeral urn
        amphora: amphora
        wood-pile: wood
        stone-pile: rock
        brick-pile: brick
        church: church
        greek-temple: classical building
        fountain: fountain
        spooky-house: derelict house
        factory: factory
        tornado: tornado
        raining: cloud with rain
        lightning-storm: cloud with lightning
        big-wave: water wave
        fluffy-cloud: cloud
        rainbow-star: rainbow
        backpack: backpack
        hand-bag: handbag
        robe: martial arts uniform
        cloak: coat
        gloves: gloves
        top-hat: top hat
        spectacles: glasses
        prayer-beads: prayer beads
        trophy-cup: trophy
        medal: sports medal
        rolling-dices: game die
        chess-pawn: chess pawn
        jigsaw-piece: puzzle piece
        present: wrapped gift
        ninja-head: ninja
        queen-crown: princess
        king: person with crown
        cook: cook
        farmer: farmer
        mermaid: mermaid
        robot-golem: robot
        imp: smiling face with horns
        bright-explosion: collision
        glowing-hands: sparkler
        broken-heart: broken heart
        hand: raised hand
        fist: raised fist
        shaking-hands: handshake
        biceps: flexed biceps
        brain: brain
        bone-gnawer: bone
        tooth: tooth
        eyeball: eye
        heart-organ: anatomical heart
        compass: compass
        spyglass: telescope, spyglass
        wheat: sheaf of rice
        sprout: seedling
        bird-house: nest with eggs
        dinosaur-rex: T-Rex
        diplodocus: sauropod
        mammoth: mammoth
        gecko: lizard
        jellyfish: jellyfish
        spiral-shell: spiral shell
        anvil: anvil, blacksmith's anvil, iron anvil
        barrel: barrel, wooden barrel, keg
        cauldron: cauldron, witch's cauldron, bubbling cauldron
        chest: treasure chest, chest, wooden chest
        open-treasure-chest: open chest, open treasure chest
        mimic-chest: mimic
        well: well, water well
        windmill: windmill
        water-mill: watermill
        lighthouse: lighthouse
        watchtower: watchtower, guard tower
        white-tower: tower, wizard's tower, stone tower
        stone-bridge: bridge, stone bridge
        rope-bridge: rope bridge
        dungeon-gate: dungeon gate, dungeon, prison door
        cave-entrance: cave, cave entrance
        3d-stairs: stairs, staircase
        throne-king: throne
        round-table: table, round table
        bookshelf: bookshelf, bookcase
        bunk-beds: bunk bed
        primitive-torch: torch, burning torch
        round-potion: potion, magic potion, round potion
        standing-potion: elixir, healing potion
        poison-bottle: poison, bottle of poison
        pestle-mortar: mortar and pestle
        scythe: scythe
        sickle: sickle
        pitchfork: pitchfork
        spade: shovel, spade
        whip: whip
        stone-spear: spear
        sharp-halberd: halberd
        crossbow: crossbow
        quiver: quiver, quiver of arrows
        broadhead-arrow: arrow
        spiked-mace: mace, spiked mace
        flail: flail
        warhammer: warhammer
        katana: katana
        shuriken: shuriken, throwing star
        slingshot: slingshot
        wood-club: club, wooden club
        cannon: cannon
        catapult: catapult
        ballista: ballista
        siege-tower: siege tower
        breastplate: breastplate, armour, plate armour
        chain-mail: chain mail
        gauntlet: gauntlet
        hood: hood
        belt: belt
        visored-helm: knight helmet, knight's helmet, iron helmet
        viking-helmet: viking helmet, horned helmet
        spartan-helmet: spartan helmet
        samurai-helmet: samurai helmet
        round-shield: round shield
        gem-pendant: pendant, amulet
        necklace: necklace
        gold-bar: gold bar, ingot
        ore: ore, iron ore
        emerald: emerald
        minerals: crystals, minerals
        rune-stone: rune stone, rune
        wizard-staff: staff, wizard's staff
        spell-book: spell book, grimoire
        wax-seal: wax seal
        pirate-flag: pirate flag
        drakkar: viking ship, longship
        raft: raft
        old-wagon: wagon, covered wagon
        wheelbarrow: wheelbarrow
        cartwheel: cartwheel, wagon wheel
        horseshoe: horseshoe
        saddle: saddle
        barn: barn
        scarecrow: scarecrow
        beehive: beehive
        tavern-sign: tavern, tavern sign
        wooden-sign: sign, wooden sign, signpost
        wooden-fence: fence, wooden fence
        cage: cage
        manacles: manacles, shackles
        guillotine: guillotine
        wolf-trap: bear trap, trap
        skeleton: skeleton
        ribcage: ribcage, bones
        wyvern: wyvern
        hydra: hydra
        griffin-symbol: griffin, gryphon
        minotaur: minotaur
        centaur: centaur
        cyclops: cyclops
        medusa-head: medusa, gorgon
        werewolf: werewolf
        orc-head: orc
        giant: giant
        rock-golem: golem, stone golem
        slime: slime
        gargoyle: gargoyle
        kraken-tentacle: kraken, tentacle
        sea-serpent: sea serpent
        djinn: djinn
        behold: beholder
        spectre: wraith
        grim-reaper: grim reaper, reaper
        harpy: harpy
        dwarf-face: dwarf
        barbarian: barbarian
        bowman: archer
        swordman: swordsman, warrior
        mounted-knight: knight, knight on horseback
        monk-face: monk
        pirate-captain: pirate, pirate captain
        executioner-hood: executioner
        plague-doctor-profile: plague doctor
        blacksmith: blacksmith at work
        miner: miner
        bandit: bandit, highwayman
        jester-hat: jester, jester hat
        harp: harp
        lyre: lyre
        pan-flute: pan flute
        bagpipes: bagpipes
        tambourine: tambourine
        vulture: vulture
        seagull: seagull
        seahorse: seahorse
        sea-star: starfish
        salamander: salamander
        mole: mole
        piranha: piranha
        angler-fish: angler fish
        dragonfly: dragonfly
        centipede: centipede
        willow-tree: willow, willow tree
        bamboo: bamboo
        vines: vines
        dead-wood: dead tree
        tree-branch: branch
        acorn: acorn
        berry-bush: berry bush, bush
        carnivorous-plant: carnivorous plant
        forest: forest, woods
        waterfall: waterfall
        swamp: swamp
        stalactites: stalactites
        island: island
        river: river
        hills: hills
        iceberg: iceberg
        magic-portal: portal, magic portal
        sausage: sausage
        roast-chicken: roast chicken
        wine-bottle: wine bottle, bottle of wine
        jug: jug
        fried-eggs: fried eggs
        cabbage: cabbage
        beet: beet, turnip
        pumpkin: pumpkin
        raspberry: raspberry
        chess-knight: chess knight
        vertical-banner: banner
        flying-flag: flag
        bandage-roll: bandage
        gavel: gavel
        tied-scroll: sealed scroll
        lockpicks: lockpicks, lockpick
        window-bars: prison window, barred window
        fireplace: fireplace
        meat-cleaver: cleaver
        fishing-hook: fish hook
        fishing-net: fishing net
        spinning-wheel: spinning wheel
        bellows: bellows
        plow: plough
        old-lantern: old lantern
        holy-grail: chalice, holy grail
        stone-throne: stone throne
        ancient-ruins: ruins, ancient ruins
        great-pyramid: pyramid, pyramids
        totem: totem
        hobbit-door: round door
        gate: gate, castle gate
        palisade: palisade
        obelisk: obelisk
        graveyard: graveyard, cemetery
        evil-tower: dark tower
        elven-castle: elven castle
        crypt-entrance: crypt, tomb
        mine-wagon: mine cart
        telescopic-baton: baton
        pointy-hat: pointed hat, wizard hat
        wing-cloak: winged cloak
        boots: pair of boots
        leather-armor: leather armour
        metal-scales: scale armour
        voodoo-doll: voodoo doll
        evil-book: cursed book
        eye-of-horus: eye of horus
        ankh: ankh
        yin-yang: yin yang
        fossil: fossil
        beanstalk: beanstalk
        lily-pads: lily pads
        sword-in-stone: sword in the stone
        rusty-sword: notched sword
        thor-hammer: thor's hammer
        sacrificial-dagger: curved dagger
        bone-knife: bone knife
        """.strip().splitlines()
    )
}
