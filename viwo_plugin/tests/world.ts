/** A world with the real sidecar behind it: its own process on a file that both open, as with viwo. */

import { Database } from "bun:sqlite";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Subprocess } from "bun";

/** Whether viwo is played on another machine than the sidecar's: its world is a file that the sidecar does not open. */
export const remote = process.env["IMAGEGEN_REMOTE"] === "1";
const data = mkdtempSync(join(tmpdir(), "imagegen-plugin-"));
const sidecarWorld = join(data, "world.sqlite");
const world = remote ? join(data, "viwo.sqlite") : sidecarWorld;
process.env["DB_PATH"] = world;
const key = join(data, "statement.key");
const port = String(await freePort());
export const address = `127.0.0.1:${port}`;
const command = process.env["VIWO_IMAGEGEN"] ?? join(import.meta.dir, "../../.venv/bin/viwo-imagegen");
const environment = {
  ...process.env,
  VIWO_IMAGEGEN_DATA_DIR: data,
  VIWO_IMAGEGEN_PORT: port,
  VIWO_IMAGEGEN_LOG_LEVEL: "error",
  ...(remote ? { VIWO_IMAGEGEN_STATEMENT_KEY_FILE: key } : {}),
};
let process_: Subprocess | undefined;

async function freePort(): Promise<number> {
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = server;
  server.stop(true);
  return port;
}

function serves(): Promise<boolean> {
  return Bun.connect({ hostname: "127.0.0.1", port: Number(port), socket: { data() {} } }).then(
    (socket) => (socket.end(), true),
    () => false,
  );
}

export function startSidecar(): void {
  process_ = Bun.spawn([command, "serve"], {
    env: environment,
    stdout: "ignore",
    stderr: "inherit",
  });
}

export async function killSidecar(): Promise<void> {
  process_?.kill("SIGKILL");
  await process_?.exited;
}

export async function end(): Promise<void> {
  await killSidecar();
  rmSync(data, { recursive: true, force: true });
}

/** Until something holds; a test that waits in vain is ended by its own time limit. */
export async function until<T>(holds: () => T | Promise<T>): Promise<NonNullable<T>> {
  for (;;) {
    const value = await holds();
    if (value) {
      return value as NonNullable<T>;
    }
    await Bun.sleep(10);
  }
}

// The file has its tables once the sidecar has made them.
startSidecar();
await until(() => Bun.file(join(data, "kernel-key")).exists());
await until(() => serves());
/** How the plugin reaches the sidecar: with the key beside the token, or one that the operator made for another world. */
export const connection = { address, ...(remote ? { statementKeyFile: key, key: keyOfAnotherWorld() } : { keyFile: join(data, "kernel-key") }) };

function keyOfAnotherWorld(): string {
  // The same entities as a fresh viwo has, in a file of its own.
  new Database(sidecarWorld).run(`VACUUM INTO '${world}'`);
  const id = crypto.randomUUID().replaceAll("-", "");
  new Database(world).run("UPDATE imagegen_world SET id = ?", [id]);
  const made = Bun.spawnSync([command, "key", "create", "--kernel", "--world", id, "--json"], { env: environment });
  return (JSON.parse(made.stdout.toString()) as { text: string }).text;
}
