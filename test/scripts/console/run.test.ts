import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runConsole } from '../../../scripts/console/run.ts';
import { hasSocat } from '../../services/viscript/terminal/pty.ts';
import { Rig } from './rig.ts';

let rig: Rig;

beforeEach(async () => {
  rig = await Rig.open();
});

afterEach(() => rig[Symbol.asyncDispose]());

describe.skipIf(!hasSocat)('runConsole (needs socat)', () => {
  it('is over at once for a signal that came while it started', async () => {
    const pair = await rig.pair();
    const streams = { input: new PassThrough(), output: new PassThrough(), messages: new PassThrough() };
    const running = runConsole(
      [pair.near],
      {
        names: new Map(),
        settings: { baudRate: 115_200, framing: {}, pacing: { byteMs: 0, lineMs: 0 } },
        modes: {
          stamps: false,
          stampFormat: 'clock',
          hex: false,
          echo: false,
          color: false,
          mapOutput: (bytes) => bytes,
        },
        mapInput: (bytes) => bytes,
        reconnect: true,
        quietMs: 0,
      },
      { ...streams, environment: rig.environment, roots: rig.machine.roots, signal: AbortSignal.abort() },
    );
    await expect(running).rejects.toThrow('interrupted');
  });
});
