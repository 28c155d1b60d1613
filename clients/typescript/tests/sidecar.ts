/** A real sidecar in a process of its own, found as a program on the same machine finds it. */

import { afterAll } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const command = process.env["VIWO_IMAGEGEN"] ?? join(import.meta.dir, "../../../.venv/bin/viwo-imagegen");
export const folder = mkdtempSync(join(tmpdir(), "imagegen-client-"));
const environment = {
  ...process.env,
  VIWO_IMAGEGEN_DATA_DIR: folder,
  VIWO_IMAGEGEN_PORT: "0",
  VIWO_IMAGEGEN_LOG_LEVEL: "error",
};
const running = Bun.spawn([command, "serve"], { env: environment, stdout: "pipe", stderr: "inherit" });

async function firstLine(): Promise<string> {
  let text = "";
  for await (const piece of running.stdout) {
    text += new TextDecoder().decode(piece);
    if (text.includes("\n")) {
      return text;
    }
  }
  throw new Error("the sidecar ended before it served");
}

/** host:port. */
export const address = / serves at (\S+)/.exec(await firstLine())?.[1] ?? "";
process.env["VIWO_IMAGEGEN_DATA_DIR"] = folder;
process.env["VIWO_IMAGEGEN_PORT"] = address.split(":").at(-1) ?? "";

/** What the command line of this sidecar prints. */
export async function cli(...words: string[]): Promise<string> {
  const process_ = Bun.spawn([command, ...words], { env: process.env, stdout: "pipe", stderr: "inherit" });
  return new Response(process_.stdout).text();
}

// One for all files of tests: loaded before them (bunfig.toml), it outlives them.
afterAll(async () => {
  running.kill("SIGKILL");
  await running.exited;
  rmSync(folder, { recursive: true, force: true });
});
