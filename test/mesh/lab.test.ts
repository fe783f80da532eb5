import { once } from 'node:events';
import { expect, it } from 'vitest';
import { run } from '../../image/run.ts';
import { type Host, Lab } from '../../scripts/lib/lab.ts';

const server = "require('net').createServer((s) => s.end()).listen(7, () => console.log('listening'))";
const client = `
  const socket = require('net').connect({ host: process.argv[1], port: 7, timeout: 1000 });
  socket.on('connect', () => end('yes')).on('error', () => end('no')).on('timeout', () => end('no'));
  function end(answer) { console.log(answer); process.exit(); }
`;

/** Whether a connection comes up within a second. */
async function reaches(from: Host, address: string): Promise<boolean> {
  return (await from.run(process.execPath, '-e', client, address)).trim() === 'yes';
}

/** Those of them that are there; other tests have some too. */
async function listed(namespaces: readonly string[]): Promise<string[]> {
  const { stdout } = await run('ip', ['netns', 'list']);
  const names = stdout.split('\n').map((line) => line.split(' ')[0]);
  return namespaces.filter((name) => names.includes(name));
}

it('joins hosts by cables that can be cut, mended and black-holed one way, and leaves nothing behind', async (context) => {
  context.skip(process.getuid?.() !== 0, 'network namespaces need root');
  const namespaces: string[] = [];
  {
    await using lab = new Lab();
    const a = await lab.host('a');
    const b = await lab.host('b');
    namespaces.push(a.namespace, b.namespace);
    expect(await listed(namespaces)).toEqual(namespaces);
    await lab.connect('a', 'b');
    const listening = b.spawn(process.execPath, ['-e', server], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(listening.stdout ?? listening, 'data');
    const address = b.addresses.get('a') ?? '';
    expect(await reaches(a, address)).toBe(true);
    await lab.cut('a', 'b');
    expect(await reaches(a, address)).toBe(false);
    await lab.mend('a', 'b');
    expect(await reaches(a, address)).toBe(true);
    await lab.blackHole('a', 'b');
    expect(await reaches(a, address)).toBe(false);
    await lab.unblock('a', 'b');
    expect(await reaches(a, address)).toBe(true);
  }
  expect(await listed(namespaces)).toEqual([]);
});
