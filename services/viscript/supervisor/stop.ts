import type { SignalSession } from '../../signal/server.ts';
import type { ExitStatus, LaunchedProcess } from '../launcher/launcher.ts';

/** How an app was ended, as it really went. */
export interface StopReport {
  pid: number | undefined;
  /** `drained`: by itself after its drain hook; `terminated`: by TERM; `killed`: by KILL; `not-running`: there was nothing to end. */
  how: 'drained' | 'terminated' | 'killed' | 'not-running';
  status: ExitStatus | undefined;
  tookMs: number;
}

/** After TERM past the grace an app has this many milliseconds before KILL. */
const termGraceMs = 2000;

/** Asks for a drain over signal where the app speaks it, else sends TERM; past the grace TERM, then KILL. */
export async function stopProcess(
  process: LaunchedProcess,
  session: SignalSession | undefined,
  graceMs: number,
): Promise<StopReport> {
  const { pid } = process;
  const from = performance.now();
  const report = (how: StopReport['how'], status: ExitStatus): StopReport => ({
    pid,
    how,
    status,
    tookMs: performance.now() - from,
  });

  const asked = session !== undefined && (await accepts(session, graceMs));
  if (asked) {
    const status = await within(process.exited, graceMs);
    if (status) return report('drained', status);
  }
  await process.kill('SIGTERM');
  const status = await within(process.exited, asked ? termGraceMs : graceMs);
  if (status) return report('terminated', status);
  await process.kill('SIGKILL');
  return report('killed', await process.exited);
}

/** A client that is gone or hangs cannot be asked; then the signals decide, and that is no error of ours. */
async function accepts(session: SignalSession, graceMs: number): Promise<boolean> {
  return session.shutdown(graceMs).then(
    () => true,
    () => false,
  );
}

function within<T>(promise: Promise<T>, milliseconds: number): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(undefined), milliseconds);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
