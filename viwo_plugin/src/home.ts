/**
 * Where pictures become entities. The sidecar writes into the world's file where it can reach it; otherwise the plugin
 * states capabilities, signed, and keeps the entities itself. Scripts see no difference.
 */

import type { Answer, Refusal } from "./answer";
import { plain } from "./arguments";
import type { CallContext } from "./pb/viwo/imagegen/v1/CallContext";
import type { MethodDescription__Output } from "./pb/viwo/imagegen/v1/MethodDescription";
import type { Sidecar } from "./sidecar";
import { fromStruct } from "./struct";

/** A capability as far as a call needs it. */
export interface Right {
  id: string;
  owner: number;
  type: string;
  params: Record<string, unknown>;
}

/** A method called by somebody, not prepared yet. */
export interface Call {
  right: Right;
  /** What is known of the method; nothing before the sidecar has told. */
  method: MethodDescription__Output | undefined;
  args: unknown[];
  caller: number;
  self: number;
}

/** How a picture becomes an entity; `canvas` 0 makes a new one. */
export interface Saving {
  name: string;
  description: string;
  room: number;
  canvas: number;
  /** What is kept with the picture besides the facts in the answer. */
  metadata: Record<string, unknown>;
}

/** What is sent, and what is to be done with the pictures here. */
export interface Prepared {
  args: unknown[];
  saving?: Saving;
  /** For whom the pictures among the arguments must be: nothing here says that they may be seen. */
  actAs?: number[];
}

export interface Home {
  /** Makes the prototype of pictures and its verbs; its entity id. */
  install(): Promise<number>;
  context(right: Right, caller: number, self: number): CallContext;
  /** Arguments as they are sent, and how the result is to be saved here, if at all. */
  prepare(call: Call): Prepared | Refusal;
  /** Makes entities of the pictures in an answer, where the sidecar has not. */
  adopt(answer: Answer, saving: Saving | undefined, owner: number): Promise<Answer>;
  /** An image verb that changes a picture in place. */
  change(picture: number, right: Right, verb: string, args: unknown[], caller: number): Promise<Answer>;
  /** Tells the sidecar what holds no longer, where it cannot see that itself. */
  forgetGone(): Promise<void>;
  /** A narrower capability, owned by whoever narrows; its id and parameters. */
  narrow(right: Right, owner: number, limits: Record<string, unknown>): Promise<{ id: string; params: object }>;
  /** Makes an entity of a file that a player has. */
  save(right: Right, player: number, file: Uint8Array, saving: Saving): Promise<number>;
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

  prepare({ args }: Call): Prepared {
    return { args: args.map((value) => plain(value)) };
  }

  async adopt(answer: Answer): Promise<Answer> {
    return answer;
  }

  async change(picture: number, right: Right, verb: string, args: unknown[], caller: number): Promise<Answer> {
    const context = this.context(right, caller, picture);
    // The pictures among the arguments must be such that the caller, or the picture that is changed, may see them.
    const reply = await this.#sidecar.callVerb(context, picture, verb, args.map((value) => plain(value)), [caller, picture]);
    return { ok: true, entity: picture, ...(JSON.parse(reply.resultJson) as object) };
  }

  async forgetGone(): Promise<void> {}

  async narrow(right: Right, owner: number, limits: Record<string, unknown>) {
    const made = await this.#sidecar.delegate({ parentId: right.id, callerId: owner }, limits);
    return { id: made.id, params: fromStruct(made.params as never) };
  }

  async save(right: Right, player: number, file: Uint8Array, saving: Saving): Promise<number> {
    const context = this.context(right, player, player);
    const entity = await this.#sidecar.saveImage(context, file, saving);
    return Number(entity.id);
  }
}
