/**
 * Pictures from a viwo-imagegen sidecar.
 *
 *     const client = connect();
 *     const picture = await client.textToImage("a red apple", { seed: 7 });
 *     await picture.save("apple.png");
 */

export { type BatchOptions, Client, type ClientOptions, connect, type WaitOptions } from "./client.js";
export {
  Canceled,
  ConnectionLost,
  FailedPrecondition,
  ImagegenError,
  InvalidArgument,
  NotFound,
  PermissionDenied,
  type Refusal,
  ResourceExhausted,
  Unauthenticated,
  Unavailable,
} from "./errors.js";
export type * from "./methods.js";
export { type ImageInput, Picture, type Progress } from "./pictures.js";
