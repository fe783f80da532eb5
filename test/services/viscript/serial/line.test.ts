import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  LineError,
  SerialLine,
  waitForChange,
  waitForDevice,
} from '../../../../services/viscript/serial/line.ts';
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

describe('waitForChange', () => {
  it('heeds what comes and goes, and not what is written', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'dev-'));
    try {
      await writeFile(join(folder, 'ttyUSB0'), '');
      const heeded: string[] = [];
      const wanted = (name: string) => {
        heeded.push(name);
        return name === 'ttyUSB1';
      };
      const changed = waitForChange(folder, wanted, 3_600_000, AbortSignal.timeout(60_000));
      await writeFile(join(folder, 'ttyUSB0'), 'said');
      await chmod(join(folder, 'ttyUSB0'), 0o600);
      await writeFile(join(folder, 'ttyUSB1'), '');
      expect(await changed).toBe(true);
      expect(heeded).toEqual(['ttyUSB1']);
      expect(await waitForChange(folder, wanted, 1, new AbortController().signal)).toBe(false);
    } finally {
      await rm(folder, { recursive: true });
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
