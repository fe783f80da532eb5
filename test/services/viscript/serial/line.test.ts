import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { LineError, SerialLine, waitForDevice } from '../../../../services/viscript/serial/line.ts';
import { hasSocat, PtyPair } from '../terminal/pty.ts';

describe('SerialLine', () => {
  it('says what cannot be opened and why', async () => {
    await expect(SerialLine.open('/dev/no-such-line', 115_200)).rejects.toThrow(LineError);
    await expect(SerialLine.open('/dev/no-such-line', 115_200)).rejects.toThrow(
      /cannot open \/dev\/no-such-line: .*No such file/,
    );
  });
});

describe.skipIf(!hasSocat)('SerialLine on a pair of lines (needs socat)', () => {
  it('closes when the line is hung up while bytes wait in it', async () => {
    const pair = await PtyPair.open();
    try {
      await using line = await SerialLine.open(pair.near, 115_200);
      const closed = once(line.port, 'close');
      const far = createWriteStream(pair.far);
      await new Promise((resolve) => far.write('x'.repeat(2000), resolve));
      far.destroy();
      await pair.unplug();
      line.port.resume();
      await closed;
      expect(line.port.isOpen).toBe(false);
    } finally {
      await pair.close();
    }
  });

  it('closes while a write waits for a far end that reads nothing', async () => {
    const pair = await PtyPair.open();
    try {
      await using line = await SerialLine.open(pair.near, 115_200);
      const failed = once(line.port, 'error');
      line.port.write(Buffer.alloc(1024 * 1024, 'x'));
      await line.close();
      expect(line.port.isOpen).toBe(false);
      expect((await failed)[0]).toMatchObject({ message: expect.stringMatching(/Canceled|not open/) });
    } finally {
      await pair.close();
    }
  });

  it('refuses a line that somebody else holds', async () => {
    const pair = await PtyPair.open();
    try {
      await using line = await SerialLine.open(pair.near, 115_200);
      expect(line.port.isOpen).toBe(true);
      // Root is let in everywhere.
      if (process.getuid?.() !== 0)
        await expect(SerialLine.open(pair.near, 115_200)).rejects.toThrow(/cannot open/);
    } finally {
      await pair.close();
    }
  });
});

describe.skipIf(!hasSocat)('waitForDevice (needs socat)', () => {
  it('resolves as soon as the device is there', async () => {
    const pair = await PtyPair.open();
    try {
      await pair.unplug();
      const waiting = waitForDevice(pair.near, 3_600_000, AbortSignal.timeout(60_000));
      await pair.plugIn();
      await waiting;
    } finally {
      await pair.close();
    }
  });
});
