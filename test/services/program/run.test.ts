import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const greeter = join(import.meta.dirname, 'fixtures/greeter.ts');

interface Ended {
  status: number;
  out: string;
  errors: string;
}

function run(...argv: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [greeter, ...argv], (error, out, errors) => {
      resolve({ status: error ? Number(error.code) : 0, out, errors });
    });
  });
}

describe('a program', () => {
  it('runs with what its command line says', async () => {
    expect(await run('you', '--times', '2')).toEqual({
      status: 0,
      out: 'hello you\nhello you\n',
      errors: '',
    });
  });

  it.each([['--help'], ['-h'], ['you', '--times', '9', '--help'], ['--nonsense', '-h']])(
    'explains itself when asked, whatever else is said: %j',
    async (...argv) => {
      const help = 'greeter NAME [--times N]\ngreeter nobody\n\nGreets.\n';
      expect(await run(...argv)).toEqual({ status: 0, out: help, errors: '' });
    },
  );

  it('takes what comes after -- as it is', async () => {
    expect(await run('--', '--help')).toEqual({ status: 0, out: 'hello --help\n', errors: '' });
  });

  it('ends with status 2 and all its forms when the command line is wrong', async () => {
    expect(await run('you', '--times', '4')).toEqual({
      status: 2,
      out: '',
      errors:
        'greeter: --times "4": give a whole number from 1 to 3; give greeter NAME [--times N], or greeter nobody, and see --help\n',
    });
  });

  it('ends with status 1 when something else is wrong', async () => {
    const errors = 'greeter: there is nobody to greet\n';
    expect(await run('nobody')).toEqual({ status: 1, out: '', errors });
  });
});
