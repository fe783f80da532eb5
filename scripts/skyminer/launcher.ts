#!/usr/bin/env node
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';

/**
 * Entry of the program `skyminer`, for whatever Node.js the machine has: hands over to the lock file's Node.js, which
 * runs the sources. The tool works on the repository it lies in: it needs its boards, packages and caches.
 */
const root = join(import.meta.dirname, '..');
const node = join(root, 'node_modules/.bin/node');

if (existsSync(node)) handOver();
else {
  process.stderr.write(`skyminer: ${node} is missing; run 'npm ci' in ${root}\n`);
  process.exitCode = 1;
}

function handOver(): void {
  const main = join(root, 'scripts/skyminer/main.ts');
  const child = spawn(node, [main, ...process.argv.slice(2)], { stdio: 'inherit' });
  // The terminal sends Ctrl-C to both; what the tool does about it is for it to decide.
  process.on('SIGINT', () => undefined);
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
  child.on('exit', (status, signal) => {
    process.exitCode = signal === null ? (status ?? 1) : 128 + constants.signals[signal];
  });
}
