/**
 * A picture that an entity keeps of itself: made once, however often it is asked for. viwo runs a verb named `get_X` at
 * each look, twice, so what such a verb calls must cost nothing when the picture is there, and start nothing twice.
 */

import { createHash } from "node:crypto";
import { type Answer, type Failure, refusalOf, refused } from "./answer";
import { plain } from "./arguments";
import type { Call, Home } from "./home";
import { type Sidecar, isRetryable } from "./sidecar";
import * as world from "./world";

/** The property that holds it. */
export const KEPT = "picture_of";
/** Milliseconds before a picture that could not be made is tried again. */
const AGAIN_AFTER = 60_000;

interface Kept {
  /** Whose it is: entities take over the properties of their prototypes, and this is not meant to be one. */
  entity: number;
  /** What it was asked for by. */
  wanted: string;
  ref?: string;
  thumbnail?: string;
  width?: number;
  height?: number;
  error?: Failure;
  failed?: number;
}

export class Portraits {
  readonly #sidecar: Sidecar;
  readonly #home: Home;
  readonly #pending = new Set<string>();

  constructor(sidecar: Sidecar, home: Home) {
    this.#sidecar = sidecar;
    this.#home = home;
  }

  /** The picture if it is there, `{ok: true, ready: false}` while it is made. Never waits. */
  of(entity: number, prompt: string, options: Record<string, unknown>, asked: Omit<Call, "args">): Answer {
    const { caller, self } = asked;
    if (!world.find(entity)) {
      return refused("NOT_FOUND", `there is no entity ${entity}`, { field: "entity" });
    }
    if (entity !== self && entity !== caller && !world.controls([caller, self], entity)) {
      return refused("PERMISSION_DENIED", `entity ${entity} is not yours to give a picture to`, { field: "entity" });
    }
    const sent = plain(options) as Record<string, unknown>;
    const wanted = createHash("sha256").update(JSON.stringify([prompt, sent])).digest("hex").slice(0, 32);
    const kept = keptBy(entity);
    if (kept?.wanted === wanted && kept.ref) {
      const { ref, thumbnail, width, height } = kept;
      return { ok: true, ready: true, ref, thumbnail, width, height };
    }
    if (kept?.wanted === wanted && kept.error && Date.now() - (kept.failed ?? 0) < AGAIN_AFTER) {
      return { ok: false, error: kept.error };
    }
    const name = `${KEPT}:${entity}:${wanted}`;
    if (!this.#pending.has(name)) {
      this.#pending.add(name);
      const again = kept?.wanted === wanted && kept.failed ? `:${kept.failed}` : "";
      void this.#make(entity, wanted, `${name}${again}`, { ...asked, args: [prompt, { reference: true, ...sent }] }).finally(
        () => this.#pending.delete(name),
      );
    }
    return { ok: true, ready: false, state: "queued" };
  }

  async #make(entity: number, wanted: string, requestId: string, call: Call): Promise<void> {
    let kept: Kept;
    try {
      const prepared = this.#home.prepare(call);
      if ("error" in prepared) {
        kept = { entity, wanted, error: prepared.error, failed: Date.now() };
      } else {
        // Under the same name the sidecar makes the same job of it, also when viwo or the sidecar was started again.
        const invoke = {
          context: this.#home.context(call.right, call.caller, call.self),
          method: "textToImage",
          argumentsJson: JSON.stringify(prepared.args),
        };
        const job = await this.#ended((await this.#sidecar.submit({ task: "invoke", invoke, requestId })).id);
        const [image] = job.images;
        if (!image) {
          const { code = "CANCELLED", message = "the job was canceled" } = job.failure ?? {};
          kept = { entity, wanted, error: { code, message }, failed: Date.now() };
        } else {
          const { thumbnail } = await this.#sidecar.describe(image.ref);
          kept = { entity, wanted, ref: image.ref, thumbnail, width: image.width, height: image.height };
        }
      }
    } catch (error) {
      if (isRetryable(error)) {
        // The next look asks again, and is answered by the same job.
        return;
      }
      kept = { entity, wanted, error: refusalOf(error).error, failed: Date.now() };
    }
    if (world.find(entity)) {
      world.setProps(entity, { [KEPT]: kept });
    }
  }

  async #ended(id: string) {
    for await (const event of this.#sidecar.watch(id)) {
      if (event.event === "ended" && event.ended) {
        return event.ended;
      }
    }
    return this.#sidecar.job(id);
  }
}

/** What an entity keeps, and not what its prototype does. */
export function keptBy(entity: number): Kept | undefined {
  const kept = world.find(entity)?.[KEPT] as Kept | undefined;
  return kept?.entity === entity ? kept : undefined;
}
