/** How many calls may be under way: a script in an endless loop is turned away here, and the sidecar does not notice. */

import { type Refusal, refused } from "./answer";

export class Turnstile {
  readonly #perCaller: number;
  readonly #inAll: number;
  readonly #inside = new Map<number, number>();
  #all = 0;

  constructor(perCaller: number, inAll: number) {
    this.#perCaller = perCaller;
    this.#inAll = inAll;
  }

  /** Lets a call in, or says why not. Who was let in must `leave`. */
  enter(caller: number): Refusal | undefined {
    const mine = this.#inside.get(caller) ?? 0;
    if (mine >= this.#perCaller) {
      return tooMany(`entity ${caller} has ${mine} calls under way; wait for one to end`, this.#perCaller, mine + 1);
    }
    if (this.#all >= this.#inAll) {
      return tooMany(`${this.#all} calls of this world are under way; try again soon`, this.#inAll, this.#all + 1);
    }
    this.enterAnyway(caller);
    return undefined;
  }

  /** Counts a call that was let in before viwo was started again. */
  enterAnyway(caller: number): void {
    this.#inside.set(caller, (this.#inside.get(caller) ?? 0) + 1);
    this.#all += 1;
  }

  leave(caller: number): void {
    const mine = (this.#inside.get(caller) ?? 1) - 1;
    this.#all -= 1;
    if (mine > 0) {
      this.#inside.set(caller, mine);
    } else {
      this.#inside.delete(caller);
    }
  }
}

function tooMany(message: string, limit: number, asked: number): Refusal {
  return refused("RESOURCE_EXHAUSTED", message, {
    reason: "TOO_MANY_CALLS",
    field: "calls in flight",
    limit: String(limit),
    asked: String(asked),
  });
}
