import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BOOTING_MS, bootedGuest, type Guest } from './fixture.ts';

let guest: Guest;

beforeEach(async () => {
  guest = await bootedGuest();
}, BOOTING_MS);

afterEach(() => guest?.[Symbol.asyncDispose]());

/** Starts apptracker as an owner would, and waits until it says that it is ready. Returns its id. */
async function startApp(): Promise<string> {
  const { cli } = guest;
  const answer = await cli.run('s apptracker 127.0.0.1:20000');
  const id = /^Added external app \(ID: (\d+), Command: .*apptracker.* 127\.0\.0\.1:20000\)$/m.exec(
    answer,
  )?.[1];
  if (id === undefined) throw new Error(`the app did not start: ${answer}`);
  await ready();
  return id;
}

async function ready(): Promise<void> {
  await expect.poll(() => guest.cli.run('la -f'), { timeout: 120_000, interval: 1000 }).toMatch(/\bready\b/);
}

describe('the command line on the serial line', () => {
  it('does every command on a real app', async () => {
    const { cli } = guest;
    expect(await cli.run('apps')).toMatch(/^apptracker - \S+/m);
    expect(await cli.run('help')).toMatch(/list_apps, la/);
    expect(await cli.run('? start')).toMatch(/^usage: start \[-a\] APP/m);
    expect(await cli.run('help apptracker')).toMatch(/HOST:PORT/);
    expect(await cli.run('version')).toMatch(/^viscript \d+\.\d+\.\d+.* \(Node v24\./m);

    const id = await startApp();
    expect(await cli.run('la')).toMatch(new RegExp(`^\\[ ${id} \\] -> \\[ apptracker \\]$`, 'm'));
    expect(await cli.run('list_apps -f')).toMatch(/127\.0\.0\.1:20000/);
    expect(await cli.run(`ping ${id}`)).toMatch(/^ping time [\d.]+ ?(µs|ms|s)$/m);
    const usage = await cli.run(`ru ${id}`);
    for (const row of ['CPU', 'RSS', 'PSS', 'Descriptors', 'Threads', 'Heap', 'Loop delay']) {
      expect(usage).toMatch(new RegExp(`^\\s*${row}\\s+\\d|^\\s*${row}\\s+p50`, 'm'));
    }
    expect(await cli.run('status')).toMatch(/apptracker\s+ready/);
    expect(await cli.run(`logs ${id}`)).toMatch(/127\.0\.0\.1:20000/);
    expect(await cli.run('reload')).toMatch(/nothing to restart/);
    const next = /ID: (\d+)/.exec(await cli.run(`restart ${id}`))?.[1];
    expect(Number(next)).toBeGreaterThan(Number(id));
    await ready();
    expect(await cli.run(`sd ${next}`)).toMatch(
      /^shutdown pid \d+$[\s\S]*apptracker.* drained and exited with code 0/m,
    );
    expect(await cli.run('la')).toMatch(/nothing is running/);
  });

  it('shows the output of an app until Ctrl-C, and the app goes on', async () => {
    const { cli } = guest;
    const id = await startApp();
    await cli.line.write(`attach ${id}\r`);
    await cli.line.waitFor(/127\.0\.0\.1:20000/, { timeoutMs: 60_000 });
    await cli.line.write('\x03');
    await cli.wake();
    expect(await cli.run(`ping ${id}`)).toMatch(/ping time/);
  });

  it('explains a mistake and goes on', async () => {
    const { cli } = guest;
    expect(await cli.run('ping 4711')).toMatch(/4711/);
    expect(await cli.run('frobnicate')).toMatch(/no command 'frobnicate'/);
    expect(await cli.run('start "apptracker')).toMatch(/quote/);
    expect(await cli.run('start nosuchapp')).toMatch(/nosuchapp/);
    expect(await cli.run('la')).toMatch(/nothing is running/);
  });

  it('survives a BREAK, binary bytes and a paste of 100 KB', async () => {
    const { cli, board } = guest;
    await board.sendBreak('serial');
    await cli.line.write(Buffer.from([0x80, 0xff, 0xfe, 0xc3, 0x28]));
    await cli.line.write('\x03');
    await cli.wake();
    await cli.line.write(`# ${'x'.repeat(100 * 1024)}`);
    await cli.line.write('\x03');
    await cli.wake();
    expect(await cli.run('version')).toMatch(/^viscript/m);
  });

  it('goes on after a message of the kernel in the middle of a line', async () => {
    const { cli, root } = guest;
    await cli.line.write('vers');
    await root.text('printf "\\nkernel: something happened\\n" > /dev/ttyS0');
    await cli.line.write('ion\r');
    await cli.line.waitFor(/viscript \d+\.\d+/, { timeoutMs: 60_000 });
  });

  it('says so when the supervisor is down, and comes back with it', async () => {
    const { cli, root } = guest;
    await root.text('systemctl stop viscript');
    await cli.line.write('\r');
    await cli.line.waitFor(/restart[\s\S]*reboot/i, { timeoutMs: 120_000 });
    await root.text('systemctl start viscript');
    await cli.greeting(120_000);
    expect(await cli.run('version')).toMatch(/^viscript/m);
  });
});
