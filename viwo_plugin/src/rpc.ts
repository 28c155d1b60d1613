/** Methods for front ends, called over viwo's WebSocket as `plugin_rpc {method, params}`. */

import type { CommandContext, PluginContext } from "@viwo/core";
import { db } from "@viwo/core";
import { type Answer, refusalOf } from "./answer";
import { entityId } from "./arguments";
import type { Workshop } from "./capabilities";
import { capabilityMetadata } from "./metadata";
import type { Prepared, Right } from "./home";
import type { Job__Output } from "./pb/viwo/imagegen/v1/Job";
import { keptBy } from "./picture_of";
import { jobOf } from "./promised";
import { editingRight, find, sees, show } from "./world";

type Params = Record<string, unknown>;
type Handler = (params: Params, context: CommandContext) => Promise<unknown>;

/** viwo turns what is thrown here into a JSON-RPC error for the client; nothing else comes of it. */
export function registerRpc(plugin: PluginContext, workshop: Workshop): void {
  const { sidecar, home, turnstile, studio } = workshop;

  const generate: Handler = async (params, { player }) => {
    const { prompt, reference: _, ...options } = params;
    const answer = await called(player.id, "diffusers.generate", "textToImage", [prompt ?? "", options]);
    const { image, format, ...facts } = answer as Params;
    return { ...facts, image_url: `data:image/${String(format)};base64,${String(image)}` };
  };

  const handlers: Record<string, Handler> = {
    // What viwo's own front end calls.
    "diffusers.generate": generate,
    "imagegen.capability_metadata": async () =>
      capabilityMetadata([...workshop.methods.values()].flatMap((own) => [...own.values()])),
    /** Any method under a capability of the player: {type, method, args}. */
    "imagegen.call": async (params, { player }) =>
      called(player.id, text(params, "type"), text(params, "method"), list(params, "args")),
    /** As `imagegen.call`, without waiting. What is saved is saved by the sidecar, so not from another machine. */
    "imagegen.submit": async (params, { player }) => {
      const type = text(params, "type");
      const name = text(params, "method");
      enter(player.id);
      try {
        const mine = right(player.id, type);
        const prepared = ready(mine, player.id, name, list(params, "args"));
        if (prepared.saving) {
          throw new Error("where the sidecar is on another machine, save with imagegen.call");
        }
        const context = home.context(mine, player.id, player.id);
        const invoke = { context, method: name, argumentsJson: JSON.stringify(prepared.args) };
        const job = await sidecar.submit({ task: "invoke", invoke, requestId: crypto.randomUUID() }, prepared.actAs);
        void ended(job.id).finally(() => turnstile.leave(player.id));
        return told(job);
      } catch (error) {
        turnstile.leave(player.id);
        throw error;
      }
    },
    /** Resolves when the job ends; what happens before comes as notifications `imagegen_progress`. */
    "imagegen.watch": async (params, { player, send }) => {
      const id = await own(params, player.id);
      for await (const event of sidecar.watch(id)) {
        if (event.event === "ended" && event.ended) {
          return told(event.ended);
        }
        send("imagegen_progress", { job: id, state: event.event, ...(event.step ?? {}), ...(event.queued ?? {}) });
      }
      return told(await sidecar.job(id));
    },
    "imagegen.cancel": async (params, { player }) => told(await sidecar.cancel(await own(params, player.id), [player.id])),
    "imagegen.jobs": async (_, { player }) => ({ jobs: (await sidecar.jobsOf(player.id, 50)).map(told) }),
    /** The original of a picture that the player sees, which its properties do not hold: {entity}. */
    "imagegen.get_image": async (params, { player }) => {
      const asked = number(params, "entity");
      const entity = sees([player.id], asked) ? find(asked) : undefined;
      if (!entity) {
        throw new Error(`there is no entity ${asked}`);
      }
      const kept = keptBy(asked);
      const { id, width, height, version, format = "png", image_ref } = { ...kept, ...entity } as Params;
      const ref = image_ref ?? kept?.ref;
      if (typeof ref !== "string") {
        throw new Error(`entity ${asked} holds no picture`);
      }
      const data = await sidecar.download(ref);
      const image_url = `data:image/${String(format)};base64,${data.toString("base64")}`;
      return { entity: id, width, height, version, image_url };
    },
    /** Takes a picture out of its room: {entity}. */
    "imagegen.take_down": async (params, { player }) => changed(params, player.id, "takeDown", []),
    /** Shows another picture, the versions being kept: {entity, picture}. */
    "imagegen.replace": async (params, { player }) => changed(params, player.id, "replace", [params["picture"]]),
    /** Makes an entity of a picture that a player has: {image, name, room, metadata}. */
    "imagegen.save_image": async (params, { player }) => {
      const encoded = text(params, "image").replace(/^data:[^,]*,/, "");
      const room = entityId(params["room"]) ?? 0;
      const metadata = (params["metadata"] as Params | undefined) ?? {};
      const name = String(params["name"] ?? "an image");
      const description = String(params["description"] ?? "");
      const file = Buffer.from(encoded, "base64");
      const saving = { name, description, room, canvas: 0, metadata };
      const entity = await home.save(right(player.id), player.id, file, saving);
      return { entity, ref: find(entity)?.["image_ref"], room };
    },
  };

  function enter(player: number): void {
    const turnedAway = turnstile.enter(player);
    if (turnedAway) {
      throw new Error(turnedAway.error.message);
    }
  }

  /** A verb of a picture, as the player. */
  async function changed(params: Params, player: number, verb: string, args: unknown[]): Promise<Answer> {
    const entity = number(params, "entity");
    const mine = sees([player], entity) ? editingRight(entity) : undefined;
    if (!mine) {
      throw new Error(`there is no picture ${entity}`);
    }
    enter(player);
    try {
      const room = Number(find(entity)?.["location"] ?? 0);
      const answer = await home.change(entity, mine, verb, args, player);
      if (!answer.ok) {
        throw new Error(answer.error.message);
      }
      show(entity, room, workshop.players(), undefined);
      return answer;
    } finally {
      turnstile.leave(player);
    }
  }

  function ready(mine: Right, player: number, name: string, args: unknown[]): Prepared {
    const method = workshop.methods.get(mine.type)?.get(name);
    const prepared = home.prepare({ right: mine, method, args, caller: player, self: player });
    if ("error" in prepared) {
      throw new Error(prepared.error.message);
    }
    return prepared;
  }

  /** Until a job is over, or nothing is heard of it any more. */
  async function ended(job: string): Promise<void> {
    try {
      for await (const event of sidecar.watch(job)) {
        if (event.event === "ended") {
          return;
        }
      }
    } catch {
      // The job goes on without us; whoever wants to know asks.
    }
  }

  /** A method by the player's own capability, or an error that says what is missing. */
  async function called(player: number, type: string, method: string, args: unknown[]): Promise<Answer> {
    enter(player);
    try {
      const mine = right(player, type);
      const prepared = ready(mine, player, method, args);
      const sent = await sidecar.invoke(home.context(mine, player, player), method, prepared.args, prepared.actAs);
      const answer = await home.adopt(sent, prepared.saving, player);
      if (!answer.ok) {
        throw new Error(answer.error.message);
      }
      return answer;
    } finally {
      turnstile.leave(player);
    }
  }

  /** The id of a job that is the player's, by its own name or by the name that a script was given. */
  async function own(params: Params, player: number): Promise<string> {
    const name = text(params, "job");
    // The sidecar knows whose it is; of another's it says that it is not there.
    return (await sidecar.job(studio.jobs.get(name) ?? jobOf(name) ?? name, [player])).id;
  }

  for (const [name, handler] of Object.entries(handlers)) {
    plugin.registerRpcMethod(name, async (params: Params | undefined, context) => {
      try {
        return await handler(params ?? {}, context);
      } catch (error) {
        throw new Error(refusalOf(error).error.message);
      }
    });
  }
}

/** A capability of the player: of one type, or any for pictures; the first that has not expired. */
function right(player: number, type = ""): Right {
  const rows = db
    .query<{ id: string; type: string; params: string }, [number, string, string]>(
      "SELECT id, type, params FROM capabilities WHERE owner_id = ? AND (type = ? OR (? = '' AND " +
        "(type LIKE 'diffusers.%' OR type IN ('controlnet.generate', 'image.edit')))) ORDER BY rowid",
    )
    .all(player, type, type)
    .map((row) => ({ id: row.id, owner: player, type: row.type, params: JSON.parse(row.params) as Params }));
  const held = rows.find(({ params }) => !(Date.parse(String(params["expires_at"])) <= Date.now()));
  if (!held) {
    throw new Error(`you hold no capability ${type || "for pictures"}; ask whoever runs this world for one`);
  }
  return held;
}

function told(job: Job__Output) {
  return {
    job: job.id,
    state: job.state.replace("JOB_STATE_", "").toLowerCase(),
    method: job.method,
    step: job.step,
    steps: job.totalSteps,
    images: job.images.map((image) => ({
      ref: image.ref,
      width: image.width,
      height: image.height,
      ...(image._seed ? { seed: Number(image.seed) } : {}),
      entity: Number(image.entityId) || undefined,
    })),
    ...(job.answeredBy ? { reused: true } : {}),
    ...(job.failure ? { error: { code: job.failure.code, message: job.failure.message } } : {}),
  };
}

function text(params: Params, name: string): string {
  const value = params[name];
  if (typeof value !== "string" || !value) {
    throw new Error(`'${name}' is required`);
  }
  return value;
}

function list(params: Params, name: string): unknown[] {
  const value = params[name] ?? [];
  if (!Array.isArray(value)) {
    throw new Error(`'${name}' must be a list`);
  }
  return value;
}

function number(params: Params, name: string): number {
  const value = params[name];
  if (typeof value !== "number") {
    throw new Error(`'${name}' must be a number`);
  }
  return value;
}
