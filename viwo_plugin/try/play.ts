/** What players and builders do, step by step; prints `N passed, 0 failed`. */

import { deflateSync } from "node:zlib";
import { Player } from "./player";
import { ABROAD, HOME, type Place, admit, startSidecar, startViwo, until } from "./processes";
import * as scripts from "./scripts";

let passed = 0;
let failed = 0;

async function step(what: string, act: () => Promise<unknown>): Promise<void> {
  const begun = performance.now();
  try {
    const told = await act();
    passed += 1;
    const seconds = ((performance.now() - begun) / 1000).toFixed(1);
    console.log(`ok    ${what}${told === undefined ? "" : `: ${told}`} (${seconds} s)`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL  ${what}: ${error instanceof Error ? error.message : error}`);
  }
}

function check(holds: unknown, why: string): asserts holds {
  if (!holds) {
    throw new Error(why);
  }
}

async function reachable({ port }: Place = HOME): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/`).then((reply) => reply.ok, () => false);
}

check(!(await reachable()) && !(await reachable(ABROAD)), "port 8080 or 8090 is taken; stop what listens there first");
let viwo = startViwo(HOME);
let sidecar: Bun.Subprocess | undefined;
let abroad: Bun.Subprocess | undefined;
try {
  await play();
} finally {
  for (const server of [viwo, abroad, sidecar]) {
    server?.kill();
  }
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);

async function play(): Promise<void> {
  await step("viwo starts although no sidecar is there", async () => {
    await until("viwo", reachable);
  });
  let ada = await Player.join();
  const bob = await Player.join();
  const system = await Player.join(3);
  let lobby = 0;

  await step("a script that calls meanwhile gets an answer", async () => {
    await mint(system, ada.id, "diffusers.generate", { max_steps: 20, allowed_models: ["icons"] });
    for (const [name, source] of Object.entries(scripts.PAINTER)) {
      await ada.verb(ada.id, name, source);
    }
    const mark = ada.heard.length;
    await ada.do("wait_for", "a red apple");
    const answer = await ada.hears("answer", () => true, mark);
    check(answer.ok === false && answer.error.code === "UNAVAILABLE", JSON.stringify(answer));
    return answer.error.code;
  });

  sidecar = startSidecar();
  await step("the plugin finds the sidecar without a restart of viwo", async () => {
    await admit(HOME);
    await until("methods", async () => (await ada.rpc("imagegen.capability_metadata")).length >= 5);
    const metadata = await ada.rpc("imagegen.capability_metadata");
    const method = metadata.find((each: any) => each.type === "diffusers.generate").methods[0];
    check(method.parameters[0].name === "prompt", JSON.stringify(method.parameters[0]));
    check(method.parameters.at(-1).fields.length > 10, "options have no fields");
    return metadata.map((each: any) => `${each.type} ${each.methods.length}`).join(", ");
  });

  await step("waiting: a verb that viwo interprets gets its picture", async () => {
    const mark = ada.heard.length;
    await ada.do("wait_for", "a red apple");
    const answer = await ada.hears("answer", () => true, mark);
    check(answer.ok && answer.entity > 0 && answer.seed === 7, JSON.stringify(answer).slice(0, 300));
    const [entity] = (await ada.ask("get_entities", { ids: [answer.entity] })).entities;
    lobby = entity.location;
    check(lobby === 7 && entity.thumbnail.startsWith("data:image/webp"), JSON.stringify(entity).slice(0, 300));
    check(!("image" in entity), "the original is among the properties");
  });

  let canvas = 0;
  await step("promised: a canvas at once, then the picture, the room and the verb", async () => {
    const mark = ada.heard.length;
    const bobMark = bob.heard.length;
    await ada.do("paint", "a blue dragon");
    const promised = await ada.hears("promised", () => true, mark);
    check(promised.ok && promised.state === "queued" && promised.entity > 0, JSON.stringify(promised));
    canvas = promised.entity;
    const blank = await ada.hears("update", (each) => each.entities.some((one: any) => one.id === canvas), mark);
    check(blank.entities[0].image_type === "canvas", "it was no blank canvas first");
    await ada.hears("imagegen_progress", (each) => each.job === promised.job, mark);
    const done = await ada.hears("painted", () => true, mark);
    check(done.entity === canvas && done.ok, JSON.stringify(done));
    const filled = await bob.hears(
      "update",
      (each) => each.entities.some((one: any) => one.id === canvas && one.image_ref),
      bobMark,
    );
    check(filled.entities[0].name === "a blue dragon", `its name is ${filled.entities[0].name}`);
  });

  await step("a failed job tells the script and leaves a canvas that says why", async () => {
    const mark = ada.heard.length;
    await ada.do("paint_wrongly", "a red apple");
    const promised = await ada.hears("promised", () => true, mark);
    const done = await ada.hears("painted", () => true, mark);
    check(!done.ok && done.error.field === "max_steps", JSON.stringify(done));
    const [entity] = (await ada.ask("get_entities", { ids: [promised.entity] })).entities;
    check(entity.description.includes("max_steps of this capability is 20"), entity.description);
    return entity.description;
  });

  await step("look shows both pictures", async () => {
    await bob.verb(bob.id, "look_around", scripts.LOOK_AROUND);
    const entities = await lookAround(bob);
    check(entities.filter((each: any) => each.image_ref).length === 2, `${entities.length} entities`);
  });

  await step("transform, filter and composite change a picture in place, for all to see", async () => {
    let version = 1;
    for (const words of [["transform", "a blue dragon", "90"], ["filter", "a blue dragon", "grayscale"],
                         ["composite", "a blue dragon", canvas, "8", "8"]] as const) {
      const marks = [ada.heard.length, bob.heard.length] as const;
      await ada.do(words[0], ...words.slice(1));
      version += 1;
      const changed = (each: any) => each.entities?.some((one: any) => one.id === canvas && one.version === version);
      await ada.hears("update", changed, marks[0]);
      await bob.hears("update", changed, marks[1]);
    }
    const picture = await bob.rpc("imagegen.get_image", { entity: canvas });
    check(picture.version === 4 && picture.image_url.startsWith("data:image/png;base64,"), picture.version);
    const mark = ada.heard.length;
    await ada.do("filter", "a blue dragon", "sepia");
    const refusal = await ada.hears("message", (each) => /blur.+sharpen.+grayscale/.test(each.text), mark);
    return refusal.text;
  });

  await step("a narrower capability is refused what the wider one allows", async () => {
    const mark = ada.heard.length;
    await ada.do("narrow_and_ask");
    const [narrow, wide] = (await ada.hears("answers", () => true, mark)).list;
    check(narrow.ok === false && narrow.error.field === "max_steps", JSON.stringify(narrow).slice(0, 300));
    check(wide.ok, JSON.stringify(wide).slice(0, 300));
    return narrow.error.message;
  });

  await step("a stranger's capability is not believed", async () => {
    await bob.verb(bob.id, "paint", scripts.PAINTER["paint"]!);
    const mark = bob.heard.length;
    await bob.do("paint", "a red apple");
    const told = await bob.hears("message", () => true, mark);
    check(/no capability/.test(told.text), told.text);
  });

  await step("the front end's own calls", async () => {
    const { image_url, seed } = await ada.rpc("diffusers.generate", { prompt: "a key", width: 128, height: 128, seed: 3 });
    check(image_url.startsWith("data:image/png;base64,") && seed === 3, image_url?.slice(0, 40));
    const asked = { type: "diffusers.generate", method: "textToImage", args: ["a sword"] };
    const job = await ada.rpc("imagegen.submit", asked);
    const ended = await ada.rpc("imagegen.watch", { job: job.job });
    check(ended.state === "succeeded", JSON.stringify(ended));
    const { jobs } = await ada.rpc("imagegen.jobs");
    check(jobs.some((each: any) => each.job === job.job), "the job is not listed");
    const other = await bob.request("plugin_rpc", { method: "imagegen.cancel", params: { job: job.job } });
    check(/there is no job/.test(other.error?.message), JSON.stringify(other));
  });

  await step("50 pictures of 1 MB in a room: look sends at most 300 KB", async () => {
    const hall = await ada.ask("get_entities", { ids: [8] });
    check(hall.entities.length === 1, "no second room");
    const capability = { image: noise(640), room: lobby };
    for (let place = 2; place < 50; place += 1) {
      await ada.rpc("imagegen.save_image", { ...capability, name: `painting ${place}` });
    }
    const entities = await lookAround(bob);
    const pictures = entities.filter((each: any) => each.image_ref).length;
    const bytes = Buffer.byteLength(JSON.stringify({ jsonrpc: "2.0", method: "update", params: { entities } }));
    check(pictures >= 50 && bytes <= 300_000, `${pictures} pictures, ${bytes} bytes`);
    return `${pictures} pictures, ${bytes} bytes`;
  });

  await step("a neighbour's picture is looked at and laid over one's own", async () => {
    await mint(system, bob.id, "diffusers.generate", { max_steps: 20, allowed_models: ["icons"] });
    for (const name of ["wait_for", "wait_inside"]) {
      await bob.verb(bob.id, name, scripts.PAINTER[name]!);
    }
    let mark = bob.heard.length;
    await bob.do("wait_for", "a green key");
    const { entity } = await bob.hears("answer", (each) => each.ok, mark);
    check((await bob.rpc("imagegen.get_image", { entity: canvas })).entity === canvas, "the neighbour's is not shown");
    mark = bob.heard.length;
    await bob.do("composite", "a green key", canvas, "8", "8");
    await bob.hears("update", (each) => each.entities?.some((one: any) => one.id === entity && one.version === 2), mark);
  });

  await step("who has left the room sees its pictures no more; one that was given away is still theirs", async () => {
    await bob.do("go", "north");
    const unseen = await bob.request("plugin_rpc", { method: "imagegen.get_image", params: { entity: canvas } });
    check(/there is no entity/.test(unseen.error?.message), JSON.stringify(unseen).slice(0, 200));
    await ada.do("give_away", canvas, bob.id);
    await until("the gift", async () => {
      const told = await bob.request("plugin_rpc", { method: "imagegen.get_image", params: { entity: canvas } });
      return told.result?.entity === canvas;
    });
  });

  await step("copies that viwo itself makes of a capability share its budget, and gain nothing", async () => {
    const mark = ada.heard.length;
    await ada.do("spend_copies");
    const [first, second] = (await ada.hears("copies", () => true, mark)).list;
    check(first.ok, JSON.stringify(first).slice(0, 300));
    check(second.error?.field === "compute_per_day", JSON.stringify(second).slice(0, 300));
    return second.error.message;
  });

  await step("a picture that a verb shows at each look is made once", async () => {
    const before = (await ada.rpc("imagegen.jobs")).jobs.length;
    await ada.verb(ada.id, "get_portrait", scripts.PAINTER["get_portrait"]!);
    await ada.verb(ada.id, "look_around", scripts.LOOK_AROUND);
    // viwo puts players among the contents of rooms that they enter.
    await ada.do("go", "north");
    let portrait = "";
    let looks = 0;
    await until("a portrait", async () => {
      looks += 1;
      portrait = (await lookAround(ada)).find((each: any) => each.id === ada.id)?.portrait ?? "";
      return portrait;
    });
    const { jobs } = await ada.rpc("imagegen.jobs");
    check(portrait.startsWith("data:image/webp"), portrait.slice(0, 60));
    check(jobs.length === before + 1, `${jobs.length - before} jobs`);
    return `${looks} looks, 1 job`;
  });

  await step("a script in an endless loop for 10 s: another player's look is as fast as beside a loop without pictures", async () => {
    await ada.verb(ada.id, "spin_plainly", scripts.SPIN_PLAINLY);
    const without = await looks(bob, ada, "spin_plainly", 5);
    const mark = ada.heard.length;
    const beside = await looks(bob, ada, "spin", 10);
    const refusals = ada.heard.slice(mark).filter((each) => each.params?.error?.code === "RESOURCE_EXHAUSTED").length;
    check(refusals > 0, "the loop was never refused");
    const [usual, slow] = [beside.median / without.median, beside.slowest / without.slowest];
    const told = `${refusals} refusals; look ${usual.toFixed(1)} times as long in the median, ${slow.toFixed(1)} at worst, n = ${without.n} and ${beside.n}`;
    check(usual < 6 && slow < 8, told);
    return told;
  });

  await step("the sidecar is killed during 20 calls: viwo stays up, every script is answered, the next call works", async () => {
    await until("calls to end", async () =>
      (await ada.rpc("imagegen.jobs")).jobs.every((each: any) => !["queued", "running"].includes(each.state)), 120);
    const mark = ada.heard.length;
    for (let place = 0; place < 20; place += 1) {
      await ada.do("wait_for", `a sword number ${place}`);
    }
    await ada.hears("answer", () => true, mark);
    sidecar!.kill("SIGKILL");
    await until(
      "20 answers",
      () => ada.heard.slice(mark).filter((each) => each.method === "answer").length >= 20,
    );
    const answers = ada.heard.slice(mark).filter((each) => each.method === "answer");
    const codes = Map.groupBy(answers, ({ params }) => (params.ok ? "OK" : params.error.code));
    check(viwo.exitCode === null && (await reachable()), "viwo is down");
    sidecar = startSidecar();
    await until(
      "a picture",
      async () => {
        const before = ada.heard.length;
        await ada.do("wait_for", "a red apple");
        return (await ada.hears("answer", () => true, before)).ok;
      },
      60,
    );
    return [...codes].map(([code, all]) => `${code} ${all.length}`).join(", ");
  });

  await step("viwo is killed with a picture promised: it comes when the world is back, and its verb is told", async () => {
    sidecar!.kill("SIGKILL");
    await sidecar!.exited;
    const mark = ada.heard.length;
    await ada.do("paint", "a silver crown");
    const promised = await ada.hears("promised", () => true, mark);
    viwo.kill("SIGKILL");
    await viwo.exited;
    viwo = startViwo(HOME);
    await until("viwo", reachable);
    ada = await Player.join(ada.id);
    const back = ada.heard.length;
    sidecar = startSidecar();
    const done = await ada.hears("painted", (each) => each.entity === promised.entity, back);
    check(done.ok, JSON.stringify(done));
    const [entity] = (await ada.ask("get_entities", { ids: [promised.entity] })).entities;
    check(entity.image_ref && entity.name === "a silver crown", JSON.stringify(entity).slice(0, 200));
    const job = await ada.rpc("imagegen.watch", { job: promised.job });
    check(job.state === "succeeded", JSON.stringify(job));
  });

  await step("two worlds with the same numbers on one sidecar see nothing of each other", async () => {
    abroad = startViwo(ABROAD);
    await until("the other viwo", () => reachable(ABROAD));
    const eve = await Player.join(undefined, ABROAD.port);
    const theirs = await Player.join(3, ABROAD.port);
    await admit(ABROAD);
    await until("methods", async () => (await eve.rpc("imagegen.capability_metadata")).length >= 5);
    check(eve.id === ada.id, `the first players have the numbers ${ada.id} and ${eve.id}`);
    await mint(theirs, eve.id, "diffusers.generate", { max_steps: 20, allowed_models: ["icons"] });
    await mint(theirs, eve.id, "diffusers.upscale", {});
    const asked = { type: "diffusers.generate", method: "textToImage", args: ["a lamp", { reference: true }] };
    const mine = await ada.rpc("imagegen.submit", asked);
    const hers = await eve.rpc("imagegen.submit", asked);
    const made = await eve.rpc("imagegen.watch", { job: hers.job });
    check(made.state === "succeeded", JSON.stringify(made));
    check((await ada.rpc("imagegen.watch", { job: mine.job })).state === "succeeded", "the picture at home");
    const lists = await Promise.all([ada, eve].map(async (player) => (await player.rpc("imagegen.jobs")).jobs.map((each: any) => each.job)));
    check(!lists[0]!.includes(hers.job) && !lists[1]!.includes(mine.job), "a job of the other world is listed");
    for (const [player, job] of [[ada, hers.job], [eve, mine.job]] as const) {
      const told = await player.request("plugin_rpc", { method: "imagegen.cancel", params: { job } });
      check(/there is no job/.test(told.error?.message), JSON.stringify(told));
    }
    const [{ image_ref }] = (await ada.ask("get_entities", { ids: [canvas] })).entities;
    const stolen = { type: "diffusers.upscale", method: "upscaleTraditional", args: [image_ref, "nearest", 2, { reference: true }] };
    const told = await eve.request("plugin_rpc", { method: "imagegen.call", params: stolen });
    check(/no stored picture/.test(told.error?.message), JSON.stringify(told).slice(0, 300));
    for (const player of [eve, theirs]) {
      player.leave();
    }
    return `players ${ada.id} and ${eve.id}: ${told.error.message}`;
  });

  for (const player of [ada, bob, system]) {
    player.leave();
  }
}

/** How long one player's looks take while another runs a loop again and again, in milliseconds. */
async function looks(player: Player, other: Player, loop: string, seconds: number) {
  const times: number[] = [];
  const end = Date.now() + seconds * 1000;
  const looping = (async () => {
    while (Date.now() < end) {
      await other.do(loop);
    }
  })();
  while (Date.now() < end) {
    const mark = player.heard.length;
    const begun = performance.now();
    await player.do("look");
    await player.hears("update", () => true, mark);
    times.push(performance.now() - begun);
    await Bun.sleep(50);
  }
  await looping;
  times.sort((left, right) => left - right);
  return { median: times[times.length >> 1]!, slowest: times.at(-1)!, n: times.length };
}

/** All that a room's look sends. */
async function lookAround(player: Player): Promise<any[]> {
  const mark = player.heard.length;
  await player.do("look_around");
  return (await player.hears("update", () => true, mark)).entities;
}

async function mint(system: Player, owner: number, type: string, params: object): Promise<void> {
  await system.verb(3, "mint_for", scripts.mintFor(type, params));
  await system.do("mint_for", owner);
}

/** A PNG of random pixels, which cannot be made small: about 1 MB for 640. */
function noise(side: number): string {
  const rows = Buffer.alloc(side * (side * 3 + 1));
  crypto.getRandomValues(rows.subarray(0, 65_536));
  for (let at = 65_536; at < rows.length; at += 65_536) {
    crypto.getRandomValues(rows.subarray(at, Math.min(rows.length, at + 65_536)));
  }
  for (let row = 0; row < side; row += 1) {
    rows[row * (side * 3 + 1)] = 0;
  }
  const chunk = (kind: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(kind), data]);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(data.length);
    const sum = Buffer.alloc(4);
    sum.writeUInt32BE(Bun.hash.crc32(body));
    return Buffer.concat([length, body, sum]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  return Buffer.concat([
    signature,
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(rows)),
    chunk("IEND", Buffer.alloc(0)),
  ]).toString("base64");
}
