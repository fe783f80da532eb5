import type { AppConfig, LimitsConfig } from '../config/schema.ts';

/** What one launch is made of: everything resolved, nothing left to look up. */
export interface LaunchSpec {
  /** The launch's id; counts up, never reused by one runtime directory. */
  id: number;
  app: AppConfig;
  /** Absolute path of the executable. */
  file: string;
  /** Arguments after the executable. */
  args: string[];
  /** Absolute path of the working directory. */
  cwd: string;
  /** The whole environment of the app, `SIGNAL_*` among it. Holds a secret: never log it. */
  environment: Record<string, string>;
}

/** How a launch ended. */
export interface ExitStatus {
  /** Exit code, or null where a signal ended it or nothing is known. */
  code: number | null;
  signal: NodeJS.Signals | null;
  cause: 'exit' | 'signal' | 'oom' | 'start-failed' | 'timeout' | 'lost';
  /** What a person should read, where code and signal do not say it. */
  message?: string;
}

/** What the kernel counts for a launch, all of its processes together. */
export interface KernelUsage {
  /** CPU time used since the launch, in seconds. */
  cpuSeconds: number;
  /** Resident memory, bytes. */
  rss: number;
  /** Proportional share of resident memory, bytes; 0 where the kernel does not let us read it. */
  pss: number;
  /** Open descriptors; 0 where the kernel does not let us read them. */
  descriptors: number;
  threads: number;
  processes: number;
  /** What the kernel lets all of them have; what is left out, or everything on a laptop, has no limit of its own. */
  limits: LimitsConfig;
}

export type OutputStream = 'stdout' | 'stderr';

/** One running launch. */
export interface LaunchedProcess {
  readonly pid: number | undefined;
  /** Resolves once, when the main process has ended and nothing of the launch is left. Never rejects. */
  readonly exited: Promise<ExitStatus>;
  onOutput(listener: (stream: OutputStream, chunk: Buffer) => void): void;
  /** Feeds the app's standard input; false where it has none. */
  write(data: string): boolean;
  /** Signals every process of the launch. Resolves when the signal is sent; a launch that has ended is no error. */
  kill(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** @throws {ProcessGone} when the launch has ended. */
  usage(): Promise<KernelUsage>;
}

/** A launch that an earlier supervisor left running. */
export interface AdoptedProcess {
  id: number;
  process: LaunchedProcess;
}

/**
 * Starts apps in isolation from each other and from the supervisor.
 *
 * INVARIANTS of every implementation (see the compliance suite):
 * - `exited` resolves after the last process of the launch is gone, children that detached included;
 * - output written before the end is delivered before `exited` resolves;
 * - a launch that cannot start gives a process whose `exited` has cause `start-failed`, and no exception.
 */
export interface Launcher {
  readonly kind: 'process' | 'systemd';
  start(): Promise<void>;
  launch(spec: LaunchSpec): Promise<LaunchedProcess>;
  /** Launches that are still running from an earlier supervisor. */
  adopt(): Promise<AdoptedProcess[]>;
  /** Lets go of what the launcher holds. Launches are not ended by it. */
  close(): Promise<void>;
}

export class ProcessGone extends Error {
  override readonly name = 'ProcessGone';
  constructor(id: number) {
    super(`launch ${id} has ended: nothing left to measure`);
  }
}
