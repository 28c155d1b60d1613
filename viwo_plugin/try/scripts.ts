/** The scripts of docs/viwo.md: what is shown there is what is played here. */

import { readFileSync } from "node:fs";
import { join } from "node:path";

const DOCUMENT = readFileSync(join(import.meta.dir, "../../docs/viwo.md"), "utf8");

/** A script of the document, by the comment in its first line. */
function shown(name: string): string {
  const found = DOCUMENT.match(new RegExp(`\`\`\`ts\\n// verb ${name}\\b[^\\n]*\\n([\\s\\S]*?)\`\`\``));
  if (!found) {
    throw new Error(`docs/viwo.md shows no verb '${name}'`);
  }
  return found[1]!;
}

export const PAINTER: Record<string, string> = Object.fromEntries(
  ["paint", "painted", "paint_wrongly", "wait_for", "wait_inside", "narrow_and_ask", "narrow_inside", "spin", "spun",
    "spend_copies", "copies_inside", "get_portrait", "give_away"].map(
    (name) => [name, shown(name)],
  ),
);

/**
 * `look` as viwo interprets it. When a player runs it, it is compiled, and viwo e0a0d95 on Bun 1.4 then sends null for
 * everything in the room, in an untouched world too.
 */
export const LOOK_AROUND = 'call(std.this(), "look");';

/** As long a loop as `spin`, without pictures: what viwo itself takes. */
export const SPIN_PLAINLY = "let turn = 0; while (turn < 100) { turn = turn + 1; send(\"spun\", turn); }";

/** Mints a capability as System and gives it to the entity whose id is the first word. */
export function mintFor(type: string, params: object): string {
  return shown("mint_for").replace('"diffusers.generate"', JSON.stringify(type)).replace(/\{ max_steps[^}]*\}/, JSON.stringify(params));
}
