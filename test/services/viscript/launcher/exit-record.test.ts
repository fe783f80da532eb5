import { describe, expect, it } from 'vitest';
import { parseExitRecord } from '../../../../services/viscript/launcher/exit-record.ts';

const run = '0123456789abcdef0123456789abcdef';
const status = (rest: string) => parseExitRecord(`${run} ${rest}\n`)?.status;

describe('an exit record', () => {
  it('tells an exit by its code', () => {
    expect(status('success exited 0')).toEqual({ code: 0, signal: null, cause: 'exit' });
    expect(status('exit-code exited 7')).toEqual({ code: 7, signal: null, cause: 'exit' });
  });

  it('tells the signal, also of a clean end by SIGTERM and of a core dump', () => {
    expect(status('success killed TERM')).toEqual({ code: null, signal: 'SIGTERM', cause: 'signal' });
    expect(status('core-dump dumped SEGV')).toEqual({ code: null, signal: 'SIGSEGV', cause: 'signal' });
    expect(status('signal killed RTMIN+3')).toMatchObject({
      signal: null,
      message: 'ended by signal RTMIN+3',
    });
  });

  it('tells lack of memory and a stop that took too long', () => {
    expect(status('oom-kill killed KILL')).toMatchObject({ signal: 'SIGKILL', cause: 'oom' });
    expect(status('timeout killed KILL')).toMatchObject({ signal: 'SIGKILL', cause: 'timeout' });
  });

  it('tells a start for which nothing was executed', () => {
    expect(status('resources  ')).toMatchObject({
      code: null,
      cause: 'start-failed',
      message: 'systemd says: resources',
    });
  });

  it('is nothing else', () => {
    for (const text of ['', 'x', run, `${run} `, `short success exited 0`])
      expect(parseExitRecord(text)).toBeUndefined();
  });
});
