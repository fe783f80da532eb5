import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SerialPort } from 'serialport';
import { RescueService } from '../../../../image/console/service.ts';
import { Tries } from '../../../../image/console/tries.ts';
import { hashPassphrase } from '../../../../services/net/passphrase.ts';
import { lastGoodPath } from '../../../../services/viscript/config/last-good.ts';
import { loadConfig } from '../../../../services/viscript/config/loader.ts';
import { ControlClient } from '../../../../services/viscript/control/client.ts';
import { ControlServer } from '../../../../services/viscript/control/server.ts';
import { runSerialConsole } from '../../../../services/viscript/serial/console.ts';
import { openPort } from '../../../../services/viscript/serial/port.ts';
import { RescueClient } from '../../../../services/viscript/serial/rescue-client.ts';
import { History } from '../../../../services/viscript/terminal/history.ts';
import { InvalidFile } from '../../../../services/yaml/errors.ts';
import { startSupervisor, type TestSupervisor } from '../support.ts';
import { PtyPair } from '../terminal/pty.ts';
import { Transcript } from '../terminal/transcript.ts';

/** The least that is accepted: these tests are not about guessing. */
const CHEAP = { N: 2 ** 14, r: 8, p: 1 };

const CONFIG = `
apps:
  echo:
    path: /bin/cat
    desc: says again what it hears
`;

/** A board's serial console over a real pair of lines, with a real supervisor behind it, and a person at the far end. */
export class Rig implements AsyncDisposable {
  readonly pair: PtyPair;
  readonly folder: string;
  readonly transcript = new Transcript();
  readonly statuses: string[] = [];
  readonly #supervisor: TestSupervisor;
  readonly rescueLog: string[] = [];
  #end = new AbortController();
  #rescue: Server | undefined;
  #server: ControlServer | undefined;
  #far: SerialPort | undefined;
  #console: Promise<void> = Promise.resolve();

  private constructor(pair: PtyPair, folder: string, supervisor: TestSupervisor) {
    this.pair = pair;
    this.folder = folder;
    this.#supervisor = supervisor;
  }

  /**
   * @param up whether the supervisor serves already
   * @param patienceMs how long the console waits for one before it says that it is down
   * @param passphrase the console's, looked at by a real service on a real socket; without it the console is open
   * @param lastGood text of the last config that worked
   */
  static async open({
    up = true,
    patienceMs = 0,
    passphrase,
    idleMs = 0,
    lastGood,
  }: {
    up?: boolean;
    patienceMs?: number;
    passphrase?: string;
    idleMs?: number;
    lastGood?: string;
  } = {}): Promise<Rig> {
    const folder = await mkdtemp(join(tmpdir(), 'serial-'));
    const rig = new Rig(await PtyPair.open(), folder, await startSupervisor(CONFIG));
    if (up) await rig.supervisorUp();
    await rig.plugInFar();
    if (passphrase !== undefined)
      await writeFile(join(folder, 'passphrase'), await hashPassphrase(passphrase, CHEAP));
    await rig.startRescue();
    await writeFile(rig.config, 'apps:\n  echo: {path: /bin/cat}\n  broken\n');
    if (lastGood !== undefined)
      await writeFile(lastGoodPath(folder), JSON.stringify({ file: rig.config, text: lastGood }));
    rig.startConsole(patienceMs, idleMs);
    return rig;
  }

  /** The config file that the menu finds in force: broken in its third line. */
  get config(): string {
    return join(this.folder, 'config.yaml');
  }

  /** Starts the console; after `stop` again. */
  startConsole(patienceMs = 0, idleMs = 0): void {
    this.#end = new AbortController();
    this.#console = this.#runConsole(patienceMs, idleMs);
  }

  /** What has rights and looks at passphrases. */
  async startRescue(): Promise<void> {
    const service = new RescueService({
      passphraseFile: join(this.folder, 'passphrase'),
      developmentFile: join(this.folder, 'development'),
      tries: await Tries.open(join(this.folder, 'tries.json')),
      otherSlot: () => 'B',
      shell: async (line) => void this.rescueLog.push(`shell ${line}`),
      log: (text) => this.rescueLog.push(text),
    });
    this.#rescue = createServer((socket) => void service.serve(socket));
    this.#rescue.listen(join(this.folder, 'rescue.sock'));
    await once(this.#rescue, 'listening');
  }

  async supervisorUp(): Promise<void> {
    this.#server = new ControlServer({
      path: this.#socket,
      socketMode: 0o600,
      supervisor: this.#supervisor.supervisor,
      machine: {
        ...{ version: '1.2.3', host: 'board1', slot: 'A', slotReason: undefined, lastEnd: undefined },
        ...{ uptime: () => 61, troubles: async () => [] },
        temperatures: async () => [],
        slots: async () => undefined,
      },
    });
    await this.#server.listen();
  }

  async supervisorDown(): Promise<void> {
    await this.#server?.close();
    this.#server = undefined;
  }

  type(text: string | Uint8Array): void {
    this.#far?.write(typeof text === 'string' ? text : Buffer.from(text));
  }

  /** The person's end stops, or begins again, to read. */
  read(on: boolean): void {
    if (on) this.#far?.resume();
    else this.#far?.pause();
  }

  async unplug(): Promise<void> {
    await this.#closeFar();
    await this.pair.unplug();
  }

  /** The person's terminal is at the line before the board sees it, and so misses nothing. */
  async plugIn(): Promise<void> {
    await this.pair.plugIn(() => this.plugInFar());
  }

  async replug(): Promise<void> {
    await this.unplug();
    await this.plugIn();
  }

  async plugInFar(): Promise<void> {
    this.#far = await openPort({ path: this.pair.far, baudRate: 115_200 });
    this.#far.on('data', this.transcript.add);
  }

  /** What the injected rescue commands have done. */
  done(): Promise<string> {
    return readFile(join(this.folder, 'done'), 'utf8');
  }

  /** Ends the console, as systemd does. */
  async stop(): Promise<void> {
    this.#end.abort();
    await this.#console;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.#closeFar();
    await this.pair.close();
    await this.supervisorDown();
    this.#rescue?.close();
    await this.#supervisor[Symbol.asyncDispose]();
    await rm(this.folder, { recursive: true });
  }

  get #socket(): string {
    return join(this.folder, 'control.sock');
  }

  async #runConsole(patienceMs: number, idleMs: number): Promise<void> {
    await runSerialConsole({
      device: this.pair.near,
      connect: () => ControlClient.connect(this.#socket),
      history: await History.open(undefined),
      rescue: {
        log: ['sh', '-c', 'echo first words; echo last words'],
        restart: ['sh', '-c', `echo restarted >> ${this.folder}/done; echo systemd says yes`],
        unit: [
          'sh',
          '-c',
          'echo ActiveState=activating; echo ExecMainCode=1; echo ExecMainStatus=7; echo Result=exit-code',
        ],
        reboot: ['sh', '-c', `echo rebooted >> ${this.folder}/done; exit 4`],
        poweroff: ['sh', '-c', `echo switched off >> ${this.folder}/done`],
      },
      config: {
        file: () => this.config,
        check: (file) => problemOf(file),
        lastGood: lastGoodPath(this.folder),
        folder: this.folder,
      },
      guard: new RescueClient({
        socket: join(this.folder, 'rescue.sock'),
        passphraseFile: join(this.folder, 'passphrase'),
        line: 'ttyS0',
      }),
      idleMs,
      patienceMs,
      color: false,
      onStatus: (status) => this.statuses.push(status),
      signal: this.#end.signal,
    });
  }

  async #closeFar(): Promise<void> {
    if (this.#far?.isOpen !== true) return;
    const closed = once(this.#far, 'close');
    this.#far.close();
    await closed;
  }
}

async function problemOf(file: string): Promise<string | undefined> {
  try {
    await loadConfig(file);
    return undefined;
  } catch (error) {
    if (error instanceof InvalidFile) return error.message;
    throw error;
  }
}
