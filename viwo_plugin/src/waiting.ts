/** What a script holds that has not waited: a promise that says so itself, where a picture was expected. */

import { type Answer, refused } from "./answer";

const TOLD = refused(
  "FAILED_PRECONDITION",
  "the picture is not there yet: a verb that viwo compiled does not wait. Add then: \"verb\" to the options, and that verb " +
    "is called with the picture; or call this verb by call(), which waits",
  { reason: "NOT_AWAITED", field: "then" },
);

/** Waited for, it is the answer; looked at or sent as it is, it is a refusal that tells what to do. */
export function sayingSo(promise: Promise<Answer>): Promise<Answer> {
  return Object.assign(promise, TOLD, { toJSON: () => TOLD, toString: () => TOLD.error.message });
}
