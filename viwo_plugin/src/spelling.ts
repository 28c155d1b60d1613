/** The name that somebody meant. */

/** The one of some names that is nearest to a misspelt one; undefined where none is near. */
export function nearest(name: string, names: Iterable<string>): string | undefined {
  const asked = name.toLowerCase().replaceAll("_", "");
  let best: string | undefined;
  let least = Math.max(2, Math.ceil(asked.length * 0.35)) + 1;
  for (const each of names) {
    const known = each.toLowerCase();
    const away = asked.length > 3 && known.startsWith(asked) ? 1 : distance(asked, known);
    if (away < least) {
      [best, least] = [each, away];
    }
  }
  return best;
}

/** Characters to be added, left out, changed or swapped with their neighbour. */
function distance(left: string, right: string): number {
  let before: number[] = [];
  let above = Array.from({ length: right.length + 1 }, (_, place) => place);
  for (let row = 1; row <= left.length; row += 1) {
    const line = [row];
    for (let column = 1; column <= right.length; column += 1) {
      const same = left[row - 1] === right[column - 1];
      const swapped = row > 1 && column > 1 && left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1];
      line.push(
        Math.min(
          above[column]! + 1,
          line[column - 1]! + 1,
          above[column - 1]! + (same ? 0 : 1),
          swapped ? before[column - 2]! + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
    [before, above] = [above, line];
  }
  return above[right.length]!;
}
