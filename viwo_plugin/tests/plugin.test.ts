/** The plugin in a stand-in for viwo, with the real sidecar and its embedded model behind it. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { connection, end, killSidecar, startSidecar, until } from "./world";

const core = await import("./stand_in/core");
const { createScriptContext, evaluate, operations } = await import("./stand_in/scripting");
const { ImagegenPlugin } = await import("../src/index");
const { keptBy } = await import("../src/picture_of");
const promises = await import("../src/promised");
const world = await import("../src/world");
type ScriptContext = import("./stand_in/scripting").ScriptContext;
type CommandContext = import("./stand_in/core").CommandContext;
type Entity = import("./stand_in/core").Entity;

const SECONDS = 1000;
const rpc = new Map<string, (params: any, context: CommandContext) => Promise<any>>();
const sent: { to: number; type: string; payload: any }[] = [];
const unhandled: unknown[] = [];
const plugin = new ImagegenPlugin(connection);
const HOLD_LOCK = `
  const db = new (require("bun:sqlite").Database)(process.env.DB_PATH);
  db.run("BEGIN IMMEDIATE");
  console.log("held");
  setTimeout(() => db.run("COMMIT"), 300);
`;
let painter = 0;
let visitor = 0;
let room = 0;

operations["get_capability"] = ([type], context) => core.capabilityOf(context.this.id, type);
operations["entity"] = ([id]) => core.getEntity(id);
operations["call"] = ([target, verb, ...args], context) =>
  evaluate(core.getVerb(target.id, verb)!.code, createScriptContext({ ...context, args, this: target, vars: {} }));

beforeAll(async () => {
  process.on("unhandledRejection", (reason) => unhandled.push(reason));
  core.scheduler.sendTo = (to) => (type, payload) => sent.push({ to, type, payload });
  const context = {
    core: { getOnlinePlayers: () => [painter, visitor] },
    getPlugin: () => undefined,
    registerCommand: () => {},
    registerRpcMethod: (name: string, handler: (params: any, context: CommandContext) => Promise<unknown>) =>
      rpc.set(name, handler),
  };
  plugin.onLoad(context);
  await until(() => plugin.connected);
  room = core.createEntity({ name: "Studio" }, 2);
  painter = core.createEntity({ name: "Painter", location: room }, 2);
  visitor = core.createEntity({ name: "Visitor", location: room }, 2);
  core.createCapability(painter, "diffusers.generate", { max_steps: 20, allowed_models: ["icons"] });
}, 60 * SECONDS);

afterAll(async () => {
  plugin.onUnload();
  await end();
});

/** A script of the painter's, as viwo gives it to a method. */
function script(self = painter): ScriptContext {
  const entity = core.getEntity(self) as Entity;
  const send = (type: string, payload: unknown) => void sent.push({ to: self, type, payload });
  return createScriptContext({ caller: entity, this: entity, ops: operations, gas: 50_000, send });
}

function paint(...args: unknown[]): any {
  return (core.capabilityOf(painter, "diffusers.generate") as any).textToImage(...args, script());
}

async function heard(type: string, fits: (payload: any) => boolean, after: number): Promise<any> {
  return until(() => sent.slice(after).find((each) => each.type === type && fits(each.payload))?.payload);
}

/** What a promise is rejected with. (`expect().rejects` keeps Bun from reading its sockets meanwhile.) */
async function thrown(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "nothing",
    (error: Error) => error.message,
  );
}

async function hang(): Promise<number> {
  const { ok, entity } = await paint("a red apple", { save: true, name: "apple", room, reference: true, seed: 1 });
  expect(ok).toBe(true);
  return entity;
}

test("a method answers with its picture, whatever was left out before the context", async () => {
  const bare = await paint("a key");
  expect(bare).toMatchObject({ ok: true, width: 128, height: 128, model: "icons" });
  expect(Buffer.from(bare.image, "base64").subarray(1, 4).toString()).toBe("PNG");
  const seeded = await paint("a key", { seed: 5, reference: true });
  expect(seeded.ref).toStartWith("sha256:");
  expect(seeded.seed).toBe(5);
  expect(seeded).not.toHaveProperty("image");
  expect(Object.keys(seeded)).not.toContain("id");
}, 60 * SECONDS);

test("a refusal is a value that names the field, its limit and what was asked", async () => {
  expect(await paint("a key", { numInferenceSteps: 50 })).toEqual({
    ok: false,
    error: expect.objectContaining({ code: "PERMISSION_DENIED", field: "max_steps", limit: "20", asked: "50" }),
  });
  expect(await paint("a key", { width: 10n })).toMatchObject({ ok: false, error: { code: "INTERNAL" } });
  const cap = core.capabilityOf(painter, "diffusers.generate") as any;
  expect(cap.noSuchMethod).toBeUndefined();
  expect(cap.then).toBeUndefined();
});

test("an entity among the arguments is sent as its id", async () => {
  const picture = await hang();
  core.createCapability(painter, "diffusers.upscale", {});
  const cap = core.capabilityOf(painter, "diffusers.upscale") as any;
  const entity = { ...core.getEntity(picture), thumbnail: "x".repeat(70_000_000) };
  const made = await cap.upscaleTraditional(entity, "nearest", 2, { reference: true }, script());
  expect(made).toMatchObject({ ok: true, width: 256 });
}, 30 * SECONDS);

test("a picture may be named by its entity id, and a saved one is called after its prompt", async () => {
  const picture = await hang();
  const upscaler = core.capabilityOf(painter, "diffusers.upscale") as any;
  expect(await upscaler.upscaleTraditional(picture, "nearest", 2, { reference: true }, script())).toMatchObject({
    ok: true,
    width: 256,
  });
  const cap = core.capabilityOf(painter, "diffusers.generate") as any;
  const options = { save: true, reference: true, numInferenceSteps: 4 };
  const made = await cap.imageToImage(picture, "green apple", 0.5, options, script());
  expect(made.ok).toBe(true);
  const saved = core.getEntity(made.entity)!;
  expect(saved).toMatchObject({ name: "green apple", image_type: "generated" });
  expect(JSON.parse(String(saved["metadata"]))).toMatchObject({ prompt: "green apple", model: "icons" });
}, 30 * SECONDS);

test("what a script says of a capability is not believed", async () => {
  const cap = core.capabilityOf(painter, "diffusers.generate") as any;
  const forged = new cap.constructor(cap.id, painter, { allow_unsafe: true });
  const answer = await forged.textToImage("a key", { numInferenceSteps: 50 }, script());
  expect(answer).toMatchObject({ ok: false, error: { field: "max_steps", limit: "20" } });
  const gone = new cap.constructor(crypto.randomUUID(), painter, {});
  expect(await gone.textToImage("a key", script())).toMatchObject({ ok: false });
});

test("no entity but a blank canvas of one's own is painted over, and none is made by naming it", async () => {
  const before = core.db.query("SELECT count(*) AS n, max(id) AS last FROM entities").get();
  const self = JSON.stringify(core.getEntity(3));
  for (const options of [{ canvas: 3 }, { canvas: visitor }, { canvas: 424_242 }, { room: 424_242 }, { room: "hall" }]) {
    const answer = await paint("a key", { save: true, reference: true, ...options });
    expect(answer.ok).toBe(false);
  }
  expect(JSON.stringify(core.getEntity(3))).toBe(self);
  expect(core.db.query("SELECT count(*) AS n, max(id) AS last FROM entities").get()).toEqual(before);
});

test("two who change one picture at once both succeed", async () => {
  const picture = await hang();
  const right = core.capabilityOf(picture, "image.edit") as any;
  const context = () => ({ ...script(), this: core.getEntity(picture) as Entity });
  const answers = await Promise.all([
    right.change("filter", ["grayscale"], context()),
    right.change("transform", [0, 2], context()),
  ]);
  expect(answers.map((each) => each.version).sort()).toEqual([2, 3]);
  expect(core.getEntity(picture)).toMatchObject({ version: 3, width: 256 });
}, 30 * SECONDS);

test("a picture's own capability is good for that picture only", async () => {
  const picture = await hang();
  const other = await hang();
  const right = core.capabilityOf(picture, "image.edit") as any;
  const context = () => ({ ...script(), this: core.getEntity(picture) as Entity });
  const mine = await right.crop(core.getEntity(picture), 0, 0, 64, 64, { reference: true }, context());
  expect(mine).toMatchObject({ ok: true, width: 64 });
  const theirs = await right.crop(core.getEntity(other), 0, 0, 64, 64, { reference: true }, context());
  expect(theirs).toMatchObject({ ok: false, error: { code: "PERMISSION_DENIED" } });
}, 30 * SECONDS);

test("a promised picture: canvas, progress, room, verb", async () => {
  core.addVerb(painter, "painted", ["send", "painted", ["std.arg", 1]]);
  const mark = sent.length;
  const promised = paint("a blue dragon", { save: true, room, then: "painted" });
  expect(promised).toMatchObject({ ok: true, state: "queued" });
  const canvas = promised.entity;
  expect(core.getEntity(canvas)).toMatchObject({ image_type: "canvas", location: room });
  expect(core.getEntity(room)?.["contents"]).toContain(canvas);
  const shown = await heard("update", (each) => each.entities[0].id === canvas, mark);
  expect(shown.entities[0].name).toBe("a blank canvas");
  await heard("imagegen_progress", (each) => each.job === promised.job, mark);
  expect(await heard("painted", () => true, mark)).toMatchObject({ ok: true, entity: canvas });
  expect(core.getEntity(canvas)).toMatchObject({ image_type: "generated", name: "a blue dragon", width: 128 });
  const told = () => sent.slice(mark).filter((each) => each.to === visitor && each.type === "update");
  await until(() => told().at(-1)?.payload.entities[0].image_ref?.startsWith("sha256:"));
  expect(JSON.stringify(told()).length).toBeLessThan(20_000);
}, 30 * SECONDS);

test("a failed promise tells the script and leaves a canvas that says why", async () => {
  core.addVerb(painter, "failed", ["send", "failed", ["std.arg", 1]]);
  const mark = sent.length;
  const { entity } = paint("a key", { numInferenceSteps: 50, save: true, then: "failed" });
  const answer = await heard("failed", () => true, mark);
  expect(answer).toMatchObject({ ok: false, error: { field: "max_steps", limit: "20" } });
  expect(core.getEntity(entity)?.["description"]).toContain("max_steps of this capability is 20");
}, 30 * SECONDS);

test("promises that cannot be kept are refused at once and leave nothing", () => {
  const before = core.db.query("SELECT count(*) AS n FROM entities").get();
  for (const [options, field] of [
    [{ then: 7 }, "then"],
    [{ then: "painted", room }, "room"],
    [{ then: "painted", save: true, room: "hall" }, "room"],
    [{ then: "painted", save: true, room: 99_999 }, "room"],
    [{ then: "painted", save: true, room: 1 }, "room"],
    [{ then: "painted", name: "x" }, "name"],
  ] as const) {
    expect(paint("a key", options)).toMatchObject({ ok: false, error: { field } });
  }
  expect(core.db.query("SELECT count(*) AS n FROM entities").get()).toEqual(before);
});

test("a picture's verbs change it in place; words of a player are read as numbers", async () => {
  const picture = await hang();
  const act = (verb: string, ...args: unknown[]) => {
    const self = core.getEntity(picture) as Entity;
    return evaluate(core.getVerb(picture, verb)!.code, { ...script(), args, this: self, vars: {} }) as Promise<any>;
  };
  expect(await act("transform", "90", "2")).toMatchObject({ ok: true, version: 2 });
  expect(core.getEntity(picture)).toMatchObject({ version: 2, width: 256 });
  expect(await act("filter", "APPLE", "grayscale")).toMatchObject({ ok: true });
  expect(await act("get_data")).toStartWith("sha256:");
  const mark = sent.length;
  expect(await act("filter", "sepia")).toMatchObject({ ok: false });
  expect(sent.slice(mark).find((each) => each.type === "message")?.payload).toMatch(/blur.+sharpen.+grayscale/);
}, 30 * SECONDS);

test("who does not control a picture does not change it", async () => {
  const picture = await hang();
  const self = core.getEntity(picture) as Entity;
  const context = { ...script(visitor), args: ["blur"], this: self, vars: {} };
  const answer = await (evaluate(core.getVerb(picture, "filter")!.code, context) as Promise<any>);
  expect(answer).toMatchObject({ ok: false, error: { code: "PERMISSION_DENIED" } });
}, 30 * SECONDS);

test("a narrower capability has what it was given and no more", async () => {
  const cap = core.capabilityOf(painter, "diffusers.generate") as any;
  const { ok, capability } = await cap.narrow({ max_steps: 4, max_images: 2 }, script());
  expect(ok).toBe(true);
  expect(capability.params).toMatchObject({ max_steps: 4, max_images: 2, allowed_models: ["icons"] });
  const refused = await capability.textToImage("a key", { numInferenceSteps: 8 }, script());
  expect(refused).toMatchObject({ ok: false, error: { field: "max_steps", limit: "4" } });
  core.db.query("DELETE FROM capabilities WHERE id = ?").run(capability.id);
});

test("a loop is turned away without the sidecar noticing", async () => {
  const answers = Array.from({ length: 100 }, () => paint("a key", { seed: 1, reference: true }));
  const settled = await Promise.all(answers);
  expect(settled.filter((each) => each.ok)).toHaveLength(8);
  const refused = settled.filter((each) => each.error?.code === "RESOURCE_EXHAUSTED");
  expect(refused).toHaveLength(92);
  expect(refused[0]?.error.limit).toBe("8");
}, 60 * SECONDS);

test("a write waits for the sidecar's instead of failing at once", async () => {
  // The lock is held by another process, since a write here blocks this one.
  const holder = Bun.spawn([process.execPath, "-e", HOLD_LOCK], { env: { ...process.env }, stdout: "pipe" });
  await until(async () => (await holder.stdout.getReader().read()).value);
  const begun = performance.now();
  core.createEntity({ name: "late" });
  expect(performance.now() - begun).toBeGreaterThan(100);
  await holder.exited;
});

test("front ends: metadata in the block editor's format, calls, jobs of one's own", async () => {
  const metadata = await rpc.get("imagegen.capability_metadata")!({}, as(painter));
  const generate = metadata.find((each: any) => each.type === "diffusers.generate");
  const method = generate.methods.find((each: any) => each.name === "textToImage");
  expect(method.parameters[0]).toMatchObject({ name: "prompt", type: "string" });
  expect(method.parameters[1]).toMatchObject({ name: "options", type: "object", optional: true });
  const steps = method.parameters[1].fields.find((each: any) => each.name === "numInferenceSteps");
  expect(steps).toMatchObject({ type: "number", minimum: 1, optional: true });

  const made = await rpc.get("diffusers.generate")!({ prompt: "a key", seed: 3, negative_prompt: "" }, as(painter));
  expect(made.image_url).toStartWith("data:image/png;base64,");
  const job = await rpc.get("imagegen.submit")!(
    { type: "diffusers.generate", method: "textToImage", args: ["a key"] },
    as(painter),
  );
  const ended = await rpc.get("imagegen.watch")!({ job: job.job }, as(painter));
  expect(ended).toMatchObject({ job: job.job, state: "succeeded" });
  expect((await rpc.get("imagegen.jobs")!({}, as(painter))).jobs[0].job).toBe(job.job);
  expect(await thrown(rpc.get("imagegen.cancel")!({ job: job.job }, as(visitor)))).toContain("there is no job");
  expect(await thrown(rpc.get("diffusers.generate")!({ prompt: "x" }, as(visitor)))).toContain("you hold no capability");
  const bytes = made.image_url.replace(/^[^,]*,/, "");
  const saved = await rpc.get("imagegen.save_image")!({ image: bytes, name: "mine", room }, as(painter));
  const got = await rpc.get("imagegen.get_image")!({ entity: saved.entity }, as(visitor));
  expect(got.image_url).toBe(made.image_url);
}, 30 * SECONDS);

/** A front end's call, as a player. */
function as(id: number): CommandContext {
  return {
    player: { id, ws: null },
    command: "",
    args: [],
    send: (type, payload) => void sent.push({ to: id, type, payload }),
  };
}

test("a misspelt method answers what was meant", () => {
  const cap = core.capabilityOf(painter, "diffusers.generate") as any;
  for (const [name, meant] of [["textToImag", "textToImage"], ["text_toimage", "textToImage"], ["imgeToImage", "imageToImage"]] as const) {
    const answer = cap[name]("a key", script());
    expect(answer).toMatchObject({ ok: false, error: { reason: "UNKNOWN_METHOD", asked: name } });
    expect(answer.error.message).toContain(`did you mean '${meant}'?`);
  }
});

test("a verb that does not wait sends something that says what to do", async () => {
  const given = paint("a key", { reference: true });
  expect(given.ok).toBe(false);
  expect(JSON.parse(JSON.stringify({ picture: given })).picture.error.message).toContain('then: "verb"');
  expect(`${given}`).toContain("then");
  expect(await given).toMatchObject({ ok: true });
}, 30 * SECONDS);

test("all pictures of a promised batch hang where their canvas hangs", async () => {
  core.addVerb(painter, "three", ["send", "three", ["std.arg", 1]]);
  const mark = sent.length;
  const { entity } = paint("a bowl", { save: true, room, then: "three", count: 3, seed: 40 });
  const { images } = await heard("three", () => true, mark);
  const ids = images.map((image: any) => image.entity);
  expect(ids[0]).toBe(entity);
  expect(images.map((image: any) => image.seed)).toEqual([40, 41, 42]);
  const contents = core.getEntity(room)!["contents"] as number[];
  expect(ids.every((id: number) => contents.includes(id) && core.getEntity(id)!["location"] === room)).toBe(true);
}, 60 * SECONDS);

test("a promised answer says that it was reused, and no seed where nothing was drawn", async () => {
  core.addVerb(painter, "again", ["send", "again", ["std.arg", 1]]);
  const picture = await hang();
  const answers = [];
  for (const _ of [1, 2]) {
    const mark = sent.length;
    paint("a lamp", { reference: true, then: "again", seed: 77 });
    answers.push(await heard("again", () => true, mark));
  }
  expect(answers[0]).not.toHaveProperty("reused");
  expect(answers[1]).toMatchObject({ ok: true, reused: true, ref: answers[0].ref, seed: 77 });
  const mark = sent.length;
  const upscaler = core.capabilityOf(painter, "diffusers.upscale") as any;
  upscaler.upscaleTraditional(picture, "nearest", 2, { then: "again" }, script());
  const larger = await heard("again", () => true, mark);
  expect(larger).toMatchObject({ ok: true, width: 256 });
  expect(larger).not.toHaveProperty("seed");
}, 60 * SECONDS);

test("a picture is taken down and shows another, by verbs and by front ends", async () => {
  const picture = await hang();
  const other = await paint("a green key", { reference: true, seed: 9 });
  const act = (verb: string, ...args: unknown[]) => {
    const self = core.getEntity(picture) as Entity;
    return evaluate(core.getVerb(picture, verb)!.code, { ...script(), args, this: self, vars: {} }) as Promise<any>;
  };
  const before = core.getEntity(picture)!["image_ref"];
  expect(await act("replace", other.ref)).toMatchObject({ ok: true, version: 2, ref: other.ref });
  expect(core.getEntity(picture)).toMatchObject({ image_ref: other.ref, derived_from: before, version: 2 });
  expect(await act("takeDown")).toMatchObject({ ok: true });
  expect(core.getEntity(room)!["contents"]).not.toContain(picture);
  expect(core.getEntity(picture)!["location"]).not.toBe(room);
  expect(await act("place", room)).toMatchObject({ ok: true });
  expect(core.getEntity(room)!["contents"]).toContain(picture);
  expect(await rpc.get("imagegen.replace")!({ entity: picture, picture: before }, as(painter))).toMatchObject({ version: 3 });
  expect(await rpc.get("imagegen.take_down")!({ entity: picture }, as(painter))).toMatchObject({ ok: true });
  expect(core.getEntity(room)!["contents"]).not.toContain(picture);
}, 60 * SECONDS);

test("who does not see a picture gets neither it nor anything made of it", async () => {
  const cellar = core.createEntity({ name: "Cellar" }, 2);
  const stranger = core.createEntity({ name: "Stranger", location: cellar }, 2);
  const picture = await hang();
  const { image_ref } = core.getEntity(picture)!;
  expect(await thrown(rpc.get("imagegen.get_image")!({ entity: picture }, as(stranger)))).toContain(`no entity ${picture}`);
  expect(await thrown(rpc.get("imagegen.replace")!({ entity: picture, picture: image_ref }, as(stranger)))).toContain("there is no picture");
  core.createCapability(stranger, "diffusers.upscale", {});
  core.createCapability(stranger, "image.edit", {});
  const upscaler = core.capabilityOf(stranger, "diffusers.upscale") as any;
  for (const given of [picture, image_ref]) {
    const answer = await upscaler.upscaleTraditional(given, "nearest", 2, { reference: true }, script(stranger));
    expect(answer).toMatchObject({ ok: false, error: { code: "NOT_FOUND" } });
  }
  // In the room it is seen, and may be used: a neighbour looks at it and lays it over a picture of their own.
  core.updateEntity({ id: stranger, location: room });
  expect((await rpc.get("imagegen.get_image")!({ entity: picture }, as(stranger))).entity).toBe(picture);
  const edit = core.capabilityOf(stranger, "image.edit") as any;
  for (const given of [picture, image_ref]) {
    const made = await edit.composite(given, given, 0, 0, { reference: true }, script(stranger));
    expect(made).toMatchObject({ ok: true, width: 128 });
  }
}, 60 * SECONDS);

test("what was destroyed and is still named in a room is taken out", () => {
  core.updateEntity({ id: room, contents: [987_654, ...(core.getEntity(room)!["contents"] as number[])] });
  const before = core.getEntity(room)!["contents"] as number[];
  expect(world.repairRooms().get(room)).toEqual([987_654]);
  expect(core.getEntity(room)!["contents"]).toEqual(before.slice(1));
  expect(world.repairRooms().size).toBe(0);
});

test("only a capability that makes pictures keeps one of an entity, however that is spelt", () => {
  core.createCapability(visitor, "diffusers.upscale", {});
  const upscale = core.capabilityOf(visitor, "diffusers.upscale") as any;
  const generate = core.capabilityOf(painter, "diffusers.generate") as any;
  for (const method of ["pictureOf", "picture_of"]) {
    expect(upscale[method]).toBeUndefined();
    expect(generate[method]).toBeFunction();
  }
});

test("a picture that an entity keeps of itself is made once, however often it is looked at", async () => {
  const statue = core.createEntity({ name: "Statue", location: room }, 2);
  core.createCapability(statue, "diffusers.generate", { allowed_models: ["icons"] });
  const look = (prompt: string) =>
    (core.capabilityOf(statue, "diffusers.generate") as any).picture_of(core.getEntity(statue), prompt, { seed: 3 }, script(statue));
  const first = Array.from({ length: 20 }, () => look("a statue of a cat"));
  expect(first.every((each) => each.ok && each.ready === false)).toBe(true);
  const kept = await until(() => (look("a statue of a cat").ready ? look("a statue of a cat") : undefined));
  expect(kept.ref).toStartWith("sha256:");
  expect(kept.thumbnail).toStartWith("data:image/webp");
  const { jobs } = await rpc.get("imagegen.jobs")!({}, as(statue));
  expect(jobs).toHaveLength(1);
  expect((await rpc.get("imagegen.get_image")!({ entity: statue }, as(visitor))).image_url).toStartWith("data:image/png");
  // What another prompt asks for is another picture; what is made of the entity does not take it over.
  expect(look("a statue of a dog")).toMatchObject({ ready: false });
  const copy = core.createEntity({ name: "Copy", location: room }, statue);
  expect(core.getEntity(copy)!["picture_of"]).toBeDefined();
  expect(keptBy(copy)).toBeUndefined();
  await until(() => look("a statue of a dog").ready);
}, 60 * SECONDS);

test("what was promised before viwo was started again is taken up", async () => {
  core.addVerb(painter, "resumed", ["send", "resumed", ["std.arg", 1]]);
  const mark = sent.length;
  const prototype = core.getEntity(await hang())!["prototype_id"] as number;
  const canvas = world.createCanvas(prototype, painter, room, "a late canvas");
  const row = core.db.query("SELECT id FROM capabilities WHERE owner_id = ? AND type = 'diffusers.generate'").get(painter) as { id: string };
  const promised = {
    name: crypto.randomUUID(),
    right: { id: row.id, owner: painter, type: "diffusers.generate", params: {} },
    method: "textToImage",
    args: ["a late crown", { save: true, canvas }],
    caller: painter,
    self: painter,
    then: "resumed",
    room,
    canvas,
  };
  promises.keep(promised);
  core.db.query("INSERT INTO imagegen_promised VALUES ('broken', '', 'no JSON')").run();
  const restarted = new ImagegenPlugin(connection);
  const errors = console.error;
  console.error = () => {};
  restarted.onLoad({
    core: { getOnlinePlayers: () => [painter] },
    getPlugin: () => undefined,
    registerCommand: () => {},
    registerRpcMethod: () => {},
  });
  console.error = errors;
  expect(await heard("resumed", () => true, mark)).toMatchObject({ ok: true, entity: canvas, job: promised.name });
  expect(core.getEntity(canvas)).toMatchObject({ image_type: "generated", name: "a late crown" });
  await until(() => !promises.all().some((each) => each.name === promised.name));
  restarted.onUnload();
  core.db.query("DELETE FROM imagegen_promised WHERE name = 'broken'").run();
}, 60 * SECONDS);

test("a second owner of a capability type is told, and the world goes on", () => {
  const again = new ImagegenPlugin(connection);
  const errors: string[] = [];
  const before = console.error;
  console.error = (words: string) => void errors.push(words);
  again.onLoad({
    core: { getOnlinePlayers: () => [] },
    getPlugin: () => undefined,
    registerCommand: () => {},
    registerRpcMethod: () => {},
  });
  console.error = before;
  again.onUnload();
  expect(errors[0]).toContain("take @viwo/plugin-diffusers out");
});

test("the sidecar dies in the middle: every call is answered, promised ones are kept, the next works", async () => {
  core.addVerb(painter, "late", ["send", "late", ["std.arg", 1]]);
  const mark = sent.length;
  const waiting = Array.from({ length: 5 }, (_, seed) => paint("a sword", { seed, count: 2, reference: true }));
  const { entity } = paint("a shield", { save: true, then: "late" });
  await heard("imagegen_progress", () => true, mark);
  await killSidecar();
  const answers = await Promise.all(waiting);
  expect(answers.filter((each) => !each.ok).every((each) => each.error.code === "UNAVAILABLE")).toBe(true);
  startSidecar();
  expect(await heard("late", () => true, mark)).toMatchObject({ ok: true, entity });
  expect(core.getEntity(entity)?.["image_type"]).toBe("generated");
  expect(await paint("a key", { reference: true })).toMatchObject({ ok: true });
  expect(unhandled).toEqual([]);
}, 90 * SECONDS);
