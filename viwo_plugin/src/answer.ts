/** What a script gets: a value, never an exception, since viwo's process ends at a promise that nobody catches. */

import type { ServiceError } from "@grpc/grpc-js";
import { status } from "@grpc/grpc-js";
import { detailsOf } from "./details";

/** Why something was refused: what is at fault, its limit, and what was asked. */
export interface Failure {
  code: string;
  message: string;
  reason?: string;
  field?: string;
  limit?: string;
  asked?: string;
}

export interface Refusal {
  ok: false;
  error: Failure;
}

export type Answer = ({ ok: true } & Record<string, unknown>) | Refusal;

export function refused(code: string, message: string, more: Partial<Failure> = {}): Refusal {
  return { ok: false, error: { code, message, ...more } };
}

/** Something of the plugin's own set-up is missing. */
export class NotSetUp extends Error {}

/** The answer for whatever was thrown: a gRPC status keeps its code. */
export function refusalOf(error: unknown): Refusal {
  if (isServiceError(error)) {
    const code = status[error.code] ?? "UNKNOWN";
    if (code === "UNAVAILABLE") {
      return refused(code, `the image sidecar cannot be reached: ${error.details}`);
    }
    return refused(code, error.details || error.message, detailsOf(error));
  }
  if (error instanceof NotSetUp) {
    return refused("FAILED_PRECONDITION", error.message);
  }
  return refused("INTERNAL", error instanceof Error ? error.message : String(error));
}

export function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && "code" in error && "details" in error;
}
