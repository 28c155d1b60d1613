/** Promised pictures that are not there yet, kept in the world's file: a restart of viwo loses none. */

import { db } from "@viwo/core";
import type { Right } from "./home";

/** What was promised, to whom. */
export interface Promised {
  /** The name that the script was given, under which the sidecar knows the job too. */
  name: string;
  right: Right;
  method: string;
  /** As they are sent, entities by their ids. */
  args: unknown[];
  caller: number;
  self: number;
  /** The verb that is told. */
  then: string;
  room: number;
  canvas: number;
}

export function prepare(): void {
  db.run("CREATE TABLE IF NOT EXISTS imagegen_promised (name TEXT PRIMARY KEY, job TEXT NOT NULL, promise TEXT NOT NULL)");
}

export function keep(promised: Promised): void {
  db.query("INSERT OR REPLACE INTO imagegen_promised VALUES (?, '', ?)").run(promised.name, JSON.stringify(promised));
}

/** The job that it became; a front end may ask for it by the promised name. */
export function became(name: string, job: string): void {
  db.query("UPDATE imagegen_promised SET job = ? WHERE name = ?").run(job, name);
}

export function jobOf(name: string): string | undefined {
  return db.query<{ job: string }, [string]>("SELECT job FROM imagegen_promised WHERE name = ?").get(name)?.job || undefined;
}

export function done(name: string): void {
  db.query("DELETE FROM imagegen_promised WHERE name = ?").run(name);
}

/** All that is still to come; a row that cannot be read is passed over, and told. */
export function all(): Promised[] {
  const rows = db.query<{ name: string; promise: string }, []>("SELECT name, promise FROM imagegen_promised").all();
  return rows.flatMap(({ name, promise }) => {
    try {
      return [JSON.parse(promise) as Promised];
    } catch {
      console.warn(`[imagegen] the promised picture ${name} cannot be read, and is passed over`);
      return [];
    }
  });
}
