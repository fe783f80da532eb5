import { closeSync, openSync, readSync } from 'node:fs';

/** Longest first line that is looked at, bytes. */
const maxFirstLine = 256;
/** What a script may ask for: variables of its environment, and flags of Node.js. */
const asks = /^#!\/usr\/bin\/env -S((?: [A-Z][A-Z0-9_]*=[\w.,-]+)*) node((?: --[a-z0-9-]+(?:=[\w.,-]+)?)*)$/;

export interface Command {
  /** Absolute path of what is executed. */
  file: string;
  /** Arguments that come before the script's own; the script is the last of them. */
  leading: string[];
}

/** How our Node.js starts a script: as its first line asks, `#!/usr/bin/env -S VARIABLE=VALUE … node --FLAG …`. */
export function commandOfScript(script: string): Command {
  const [, variables = '', flags = ''] = asks.exec(firstLineOf(script)) ?? [];
  const leading = [...wordsOf(flags), script];
  if (variables === '') return { file: process.execPath, leading };
  return { file: '/usr/bin/env', leading: [...wordsOf(variables), process.execPath, ...leading] };
}

/** @returns nothing when it is too long to be one of these */
function firstLineOf(script: string): string {
  const start = Buffer.alloc(maxFirstLine);
  const file = openSync(script, 'r');
  try {
    readSync(file, start, 0, maxFirstLine, 0);
  } finally {
    closeSync(file);
  }
  return start.toString('latin1', 0, Math.max(start.indexOf('\n'), 0));
}

function wordsOf(text: string): string[] {
  return text.split(' ').filter(Boolean);
}
