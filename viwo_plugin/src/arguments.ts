/** What scripts pass, made small enough to send: an entity is its id, however much it carries along. */

import type { ScriptContext } from "@viwo/scripting";

export interface ScriptEntity {
  id: number;
  [key: string]: unknown;
}

export function isEntity(value: unknown): value is ScriptEntity {
  return typeof value === "object" && value !== null && "id" in value && typeof value.id === "number";
}

/** An entity's id, given the entity or the id. */
export function entityId(value: unknown): number | undefined {
  const id = isEntity(value) ? value.id : value;
  return typeof id === "number" && Number.isInteger(id) && id > 0 ? id : undefined;
}

const byId = ({ id }: ScriptEntity): unknown => ({ id });

/** An argument as it is sent: entities become `{id}`, or what `named` makes of them. */
export function plain(value: unknown, named: (entity: ScriptEntity) => unknown = byId): unknown {
  if (Array.isArray(value)) {
    return value.map((inner) => plain(inner, named));
  }
  if (isEntity(value)) {
    return named(value);
  }
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plain(inner, named)]));
  }
  return value;
}

function isContext(value: unknown): value is ScriptContext {
  return typeof value === "object" && value !== null && "this" in value && "caller" in value && "ops" in value;
}

/** viwo appends its context to the arguments of every method call, whatever was left out before it. */
export function withoutContext(args: unknown[]): { args: unknown[]; context: ScriptContext | undefined } {
  const last = args.at(-1);
  return isContext(last) ? { args: args.slice(0, -1), context: last } : { args, context: undefined };
}

/** A player's words are text: "90" is meant as a number. */
export function asNumber(value: unknown): unknown {
  return typeof value === "string" && value.trim() !== "" && Number.isFinite(Number(value)) ? Number(value) : value;
}
