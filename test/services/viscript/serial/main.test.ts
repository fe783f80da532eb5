import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openPort } from '../../../../services/viscript/serial/port.ts';
import { bundle, temporaryFolder } from '../support.ts';
import { hasSocat, PtyPair } from '../terminal/pty.ts';
import { Transcript } from '../terminal/transcript.ts';

const hasNotify = spawnSync('systemd-notify', ['--version']).status === 0;

function viscript(args: string[], environment: Record<string, string> = {}): ChildProcess {
  const env = { ...process.env, ...environment };
  return spawn(process.execPath, [join(bundle, 'viscript.js'), ...args], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
}

describe('viscript serial', () => {
  it.each([
    [[], 'one DEVICE is needed'],
    [['a', 'b'], 'one DEVICE is needed'],
    [['/dev/x', '--baud', 'fast'], '--baud: fast is no rate'],
    [['/dev/x', '--columns', '0'], '--columns: 0 is no width'],
    [['/dev/x', '--patience', 'much'], '--patience: much is no number of seconds'],
    [['/dev/x', '--speed'], "Unknown option '--speed'"],
  ])('refuses %j as wrong usage', async (args, message) => {
    const child = viscript(['serial', ...args]);
    const said = new Transcript();
    child.stderr?.on('data', said.add);
    expect(await once(child, 'close')).toEqual([2, null]);
    expect(said.text).toContain(message);
    expect(said.text).toContain('usage: viscript serial DEVICE');
  });
});

describe.skipIf(!hasSocat || !hasNotify)('viscript serial on a line (needs socat and systemd-notify)', () => {
  it('tells systemd when it is ready and what it waits for, serves the line, and ends on SIGTERM', async () => {
    await using folder = await temporaryFolder();
    const pair = await PtyPair.open();
    const socket = join(folder.path, 'notify');
    const receiver = spawn('socat', ['-u', `UNIX-RECV:${socket}`, '-'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      await expect
        .poll(() =>
          stat(socket).then(
            (found) => found.isSocket(),
            () => false,
          ),
        )
        .toBe(true);
      const told = new Transcript();
      receiver.stdout.on('data', told.add);

      const child = viscript(['serial', pair.near], {
        NOTIFY_SOCKET: socket,
        VISCRIPT_RUNTIME_DIR: folder.path,
        VISCRIPT_STATE_DIR: folder.path,
      });
      child.stderr?.resume();
      expect(await told.waitFor(/STATUS=.*/)).toContain('READY=1\n');
      expect(told.text).toContain(`STATUS=on ${pair.near}`);

      const far = await openPort({ path: pair.far, baudRate: 115_200 });
      const seen = new Transcript();
      far.on('data', seen.add);
      far.write('\r');
      await seen.waitFor(/viscript is down> $/);
      const closed = once(far, 'close');
      far.close();
      await closed;

      await pair.unplug();
      await told.waitFor(/STATUS=waiting for .*: cannot open/);
      child.kill('SIGTERM');
      expect(await once(child, 'exit')).toEqual([0, null]);
    } finally {
      receiver.kill('SIGTERM');
      await pair.close();
    }
  });
});
