/** As much of `@viwo/scripting` as the verbs of pictures and of the tests need: S-expressions, evaluated step by step. */

import type { Entity } from "./core";

export interface ScriptContext {
  readonly caller: Entity;
  readonly this: Entity;
  readonly args: readonly unknown[];
  gas: number;
  readonly send?: (type: string, payload: unknown) => void;
  readonly warnings: string[];
  cow: boolean;
  vars: Record<string, unknown>;
  readonly stack: unknown[];
  readonly ops: Record<string, Operation>;
}

type Operation = (args: any[], context: ScriptContext) => unknown;

export function createScriptContext(
  given: Pick<ScriptContext, "caller" | "this" | "ops"> & Partial<ScriptContext>,
): ScriptContext {
  return { args: [], cow: false, gas: 1000, stack: [], vars: {}, warnings: [], ...given };
}

/** The value of an expression; a promise as soon as one of its parts is one. */
export function evaluate(code: unknown, context: ScriptContext): unknown {
  if (!Array.isArray(code)) {
    return code;
  }
  if (context.gas-- <= 0) {
    throw new Error("Script ran out of gas!");
  }
  const [name, ...parts] = code as [string, ...unknown[]];
  const lazy = LAZY[name];
  if (lazy) {
    return lazy(parts, context);
  }
  const operation = context.ops[name];
  if (!operation) {
    throw new Error(`Unknown opcode: ${name}`);
  }
  const values = parts.map((part) => evaluate(part, context));
  return values.some((value) => value instanceof Promise)
    ? Promise.all(values).then((settled) => operation(settled, context))
    : operation(values, context);
}

const LAZY: Record<string, (parts: unknown[], context: ScriptContext) => unknown> = {
  "std.seq": (parts, context) =>
    parts.reduce<unknown>(
      (before, part) =>
        before instanceof Promise ? before.then(() => evaluate(part, context)) : evaluate(part, context),
      null,
    ),
  "std.if": ([condition, yes, no], context) => {
    const choose = (value: unknown) => evaluate(value ? yes : (no ?? null), context);
    const value = evaluate(condition, context);
    return value instanceof Promise ? value.then(choose) : choose(value);
  },
};

/** Filled by the tests' world, which knows entities and capabilities. */
export const operations: Record<string, Operation> = {
  "std.let": ([name, value], context) => (context.vars[name] = value),
  "std.var": ([name], context) => context.vars[name],
  "std.arg": ([place], context) => context.args[place],
  "std.args": (_, context) => context.args,
  "std.this": (_, context) => context.this,
  "obj.get": ([object, key, fallback]) => object[key] ?? fallback,
  "json.parse": ([text]) => JSON.parse(text),
  send: ([type, payload], context) => context.send?.(type, payload),
  "std.call_method": ([object, method, ...args], context) => object[method].call(object, ...args, context),
};
