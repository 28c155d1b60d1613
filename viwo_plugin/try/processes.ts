/** The servers that are played against: started, killed and started again as the play asks. */

import { join } from "node:path";

const { VIWO, WORK, BUN, SIDECAR } = process.env as Record<string, string>;

export const VIWO_PORT = 8080;
const SIDECAR_PORT = String(20_000 + Math.floor(Math.random() * 20_000));
const WORLD = join(WORK!, "world.sqlite");
/** With REMOTE=1 the sidecar is played as if it were on another machine, which cannot open the world's file. */
const reach = process.env["REMOTE"]
  ? { VIWO_IMAGEGEN_STATEMENT_KEY_FILE: join(WORK!, "statement.key") }
  : { VIWO_IMAGEGEN_WORLD_PATH: WORLD };
const settings = {
  ...process.env,
  ...reach,
  VIWO_IMAGEGEN_DATA_DIR: join(WORK!, "sidecar"),
  VIWO_IMAGEGEN_PORT: SIDECAR_PORT,
};

if (process.env["REMOTE"]) {
  await Bun.write(join(WORK!, "statement.key"), crypto.randomUUID());
}

export function startViwo(): Bun.Subprocess {
  return Bun.spawn([BUN!, "run", "src/with_imagegen.ts"], {
    cwd: join(VIWO!, "apps/server"),
    env: { ...settings, DB_PATH: WORLD },
    stdout: Bun.file(join(WORK!, "viwo.log")),
    stderr: Bun.file(join(WORK!, "viwo.err")),
  });
}

export function startSidecar(): Bun.Subprocess {
  return Bun.spawn([SIDECAR!, "serve"], {
    env: settings,
    stdout: Bun.file(join(WORK!, "sidecar.log")),
    stderr: Bun.file(join(WORK!, "sidecar.err")),
  });
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
