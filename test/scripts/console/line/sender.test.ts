import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Sender } from '../../../../scripts/console/line/sender.ts';
import { SerialLine } from '../../../../services/viscript/serial/line.ts';
import { hasSocat, PtyPair } from '../../../services/viscript/terminal/pty.ts';
import { FarEnd } from '../rig.ts';

let pair: PtyPair;
let far: FarEnd;
let line: SerialLine;

beforeEach(async () => {
  if (!hasSocat) return;
  pair = await PtyPair.open();
  far = await FarEnd.open(pair);
  line = await SerialLine.open(pair.near, 115_200);
});

afterEach(async () => {
  vi.useRealTimers();
  await line?.close();
  await far?.close();
  await pair?.close();
});

describe.skipIf(!hasSocat)('Sender (needs socat)', () => {
  it('waits after each line, and after each byte, where a board wants that', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const sender = new Sender(line.port, { byteMs: 0, lineMs: 200 });
    sender.add(Buffer.from('one\ntwo\nthree'));
    await far.hears(/one\n/);
    await sender.atMost(9);
    await vi.advanceTimersByTimeAsync(199);
    expect([sender.sent, sender.queued]).toEqual([4, 9]);
    await vi.advanceTimersByTimeAsync(1);
    await far.hears(/two\n/);
    await sender.atMost(5);
    await vi.advanceTimersByTimeAsync(200);
    await far.hears(/three/);
    await sender.atMost(0);

    const slow = new Sender(line.port, { byteMs: 10, lineMs: 0 });
    slow.add(Buffer.from('ab'));
    await slow.atMost(1);
    expect(slow.sent).toBe(1);
    await vi.advanceTimersByTimeAsync(10);
    await far.hears(/ab/);
  });

  it('throws away what waits when told to, and lets those go who wait for a line that is gone', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const sender = new Sender(line.port, { byteMs: 0, lineMs: 200 });
    sender.add(Buffer.from('one\ntwo\nthree'));
    await sender.atMost(9);
    expect(sender.drop()).toBe(9);
    expect(sender.queued).toBe(0);
    sender.add(Buffer.from('x\ny'));
    const waiting = sender.atMost(0);
    sender.close();
    await waiting;
    sender.add(Buffer.from('z'));
    expect(sender.queued).toBe(3);
  });
});
