/** What viwo's block editor shows of capability methods, in its own format. */

import type { MethodDescription__Output } from "./pb/viwo/imagegen/v1/MethodDescription";
import type { ParameterDescription__Output } from "./pb/viwo/imagegen/v1/ParameterDescription";

interface Parameter {
  name: string;
  type: string;
  description: string;
  optional?: boolean;
  default?: unknown;
  enum?: string[];
  minimum?: number;
  maximum?: number;
  fields?: Parameter[];
}

const TYPES: Record<string, string> = { integer: "number", image: "string", array: "any[]" };

export function capabilityMetadata(methods: MethodDescription__Output[]) {
  const byType = Map.groupBy(methods, (method) => method.type);
  return [...byType].map(([type, own]) => ({
    type,
    label: label(type),
    description: `Methods of the capability ${type}`,
    methods: own.map((method) => ({
      name: method.name,
      label: method.label,
      description: method.description,
      parameters: parameters(method.parameters),
    })),
  }));
}

function parameters(described: ParameterDescription__Output[]): Parameter[] {
  const fields = described.filter((each) => !each.positional).map(parameter);
  const options = { name: "options", type: "object", description: "Settings; all may be left out.", optional: true, fields };
  return [...described.filter((each) => each.positional).map(parameter), ...(fields.length ? [options] : [])];
}

function parameter(described: ParameterDescription__Output): Parameter {
  return {
    name: described.name,
    type: TYPES[described.type] ?? described.type,
    description: described.description,
    ...(described.required ? {} : { optional: true }),
    ...(described.defaultJson ? { default: JSON.parse(described.defaultJson) as unknown } : {}),
    ...(described.enumValues.length ? { enum: described.enumValues } : {}),
    ...(described._minimum ? { minimum: Number(described.minimum) } : {}),
    ...(described._maximum ? { maximum: Number(described.maximum) } : {}),
  };
}

function label(type: string): string {
  return type
    .split(".")
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join(" ");
}
