import type { AppUsage, SignalSession } from '../../signal/server.ts';
import type { KernelUsage, LaunchedProcess } from '../launcher/launcher.ts';

export interface Usage extends KernelUsage {
  /** Share of one CPU over the last moments, in percent. */
  cpuPercent: number;
  /** What the app says of itself; undefined where it does not speak signal. */
  self: AppUsage | undefined;
}

/** Distance of the two samples from which CPU % is made, milliseconds. */
const sampleMs = 200;

/** @throws {ProcessGone} when it has ended. */
export async function measureUsage(
  process: LaunchedProcess,
  session: SignalSession | undefined,
): Promise<Usage> {
  const first = await process.usage();
  const from = performance.now();
  await new Promise((resolve) => setTimeout(resolve, sampleMs));
  const [kernel, self] = await Promise.all([process.usage(), session?.usage()]);
  const seconds = (performance.now() - from) / 1000;
  const known = {
    pss: kernel.pss || (self?.pss ?? 0),
    descriptors: kernel.descriptors || (self?.descriptors ?? 0),
  };
  return {
    ...kernel,
    ...known,
    cpuPercent: ((kernel.cpuSeconds - first.cpuSeconds) / seconds) * 100,
    self,
  };
}
