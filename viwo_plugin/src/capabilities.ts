/** Capability classes whose methods are the sidecar's: a new method in Python needs nothing here. */

import { BaseCapability, registerCapabilityClass } from "@viwo/core";
import type { ScriptContext } from "@viwo/scripting";
import { type Answer, refusalOf, refused } from "./answer";
import { asNumber, entityId, isEntity, plain, withoutContext } from "./arguments";
import type { Home, Right } from "./home";
import type { Studio } from "./painting";
import type { Portraits } from "./picture_of";
import type { MethodDescription__Output } from "./pb/viwo/imagegen/v1/MethodDescription";
import type { Sidecar } from "./sidecar";
import { nearest } from "./spelling";
import type { Turnstile } from "./turnstile";
import { sayingSo } from "./waiting";
import * as world from "./world";

/** Types that are there from the start, so that capabilities work whenever the sidecar comes. */
export const TYPES = [
  "diffusers.generate",
  "controlnet.generate",
  "diffusers.inpaint",
  "diffusers.upscale",
  "image.edit",
] as const;

/** Asked of any object by JavaScript itself; a promise is what has a `then`. */
const NEVER_METHODS = new Set(["then", "catch", "finally", "toJSON", "toString", "valueOf", "constructor", "inspect"]);

export interface Workshop {
  sidecar: Sidecar;
  home: Home;
  turnstile: Turnstile;
  studio: Studio;
  portraits: Portraits;
  /** Methods by capability type; empty until the sidecar has told them. */
  methods: Map<string, Map<string, MethodDescription__Output>>;
  players: () => number[];
}

type Method = (...args: unknown[]) => unknown;

/** Makes viwo know a capability type. Throws where another plugin has it already. */
export function register(type: string, workshop: Workshop): void {
  class ImageCapability extends BaseCapability {
    static override readonly type: string = type;

    constructor(id: string, ownerId: number, params: Record<string, unknown>) {
      super(id, ownerId, params);
      // biome-ignore lint: the instance that scripts see answers to the names that the sidecar knows.
      return new Proxy(this, {
        get(target, name, receiver) {
          if (typeof name !== "string" || name in target || NEVER_METHODS.has(name)) {
            return Reflect.get(target, name, receiver);
          }
          return methodOf(workshop, target, name);
        },
      });
    }
  }
  registerCapabilityClass(ImageCapability as never);
}

function methodOf(workshop: Workshop, capability: BaseCapability, name: string): Method | undefined {
  const called = camel(name);
  const own = OWN[called];
  if (own && (ONLY_OF[called] ?? capability.type) === capability.type) {
    return (...args) => own(workshop, capability, ...withContext(args));
  }
  const known = workshop.methods.get(capability.type);
  if (known && !known.has(called)) {
    return misspelt(name, capability.type, [...known.keys(), "narrow"]);
  }
  return (...args) => {
    const [given, context] = withContext(args);
    return context ? call(workshop, capability, name, given, context) : NO_CONTEXT;
  };
}

/** A method that answers what was meant; nothing for a name that is like none. */
function misspelt(name: string, type: string, known: string[]): Method | undefined {
  const near = /^[a-z]\w+$/i.test(name) ? nearest(name, known) : undefined;
  if (!near) {
    return undefined;
  }
  return () =>
    refused("NOT_FOUND", `'${type}' has no method '${name}'; did you mean '${near}'?`, {
      reason: "UNKNOWN_METHOD",
      field: "method",
      limit: known.join(", "),
      asked: name,
    });
}

const NO_CONTEXT = refused("FAILED_PRECONDITION", "call this from a script: it needs to know who calls");

function withContext(args: unknown[]): [unknown[], ScriptContext | undefined] {
  const { args: given, context } = withoutContext(args);
  return [given, context];
}

function call(
  workshop: Workshop,
  capability: BaseCapability,
  method: string,
  given: unknown[],
  context: ScriptContext,
): Answer | Promise<Answer> {
  const right = rightOf(capability);
  const known = workshop.methods.get(capability.type)?.get(camel(method));
  const options = given.at(-1);
  if (typeof options === "object" && options !== null && "then" in options) {
    return workshop.studio.promise({ right, method, args: given, context });
  }
  const { caller, this: self } = context;
  return waited(workshop, context, async () => {
    const prepared = workshop.home.prepare({ right, method: known, args: given, caller: caller.id, self: self.id });
    if ("error" in prepared) {
      return prepared;
    }
    const answer = await workshop.sidecar.invoke(
      workshop.home.context(right, caller.id, self.id),
      method,
      prepared.args,
      prepared.actAs,
    );
    return workshop.home.adopt(answer, prepared.saving, self.id);
  });
}

function rightOf({ id, ownerId, type, params }: BaseCapability): Right {
  return { id, owner: ownerId, type, params: params as Record<string, unknown> };
}

/** Something that takes a while, counted while it lasts; resolves to an answer, whatever happens. */
function waited(workshop: Workshop, context: ScriptContext, work: () => Promise<Answer>): Promise<Answer> {
  return sayingSo(counted(workshop, context, work));
}

async function counted(
  workshop: Workshop,
  context: ScriptContext,
  work: () => Promise<Answer>,
): Promise<Answer> {
  const caller = context.caller.id;
  const turnedAway = workshop.turnstile.enter(caller);
  if (turnedAway) {
    return turnedAway;
  }
  try {
    return await work();
  } catch (error) {
    return refusalOf(error);
  } finally {
    workshop.turnstile.leave(caller);
  }
}

type Own = (
  workshop: Workshop,
  capability: BaseCapability,
  args: unknown[],
  context: ScriptContext | undefined,
) => Answer | Promise<Answer>;

/** The type that a method of the plugin's own belongs to, where not every capability has it. */
const ONLY_OF: Record<string, string | undefined> = { change: "image.edit", pictureOf: "diffusers.generate" };

/** Methods that the plugin itself adds to those of the sidecar. */
const OWN: Record<string, Own | undefined> = {
  /** A narrower capability, which viwo's own `delegate` cannot make: that takes numbers as they are only. */
  narrow(workshop, capability, args, context) {
    const restrictions = args[0];
    if (!context || typeof restrictions !== "object" || restrictions === null) {
      return refused("INVALID_ARGUMENT", "narrow takes an object of limits, such as {max_steps: 8}");
    }
    return waited(workshop, context, async () => {
      const limits = plain(restrictions) as Record<string, unknown>;
      const made = await workshop.home.narrow(rightOf(capability), context.this.id, limits);
      const Class = capability.constructor as new (id: string, ownerId: number, params: object) => BaseCapability;
      return { ok: true, capability: new Class(made.id, context.this.id, made.params) };
    });
  },

  /** The picture that an entity keeps of itself, made once: for verbs that viwo runs at each look. */
  pictureOf(workshop, capability, args, context) {
    const [entity, prompt, options = {}] = args;
    const id = entityId(entity);
    if (!context || id === undefined || typeof prompt !== "string" || !prompt) {
      return refused("INVALID_ARGUMENT", "pictureOf takes an entity, a prompt, and options if need be");
    }
    const [caller, self] = [context.caller.id, context.this.id];
    const method = workshop.methods.get(capability.type)?.get("textToImage");
    return workshop.portraits.of(id, prompt, (options ?? {}) as Record<string, unknown>, {
      right: rightOf(capability),
      method,
      caller,
      self,
    });
  },

  /** Changes a picture in place: what the image verbs call. The one it belongs to, or one that a player names. */
  change(workshop, _capability, args, context) {
    const [verb, given] = args;
    if (!context || typeof verb !== "string" || !Array.isArray(given)) {
      return refused("INVALID_ARGUMENT", "change takes the verb's name and a list of its arguments");
    }
    const { picture, rest } = meant(context, given);
    const right = world.editingRight(picture);
    if (!right) {
      return refused("FAILED_PRECONDITION", `entity ${picture} holds no image.edit capability`);
    }
    return waited(workshop, context, async () => {
      const args = rest.map(asNumber);
      const room = Number(world.find(picture)?.["location"] ?? 0);
      const answer = await workshop.home.change(picture, right, verb, args, context.caller.id).catch(refusalOf);
      if (!answer.ok) {
        context.send?.("message", answer.error.message);
        return answer;
      }
      world.show(picture, room, workshop.players(), context);
      return answer;
    });
  },
};

/** Verbs of several pictures in a room have one name: a player says which is meant by its name, first. */
function meant(context: ScriptContext, given: unknown[]): { picture: number; rest: unknown[] } {
  const [first, ...rest] = given;
  if (typeof first === "string") {
    const room = world.find(Number(context.caller["location"] ?? 0));
    const here = (room?.["contents"] as number[] | undefined) ?? [];
    for (const entity of here.map(world.find)) {
      if (isEntity(entity) && entity["image_ref"] && String(entity["name"]).toLowerCase() === first.toLowerCase()) {
        return { picture: entity.id, rest };
      }
    }
  }
  return { picture: context.this.id, rest: given };
}

function camel(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
