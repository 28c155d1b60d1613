/**
 * Where pictures become entities. The sidecar writes into the world's file where it can reach it; otherwise the plugin
 * states capabilities, signed, and keeps the entities itself. Scripts see no difference.
 */

import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { createCapability } from "@viwo/core";
import type { ScriptContext } from "@viwo/scripting";
import { type Answer, NotSetUp, type Refusal, refused } from "./answer";
import { isEntity, plain } from "./arguments";
import type { CallContext } from "./pb/viwo/imagegen/v1/CallContext";
import type { Sidecar } from "./sidecar";
import { fromStruct } from "./struct";
import * as world from "./world";

/** A capability as far as a call needs it. */
export interface Right {
  id: string;
  owner: number;
  type: string;
  params: Record<string, unknown>;
}

/** How a picture becomes an entity; `canvas` 0 makes a new one. */
interface Saving {
  name: string;
  description: string;
  room: number;
  canvas: number;
}

/** What is sent, and what is to be done with the pictures here. */
interface Prepared {
  args: unknown[];
  saving?: Saving;
}

export interface Home {
  /** Makes the prototype of pictures and its verbs; its entity id. */
  install(): Promise<number>;
  context(right: Right, caller: number, self: number): CallContext;
  /** Arguments as they are sent, and how the result is to be saved here, if at all. */
  prepare(args: unknown[], caller: number, self: number): Prepared | Refusal;
  /** Makes entities of the pictures in an answer, where the sidecar has not. */
  adopt(answer: Answer, saving: Saving | undefined, owner: number): Promise<Answer>;
  /** An image verb that changes a picture in place. */
  change(picture: number, right: Right, verb: string, args: unknown[], context: ScriptContext): Promise<Answer>;
  /** A narrower capability, owned by whoever narrows; its id and parameters. */
  narrow(right: Right, owner: number, limits: Record<string, unknown>): Promise<{ id: string; params: object }>;
  /** Makes an entity of a file. */
  save(right: Right, player: number, file: Uint8Array, saving: Saving, metadata: object): Promise<number>;
}

/** The sidecar opens the world's file. */
export class SharedHome implements Home {
  readonly #sidecar: Sidecar;

  constructor(sidecar: Sidecar) {
    this.#sidecar = sidecar;
  }

  async install(): Promise<number> {
    return (await this.#sidecar.install()).prototypeId;
  }

  context(right: Right, caller: number, self: number): CallContext {
    return { capabilityId: right.id, callerId: caller, thisId: self };
  }

  prepare(args: unknown[]): Prepared {
    return { args: args.map((value) => plain(value)) };
  }

  async adopt(answer: Answer): Promise<Answer> {
    return answer;
  }

  async change(picture: number, right: Right, verb: string, args: unknown[], { caller }: ScriptContext): Promise<Answer> {
    const context = this.context(right, caller.id, picture);
    const reply = await this.#sidecar.callVerb(context, picture, verb, args.map((value) => plain(value)));
    return { ok: true, entity: picture, ...(JSON.parse(reply.resultJson) as object) };
  }

  async narrow(right: Right, owner: number, limits: Record<string, unknown>) {
    const made = await this.#sidecar.delegate({ parentId: right.id, callerId: owner }, limits);
    return { id: made.id, params: fromStruct(made.params as never) };
  }

  async save(right: Right, player: number, file: Uint8Array, saving: Saving, metadata: object): Promise<number> {
    const context = this.context(right, player, player);
    const entity = await this.#sidecar.saveImage(context, file, saving.name, saving.room, metadata);
    return Number(entity.id);
  }
}

const VERSION = "v1";
/** Seconds that a statement holds. */
const HOLDS = 120;
const OWN_OPTIONS = ["save", "name", "description", "room", "canvas"];

/** The sidecar is on another machine and shares a key with the plugin. */
export class RemoteHome implements Home {
  readonly #sidecar: Sidecar;
  readonly #keyFile: string;
  #prototype = 0;

  constructor(sidecar: Sidecar, keyFile: string) {
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
    return { capabilityId: right.id, callerId: caller, thisId: self, capabilityStatement: this.#state(right) };
  }

  #state(right: Right): string {
    const { id, owner, type, params } = right;
    const payload = { id, owner_id: owner, type, params, expires: Math.floor(Date.now() / 1000) + HOLDS };
    const text = `${VERSION}.${Buffer.from(JSON.stringify(payload)).toString("base64url")}`;
    return `${text}.${createHmac("sha256", this.#key()).update(text).digest("base64url")}`;
  }

  #key(): string {
    try {
      return readFileSync(this.#keyFile, "utf8").trim();
    } catch {
      throw new NotSetUp(`${this.#keyFile} cannot be read; copy the sidecar's statement key there`);
    }
  }

  prepare(args: unknown[], caller: number, self: number): Prepared | Refusal {
    const sent = args.map((value) => plain(value, byReference));
    const options = sent.at(-1);
    if (typeof options !== "object" || options === null || Array.isArray(options)) {
      return { args: sent };
    }
    const { save, name, description, room, canvas, ...rest } = options as Record<string, unknown>;
    if (save !== true) {
      const stray = OWN_OPTIONS.find((each) => each !== "save" && each in options);
      return stray
        ? refused("INVALID_ARGUMENT", `'${stray}' is for saved pictures; add save: true`, { field: stray })
        : { args: [...sent.slice(0, -1), rest] };
    }
    const place = isEntity(room) ? room.id : Number(room ?? 0);
    if (place && !world.mayPlace(place, [caller, self])) {
      return refused("PERMISSION_DENIED", `room ${place} is neither where you are nor yours`, { field: "room" });
    }
    const saving = {
      name: String(name ?? ""),
      description: String(description ?? ""),
      room: place,
      canvas: Number(canvas ?? 0),
    };
    const prompt = typeof sent[0] === "string" ? sent[0] : "";
    saving.name ||= prompt.slice(0, 60) || "an image";
    saving.description ||= `A picture of ${prompt.slice(0, 200) || "nothing in particular"}.`;
    return { args: [...sent.slice(0, -1), rest], saving };
  }

  async adopt(answer: Answer, saving: Saving | undefined, owner: number): Promise<Answer> {
    if (!answer.ok || !saving) {
      return answer;
    }
    const images = answer["images"] as Record<string, unknown>[];
    const saved = [];
    for (const [place, image] of images.entries()) {
      const into = place === 0 ? saving.canvas : 0;
      const { ref, seed } = image;
      const metadata = { model: answer["model"], job: answer["job"], seed };
      saved.push({ ...image, entity: await this.#write(String(ref), { ...saving, canvas: into }, owner, metadata) });
    }
    return { ...answer, entity: saved[0]?.entity, images: saved };
  }

  async #write(ref: string, saving: Saving, owner: number, metadata: object): Promise<number> {
    const props = { ...(await this.#picture(ref)), version: 1, metadata: JSON.stringify(metadata) };
    const { name, description, room, canvas } = saving;
    const known = { name, description, image_type: "generated", ...props };
    if (canvas) {
      world.fillCanvas(canvas, known);
      return canvas;
    }
    return world.hang(await this.install(), owner, room, known);
  }

  /** The properties of a stored picture. */
  async #picture(ref: string) {
    const blob = await this.#sidecar.describe(ref);
    const format = String(blob.format).replace("IMAGE_FORMAT_", "").toLowerCase();
    return { image_ref: ref, thumbnail: blob.thumbnail, width: blob.width, height: blob.height, format };
  }

  async change(picture: number, right: Right, verb: string, args: unknown[], context: ScriptContext): Promise<Answer> {
    const caller = context.caller.id;
    if (!world.controls([caller], picture)) {
      return refused("PERMISSION_DENIED", `entity ${caller} may not change entity ${picture}: '${verb}' needs control of it`);
    }
    if (verb === "place") {
      const room = isEntity(args[0]) ? args[0].id : Number(args[0]);
      if (!world.find(room) || !world.mayPlace(room, [caller])) {
        return refused("PERMISSION_DENIED", `room ${room} is neither where you are nor yours`, { field: "room" });
      }
      world.place(picture, room);
      return { ok: true, entity: picture, location: room };
    }
    const before = world.find(picture);
    // The right is bound to the picture's entity, which only this side knows; it was chosen by that entity above.
    const { target_id: _, ...params } = right.params;
    const sent = args.map((value) => plain(value, byReference));
    const answer = await this.#sidecar.invoke(this.context({ ...right, params }, caller, picture), verb, [
      before?.["image_ref"],
      ...sent.map((value, place) => (verb === "composite" && place === 0 ? world.referenceOf(value) : value)),
      { reference: true },
    ]);
    if (!answer.ok) {
      return answer;
    }
    const ref = String(answer["ref"]);
    const version = Number(before?.["version"] ?? 1) + 1;
    world.repaint(picture, { ...(await this.#picture(ref)), version, derived_from: before?.["image_ref"] });
    return { ok: true, entity: picture, ref, version };
  }

  async narrow(right: Right, owner: number, limits: Record<string, unknown>) {
    const parent = { parentId: right.id, callerId: owner, parentStatement: this.#state(right) };
    const made = await this.#sidecar.delegate(parent, limits);
    const params = fromStruct(made.params as never);
    return { id: createCapability(owner, right.type, params as never), params };
  }

  async save(_right: Right, player: number, file: Uint8Array, saving: Saving, metadata: object): Promise<number> {
    if (saving.room && !world.mayPlace(saving.room, [player])) {
      throw new Error(`room ${saving.room} is neither where you are nor yours`);
    }
    return this.#write(await this.#sidecar.upload(file), saving, player, metadata);
  }
}

/** A picture of this world as the sidecar on another machine knows it. */
function byReference(entity: { id: number; [key: string]: unknown }): unknown {
  const reference = entity["image_ref"] ?? world.find(entity.id)?.["image_ref"];
  return reference ?? { id: entity.id };
}
