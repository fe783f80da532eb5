import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, it } from 'vitest';

const module = join(import.meta.dirname, '../../../scripts/lib/program.ts');
const PROGRAM = `
import { abortOnSignals } from ${JSON.stringify(module)};
abortOnSignals().addEventListener('abort', () => console.log('aborted'));
process.stdin.on('data', () => process.exit(7));
console.log('ready');
`;

it.each(['SIGHUP', 'SIGTERM'] as const)(
  'a second %s leaves a program the time to end cleanly',
  async (signal) => {
    const { child, end } = await aborted(signal);
    child.kill(signal);
    child.stdin.write('end\n');
    expect(await end).toEqual([7, null]);
  },
);

it('a second SIGINT ends a program at once', async () => {
  const { child, end } = await aborted('SIGINT');
  child.kill('SIGINT');
  expect(await end).toEqual([null, 'SIGINT']);
});

/** A program that had the signal once. */
async function aborted(signal: NodeJS.Signals) {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', PROGRAM], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const end = once(child, 'exit');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  expect((await lines.next()).value).toBe('ready');
  child.kill(signal);
  expect((await lines.next()).value).toBe('aborted');
  return { child, end };
}
