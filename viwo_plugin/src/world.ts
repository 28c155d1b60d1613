/** What the plugin does in the world itself, through viwo's own functions. */

import {
  addVerb,
  createCapability,
  createEntity,
  db,
  getCapability,
  getEntity,
  getVerb,
  scheduler,
  updateEntity,
} from "@viwo/core";
import { type ScriptContext, createScriptContext, evaluate } from "@viwo/scripting";
import { NotSetUp } from "./answer";
import type { ScriptEntity } from "./arguments";
import type { Right } from "./home";
import { MAX_DESCRIPTION, MAX_NAME, cleaned } from "./plain_text";

/** A verb of players by which they are sent something although nobody of them has acted. */
export const TELL = "imagegen_tell";
const TELL_SCRIPT = ["send", ["std.arg", 0], ["std.arg", 1]];
/** Milliseconds that a write waits for the sidecar's: viwo itself gives up at once. */
const BUSY_TIMEOUT = 5000;
/** Gas of the verb that is told about a finished picture: as much as viwo gives a player's command. */
const GAS = 50_000;

/**
 * A script that fails after it has waited for a picture rejects a promise that viwo does not look at, and that would end
 * the process. It is printed instead, as viwo prints what fails in its scheduler.
 */
export function surviveScripts(): () => void {
  const told = (reason: unknown) => console.error("[imagegen] a script failed after it had waited:", reason);
  process.on("unhandledRejection", told);
  return () => process.off("unhandledRejection", told);
}

export function beWithinReach(): void {
  db.run(`PRAGMA busy_timeout = ${BUSY_TIMEOUT}`);
}

/** The id by which sidecars know this world: random, kept in its own file. */
export function worldId(): string {
  db.run("CREATE TABLE IF NOT EXISTS imagegen_world (id TEXT PRIMARY KEY)");
  db.query("INSERT INTO imagegen_world SELECT ? WHERE NOT EXISTS (SELECT 1 FROM imagegen_world)").run(
    crypto.randomUUID().replaceAll("-", ""),
  );
  return db.query<{ id: string }, []>("SELECT id FROM imagegen_world").get()!.id;
}

/**
 * Takes out of rooms what is not there any more: viwo's `destroy` leaves it, and then nothing that is done in the room
 * is answered. What was taken out, by the rooms.
 */
export function repairRooms(): Map<number, number[]> {
  return db.transaction(() => {
    const there = new Set(db.query<{ id: number }, []>("SELECT id FROM entities").all().map((row) => row.id));
    const found = new Map<number, number[]>();
    const sql = "SELECT id, props FROM entities WHERE json_valid(props) AND json_type(props, '$.contents') = 'array'";
    for (const { id, props } of db.query<{ id: number; props: string }, []>(sql).all()) {
      const { contents } = JSON.parse(props) as { contents: unknown[] };
      const gone = contents.filter((item): item is number => typeof item === "number" && !there.has(item));
      if (gone.length) {
        updateEntity({ id, contents: contents.filter((item) => !gone.includes(item as number)) } as never);
        found.set(id, gone);
      }
    }
    return found;
  })();
}

/** Whether one of some entities sees another: is it, holds it, is in a room with it, or has control of just it. */
export function sees(actors: number[], entity: number): boolean {
  if (!find(entity)) {
    return false;
  }
  const location = ownLocation(entity);
  for (const actor of actors) {
    const place = ownLocation(actor);
    if (actor === entity || place === entity || (location && (location === actor || location === place))) {
      return true;
    }
  }
  return controlOf(actors).some((params) => params["target_id"] === entity);
}

/** Whether one of some entities sees one that shows a picture, or keeps it among its properties. */
export function shows(actors: number[], ref: string): boolean {
  const sql = "SELECT id FROM entities WHERE instr(props, ?) > 0 LIMIT 1000";
  return db.query<{ id: number }, [string]>(sql).all(ref).some(({ id }) => sees(actors, id));
}

export function find(id: number): ScriptEntity | undefined {
  return (getEntity(id) as ScriptEntity | null) ?? undefined;
}

/** What the `entity.control` capabilities of some entities say. */
function controlOf(actors: number[]): Props[] {
  const sql =
    "SELECT params FROM capabilities WHERE type = 'entity.control' AND owner_id IN (SELECT value FROM json_each(?))";
  const rows = db.query<{ params: string }, [string]>(sql).all(JSON.stringify(actors));
  return rows.map(({ params }) => JSON.parse(params) as Props);
}

/** Whether one of some entities holds viwo's `entity.control` over another. */
export function controls(actors: number[], entity: number): boolean {
  return controlOf(actors).some((params) => params["*"] === true || params["target_id"] === entity);
}

/** The prototype of pictures with its verbs, and the verbs of rooms, made or brought up to date. */
export function installPrototype(picture: Record<string, unknown>, room: Record<string, unknown>): number {
  const install = db.transaction(() => {
    const base = prop("name", "Entity Base");
    const known = prop("image_type", "prototype");
    const props = { name: "Image", description: "A picture.", image_type: "prototype" };
    const prototype = known ?? createEntity(props, base ?? null);
    putVerbs(prototype, picture);
    if (base) {
      putVerbs(base, room);
    }
    return prototype;
  });
  return install();
}

/** The first entity with a property. */
function prop(name: string, value: string): number | undefined {
  const sql = "SELECT id FROM entities WHERE json_valid(props) AND json_extract(props, ?) = ? ORDER BY id LIMIT 1";
  return db.query<{ id: number }, [string, string]>(sql).get(`$.${name}`, value)?.id;
}

function putVerbs(entity: number, verbs: Record<string, unknown>): void {
  const put = db.query(
    "INSERT INTO verbs (entity_id, name, code) VALUES (?, ?, ?) ON CONFLICT(entity_id, name) DO UPDATE SET code = excluded.code",
  );
  for (const [name, code] of Object.entries(verbs)) {
    put.run(entity, name, JSON.stringify(code));
  }
}

type Props = Record<string, unknown>;

/** A new picture, with the means to change itself, controlled by `owner`. */
export function hang(prototype: number, owner: number, room: number, props: Props): number {
  const make = db.transaction(() => {
    const picture = createEntity(props, prototype);
    createCapability(owner, "entity.control", { target_id: picture } as never);
    createCapability(picture, "image.edit", { target_id: picture } as never);
    if (room) {
      place(picture, room);
    }
    return picture;
  });
  return make();
}

/** Whether an entity waits for a picture and one of some entities controls it. */
export function mayFill(canvas: number, actors: number[]): boolean {
  return find(canvas)?.["image_type"] === "canvas" && controls(actors, canvas);
}

/** False where the canvas is gone, or blank no more: viwo would make an entity of any id that is written to. */
export function fillCanvas(canvas: number, props: Props): boolean {
  return db.transaction(() => {
    if (find(canvas)?.["image_type"] !== "canvas") {
      return false;
    }
    updateEntity({ id: canvas, ...props } as never);
    createCapability(canvas, "image.edit", { target_id: canvas } as never);
    return true;
  })();
}

/** A capability as its row is now. */
export function rowOf(id: string): Right {
  const row = getCapability(id) as { owner_id: number; type: string; params: Props } | null;
  if (!row) {
    throw new NotSetUp("this capability is gone; ask for a new one");
  }
  return { id, owner: row.owner_id, type: row.type, params: row.params };
}

export function isCapability(id: string): boolean {
  return Boolean(getCapability(id));
}

export function setProps(entity: number, props: Props): void {
  updateEntity({ id: entity, ...props } as never);
}

/** Out of the room that it is in, both ends at once; where it is in none, nothing happens. */
export function takeDown(entity: number): void {
  db.transaction(() => {
    leaveRoom(entity);
    updateEntity({ id: entity, location: undefined } as never);
  })();
}

function leaveRoom(entity: number): void {
  const room = ownLocation(entity);
  if (room && find(room)) {
    updateEntity({ id: room, contents: contentsOf(room).filter((id) => id !== entity) } as never);
  }
}

/** The room that an entity itself is in, whatever its prototypes say; 0 for none. */
export function ownLocation(entity: number): number {
  const row = db.query<{ props: string }, [number]>("SELECT props FROM entities WHERE id = ?").get(entity);
  const location = row ? (JSON.parse(row.props) as Props)["location"] : 0;
  return typeof location === "number" ? location : 0;
}

/** Both ends of being somewhere: the room's `contents` and the entity's `location`. */
export function place(entity: number, room: number): void {
  db.transaction(() => {
    leaveRoom(entity);
    updateEntity({ id: room, contents: [...contentsOf(room), entity] } as never);
    updateEntity({ id: entity, location: room } as never);
  })();
}

function contentsOf(room: number): number[] {
  return (find(room)?.["contents"] as number[] | undefined) ?? [];
}

/** A picture named by its entity id, as its reference; anything else as it is. */
export function referenceOf(value: unknown): unknown {
  return typeof value === "number" ? (find(value)?.["image_ref"] ?? value) : value;
}

/** An entity that waits for its picture, in a room or nowhere, controlled by `owner`. */
export function createCanvas(prototype: number, owner: number, room: number, name: string): number {
  const props = {
    name: cleaned(name, MAX_NAME),
    description: "A blank canvas. Somebody is painting it.",
    image_type: "canvas",
  };
  const make = db.transaction(() => {
    const canvas = createEntity(props, prototype);
    createCapability(owner, "entity.control", { target_id: canvas } as never);
    if (room) {
      place(canvas, room);
    }
    return canvas;
  });
  return make();
}

/** A canvas that stays blank says why. */
export function spoil(canvas: number, why: string): void {
  if (find(canvas)?.["image_type"] === "canvas") {
    updateEntity({ id: canvas, description: cleaned(`A canvas that stayed blank: ${why}`, MAX_DESCRIPTION) } as never);
  }
}

/** Whether an entity may put things into a room: it is there, it is the room, or it controls it. */
export function mayPlace(room: number, actors: number[]): boolean {
  if (!find(room)) {
    return false;
  }
  if (actors.includes(room) || actors.some((actor) => find(actor)?.["location"] === room)) {
    return true;
  }
  return controls(actors, room);
}

/** The capability by which a picture changes itself. */
export function editingRight(picture: number): Right | undefined {
  const row = db
    .query<{ id: string; params: string }, [number]>(
      "SELECT id, params FROM capabilities WHERE owner_id = ? AND type = 'image.edit' LIMIT 1",
    )
    .get(picture) ?? undefined;
  return row && { id: row.id, owner: picture, type: "image.edit", params: JSON.parse(row.params) as Props };
}

/** Everyone in a room sees it and this entity in it as they are now; `room` 0 means only who acted. */
export function show(entity: number, room: number, players: number[], acted: ScriptContext | undefined): void {
  const seen = room ? [entity, room] : [entity];
  const payload = { entities: seen.map(find).filter((entity) => entity !== undefined) };
  const actor = acted?.caller.id;
  acted?.send?.("update", payload);
  for (const player of players) {
    if (room && player !== actor && find(player)?.["location"] === room) {
      tell(player, "update", payload);
    }
  }
}

/** Run a verb of an entity soon, as viwo runs what was scheduled: nobody acts, so the entity itself is the caller. */
export function runLater(entity: number, verb: string, args: unknown[]): void {
  scheduler.schedule(entity, verb, args, 0);
}

/** Send something to a player who is online; only the scheduler knows their sockets. */
export function tell(player: number, type: string, payload: unknown): void {
  if (!getVerb(player, TELL)) {
    const prototype = find(player)?.["prototype_id"];
    addVerb(typeof prototype === "number" ? prototype : player, TELL, TELL_SCRIPT as never);
  }
  scheduler.schedule(player, TELL, [type, payload], 0);
}

/** Run a verb of an entity as if whoever acted had called it; what it throws is told to them. */
export async function run(entity: number, verb: string, args: unknown[], acted: ScriptContext): Promise<void> {
  const self = find(entity);
  const code = self && getVerb(entity, verb)?.code;
  if (!self || !code) {
    acted.send?.("message", `The picture is ready, but entity ${entity} has no verb '${verb}'.`);
    return;
  }
  try {
    await evaluate(
      code,
      createScriptContext({
        args,
        caller: acted.caller,
        gas: GAS,
        ops: acted.ops,
        this: self as never,
        ...(acted.send ? { send: acted.send } : {}),
      }),
    );
  } catch (error) {
    acted.send?.("message", `${verb} failed: ${error instanceof Error ? error.message : String(error)}`);
  }
}
