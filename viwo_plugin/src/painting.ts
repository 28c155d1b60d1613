/** The promised way: a script gets a job and a blank canvas at once, and the picture comes when it is done. */

import type { ScriptContext } from "@viwo/scripting";
import { type Answer, type Refusal, refusalOf, refused } from "./answer";
import { isEntity } from "./arguments";
import type { Home, Right } from "./home";
import type { MethodDescription__Output } from "./pb/viwo/imagegen/v1/MethodDescription";
import type { Job__Output } from "./pb/viwo/imagegen/v1/Job";
import { type Sidecar, isRetryable } from "./sidecar";
import type { Turnstile } from "./turnstile";
import * as world from "./world";

/** How long a job that cannot be handed over is kept before it is given up, in milliseconds. */
const PATIENCE = 60_000;
const RETRY = 500;
/** Jobs whose names are remembered, the latest: front ends watch them by the name that the script was given. */
const REMEMBERED = 5000;
/** Progress is told this often at most, in milliseconds. */
const PROGRESS = 500;

export interface Request {
  right: Right;
  method: string;
  known: MethodDescription__Output | undefined;
  args: unknown[];
  context: ScriptContext;
}

/** Options that are the plugin's own; the rest of the object goes to the sidecar. */
interface Promised {
  then: string;
  room: number;
  name: string;
  save: boolean;
}

export class Studio {
  readonly #sidecar: Sidecar;
  readonly #home: Home;
  readonly #turnstile: Turnstile;
  readonly #prototype: () => number;
  readonly #players: () => number[];
  /** Jobs by the name that scripts know them by. */
  readonly jobs = new Map<string, string>();

  constructor(
    sidecar: Sidecar,
    home: Home,
    turnstile: Turnstile,
    prototype: () => number,
    players: () => number[],
  ) {
    this.#sidecar = sidecar;
    this.#home = home;
    this.#turnstile = turnstile;
    this.#prototype = prototype;
    this.#players = players;
  }

  /** Answers at once. What becomes of it is told to whoever acted, to the room, and to the verb named in `then`. */
  promise(request: Request): Answer {
    const { context } = request;
    const options = request.args.at(-1) as Record<string, unknown>;
    const promised = read(options);
    if ("error" in promised) {
      return promised;
    }
    const prototype = this.#prototype();
    if (promised.save && !prototype) {
      return refused("UNAVAILABLE", "the image sidecar has not been reached yet; try again soon");
    }
    const actors = [context.caller.id, context.this.id];
    if (promised.room && !world.mayPlace(promised.room, actors)) {
      return refused("PERMISSION_DENIED", `room ${promised.room} is neither where you are nor yours`, {
        reason: "ROOM_NOT_ALLOWED",
        field: "room",
      });
    }
    const turnedAway = this.#turnstile.enter(context.caller.id);
    if (turnedAway) {
      return turnedAway;
    }
    const name = crypto.randomUUID();
    let canvas = 0;
    try {
      if (promised.save) {
        canvas = world.createCanvas(prototype, context.this.id, promised.room, promised.name);
        this.#show(canvas, promised.room, context);
      }
    } catch (error) {
      this.#turnstile.leave(context.caller.id);
      return refusalOf(error);
    }
    const { then: _, room: __, ...passed } = { ...options, ...(canvas ? { canvas } : {}) } as Record<string, unknown>;
    const sent = { ...request, args: [...request.args.slice(0, -1), passed] };
    void this.#paint(name, sent, promised, canvas).catch((error: unknown) =>
      console.error("[imagegen] a promised picture was lost:", error),
    );
    return { ok: true, job: name, state: "queued", ...(canvas ? { entity: canvas } : {}) };
  }

  async #paint(name: string, request: Request, promised: Promised, canvas: number): Promise<void> {
    const { context } = request;
    let answer: Answer;
    try {
      const { right, known: method, args } = request;
      const call = { right, method, args, caller: context.caller.id, self: context.this.id };
      const prepared = this.#home.prepare(call);
      if ("args" in prepared) {
        const job = await this.#submit(name, { ...request, args: prepared.args });
        this.#remember(name, job.id);
        const made = outcome(name, await this.#follow(name, job.id, canvas, context), canvas);
        answer = await this.#home.adopt(made, prepared.saving, context.this.id);
      } else {
        answer = prepared;
      }
    } catch (error) {
      answer = { ...refusalOf(error), job: name } as Refusal;
    }
    // Before the verb runs: it may ask for the next picture.
    this.#turnstile.leave(context.caller.id);
    try {
      if (!answer.ok) {
        if (canvas) {
          world.spoil(canvas, answer.error.message);
        }
        context.send?.("message", `The picture could not be made: ${answer.error.message}`);
      }
      if (canvas) {
        this.#show(canvas, promised.room, context);
      }
    } catch (error) {
      console.error("[imagegen] a canvas could not be shown:", error);
    }
    await world.run(context.this.id, promised.then, [canvas ? world.find(canvas) : answer, answer], context);
  }

  #show(canvas: number, room: number, context: ScriptContext): void {
    world.show(canvas, room, this.#players(), context);
  }

  #remember(name: string, job: string): void {
    this.jobs.set(name, job);
    if (this.jobs.size > REMEMBERED) {
      this.jobs.delete(this.jobs.keys().next().value!);
    }
  }

  /** Hands the job over; the same name again is the same job, so a sidecar that went away is simply asked again. */
  async #submit(name: string, request: Request): Promise<Job__Output> {
    const { context } = request;
    const deadline = Date.now() + PATIENCE;
    for (;;) {
      const invoke = {
        // Stated again each time: a statement holds for minutes only.
        context: this.#home.context(request.right, context.caller.id, context.this.id),
        method: request.method,
        argumentsJson: JSON.stringify(request.args),
      };
      try {
        return await this.#sidecar.submit({ task: "invoke", invoke, requestId: name });
      } catch (error) {
        if (!isRetryable(error) || Date.now() > deadline) {
          throw error;
        }
        await Bun.sleep(RETRY);
      }
    }
  }

  /** The ended job. The sidecar keeps jobs through its restarts, so a broken stream is taken up again. */
  async #follow(name: string, id: string, canvas: number, context: ScriptContext): Promise<Job__Output> {
    let told = 0;
    let lost = 0;
    for (;;) {
      try {
        for await (const event of this.#sidecar.watch(id)) {
          lost = 0;
          if (event.event === "ended" && event.ended) {
            return event.ended;
          }
          if (Date.now() - told >= PROGRESS) {
            told = Date.now();
            context.send?.("imagegen_progress", { job: name, entity: canvas, ...progress(event) });
          }
        }
      } catch (error) {
        lost ||= Date.now();
        if (!isRetryable(error) || Date.now() - lost > PATIENCE) {
          throw error;
        }
      }
      await Bun.sleep(RETRY);
    }
  }
}

type Event = Parameters<typeof progress>[0];

function progress(event: {
  event?: string;
  step?: { step: number; total: number } | null;
  queued?: { position: number } | null;
}): Record<string, unknown> {
  switch (event.event) {
    case "step":
      return { state: "running", step: event.step?.step, steps: event.step?.total };
    case "queued":
      return { state: "queued", position: event.queued?.position };
    default:
      return { state: event.event };
  }
}
export type { Event };

function outcome(name: string, job: Job__Output, canvas: number): Answer {
  if (job.state !== "JOB_STATE_SUCCEEDED") {
    const failure = job.failure;
    return {
      ...refused(failure?.code ?? "CANCELLED", failure?.message ?? "the job was canceled", {
        ...(failure?.field ? { field: failure.field } : {}),
        ...(failure?.limit ? { limit: failure.limit } : {}),
      }),
      job: name,
    } as Refusal;
  }
  const images = job.images.map((image) => ({
    ref: image.ref,
    width: image.width,
    height: image.height,
    seed: Number(image.seed),
    ...(Number(image.entityId) ? { entity: Number(image.entityId) } : {}),
  }));
  const facts = { model: job.modelId, compute: job.cost?.compute, seconds: job.workSeconds, warnings: job.warnings };
  return { ok: true, job: name, ...images[0], images, ...(canvas ? { entity: canvas } : {}), ...facts };
}

function read(options: Record<string, unknown>): Promised | Refusal {
  const { then, room, name, save } = options;
  if (typeof then !== "string" || !then) {
    return refused("INVALID_ARGUMENT", "'then' must be the name of a verb", { field: "then" });
  }
  const place = isEntity(room) ? room.id : (room ?? 0);
  if (typeof place !== "number" || !Number.isInteger(place) || place < 0) {
    return refused("INVALID_ARGUMENT", "'room' must be an entity or its id", { field: "room" });
  }
  if (place && !world.find(place)) {
    return refused("NOT_FOUND", `there is no entity ${place}`, { field: "room" });
  }
  if ((place || name !== undefined) && save !== true) {
    const field = place ? "room" : "name";
    return refused("INVALID_ARGUMENT", `'${field}' is for saved pictures; add save: true`, { field });
  }
  return {
    then,
    room: place,
    name: typeof name === "string" && name ? name : "a blank canvas",
    save: save === true,
  };
}
