/** What a gRPC status says beside its words: google.rpc.ErrorInfo with the field, its limit and what was asked. */

import type { ServiceError } from "@grpc/grpc-js";
import { parse } from "protobufjs";
import type { Failure } from "./answer";

// The two messages as google.rpc has them; one file of that size is not worth a package.
const { root } = parse(`
  syntax = "proto3";
  message Any { string type_url = 1; bytes value = 2; }
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
  message ErrorInfo { string reason = 1; string domain = 2; map<string, string> metadata = 3; }
`);
const Status = root.lookupType("Status");
const ErrorInfo = root.lookupType("ErrorInfo");

interface Info {
  reason: string;
  metadata?: Record<string, string>;
}

export function detailsOf(error: ServiceError): Partial<Failure> {
  const [encoded] = error.metadata?.get("grpc-status-details-bin") ?? [];
  if (!(encoded instanceof Uint8Array)) {
    return {};
  }
  const { details } = Status.decode(encoded).toJSON() as { details?: { typeUrl: string; value: string }[] };
  const packed = details?.find((each) => each.typeUrl.endsWith("/google.rpc.ErrorInfo"));
  if (!packed) {
    return {};
  }
  const info = ErrorInfo.decode(Buffer.from(packed.value, "base64")).toJSON() as Info;
  const { field, limit, asked } = info.metadata ?? {};
  return {
    reason: info.reason,
    ...(field ? { field } : {}),
    ...(limit ? { limit } : {}),
    ...(asked ? { asked } : {}),
  };
}
