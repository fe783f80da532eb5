import { closeSync, constants, openSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadCalls } from '../../../../scripts/console/line/calls.ts';
import { hasSocat } from '../../../services/viscript/terminal/pty.ts';
import { Rig } from '../rig.ts';

/** `asm-generic/ioctls.h`: whether further opens are refused. Root is let in all the same, so it is asked for. */
const TIOCGEXCL = 0x80045440;

let rig: Rig;

beforeEach(async () => {
  rig = await Rig.open();
});

afterEach(() => rig[Symbol.asyncDispose]());

describe.skipIf(!hasSocat)('a pty that a console had (needs socat)', () => {
  it('is open to others when the console was killed, though its master stays open', async () => {
    const pair = await rig.pair();
    const far = await rig.far(pair);
    const killed = rig.piped(pair.near);
    killed.type('is there');
    await far.hears(/is there/);
    await killed[Symbol.asyncDispose]();
    const { ask } = await loadCalls();
    const descriptor = openSync(pair.near, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
    try {
      expect(ask(descriptor, TIOCGEXCL)).toBe(0);
    } finally {
      closeSync(descriptor);
    }
  });
});
