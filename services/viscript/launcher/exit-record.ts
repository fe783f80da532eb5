import { constants } from 'node:os';
import type { ExitStatus } from './launcher.ts';

/**
 * How a unit ended: the line that ExecStopPost= of viscript-app@.service writes, `INVOCATION RESULT CODE STATUS` as
 * systemd.exec(5) describes $INVOCATION_ID, $SERVICE_RESULT, $EXIT_CODE and $EXIT_STATUS.
 */
export interface ExitRecord {
  /** The run that ended: 32 hex digits. */
  invocation: string;
  status: ExitStatus;
}

/** @returns undefined for anything that is not such a line */
export function parseExitRecord(line: string): ExitRecord | undefined {
  const [invocation = '', result = '', code = '', status = ''] = line.trim().split(' ');
  if (!/^[0-9a-f]{32}$/.test(invocation) || result === '') return undefined;
  return { invocation, status: exitStatus(result, code, status) };
}

function exitStatus(result: string, code: string, status: string): ExitStatus {
  if (code === 'exited' && /^\d+$/.test(status)) {
    return { code: Number(status), signal: null, ...causeOf(result, 'exit') };
  }
  const signal = `SIG${status}`;
  if (isSignal(signal)) return { code: null, signal, ...causeOf(result, 'signal') };
  if (code === '')
    return { code: null, signal: null, cause: 'start-failed', message: `systemd says: ${result}` };
  return { code: null, signal: null, cause: 'signal', message: `ended by signal ${status}` };
}

function causeOf(result: string, plain: 'exit' | 'signal'): Pick<ExitStatus, 'cause' | 'message'> {
  switch (result) {
    case 'oom-kill':
      return { cause: 'oom', message: 'the kernel killed it: its memory limit was reached' };
    case 'timeout':
      return { cause: 'timeout', message: 'it did not stop in time and was killed' };
    default:
      return { cause: plain };
  }
}

function isSignal(name: string): name is NodeJS.Signals {
  return Object.hasOwn(constants.signals, name);
}
