/**
 * Names, descriptions and metadata as other players may be shown them: the rules of the sidecar's capabilities/plain_text.py,
 * for entities that the plugin writes itself.
 */

export const MAX_NAME = 256;
export const MAX_DESCRIPTION = 4096;
const MAX_METADATA = 65_536;

const SPACES = /[\t\n\v\f\r\u0085\u2028\u2029]+/gu;
const UNSEEN =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;
const SURROGATES = /\p{Surrogate}/gu;

/** The text without what cannot be seen, cut to a length. */
export function cleaned(text: string, limit: number): string {
  const seen = text.slice(0, 2 * limit).replace(SPACES, " ").replace(UNSEEN, "");
  return seen.slice(0, limit).replace(SURROGATES, "\ufffd");
}

/** Metadata with its texts cleaned, as much of it as may be kept; what comes first stays. */
export function cleanedMetadata(values: Record<string, unknown>): Record<string, unknown> {
  let left = MAX_METADATA;
  const kept: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(values)) {
    const plain = typeof value === "string" ? cleaned(value, MAX_METADATA) : value;
    const size = (JSON.stringify(plain) ?? "").length + key.length;
    if (size <= left) {
      kept[cleaned(key, MAX_NAME)] = plain;
      left -= size;
    }
  }
  return kept;
}
