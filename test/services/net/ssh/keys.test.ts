import { execFileSync } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newHostKey, publicLineOf } from '../../../../services/net/ssh/host-key.ts';
import { InvalidSshKey, looksLikeSshKey, parseSshKey } from '../../../../services/net/ssh/public-key.ts';
import { fuzzRuns } from '../../../fuzz.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ssh keys '));
});
afterAll(() => rm(folder, { recursive: true }));

async function generated(...options: string[]): Promise<{ secret: string; publicLine: string }> {
  const file = join(folder, options.join(''));
  execFileSync('ssh-keygen', ['-q', '-N', '', '-C', 'ann@laptop two words', '-f', file, ...options]);
  return { secret: await readFile(file, 'utf8'), publicLine: await readFile(`${file}.pub`, 'utf8') };
}

describe('an OpenSSH public key', () => {
  it.each([['ed25519'], ['rsa', '-b', '2048'], ['ecdsa', '-b', '256'], ['ecdsa', '-b', '521']])(
    'of type %s is taken as ssh-keygen writes it',
    async (type, ...options) => {
      const { publicLine } = await generated('-t', type, ...options);
      expect(parseSshKey(publicLine)).toBe(publicLine.trim());
      expect(looksLikeSshKey(publicLine)).toBe(true);
    },
  );

  it('of a security key is taken', () => {
    const text = (content: string | Buffer) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(content.length);
      return Buffer.concat([length, Buffer.from(content)]);
    };
    const type = 'sk-ssh-ed25519@openssh.com';
    const blob = Buffer.concat([text(type), text(Buffer.alloc(32, 7)), text('ssh:')]).toString('base64');
    expect(parseSshKey(`${type}  ${blob}`)).toBe(`${type} ${blob}`);
  });

  it('is refused with what is wrong', async () => {
    const { publicLine, secret } = await generated('-t', 'ed25519', '-a', '17');
    const [type = '', base64 = ''] = publicLine.split(' ');
    const problem = (text: string) => {
      try {
        return parseSshKey(text);
      } catch (error) {
        if (error instanceof InvalidSshKey) return error.message;
        throw error;
      }
    };
    expect(problem(`command="rm -rf /",no-pty ${publicLine}`)).toContain('options before the key');
    expect(problem(`restrict ${publicLine}`)).toContain('options before the key');
    expect(problem(secret)).toContain('secret key');
    expect(problem(`${type} ${base64.slice(0, -4)}`)).toContain('cut short');
    expect(problem(`${type} ${base64.slice(0, -1)}*`)).toContain('no base64');
    expect(problem(`${type} `)).toContain('no base64');
    expect(problem(`${type} ${base64}${base64}`)).toMatch(/something follows|no base64/);
    expect(problem(`ssh-rsa ${base64}`)).toContain('inside it is no ssh-rsa');
    expect(problem(`ssh-dss ${base64}`)).toContain('is no OpenSSH public key');
    expect(problem(`${publicLine.trim()}\nssh-ed25519 x`)).toContain('one line');
    expect(problem(`${type} ${base64} ${'x'.repeat(9000)}`)).toContain('longer than');
    const weak = await generated('-t', 'rsa', '-b', '1024');
    expect(problem(weak.publicLine)).toBe('has 1024 bits: RSA needs 2048 to 16384');
  });

  it('is read or refused with its error, whatever comes', () => {
    const piece = fc.constantFrom(
      'ssh-ed25519',
      'ssh-rsa',
      ' ',
      'AAAAC3NzaC1lZDI1NTE5AAAAI',
      'AAAA',
      '=',
      '\n',
    );
    const text = fc.oneof(
      fc.string(),
      fc.array(piece).map((pieces) => pieces.join('')),
      fc.base64String(),
    );
    const property = fc.property(text, (line) => {
      try {
        expect(parseSshKey(parseSshKey(line))).toBe(parseSshKey(line));
      } catch (error) {
        if (!(error instanceof InvalidSshKey)) throw error;
      }
    });
    fc.assert(property, fuzzRuns('ssh-public-key', 50_000));
  });
});

describe('an SSH host key', () => {
  it('is one that ssh-keygen reads, and its public half is the one that ssh-keygen finds', async () => {
    for (const comment of ['node1', 'a', 'ab', '', 'a'.repeat(63)]) {
      const { secret, publicLine } = newHostKey(comment);
      const file = join(folder, 'host');
      await writeFile(file, secret);
      await chmod(file, 0o600);
      const shown = execFileSync('ssh-keygen', ['-y', '-f', file], { encoding: 'utf8' });
      expect(shown.trim()).toBe(`${publicLine} ${comment}`.trim());
      expect(publicLineOf(secret)).toBe(publicLine);
      expect(parseSshKey(publicLine)).toBe(publicLine);
    }
  });

  it('can be one that ssh-keygen made', async () => {
    const { secret, publicLine } = await generated('-t', 'ed25519', '-q');
    expect(publicLine).toContain(publicLineOf(secret));
  });

  it('is another one each time', () => {
    expect(newHostKey('x').secret).not.toBe(newHostKey('x').secret);
  });

  it('is refused when it is damaged, of another type, or has a passphrase', async () => {
    const { secret } = newHostKey('node1');
    const locked = join(folder, 'locked');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', 'secret', '-f', locked]);
    const others = [
      '',
      secret.slice(0, -5),
      secret.replace(/[A-Z]{2}/, 'ab'),
      (await generated('-t', 'ecdsa')).secret,
      await readFile(locked, 'utf8'),
      secret.replace(/\n(.{60})/g, '\n'),
    ];
    for (const other of others) expect(() => publicLineOf(other), other).toThrow(InvalidSshKey);
  });
});
