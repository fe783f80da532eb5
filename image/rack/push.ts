import { CommandError, run } from '../run.ts';

export interface PushOptions {
  /** OpenSSH's client configuration, in which each board has its name. */
  sshConfig: string;
  boards: readonly string[];
  /** The signed list. */
  members: string;
  /** Ends everything. */
  signal?: AbortSignal;
}

/** What came of it at one board. */
export interface Pushed {
  board: string;
  /** It took the list, it had that one already, or it did not take it. */
  outcome: 'taken' | 'had' | 'failed';
  /** Why not, one line; it may be in the board's own words. */
  problem?: string;
}

/** Boards that are spoken to at the same time. */
const atATime = 8;
/** For one board. A connection that is not there within seconds will not be. */
const timeoutMs = 60_000;
const settings = ['BatchMode=yes', 'ConnectTimeout=10'].flatMap((setting) => ['-o', setting]);

/**
 * Hands a list of members to boards, by OpenSSH's client and the command line of each board. Whoever takes it passes it on
 * to all others that the manager reaches.
 *
 * @returns in the order of the boards; never rejects because of one of them
 */
export async function pushMembers({ boards, ...options }: PushOptions): Promise<Pushed[]> {
  const pushed: Pushed[] = [];
  const waiting = [...boards.entries()];
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift())
      pushed[next[0]] = await pushTo(next[1], options);
  };
  await Promise.all(Array.from({ length: atATime }, work));
  return pushed;
}

async function pushTo(
  board: string,
  { sshConfig, members, signal }: Omit<PushOptions, 'boards'>,
): Promise<Pushed> {
  const limit = AbortSignal.timeout(timeoutMs);
  const args = ['-F', sshConfig, ...settings, '--', board, '--json', 'mesh', 'members', 'take'];
  try {
    const either = signal === undefined ? limit : AbortSignal.any([limit, signal]);
    const { stdout } = await run('ssh', args, { input: members, signal: either });
    return { board, outcome: wasTaken(stdout) ? 'taken' : 'had' };
  } catch (error) {
    if (!(error instanceof CommandError || error instanceof SyntaxError)) throw error;
    if (signal?.aborted) throw signal.reason;
    const problem = limit.aborted ? `no answer within ${timeoutMs / 1000} s` : problemOf(error);
    return { board, outcome: 'failed', problem };
  }
}

function wasTaken(answer: string): boolean {
  const fields: unknown = JSON.parse(answer);
  return typeof fields === 'object' && fields !== null && 'taken' in fields && fields.taken === true;
}

/** The last line that ssh or the board has said: what comes before are its warnings. */
function problemOf(error: CommandError | SyntaxError): string {
  if (error instanceof SyntaxError)
    return 'the board answers with something else: is its image older than this?';
  const line = error.tail.at(-1);
  return line === undefined ? error.message : (messageIn(line) ?? line);
}

/** A board asked for JSON says so too what is wrong. */
function messageIn(line: string): string | undefined {
  try {
    const { error } = JSON.parse(line) as { error?: { message?: unknown } };
    return typeof error?.message === 'string' ? error.message : undefined;
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    return undefined;
  }
}
