/** The servers that are played against: started, killed and started again as the play asks. */

import { Database } from "bun:sqlite";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

const { VIWO, WORK, BUN, SIDECAR } = process.env as Record<string, string>;

/** Where a viwo keeps its world, and at which port it is reached. */
export interface Place {
  port: number;
  world: string;
  /** Whether the sidecar is played as if it were on another machine, which cannot open the world's file. */
  isRemote: boolean;
}

export const HOME: Place = { port: 8080, world: join(WORK!, "world.sqlite"), isRemote: Boolean(process.env["REMOTE"]) };
/** Another world, on another machine, that the same sidecar serves. */
export const ABROAD: Place = { port: 8090, world: join(WORK!, "abroad.sqlite"), isRemote: true };

const DATA = join(WORK!, "sidecar");
const STATEMENT_KEY = join(WORK!, "statement.key");
const settings = {
  ...process.env,
  VIWO_IMAGEGEN_DATA_DIR: DATA,
  VIWO_IMAGEGEN_PORT: String(20_000 + Math.floor(Math.random() * 20_000)),
  VIWO_IMAGEGEN_STATEMENT_KEY_FILE: STATEMENT_KEY,
  ...(HOME.isRemote ? {} : { VIWO_IMAGEGEN_WORLD_PATH: HOME.world }),
};

writeFileSync(STATEMENT_KEY, crypto.randomUUID(), { mode: 0o600 });

export function startViwo({ port, world, isRemote }: Place): Bun.Subprocess {
  const { VIWO_IMAGEGEN_STATEMENT_KEY_FILE: statement, ...others } = settings;
  const reach = isRemote ? { VIWO_IMAGEGEN_STATEMENT_KEY_FILE: statement, VIWO_IMAGEGEN_KEY_FILE: keyFile(world) } : {};
  return Bun.spawn([BUN!, "run", "src/with_imagegen.ts"], {
    cwd: join(VIWO!, "apps/server"),
    env: { ...others, ...reach, DB_PATH: world, VIWO_PORT: String(port) },
    stdout: Bun.file(join(WORK!, `viwo-${port}.log`)),
    stderr: Bun.file(join(WORK!, `viwo-${port}.err`)),
  });
}

export function startSidecar(): Bun.Subprocess {
  return Bun.spawn([SIDECAR!, "serve"], {
    env: settings,
    stdout: Bun.file(join(WORK!, "sidecar.log")),
    stderr: Bun.file(join(WORK!, "sidecar.err")),
  });
}

/** What the operator does for a world on another machine: a key, which the plugin finds at its next try. */
export async function admit({ world, isRemote }: Place): Promise<void> {
  if (!isRemote) {
    return;
  }
  const { id } = new Database(world).query("SELECT id FROM imagegen_world").get() as { id: string };
  let text = "";
  await until("a key", () => {
    const made = Bun.spawnSync([SIDECAR!, "key", "create", "--kernel", "--world", id, "--json"], { env: settings });
    text = made.success ? (JSON.parse(made.stdout.toString()) as { text: string }).text : "";
    return text;
  });
  writeFileSync(keyFile(world), text, { mode: 0o600 });
}

function keyFile(world: string): string {
  return `${world}.key`;
}

/** Until something holds, or the time is over. */
export async function until(what: string, holds: () => unknown, seconds = 60): Promise<void> {
  const end = Date.now() + seconds * 1000;
  while (!(await holds())) {
    if (Date.now() > end) {
      throw new Error(`waited ${seconds} s in vain for: ${what}`);
    }
    await Bun.sleep(20);
  }
}
