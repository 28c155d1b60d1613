/** JSON to google.protobuf.Struct, which proto-loader knows by its fields only. */

import type { Struct } from "./pb/google/protobuf/Struct";
import type { Value } from "./pb/google/protobuf/Value";

export function toStruct(values: Record<string, unknown>): Struct {
  return { fields: Object.fromEntries(Object.entries(values).map(([name, value]) => [name, toValue(value)])) };
}

function toValue(value: unknown): Value {
  switch (typeof value) {
    case "boolean":
      return { boolValue: value, kind: "boolValue" };
    case "number":
      return { numberValue: value, kind: "numberValue" };
    case "string":
      return { stringValue: value, kind: "stringValue" };
    default:
      if (Array.isArray(value)) {
        return { listValue: { values: value.map(toValue) }, kind: "listValue" };
      }
      return value === null || value === undefined
        ? { nullValue: "NULL_VALUE", kind: "nullValue" }
        : { structValue: toStruct(value as Record<string, unknown>), kind: "structValue" };
  }
}

/** The other way round. */
export function fromStruct(struct: { fields?: Record<string, unknown> } | null): Record<string, unknown> {
  const fields = (struct?.fields ?? {}) as Record<string, Value>;
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, fromValue(value)]));
}

function fromValue(value: Value): unknown {
  switch (value.kind) {
    case "listValue":
      return (value.listValue?.values ?? []).map(fromValue);
    case "structValue":
      return fromStruct(value.structValue as { fields?: Record<string, unknown> });
    case "nullValue":
    case undefined:
      return null;
    default:
      return value[value.kind];
  }
}
