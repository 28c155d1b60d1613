/** The world of a sidecar on another machine: capabilities are stated, signed, and entities are kept here. */

import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { createCapability } from "@viwo/core";
import { type Answer, NotSetUp, type Refusal, refused } from "./answer";
import { entityId, isEntity, plain } from "./arguments";
import type { Call, Home, Prepared, Right, Saving } from "./home";
import type { CallContext } from "./pb/viwo/imagegen/v1/CallContext";
import { MAX_DESCRIPTION, MAX_NAME, cleaned, cleanedMetadata } from "./plain_text";
import type { Sidecar } from "./sidecar";
import { fromStruct } from "./struct";
import * as world from "./world";

const VERSION = "v2";
/** Seconds that a statement holds; the sidecar takes none that holds longer. */
const HOLDS = 30;
/** Capabilities that were stated, of which it is looked whether they are still there: the latest. */
const REMEMBERED = 5000;
/** Most that are told at a time. */
const TOLD_AT_ONCE = 1000;
/** Fewest characters of a statement key; the sidecar makes and takes none that is shorter. */
const MIN_KEY = 32;
const VERBS = ["transform", "filter", "composite", "place", "takeDown", "replace"];
/** How often a verb works again when another call changed the picture meanwhile. */
const RETRIES = 5;

export class RemoteHome implements Home {
  readonly #sidecar: Sidecar;
  readonly #keyFile: string;
  readonly #world: string;
  readonly #stated = new Set<string>();
  #prototype = 0;

  constructor(sidecar: Sidecar, keyFile: string, worldId: string) {
    this.#world = worldId;
    this.#sidecar = sidecar;
    this.#keyFile = keyFile;
  }

  async install(): Promise<number> {
    if (!this.#prototype) {
      const { verbsJson } = await this.#sidecar.install();
      const verbs = JSON.parse(verbsJson) as { picture: Record<string, unknown>; room: Record<string, unknown> };
      this.#prototype = world.installPrototype(verbs.picture, verbs.room);
    }
    return this.#prototype;
  }

  context(right: Right, caller: number, self: number): CallContext {
    return { capabilityId: right.id, callerId: caller, thisId: self, capabilityStatement: this.#state(right.id, caller, self) };
  }

  /** What the world's row says now. An object that a script holds may say anything: viwo makes one of any such shape. */
  #state(id: string, caller: number, self: number): string {
    const { owner, type, params } = world.rowOf(id);
    // The sidecar cannot know entities of this world; `prepare` and `change` hold that limit.
    const { target_id: _, ...limits } = params;
    const payload = {
      id,
      owner_id: owner,
      type,
      params: limits,
      expires: Math.floor(Date.now() / 1000) + HOLDS,
      world: this.#world,
      caller,
      this: self,
      audience: this.#sidecar.principal,
      jti: crypto.randomUUID(),
    };
    this.#stated.add(id);
    if (this.#stated.size > REMEMBERED) {
      this.#stated.delete(this.#stated.values().next().value!);
    }
    const text = `${VERSION}.${Buffer.from(JSON.stringify(payload)).toString("base64url")}`;
    return `${text}.${createHmac("sha256", this.#key()).update(text).digest("base64url")}`;
  }

  async forgetGone(): Promise<void> {
    const gone = [...this.#stated].filter((id) => !world.isCapability(id)).slice(0, TOLD_AT_ONCE);
    if (gone.length) {
      await this.#sidecar.pushRevocations(gone);
      for (const id of gone) {
        this.#stated.delete(id);
      }
    }
  }

  #key(): string {
    let key: string;
    try {
      key = readFileSync(this.#keyFile, "utf8").trim();
    } catch {
      throw new NotSetUp(`${this.#keyFile} cannot be read; copy the sidecar's statement key there`);
    }
    if (key.length < MIN_KEY) {
      throw new NotSetUp(`${this.#keyFile} is not whole: a statement key has at least ${MIN_KEY} characters; copy it again`);
    }
    return key;
  }

  prepare({ right, method, args, caller, self }: Call): Prepared | Refusal {
    const target = world.rowOf(right.id).params["target_id"];
    if (target !== undefined && entityId(args[0]) !== target) {
      return refused("PERMISSION_DENIED", `this capability is for the picture of entity ${target} only`, {
        reason: "WRONG_TARGET",
        field: "target_id",
        limit: String(target),
      });
    }
    const positional = method?.parameters.filter((each) => each.positional) ?? [];
    const pictures = new Set(method?.parameters.filter((each) => each.type === "image").map((each) => each.name));
    const actors = [...new Set([caller, self, world.rowOf(right.id).owner])].filter((id) => id > 0);
    const unseen = unseenPicture(args, positional, pictures, actors);
    if (unseen) {
      return unseen;
    }
    const vouched = allShown(args, positional, pictures, actors) ? {} : { actAs: actors };
    const sent = args.map((value, place) => {
      const isPicture = pictures.has(positional[place]?.name ?? "");
      return plain(isPicture ? world.referenceOf(value) : value, byReference);
    });
    const options = args.at(-1);
    if (typeof options !== "object" || options === null || Array.isArray(options) || isEntity(options)) {
      return { args: sent, ...vouched };
    }
    const { save, name, description, room, canvas, ...rest } = options as Record<string, unknown>;
    const passed = Object.entries(rest).map(([key, value]) => [
      key,
      plain(pictures.has(key) ? world.referenceOf(value) : value, byReference),
    ]);
    const ready = [...sent.slice(0, -1), Object.fromEntries(passed)];
    if (save !== true) {
      const stray = Object.entries({ name, description, room, canvas }).find(([, value]) => value !== undefined);
      return stray
        ? refused("INVALID_ARGUMENT", `'${stray[0]}' is for saved pictures; add save: true`, { field: stray[0] })
        : { args: ready, ...vouched };
    }
    const where = placed({ room, canvas }, [caller, self]);
    if ("error" in where) {
      return where;
    }
    const place = positional.findIndex((each) => each.name === "prompt");
    const prompt = String((place >= 0 ? args[place] : rest["prompt"]) ?? "");
    return {
      args: ready,
      ...vouched,
      saving: {
        ...where,
        name: String(name ?? "") || prompt.slice(0, 60) || "an image",
        description: String(description ?? "") || describe(prompt, String(name ?? "")),
        metadata: { method: method?.name, prompt, ...scalars(rest) },
      },
    };
  }

  async adopt(answer: Answer, saving: Saving | undefined, owner: number): Promise<Answer> {
    if (!answer.ok || !saving) {
      return answer;
    }
    const saved = [];
    for (const [place, image] of (answer["images"] as Record<string, unknown>[]).entries()) {
      const { ref, seed, width, height } = image;
      const drawn = seed === undefined ? {} : { seed };
      const facts = { model: answer["model"], job: answer["job"], cost: answer["compute"], ...drawn, width, height };
      const metadata = { ...saving.metadata, ...facts, created: new Date().toISOString() };
      // The other pictures of a canvas's job hang where it hangs.
      const beside = saving.canvas ? world.ownLocation(saving.canvas) : 0;
      const into = { ...saving, room: saving.room || beside, canvas: place === 0 ? saving.canvas : 0, metadata };
      saved.push({ ...image, entity: await this.#write(String(ref), into, owner, "generated") });
    }
    return { ...answer, entity: saved[0]?.entity, images: saved };
  }

  async #write(ref: string, saving: Saving, owner: number, type: string): Promise<number> {
    const { room, canvas } = saving;
    const name = cleaned(saving.name, MAX_NAME);
    const description = cleaned(saving.description, MAX_DESCRIPTION);
    const metadata = cleanedMetadata(saving.metadata);
    const picture = await this.#picture(ref);
    const prototype = await this.install();
    const props = { name, description, image_type: type, ...picture, version: 1, metadata: JSON.stringify(metadata) };
    if (canvas) {
      // Taken away while the picture was being made: then there is nothing to fill.
      return world.fillCanvas(canvas, props) ? canvas : 0;
    }
    return world.hang(prototype, owner, room, props);
  }

  /** The properties of a stored picture. */
  async #picture(ref: string, actAs: number[] = []) {
    const blob = await this.#sidecar.describe(ref, actAs);
    const format = String(blob.format).replace("IMAGE_FORMAT_", "").toLowerCase();
    return { image_ref: ref, thumbnail: blob.thumbnail, width: blob.width, height: blob.height, format };
  }

  async change(picture: number, right: Right, verb: string, args: unknown[], caller: number): Promise<Answer> {
    const allowed = mayChange(picture, right, verb, caller);
    if (allowed) {
      return allowed;
    }
    if (verb === "place") {
      const where = placed({ room: args[0], canvas: 0 }, [caller]);
      if ("error" in where || !where.room) {
        return "error" in where ? where : refused("INVALID_ARGUMENT", "'room' must be an entity or its id", { field: "room" });
      }
      world.place(picture, where.room);
      return { ok: true, entity: picture, location: where.room };
    }
    if (verb === "takeDown") {
      world.takeDown(picture);
      return { ok: true, entity: picture, location: null };
    }
    const other = verb === "composite" || verb === "replace" ? args[0] : undefined;
    const shownTo = [caller, picture];
    const id = entityId(other);
    if (id !== undefined && !world.sees(shownTo, id)) {
      return notThere(id);
    }
    const actAs = typeof other === "string" && isReference(other) && !world.shows(shownTo, other) ? shownTo : [];
    if (verb === "replace") {
      return this.#replace(picture, other, actAs);
    }
    const sent = args.map((value, place) =>
      plain(verb === "composite" && place === 0 ? world.referenceOf(value) : value, byReference),
    );
    for (let turn = 0; turn < RETRIES; turn += 1) {
      const before = world.find(picture);
      if (!before) {
        return refused("NOT_FOUND", `there is no entity ${picture}`);
      }
      const { image_ref, format, version } = before;
      const kept = format === "jpeg" || format === "webp" ? format : "png";
      const answer = await this.#sidecar.invoke(this.context(right, caller, picture), verb, [
        image_ref,
        ...sent,
        { reference: true, format: kept },
      ], actAs);
      if (!answer.ok) {
        return answer;
      }
      const ref = String(answer["ref"]);
      const drawn = await this.#picture(ref);
      // Only if nobody else has changed it since; otherwise the work begins again from theirs.
      if (world.find(picture)?.["image_ref"] === image_ref) {
        const next = Number(version ?? 1) + 1;
        world.setProps(picture, { ...drawn, version: next, derived_from: image_ref });
        return { ok: true, entity: picture, ref, version: next };
      }
    }
    return refused("RESOURCE_EXHAUSTED", `entity ${picture} is being changed by others all the time; try again`);
  }

  async #replace(picture: number, given: unknown, actAs: number[]): Promise<Answer> {
    const named = world.referenceOf(given);
    const value = isEntity(named) ? byReference(named) : named;
    if (typeof value !== "string" || !value) {
      return refused("INVALID_ARGUMENT", "replace takes (picture): an entity, a reference, or a file as base64", { field: "picture" });
    }
    const ref = isReference(value) ? value : await this.#sidecar.upload(Buffer.from(value.replace(/^data:[^,]*,/, ""), "base64"));
    const drawn = await this.#picture(ref, actAs);
    const before = world.find(picture);
    const next = Number(before?.["version"] ?? 1) + 1;
    world.setProps(picture, { ...drawn, version: next, derived_from: before?.["image_ref"] });
    return { ok: true, entity: picture, ref, version: next };
  }

  async narrow(right: Right, owner: number, limits: Record<string, unknown>) {
    const { type } = world.rowOf(right.id);
    const parent = { parentId: right.id, callerId: owner, parentStatement: this.#state(right.id, owner, 0) };
    const made = await this.#sidecar.delegate(parent, limits);
    const { target_id } = world.rowOf(right.id).params;
    const params = { ...fromStruct(made.params as never), ...(target_id === undefined ? {} : { target_id }) };
    return { id: createCapability(owner, type, params as never), params };
  }

  async save(right: Right, player: number, file: Uint8Array, saving: Saving): Promise<number> {
    world.rowOf(right.id);
    const where = placed({ room: saving.room, canvas: 0 }, [player]);
    if ("error" in where) {
      throw new Error(where.error.message);
    }
    const { description } = saving;
    const ref = await this.#sidecar.upload(file);
    return this.#write(ref, { ...saving, description: description || describe("", saving.name) }, player, "uploaded");
  }
}

function describe(prompt: string, name: string): string {
  const called = name && name !== "an image" ? `A picture: ${name}.` : "A picture.";
  return prompt ? `A picture of ${prompt.slice(0, 200)}.` : called;
}

function isReference(value: string): boolean {
  return value.startsWith("sha256:");
}

type Parameters = { name: string }[];

/** The pictures among the arguments of a call, wherever they stand. */
function picturesOf(args: unknown[], positional: Parameters, names: Set<string>): unknown[] {
  const found = args.filter((_, place) => names.has(positional[place]?.name ?? ""));
  const options = args.at(-1);
  if (typeof options === "object" && options !== null && !Array.isArray(options) && !isEntity(options)) {
    found.push(...Object.entries(options).flatMap(([name, value]) => (names.has(name) ? [value] : [])));
  }
  return found.flat();
}

/** A refusal for the first entity among the pictures that none of the actors sees, as if it were not there. */
function unseenPicture(
  args: unknown[],
  positional: Parameters,
  names: Set<string>,
  actors: number[],
): Refusal | undefined {
  const ids = picturesOf(args, positional, names).map(entityId);
  const unseen = ids.find((id) => id !== undefined && !world.sees(actors, id));
  return unseen === undefined ? undefined : notThere(unseen);
}

/** Whether each reference among the pictures is one that the actors see in the world; others the sidecar must know of. */
function allShown(args: unknown[], positional: Parameters, names: Set<string>, actors: number[]): boolean {
  const given = picturesOf(args, positional, names);
  return given.every((value) => typeof value !== "string" || !isReference(value) || world.shows(actors, value));
}

function notThere(id: number): Refusal {
  return refused("NOT_FOUND", `there is no entity ${id}`, { reason: "UNKNOWN_ENTITY" });
}

/** Room and canvas by their ids, or why they cannot be used. */
function placed(
  { room, canvas }: { room: unknown; canvas: unknown },
  actors: number[],
): { room: number; canvas: number } | Refusal {
  const found = { room: 0, canvas: 0 };
  for (const [name, value] of [["room", room], ["canvas", canvas]] as const) {
    const id = value === undefined || value === null || value === 0 ? 0 : entityId(value);
    if (id === undefined) {
      return refused("INVALID_ARGUMENT", `'${name}' must be an entity or its id`, { field: name });
    }
    if (id && !world.find(id)) {
      return refused("NOT_FOUND", `there is no entity ${id}`, { field: name });
    }
    found[name] = id;
  }
  if (found.canvas && !world.mayFill(found.canvas, actors)) {
    return refused("PERMISSION_DENIED", `entity ${found.canvas} is no blank canvas of yours`, { field: "canvas" });
  }
  if (found.room && !world.mayPlace(found.room, actors)) {
    return refused("PERMISSION_DENIED", `room ${found.room} is neither where you are nor yours`, { field: "room" });
  }
  return found;
}

/** Why a verb may not change a picture: what the sidecar would say if it kept the world. */
function mayChange(picture: number, right: Right, verb: string, caller: number): Refusal | undefined {
  if (!VERBS.includes(verb)) {
    return refused("NOT_FOUND", `a picture has no verb '${verb}'; it has ${VERBS.join(", ")}`, { field: "verb" });
  }
  const { expires_at, allowed_methods } = world.rowOf(right.id).params;
  const expires = typeof expires_at === "number" ? expires_at * (expires_at > 1e11 ? 1 : 1000) : Date.parse(String(expires_at));
  if (expires_at !== undefined && !(expires > Date.now())) {
    return refused("PERMISSION_DENIED", "this capability expired", { reason: "EXPIRED", field: "expires_at" });
  }
  if (allowed_methods !== undefined && !(Array.isArray(allowed_methods) && allowed_methods.includes(verb))) {
    return refused("PERMISSION_DENIED", `this capability does not allow '${verb}'`, { field: "allowed_methods" });
  }
  if (!world.controls([caller], picture)) {
    return refused("PERMISSION_DENIED", `entity ${caller} may not change entity ${picture}: '${verb}' needs control of it`);
  }
  return undefined;
}

function scalars(values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => ["string", "number", "boolean"].includes(typeof value)));
}

/** A picture of this world as the sidecar on another machine knows it. */
function byReference(entity: { id: number; [key: string]: unknown }): unknown {
  const reference = entity["image_ref"] ?? world.find(entity.id)?.["image_ref"];
  return reference ?? { id: entity.id };
}
