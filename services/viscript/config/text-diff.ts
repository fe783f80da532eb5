import { diff } from 'node:util';

/** Lines of a changed part, old and new, up to which it is looked at line by line. */
const MAX_LINES = 1500;
/** Equal lines that are shown round a change. */
const CONTEXT = 2;

/** What changes between two texts: a line each, with ` `, `-` or `+` before it, and `…` where equal lines are left out. */
export function textDiff(before: string, after: string): string[] {
  const old = linesOf(before);
  const fresh = linesOf(after);
  const start = equalLines(old, fresh, (lines, n) => lines[n]);
  const rest = [old.slice(start), fresh.slice(start)] as const;
  const end = equalLines(...rest, (lines, n) => lines[lines.length - 1 - n]);
  const [oldPart, freshPart] = rest.map((lines) => lines.slice(0, lines.length - end)) as [
    string[],
    string[],
  ];
  // Node's diff cannot take an empty list.
  const isSmall =
    oldPart.length > 0 && freshPart.length > 0 && oldPart.length + freshPart.length <= MAX_LINES;
  const changed = isSmall
    ? marked(oldPart, freshPart)
    : [...oldPart.map((line) => `-${line}`), ...freshPart.map((line) => `+${line}`)];
  const all = [
    ...old.slice(0, start).map((line) => ` ${line}`),
    ...changed,
    ...rest[0].slice(rest[0].length - end).map((line) => ` ${line}`),
  ];
  return withoutFarLines(all);
}

function linesOf(text: string): string[] {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n');
}

function equalLines(
  a: readonly string[],
  b: readonly string[],
  at: (lines: readonly string[], n: number) => string | undefined,
): number {
  const most = Math.min(a.length, b.length);
  let count = 0;
  while (count < most && at(a, count) === at(b, count)) count += 1;
  return count;
}

/** Myers' shortest way from one to the other, what goes before what comes. */
function marked(before: string[], after: string[]): string[] {
  const [gone, come]: [string[], string[]] = [[], []];
  const lines: string[] = [];
  const flush = () => lines.push(...gone.splice(0), ...come.splice(0));
  for (const [operation, line] of diff(before, after)) {
    // -1: only the second has it.
    if (operation === -1) come.push(`+${line}`);
    else if (operation === 1) gone.push(`-${line}`);
    else {
      flush();
      lines.push(` ${line}`);
    }
  }
  flush();
  return lines;
}

function withoutFarLines(lines: readonly string[]): string[] {
  const isNear = lines.map((_, at) =>
    lines.slice(Math.max(0, at - CONTEXT), at + CONTEXT + 1).some((line) => !line.startsWith(' ')),
  );
  return lines.flatMap((line, at) => {
    if (isNear[at] === true) return [line];
    return isNear[at - 1] === true || (at === 0 && isNear.includes(true)) ? ['…'] : [];
  });
}
