/**
 * What the plugin uses of `@viwo/core`, with the traps that viwo has: the context comes last, promises of verbs are not
 * waited for, a rejection that nobody handles is fatal, a write that meets a lock fails at once unless told to wait.
 */

import { Database } from "bun:sqlite";
import { randomUUID } from "node:crypto";
import { type ScriptContext, createScriptContext, evaluate, operations } from "./scripting";

export interface Entity {
  id: number;
  [key: string]: unknown;
}

export interface CommandContext {
  player: { id: number; ws: unknown };
  command: string;
  args: unknown[];
  send: (type: string, payload: unknown) => void;
}

export interface PluginContext {
  registerCommand: (command: string, handler: (context: CommandContext) => void | Promise<void>) => void;
  registerRpcMethod: (
    method: string,
    handler: (params: any, context: CommandContext) => Promise<unknown>,
  ) => void;
  getPlugin: (name: string) => Plugin | undefined;
  core: { getOnlinePlayers: () => number[] };
}

export interface Plugin {
  name: string;
  version: string;
  onLoad: (context: PluginContext) => void | Promise<void>;
  onUnload?: () => void | Promise<void>;
}

export const db = new Database(process.env["DB_PATH"] ?? ":memory:");

export function getEntity(id: number): Entity | null {
  const rows = db
    .query<{ id: number; prototype_id: number | null; props: string }, [number]>(
      `WITH RECURSIVE lineage AS (
         SELECT id, prototype_id, props, 0 AS depth FROM entities WHERE id = ?
         UNION ALL
         SELECT parent.id, parent.prototype_id, parent.props, depth + 1
         FROM entities AS parent JOIN lineage ON parent.id = lineage.prototype_id
       ) SELECT id, prototype_id, props FROM lineage ORDER BY depth DESC`,
    )
    .all(id);
  const own = rows.at(-1);
  return own
    ? { ...Object.assign({}, ...rows.map((row) => JSON.parse(row.props))), id: own.id, prototype_id: own.prototype_id }
    : null;
}

export function createEntity(props: object, prototype: number | null = null): number {
  return db
    .query<{ id: number }, [number | null, string]>(
      "INSERT INTO entities (prototype_id, props) VALUES (?, ?) RETURNING id",
    )
    .get(prototype, JSON.stringify(props))!.id;
}

export function updateEntity({ id, ...updates }: Entity): void {
  const row = db
    .query<{ props: string; prototype_id: number | null }, [number]>(
      "SELECT props, prototype_id FROM entities WHERE id = ?",
    )
    .get(id);
  const props = { ...JSON.parse(row?.props ?? "{}"), ...updates };
  db.query("INSERT OR REPLACE INTO entities (id, prototype_id, props) VALUES (?, ?, ?)").run(
    id,
    row?.prototype_id ?? null,
    JSON.stringify(props),
  );
}

export interface Verb {
  id: number;
  name: string;
  code: any;
}

export function getVerb(entity: number, name: string): Verb | null {
  for (let at: number | null = entity; at !== null; ) {
    const row = db
      .query<{ id: number; code: string }, [number, string]>(
        "SELECT id, code FROM verbs WHERE entity_id = ? AND name = ?",
      )
      .get(at, name);
    if (row) {
      return { id: row.id, name, code: JSON.parse(row.code) };
    }
    at = (getEntity(at)?.["prototype_id"] as number | null | undefined) ?? null;
  }
  return null;
}

export function addVerb(entity: number, name: string, code: unknown): void {
  db.query("INSERT INTO verbs (entity_id, name, code) VALUES (?, ?, ?)").run(entity, name, JSON.stringify(code));
}

export function createCapability(owner: number, type: string, params: object): string {
  const id = randomUUID();
  db.query("INSERT INTO capabilities (id, owner_id, type, params) VALUES (?, ?, ?, ?)").run(
    id,
    owner,
    type,
    JSON.stringify(params),
  );
  return id;
}

export function getCapability(id: string): { id: string; owner_id: number; type: string; params: object } | null {
  const row = db
    .query<{ owner_id: number; type: string; params: string }, [string]>(
      "SELECT owner_id, type, params FROM capabilities WHERE id = ?",
    )
    .get(id);
  return row ? { id, ...row, params: JSON.parse(row.params) } : null;
}

export abstract class BaseCapability {
  static readonly type: string;
  readonly type: string;
  readonly __brand = "Capability" as const;

  constructor(
    readonly id: string,
    readonly ownerId: number,
    readonly params: Record<string, unknown>,
  ) {
    this.type = (this.constructor as typeof BaseCapability).type;
    Object.freeze(this);
  }
}

const classes = new Map<string, new (id: string, owner: number, params: object) => BaseCapability>();

export function registerCapabilityClass(Class: { type: string }): void {
  if (classes.has(Class.type)) {
    throw new Error(`Capability class for type '${Class.type}' is already registered.`);
  }
  classes.set(Class.type, Class as never);
}

/** What `get_capability` answers in a script: an instance behind a proxy that looks who calls. */
export function capabilityOf(owner: number, type: string): BaseCapability | null {
  const row = db
    .query<{ id: string; params: string }, [number, string]>(
      "SELECT id, params FROM capabilities WHERE owner_id = ? AND type = ? ORDER BY rowid DESC LIMIT 1",
    )
    .get(owner, type);
  const Class = classes.get(type);
  if (!row || !Class) {
    return null;
  }
  return new Proxy(new Class(row.id, owner, JSON.parse(row.params)), {
    get(target, name, receiver) {
      const value = Reflect.get(target, name, receiver) as unknown;
      if (typeof value !== "function" || name === "constructor") {
        return value;
      }
      return (...args: unknown[]) => {
        const context = args.at(-1) as ScriptContext;
        if (![context.caller.id, context.this.id].includes(owner)) {
          throw new Error("Capability not owned by caller");
        }
        return value.apply(target, args);
      };
    },
  });
}

export const scheduler = {
  sendTo: (_player: number): ((type: string, payload: unknown) => void) => () => {},
  schedule(entity: number, verb: string, args: readonly unknown[], _delay: number): void {
    setTimeout(() => {
      const self = getEntity(entity)!;
      const context = createScriptContext({
        args: JSON.parse(JSON.stringify(args)),
        caller: self,
        ops: operations,
        send: this.sendTo(entity),
        this: self,
      });
      void evaluate(getVerb(entity, verb)!.code, context);
    }, 0);
  },
};
