import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const notifierFile = join(import.meta.dirname, '../../../../services/viscript/notify/notifier.ts');

/** A service that says what `steps` say, in a process of its own as systemd would start it. */
const service = (steps: string) => `
  import { openNotifier } from ${JSON.stringify(notifierFile)};
  const notifier = await openNotifier();
  ${steps}
`;

describe('a notifier', () => {
  let folder: string;
  let receiver: Receiver;
  const children: ChildProcess[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'viscript-notify-'));
    receiver = await Receiver.listen(join(folder, 'notify'));
  });

  afterEach(async () => {
    for (const child of children) child.kill('SIGKILL');
    children.length = 0;
    receiver.close();
    await rm(folder, { recursive: true });
  });

  function run(steps: string, env: Record<string, string>): ChildProcess {
    const child = spawn(process.execPath, ['--input-type=module', '-e', service(steps)], {
      env: { PATH: process.env.PATH, ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    return child;
  }

  it('tells systemd that the service is ready, how it fares and that it stops, from its own process', async () => {
    const child = run(
      `notifier.status('starting'); notifier.ready('2 of 3 apps ready'); notifier.stopping(); notifier.close();`,
      { NOTIFY_SOCKET: receiver.path },
    );
    const from = `pid ${child.pid}:`;
    expect(await receiver.next()).toBe(`${from} STATUS=starting`);
    expect(await receiver.next()).toBe(`${from} READY=1|STATUS=2 of 3 apps ready`);
    expect(await receiver.next()).toBe(`${from} STOPPING=1`);
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  it('keeps a status on one line, so that it cannot say anything else', async () => {
    run(`notifier.status('two\\n  lines\\nREADY=1');`, { NOTIFY_SOCKET: receiver.path });
    expect(await receiver.next()).toMatch(/: STATUS=two lines READY=1$/);
  });

  it('says a status once', async () => {
    run(`notifier.status('a'); notifier.status('a'); notifier.status('b');`, {
      NOTIFY_SOCKET: receiver.path,
    });
    expect(await receiver.next()).toMatch(/STATUS=a$/);
    expect(await receiver.next()).toMatch(/STATUS=b$/);
  });

  it('feeds the watchdog again and again while the event loop turns', async () => {
    run(`notifier.watchdog(async () => {}); setInterval(() => {}, 1000);`, {
      NOTIFY_SOCKET: receiver.path,
      WATCHDOG_USEC: '40000',
    });
    for (let count = 0; count < 5; count++) expect(await receiver.next()).toMatch(/WATCHDOG=1$/);
  });

  it('stops feeding the watchdog when the event loop hangs', async () => {
    run(
      `notifier.watchdog(async () => {});
       setTimeout(() => { notifier.status('hanging'); Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500); notifier.status('back'); }, 100);
       setInterval(() => {}, 1000);`,
      { NOTIFY_SOCKET: receiver.path, WATCHDOG_USEC: '40000' },
    );
    let message = '';
    while (!message.endsWith('STATUS=hanging')) message = await receiver.next();
    expect(await receiver.next()).toMatch(/STATUS=back$/);
    expect(await receiver.next()).toMatch(/WATCHDOG=1$/);
  });

  it('does not feed the watchdog for a service whose timers go on but that cannot do its work, and says why', async () => {
    const child = run(
      `let asked = 0;
       notifier.watchdog(async () => { if (++asked < 4) throw new Error('refused ' + asked); });
       process.on('warning', ({ message }) => notifier.status(message));
       setInterval(() => {}, 1000);`,
      { NOTIFY_SOCKET: receiver.path, WATCHDOG_USEC: '40000' },
    );
    expect(await receiver.next()).toMatch(/: WATCHDOG=1$/);
    for (const time of [1, 2, 3]) {
      expect(await receiver.next()).toBe(
        `pid ${child.pid}: STATUS=the watchdog was not fed: refused ${time}`,
      );
    }
    expect(await receiver.next()).toMatch(/: WATCHDOG=1$/);
  });

  it('asks no further while an answer stays away', async () => {
    run(
      `let asked = 0;
       notifier.watchdog(() => { asked += 1; return new Promise(() => {}); });
       setTimeout(() => notifier.status('asked ' + asked), 300);
       setInterval(() => {}, 1000);`,
      { NOTIFY_SOCKET: receiver.path, WATCHDOG_USEC: '40000' },
    );
    expect(await receiver.next()).toMatch(/: WATCHDOG=1$/);
    expect(await receiver.next()).toMatch(/: STATUS=asked 1$/);
  });

  it('leaves the watchdog of another process alone', async () => {
    run(`notifier.watchdog(async () => {}); notifier.stopping();`, {
      NOTIFY_SOCKET: receiver.path,
      WATCHDOG_USEC: '40000',
      WATCHDOG_PID: '1',
    });
    expect(await receiver.next()).toMatch(/STOPPING=1$/);
  });

  it('does nothing and loads nothing where nobody listens', async () => {
    const child = run(
      `notifier.ready('x'); notifier.watchdog(async () => {}); notifier.status('y'); notifier.stopping(); notifier.close();
       const loaded = (await import('node:fs')).readFileSync('/proc/self/maps', 'utf8');
       process.exit(/koffi|libsystemd/.test(loaded) ? 1 : 0);`,
      {},
    );
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  it('names the socket that does not take a message', async () => {
    const child = run(
      `try { notifier.ready('x'); } catch (error) { console.log(error.name, error.message); }`,
      { NOTIFY_SOCKET: join(folder, 'nobody') },
    );
    const [text] = await once(child.stdout ?? child, 'data');
    expect(String(text)).toMatch(/^NotifyError .*READY=1.*nobody/);
  });
});

/** A datagram socket as systemd has it, with the sender's credentials; Node has none, so Python receives. */
class Receiver {
  readonly path: string;
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor(path: string, process: ChildProcess, lines: AsyncIterator<string>) {
    this.path = path;
    this.#process = process;
    this.#lines = lines;
  }

  static async listen(path: string): Promise<Receiver> {
    const child = spawn('python3', ['-u', '-c', receiverProgram, path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const receiver = new Receiver(
      path,
      child,
      createInterface({ input: child.stdout })[Symbol.asyncIterator](),
    );
    expect(await receiver.next()).toBe('listening');
    return receiver;
  }

  /** `pid N: MESSAGE`, line feeds in the message shown as |. */
  async next(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error('the receiver has ended');
    return value;
  }

  close(): void {
    this.#process.kill('SIGKILL');
  }
}

const receiverProgram = `
import socket, struct, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
s.bind(sys.argv[1])
print('listening')
while True:
    data, control, _, _ = s.recvmsg(4096, socket.CMSG_SPACE(12))
    pid = struct.unpack('iii', control[0][2])[0]
    print('pid %d: %s' % (pid, data.decode().replace(chr(10), '|')))
`;
