import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { maxFailures } from '../../../../services/socks/client/failures.ts';
import { Users, UsersFileError } from '../../../../services/socks/client/users.ts';
import {
  decodeMethod,
  decodeReply,
  encodeCredentials,
  encodeGreeting,
  encodeRequest,
} from '../../../../services/socks/protocol.ts';
import { scratchFolder } from '../../signal/support.ts';
import { all, connectTo, echo, read, startProxy, startTarget, until } from '../support.ts';

const credentials = (name: string, password: string) => ({
  name: Buffer.from(name),
  password: Buffer.from(password),
});

async function fileOf(text: string, mode = 0o600): Promise<string> {
  const file = join(await scratchFolder(), 'users');
  await writeFile(file, text);
  await chmod(file, mode);
  return file;
}

describe('a file of users', () => {
  it('admits those in it, and nobody else', async () => {
    const users = await Users.read(await fileOf('# people\nann:secret\n\nbób:with:colons\r\n'));
    expect(users.size).toBe(2);
    expect(users.accept(credentials('ann', 'secret'))).toBe(true);
    expect(users.accept(credentials('bób', 'with:colons'))).toBe(true);
    for (const [name, password] of [
      ['ann', 'Secret'],
      ['ann', ''],
      ['ann', 'secret\n'],
      ['', 'secret'],
      ['bob', 'with:colons'],
      ['# people', ''],
    ] as const) {
      expect([name, users.accept(credentials(name, password))]).toEqual([name, false]);
    }
  });

  it.each([0o640, 0o604, 0o644, 0o660])('is refused with mode %o', async (mode) => {
    await expect(Users.read(await fileOf('ann:secret\n', mode))).rejects.toThrow(/chmod 600/);
  });

  it.each([
    ['', /no users/],
    ['# none\n', /no users/],
    ['ann\n', /line 1 is not NAME:PASSWORD/],
    ['ann:x\n:x\n', /line 2 is not NAME:PASSWORD/],
    ['ann:\n', /line 1/],
    [`ann:${'x'.repeat(256)}\n`, /line 1/],
    ['ann:x\nann:y\n', /line 2 names a user a second time/],
  ])('is refused with %j in it, and no password is shown', async (text, why) => {
    const error: unknown = await Users.read(await fileOf(text)).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UsersFileError);
    expect(String(error)).toMatch(why);
    expect(String(error)).not.toContain('xxx');
  });

  it('has to be there', async () => {
    await expect(Users.read(join(await scratchFolder(), 'none'))).rejects.toThrow(/cannot read .*ENOENT/);
  });
});

describe('a proxy with users', () => {
  const users = new Users('ann:secret');

  it('serves whoever has the password', async () => {
    const target = await startTarget(echo);
    const { port } = await startProxy({}, { users });
    const socket = await connectTo(port);
    socket.write(encodeGreeting([0, 2]));
    expect(await read(socket, decodeMethod)).toBe(2);
    socket.write(encodeCredentials(credentials('ann', 'secret')));
    expect(await read(socket, answer)).toEqual([1, 0]);
    socket.write(encodeRequest({ command: 1, destination: { host: '127.0.0.1', port: target.port } }));
    expect(await read(socket, decodeReply)).toMatchObject({ code: 0 });
    socket.end('through');
    expect((await all(socket)).toString()).toBe('through');
  });

  it.each([
    ['ann', 'wrong'],
    ['nobody', 'secret'],
    ['', ''],
  ])('ends the connection of %j with %j', async (name, password) => {
    const { port, failures, listener } = await startProxy({}, { users });
    const socket = await connectTo(port);
    socket.write(encodeGreeting([2]));
    await read(socket, decodeMethod);
    socket.write(encodeCredentials(credentials(name, password)));
    expect(await read(socket, answer)).toEqual([1, 1]);
    expect(await all(socket)).toHaveLength(0);
    socket.end();
    await until(() => listener.metrics.programs === 0);
    expect(failures).toMatchObject([{ name: 'NotAdmitted' }]);
  });

  it('looks at no password of who has given too many wrong ones', async () => {
    const { port, failures } = await startProxy({}, { users });
    const answers: unknown[] = [];
    for (const password of [...Array<string>(maxFailures).fill('guess'), 'secret']) {
      const socket = await connectTo(port);
      socket.write(Buffer.concat([encodeGreeting([2]), encodeCredentials(credentials('ann', password))]));
      await read(socket, decodeMethod);
      answers.push(await read(socket, answer));
      socket.destroy();
    }
    expect(answers).toEqual(Array(maxFailures + 1).fill([1, 1]));
    await until(() => failures.length > maxFailures);
    expect(failures.map(({ message }) => message)).toEqual([
      ...Array(maxFailures).fill('the name or the password is wrong'),
      'too many wrong passwords came from 127.0.0.1',
    ]);
  });

  it('takes nobody who offers no password', async () => {
    const { port } = await startProxy({}, { users });
    const socket = await connectTo(port);
    socket.write(encodeGreeting([0]));
    expect(await read(socket, decodeMethod)).toBe(0xff);
    expect(await all(socket)).toHaveLength(0);
  });
});

/** Version and status of RFC 1929. */
function answer(bytes: Buffer) {
  return bytes.length < 2 ? undefined : { value: [...bytes.subarray(0, 2)], length: 2 };
}
