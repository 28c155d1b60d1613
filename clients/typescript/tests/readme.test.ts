/** The README's programs, run as they are with the package as it is built, by Bun and by Node. */

import { beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { folder } from "./sidecar.js";

const home = join(import.meta.dir, "..");
const programs = [...readFileSync(join(home, "README.md"), "utf8").matchAll(/```ts\n(.*?)```/gs)].map(([, text]) => text ?? "");
setDefaultTimeout(60_000);

beforeAll(() => {
  const build = Bun.spawnSync(["bun", "--bun", "run", "build"], { cwd: home });
  expect(build.stderr.toString() + build.stdout.toString()).not.toContain("error");
  // Inside the package, so that its name is known.
  mkdirSync(join(home, "dist", "readme"));
  programs.forEach((text, place) => writeFileSync(join(home, "dist", "readme", `${place}.mjs`), text));
});

test.each([["bun"], ["node"]])("%s runs them", (runtime) => {
  if (Bun.which(runtime) === null) {
    console.warn(`there is no ${runtime} on this machine, so the README's programs are not run by it`);
    return;
  }
  expect(programs.length).toBe(2);
  for (const place of programs.keys()) {
    const words = [runtime, join(home, "dist", "readme", `${place}.mjs`)];
    const done = Bun.spawnSync(words, { cwd: folder, env: process.env, stderr: "pipe", stdout: "pipe" });
    expect(done.stderr.toString()).toBe("");
    expect(done.exitCode).toBe(0);
  }
  expect([...readFileSync(join(folder, "apple.png")).subarray(1, 4)]).toEqual([..."PNG"].map((letter) => letter.charCodeAt(0)));
});
