/** What a sidecar refuses, as errors with the fields of the refusal. */

import { type ServiceError, status } from "@grpc/grpc-js";
import protobuf from "protobufjs";
import type { Failure__Output } from "./pb/viwo/imagegen/v1/Failure.js";

/** What a refusal tells beside its words. */
export interface Refusal {
  /** The name of the gRPC status. */
  code: string;
  /** A constant for programs. */
  reason: string;
  /** What is at fault. */
  field: string;
  /** What is allowed. */
  limit: string;
  /** What was asked. */
  asked: string;
  /** Seconds after which to try again, where that can help. */
  retryAfter: number | undefined;
  /** The job that failed, where there is one. */
  jobId: string;
}

/** A refusal or failure; its message is for people: what happened and what to do. */
export class ImagegenError extends Error implements Refusal {
  readonly code: string;
  readonly reason: string;
  readonly field: string;
  readonly limit: string;
  readonly asked: string;
  readonly retryAfter: number | undefined;
  readonly jobId: string;

  constructor(message: string, refusal: Partial<Refusal> = {}) {
    super(message);
    this.name = new.target.name;
    this.code = refusal.code ?? "";
    this.reason = refusal.reason ?? "";
    this.field = refusal.field ?? "";
    this.limit = refusal.limit ?? "";
    this.asked = refusal.asked ?? "";
    this.retryAfter = refusal.retryAfter;
    this.jobId = refusal.jobId ?? "";
  }
}

/** The request is wrong. */
export class InvalidArgument extends ImagegenError {}
/** The capability does not allow it. */
export class PermissionDenied extends ImagegenError {}
/** There is no credential, or a wrong one. */
export class Unauthenticated extends ImagegenError {}
/** No such capability, model, job, entity or picture. */
export class NotFound extends ImagegenError {}
/** A model that cannot be loaded or cannot do it, or a world that is not ready. */
export class FailedPrecondition extends ImagegenError {}
/** A budget is spent, the queue or the disk is full, or memory ran out. */
export class ResourceExhausted extends ImagegenError {}
/** No sidecar answers, or its engine does not. */
export class Unavailable extends ImagegenError {}
/** The connection broke while a job was followed. The job goes on: `client.wait(error.jobId)` follows it again. */
export class ConnectionLost extends Unavailable {}
/** The job was canceled. */
export class Canceled extends ImagegenError {}

const KINDS: Record<string, typeof ImagegenError> = {
  INVALID_ARGUMENT: InvalidArgument,
  PERMISSION_DENIED: PermissionDenied,
  UNAUTHENTICATED: Unauthenticated,
  NOT_FOUND: NotFound,
  FAILED_PRECONDITION: FailedPrecondition,
  RESOURCE_EXHAUSTED: ResourceExhausted,
  UNAVAILABLE: Unavailable,
  CANCELLED: Canceled,
};

/** The error of a job that did not succeed. */
export function errorOfFailure(failure: Failure__Output | null, jobId: string): ImagegenError {
  if (failure === null) {
    return new ImagegenError(`job ${jobId} did not succeed`, { jobId });
  }
  const { code, reason, field, limit, asked, retryDelay } = failure;
  const retryAfter = retryDelay === null ? undefined : retryDelay.seconds + retryDelay.nanos / 1e9;
  const Kind = KINDS[code] ?? ImagegenError;
  return new Kind(failure.message, { code, reason, field, limit, asked, retryAfter, jobId });
}

/** The error of a call that was refused; `jobId`: of the job that was followed when it broke. */
export function errorOfCall(error: ServiceError, jobId = ""): ImagegenError {
  const code = status[error.code] ?? "UNKNOWN";
  const refusal = { ...detailsOf(error), code, jobId };
  const words = error.details || error.message;
  if (jobId && code === "UNAVAILABLE") {
    const goesOn = `job ${jobId} goes on, and wait("${jobId}") follows it again`;
    return new ConnectionLost(`the connection was lost (${words}); ${goesOn}`, refusal);
  }
  return new (KINDS[code] ?? ImagegenError)(words, refusal);
}

export function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && "code" in error && "details" in error;
}

// As google.rpc has them (status.proto, error_details.proto); a file of that size is not worth a package.
const { root } = protobuf.parse(`
  syntax = "proto3";
  message Any { string type_url = 1; bytes value = 2; }
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
  message ErrorInfo { string reason = 1; string domain = 2; map<string, string> metadata = 3; }
  message Duration { int64 seconds = 1; int32 nanos = 2; }
  message RetryInfo { Duration retry_delay = 1; }
`);
const Status = root.lookupType("Status");
const ErrorInfo = root.lookupType("ErrorInfo");
const RetryInfo = root.lookupType("RetryInfo");

function detailsOf(error: ServiceError): Partial<Refusal> {
  const [encoded] = error.metadata?.get("grpc-status-details-bin") ?? [];
  if (!(encoded instanceof Uint8Array)) {
    return {};
  }
  const refusal: Partial<Refusal> = {};
  const { details = [] } = Status.toObject(Status.decode(encoded)) as {
    details?: { typeUrl: string; value: Uint8Array }[];
  };
  for (const { typeUrl, value } of details) {
    if (typeUrl.endsWith("/google.rpc.ErrorInfo")) {
      const info = ErrorInfo.toObject(ErrorInfo.decode(value)) as {
        reason?: string;
        metadata?: Record<string, string>;
      };
      const { field = "", limit = "", asked = "" } = info.metadata ?? {};
      Object.assign(refusal, { reason: info.reason ?? "", field, limit, asked });
    } else if (typeUrl.endsWith("/google.rpc.RetryInfo")) {
      const { retryDelay } = RetryInfo.toObject(RetryInfo.decode(value), { longs: Number }) as {
        retryDelay?: { seconds?: number; nanos?: number };
      };
      refusal.retryAfter = (retryDelay?.seconds ?? 0) + (retryDelay?.nanos ?? 0) / 1e9;
    }
  }
  return refusal;
}
