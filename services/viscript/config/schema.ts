/** One app that viscript can launch: what its entry in the config file says, defaults filled in. */
export interface AppConfig {
  name: string;
  /** The program as written: absolute, relative to the config file, or a bare name. */
  path: string;
  /** Arguments of a start that names none. */
  args: string[];
  /** A daemon reads no input. */
  daemon: boolean;
  /** One line for the list of apps. */
  desc: string;
  /** The text of `help APP`. */
  help: string;
  autostart: boolean;
  /** Apps that must be ready before this one starts; each exists, and none depends on this one. */
  dependsOn: string[];
  restart: RestartPolicy;
  /** Time between asking the app to stop and killing it, milliseconds. */
  stopGraceMs: number;
  environment: Record<string, string>;
  healthcheck: HealthcheckConfig | undefined;
  limits: LimitsConfig;
  /** Linux capabilities in the kernel's spelling, for example CAP_NET_ADMIN. */
  capabilities: string[];
  /** The app may speak to this board's node of the mesh. */
  mesh: boolean;
}

export type RestartPolicy = 'no' | 'on-failure' | 'always';

export interface HealthcheckConfig {
  intervalMs: number;
  timeoutMs: number;
  /** Failures in a row that make the app unhealthy. */
  retries: number;
  /** Failures in this time after the start do not count, milliseconds. */
  startPeriodMs: number;
}

export interface LimitsConfig {
  /** Bytes. */
  memory?: number;
  /** Cores; 0.5 is half of one. */
  cpus?: number;
  /** Processes and threads together. */
  pids?: number;
  /** Bytes of its files that last. */
  disk?: number;
}

export interface Settings {
  verboseInput: boolean;
  verifyParsingByPrinting: boolean;
  runHeadless: boolean;
}

export interface MetricsConfig {
  /** `socket`: a Unix socket in the runtime directory; `off`: nowhere. */
  listen: 'socket' | 'off' | { path: string } | { host: string; port: number };
}

/**
 * What can befall an app: it went down; it went down time and again; it is up again; it was ended because it used
 * more than it may.
 */
export type AlertEvent = 'down' | 'crash-loop' | 'up' | 'over-limit';

export interface AlertsConfig {
  /** The program and its arguments; run as they are, by no shell. */
  command: [string, ...string[]];
  /** A run that lasts longer is killed, milliseconds. */
  timeoutMs: number;
  events: AlertEvent[];
}

export interface Config {
  /** Where it was read from: relative `path`s of apps start in this file's folder. */
  file: string;
  /** By name, in the order of the file. */
  apps: Map<string, AppConfig>;
  settings: Settings;
  metrics: MetricsConfig;
  alerts: AlertsConfig | undefined;
}
