import { type Fields, list, number, optionalText, shape, text, texts } from '../../services/signal/shape.ts';
import { endOf } from '../../services/viscript/commands/describe.ts';
import { ControlClient } from '../../services/viscript/control/client.ts';
import { readPorts } from '../../services/viscript/troubles/network.ts';
import type { AppLook, Look, SupervisorLook } from './health.ts';

/** A supervisor that has not answered in this time (milliseconds) does not. */
const ANSWER_MS = 15_000;
/** Longest answer that is read, in characters. */
const MAX_ANSWER = 4 * 1024 * 1024;

/** Looks at the board. A supervisor that does not answer, or not as it should, is none. */
export async function lookAt(controlSocket: string): Promise<Look> {
  const [supervisor, ports] = await Promise.all([askSupervisor(controlSocket), readPorts()]);
  return { supervisor, ports };
}

/** The last lines that an app wrote; empty when they cannot be had. */
export async function lastLinesOf(controlSocket: string, app: string, count: number): Promise<string[]> {
  const answer = await ask(controlSocket, ['logs', '-n', String(count), app]);
  return answer
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => logLine.parse(JSON.parse(line)).text);
}

async function askSupervisor(controlSocket: string): Promise<SupervisorLook | Error> {
  try {
    return overview.parse(JSON.parse(await ask(controlSocket, ['status'])));
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** @returns what the command printed as JSON, a value a line @throws {Error} no supervisor, no answer, or a failure */
async function ask(controlSocket: string, argv: string[]): Promise<string> {
  const client = await ControlClient.connect(controlSocket);
  // A supervisor that hangs takes the connection and says nothing.
  const late = setTimeout(() => client.close(), ANSWER_MS);
  try {
    let answer = '';
    const status = await client.run(
      { argv, json: true, columns: 0, color: false },
      (_stream, words) => {
        if (answer.length + words.length > MAX_ANSWER) client.close();
        else answer += words;
      },
      AbortSignal.timeout(ANSWER_MS),
    );
    if (status !== 0) throw new Error(`${argv.join(' ')}: status ${status}: ${answer}`);
    return answer;
  } finally {
    clearTimeout(late);
    client.close();
  }
}

const overview = shape<SupervisorLook>((f) => ({
  pid: number(f, 'pid'),
  autostart: texts(f, 'autostart'),
  apps: list(f, 'apps').map((each) => launch.parse(each)),
  over: list(f, 'over').map((each) => launch.parse(each)),
}));

const launch = shape<AppLook>((f) => {
  const last = f.lastExit === undefined ? undefined : exit.parse(f.lastExit);
  return {
    app: text(f, 'app'),
    state: text(f, 'state'),
    restarts: number(f, 'restarts'),
    pid: f.pid === undefined ? undefined : number(f, 'pid'),
    lastExit: last?.words,
    endedWell: last?.well ?? false,
  };
});

const exit = shape((f) => {
  const [kind, reason] = [text(f, 'kind'), optionalText(f, 'reason')];
  const code = f.code === null ? null : number(f, 'code');
  const message = optionalText(f, 'message');
  const words = endOf({
    ...{ code, signal: signalOf(f), cause: text(f, 'cause') },
    ...(message === undefined ? {} : { message }),
  });
  return { words: reason ?? words, well: kind === 'stopped' || code === 0 };
});

function signalOf(f: Fields): string | null {
  return f.signal === null ? null : text(f, 'signal');
}

const logLine = shape((f) => ({ text: text(f, 'text') }));
