import { readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RescueService } from '../../../image/console/service.ts';
import { Tries } from '../../../image/console/tries.ts';
import { hashPassphrase } from '../../../services/net/passphrase.ts';
import { RescueClient } from '../../../services/viscript/serial/rescue-client.ts';
import { temporaryFolder } from '../../services/viscript/support.ts';

const PASSPHRASE = 'correct horse battery';
const CHEAP = { N: 2 ** 14, r: 8, p: 1 };

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: Server;
let log: string[];
let shells: string[];
let now: number;

const path = (name: string) => join(folder.path, name);
const client = (line = 'ttyS0') =>
  new RescueClient({ socket: path('socket'), passphraseFile: path('passphrase'), line });

/** The process with rights, begun anew: what it knew of tries it reads from its file. */
async function start(): Promise<void> {
  const service = new RescueService({
    passphraseFile: path('passphrase'),
    developmentFile: path('development'),
    tries: await Tries.open(path('tries.json'), () => now),
    otherSlot: () => 'B',
    shell: async (line) => {
      shells.push(line);
    },
    log: (text) => log.push(text),
  });
  server = createServer((socket) => void service.serve(socket));
  await new Promise<void>((resolve) => server.listen(path('socket'), resolve));
}

const stop = () => new Promise<void>((resolve) => server.close(() => resolve()));

beforeEach(async () => {
  folder = await temporaryFolder();
  [log, shells, now] = [[], [], 1_000_000];
  await writeFile(path('passphrase'), await hashPassphrase(PASSPHRASE, CHEAP));
  await start();
});

afterEach(async () => {
  await stop();
  await folder[Symbol.asyncDispose]();
});

describe('what the console may ask of root', () => {
  it('tells a right passphrase from a wrong one, and writes none into a log or a file', async () => {
    expect(await client().login('wrong one')).toEqual({ verdict: 'wrong', waitMs: 1000 });
    now += 1000;
    expect(await client().login(PASSPHRASE)).toEqual({ verdict: 'right', waitMs: 0 });
    expect(log).toEqual([
      expect.stringContaining('wrong passphrase on ttyS0'),
      'the right passphrase on ttyS0',
    ]);
    expect(log.join() + (await readFile(path('tries.json'), 'utf8'))).not.toMatch(/wrong one|horse/);
  });

  it('looks at nothing during a wait, which grows to a minute and no further, and begins anew after the right one', async () => {
    const waits: number[] = [];
    for (let n = 0; n < 9; n += 1) {
      const { waitMs } = await client().login('wrong one');
      waits.push(waitMs);
      now += waitMs - 1;
      expect(await client().login(PASSPHRASE)).toEqual({ verdict: 'wait', waitMs: 1 });
      now += 1;
    }
    expect(waits).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
    expect((await client().login(PASSPHRASE)).verdict).toBe('right');
    expect((await client().login('wrong one')).waitMs).toBe(1000);
  });

  it('gives no fresh tries to who ends the process, and lets each line wait for itself', async () => {
    await client().login('wrong one');
    now += 1000;
    await client().login('wrong one');
    await stop();
    await start();
    expect(await client().wait()).toBe(2000);
    expect((await client().login(PASSPHRASE)).verdict).toBe('wait');
    expect((await client('ttyS1').login(PASSPHRASE)).verdict).toBe('right');
  });

  it('gives no fresh tries to made-up lines', async () => {
    for (let n = 0; n < 10; n += 1) await client(`tty${n}`).login('wrong one');
    expect((await client('another').login(PASSPHRASE)).verdict).toBe('wait');
  });

  it('lets nobody in when the hash is damaged, and says what to do', async () => {
    await writeFile(path('passphrase'), 'scrypt 2 8 1');
    await expect(client().login(PASSPHRASE)).rejects.toThrow(/mended over SSH/);
    expect(await client().isLocked()).toBe(true);
  });

  it('gives a shell for the passphrase; without one only where the image is for development', async () => {
    expect((await client().shell(undefined)).verdict).toBe('wrong');
    now += 1000;
    expect((await client().shell('wrong one')).verdict).toBe('wrong');
    expect(shells).toEqual([]);
    now += 2000;
    expect((await client().shell(PASSPHRASE)).verdict).toBe('right');
    expect(shells).toEqual(['ttyS0']);
    await rm(path('passphrase'));
    await expect(client().shell(undefined)).rejects.toThrow(/no console passphrase.*no shell/);
    expect(shells).toHaveLength(1);
    await writeFile(path('development'), '');
    expect((await client().shell(undefined)).verdict).toBe('right');
    expect(shells).toHaveLength(2);
  });

  it('takes no name of a line that could be more than one', async () => {
    for (const line of ['../x', 'a b', 'x@y', '', 'a'.repeat(33), '-x', 'ttyS0.service'])
      await expect(client(line).shell(PASSPHRASE), line).rejects.toThrow(/line/);
    expect(shells).toEqual([]);
  });
});
