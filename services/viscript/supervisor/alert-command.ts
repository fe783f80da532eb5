import { type ChildProcess, spawn } from 'node:child_process';
import { dirname, resolve } from 'node:path';
import type { AlertsConfig } from '../config/schema.ts';
import { killIfThere } from '../launcher/descendants.ts';
import type { Alert } from './alerts.ts';
import { baseEnvironment } from './environment.ts';

/** Characters of what a failed command wrote on standard error that are told. */
const maxSaid = 500;

/**
 * Runs the command for one event, as a list of arguments and by no shell. Past the time limit it is killed with all
 * its process group.
 * @returns what went wrong; undefined where it exited with 0
 */
export function runAlert(
  { command, timeoutMs }: AlertsConfig,
  configFile: string,
  alert: Alert,
  over: AbortSignal,
): Promise<string | undefined> {
  const [program, ...words] = command;
  const folder = dirname(configFile);
  const file = program.includes('/') ? resolve(folder, program) : program;
  return new Promise((done) => {
    const child = spawn(file, words, {
      cwd: folder,
      env: { ...baseEnvironment(process.env), ...variablesOf(alert) },
      stdio: ['pipe', 'ignore', 'pipe'],
      detached: true,
    });
    const kill = () => {
      if (child.pid !== undefined) killIfThere(-child.pid, 'SIGKILL');
      // A process that has left the group may hold it open.
      child.stderr.destroy();
    };
    const timer = setTimeout(() => {
      kill();
      end(`was killed: it took more than ${timeoutMs / 1000} s`);
    }, timeoutMs);
    const onOver = () => {
      kill();
      end('was ended with viscript');
    };
    const end = (problem: string | undefined) => {
      clearTimeout(timer);
      over.removeEventListener('abort', onOver);
      done(problem);
    };
    over.addEventListener('abort', onOver);
    if (over.aborted) onOver();
    const said = firstOf(child);
    child.once('error', (error) => end(`cannot be run: ${error.message}`));
    child.once('exit', (code, signal) => {
      kill();
      const how = signal === null ? `exited with code ${code}` : `was ended by ${signal}`;
      end(code === 0 ? undefined : `${how}${said() === '' ? '' : `: ${said()}`}`);
    });
    // A command that does not care for its input may end without reading it.
    child.stdin.on('error', () => child.stdin.destroy());
    child.stdin.end(`${JSON.stringify(alert)}\n`);
  });
}

function variablesOf(alert: Alert): Record<string, string> {
  return Object.fromEntries(
    Object.entries(alert).map(([name, value]) => [`VISCRIPT_${name.toUpperCase()}`, String(value)]),
  );
}

/** Reads on to the end, so that nobody waits for us, and keeps the beginning. */
function firstOf({ stderr }: ChildProcess): () => string {
  let text = '';
  stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    text = (text + chunk).slice(0, maxSaid);
  });
  return () => text.trim().replaceAll(/\s+/g, ' ');
}
