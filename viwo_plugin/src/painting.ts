/** The promised way: a script gets a job and a blank canvas at once, and the picture comes when it is done. */

import type { ScriptContext } from "@viwo/scripting";
import { type Answer, type Refusal, refusalOf, refused } from "./answer";
import { isEntity, plain } from "./arguments";
import type { Home, Prepared, Right } from "./home";
import type { MethodDescription__Output } from "./pb/viwo/imagegen/v1/MethodDescription";
import type { Job__Output } from "./pb/viwo/imagegen/v1/Job";
import * as promises from "./promised";
import type { Promised } from "./promised";
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
  args: unknown[];
  context: ScriptContext;
}

/** Options that are the plugin's own; the rest of the object goes to the sidecar. */
interface Asked {
  then: string;
  room: number;
  name: string;
  save: boolean;
}

/** Who hears of a promised picture: whoever acted, while viwo runs on; after a restart, whoever is there. */
interface Audience {
  send(type: string, payload: unknown): void;
  /** The room, and whoever acted, see the canvas as it is now. */
  show(): void;
  /** The verb named in `then`. */
  tell(answer: Answer): Promise<void>;
}

type Known = (type: string, method: string) => MethodDescription__Output | undefined;

export class Studio {
  readonly #sidecar: Sidecar;
  readonly #home: Home;
  readonly #turnstile: Turnstile;
  readonly #prototype: () => number;
  readonly #players: () => number[];
  readonly #known: Known;
  /** Jobs by the name that scripts know them by. */
  readonly jobs = new Map<string, string>();

  constructor(
    sidecar: Sidecar,
    home: Home,
    turnstile: Turnstile,
    prototype: () => number,
    players: () => number[],
    known: Known,
  ) {
    this.#sidecar = sidecar;
    this.#home = home;
    this.#turnstile = turnstile;
    this.#prototype = prototype;
    this.#players = players;
    this.#known = known;
  }

  /** Answers at once. What becomes of it is told to whoever acted, to the room, and to the verb named in `then`. */
  promise(request: Request): Answer {
    const { context, right, method } = request;
    const options = request.args.at(-1) as Record<string, unknown>;
    const asked = read(options);
    if ("error" in asked) {
      return asked;
    }
    const prototype = this.#prototype();
    if (asked.save && !prototype) {
      return refused("UNAVAILABLE", "the image sidecar has not been reached yet; try again soon");
    }
    const [caller, self] = [context.caller.id, context.this.id];
    if (asked.room && !world.mayPlace(asked.room, [caller, self])) {
      return refused("PERMISSION_DENIED", `room ${asked.room} is neither where you are nor yours`, {
        reason: "ROOM_NOT_ALLOWED",
        field: "room",
      });
    }
    const turnedAway = this.#turnstile.enter(caller);
    if (turnedAway) {
      return turnedAway;
    }
    try {
      const { then, room } = asked;
      const name = crypto.randomUUID();
      const canvas = asked.save ? world.createCanvas(prototype, self, room, asked.name) : 0;
      const { then: _, room: __, ...passed } = { ...options, ...(canvas ? { canvas } : {}) } as Record<string, unknown>;
      const args = [...request.args.slice(0, -1), passed].map((value) => plain(value));
      const promised = { name, right, method, args, caller, self, then, room, canvas };
      promises.keep(promised);
      const audience = this.#live(promised, context);
      if (canvas) {
        audience.show();
      }
      this.#begin(promised, audience);
      return { ok: true, job: name, state: "queued", ...(canvas ? { entity: canvas } : {}) };
    } catch (error) {
      this.#turnstile.leave(caller);
      return refusalOf(error);
    }
  }

  /** Takes up what was promised before viwo was started again. */
  resume(): void {
    for (const promised of promises.all()) {
      // It was let in before the restart, so nobody is turned away now.
      this.#turnstile.enterAnyway(promised.caller);
      this.#begin(promised, this.#afterRestart(promised));
    }
  }

  #begin(promised: Promised, audience: Audience): void {
    void this.#paint(promised, audience).catch((error: unknown) =>
      console.error("[imagegen] a promised picture was lost:", error),
    );
  }

  async #paint(promised: Promised, audience: Audience): Promise<void> {
    const { name, right, method, args, caller, self, canvas } = promised;
    let answer: Answer;
    try {
      const known = this.#known(right.type, method);
      const prepared = this.#home.prepare({ right, method: known, args, caller, self });
      if ("args" in prepared) {
        const job = await this.#submit(promised, prepared);
        this.#remember(name, job.id);
        const made = outcome(name, await this.#follow(promised, job.id, audience), canvas);
        answer = await this.#home.adopt(made, prepared.saving, self);
      } else {
        answer = prepared;
      }
    } catch (error) {
      answer = { ...refusalOf(error), job: name } as Refusal;
    }
    // Before the verb runs: it may ask for the next picture.
    this.#turnstile.leave(caller);
    try {
      if (!answer.ok) {
        if (canvas) {
          world.spoil(canvas, answer.error.message);
        }
        audience.send("message", `The picture could not be made: ${answer.error.message}`);
      }
      if (canvas) {
        audience.show();
      }
    } catch (error) {
      console.error("[imagegen] a canvas could not be shown:", error);
    }
    await audience.tell(answer);
    promises.done(name);
  }

  #live({ self, then, room, canvas }: Promised, context: ScriptContext): Audience {
    return {
      send: (type, payload) => context.send?.(type, payload),
      show: () => world.show(canvas, room, this.#players(), context),
      tell: (answer) => world.run(self, then, [canvas ? world.find(canvas) : answer, answer], context),
    };
  }

  #afterRestart({ caller, self, then, room, canvas }: Promised): Audience {
    return {
      send: (type, payload) => {
        if (this.#players().includes(caller)) {
          world.tell(caller, type, payload);
        }
      },
      show: () => world.show(canvas, room, this.#players(), undefined),
      tell: async (answer) => world.runLater(self, then, [canvas ? world.find(canvas) : answer, answer]),
    };
  }

  #remember(name: string, job: string): void {
    promises.became(name, job);
    this.jobs.set(name, job);
    if (this.jobs.size > REMEMBERED) {
      this.jobs.delete(this.jobs.keys().next().value!);
    }
  }

  /** Hands the job over; the same name again is the same job, so a sidecar that went away is simply asked again. */
  async #submit({ name, right, method, caller, self }: Promised, prepared: Prepared): Promise<Job__Output> {
    const deadline = Date.now() + PATIENCE;
    for (;;) {
      const invoke = {
        // Stated again each time: a statement holds for seconds only.
        context: this.#home.context(right, caller, self),
        method,
        argumentsJson: JSON.stringify(prepared.args),
      };
      try {
        return await this.#sidecar.submit({ task: "invoke", invoke, requestId: name }, prepared.actAs);
      } catch (error) {
        if (!isRetryable(error) || Date.now() > deadline) {
          throw error;
        }
        await Bun.sleep(RETRY);
      }
    }
  }

  /** The ended job. The sidecar keeps jobs through its restarts, so a broken stream is taken up again. */
  async #follow({ name, canvas }: Promised, id: string, audience: Audience): Promise<Job__Output> {
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
            audience.send("imagegen_progress", { job: name, entity: canvas, ...progress(event) });
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
    ...(image._seed ? { seed: Number(image.seed) } : {}),
    ...(Number(image.entityId) ? { entity: Number(image.entityId) } : {}),
  }));
  const facts = {
    model: job.modelId,
    compute: job.cost?.compute,
    seconds: job.workSeconds,
    ...(job.answeredBy ? { reused: true } : {}),
    ...(job.warnings.length ? { warnings: job.warnings } : {}),
  };
  return { ok: true, job: name, ...images[0], images, ...(canvas ? { entity: canvas } : {}), ...facts };
}

function read(options: Record<string, unknown>): Asked | Refusal {
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
