import { killDescendants } from './descendants.ts';

/** `guard-cleanup.js PID`: kills every descendant of the guard PID but itself, and ends when none is left. */
const left = await killDescendants(Number(process.argv[2]), process.pid);
if (left.length > 0) {
  process.stderr.write(`viscript: these processes cannot be killed: ${left.join(' ')}\n`);
  process.exitCode = 1;
}
