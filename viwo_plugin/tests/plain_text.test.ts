import { expect, test } from "bun:test";
import { cleaned, cleanedMetadata } from "../src/plain_text";

test("names and metadata that the plugin writes hide nothing", () => {
  const evil = "a\u001b[31m \u202eb\u2066\u200b\u{e0041}\ud800\nc\u0000";
  expect(cleaned(evil, 100)).toBe("a[31m b\ufffd c");
  expect(cleaned("x".repeat(9000), 256)).toHaveLength(256);
  expect(cleaned("👩‍🚀 é", 100)).toBe("👩‍🚀 é");
  const kept = cleanedMetadata({ [evil]: evil, large: "y".repeat(70_000), seed: 7 });
  expect(Object.keys(kept)).toEqual(["a[31m b\ufffd c", "seed"]);
  expect(kept["seed"]).toBe(7);
});
