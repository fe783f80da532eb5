import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SerialPort } from 'serialport';
import { ControlClient } from '../../../../services/viscript/control/client.ts';
import { ControlServer } from '../../../../services/viscript/control/server.ts';
import { runSerialConsole } from '../../../../services/viscript/serial/console.ts';
import { openPort } from '../../../../services/viscript/serial/port.ts';
import { History } from '../../../../services/viscript/terminal/history.ts';
import { startSupervisor, type TestSupervisor } from '../support.ts';
import { PtyPair } from '../terminal/pty.ts';
import { Transcript } from '../terminal/transcript.ts';

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
  readonly #end = new AbortController();
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
   */
  static async open({ up = true, patienceMs = 0 } = {}): Promise<Rig> {
    const folder = await mkdtemp(join(tmpdir(), 'serial-'));
    const rig = new Rig(await PtyPair.open(), folder, await startSupervisor(CONFIG));
    if (up) await rig.supervisorUp();
    await rig.plugInFar();
    rig.#console = rig.#runConsole(patienceMs);
    return rig;
  }

  async supervisorUp(): Promise<void> {
    this.#server = new ControlServer({
      path: this.#socket,
      socketMode: 0o600,
      supervisor: this.#supervisor.supervisor,
      machine: {
        ...{ version: '1.2.3', host: 'board1', slot: 'A', slotReason: undefined, lastEnd: undefined },
        ...{ uptime: () => 61, troubles: async () => [] },
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

  async plugIn(): Promise<void> {
    await this.pair.plugIn();
    await this.plugInFar();
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
    await this.#supervisor[Symbol.asyncDispose]();
    await rm(this.folder, { recursive: true });
  }

  get #socket(): string {
    return join(this.folder, 'control.sock');
  }

  async #runConsole(patienceMs: number): Promise<void> {
    await runSerialConsole({
      device: this.pair.near,
      connect: () => ControlClient.connect(this.#socket),
      history: await History.open(undefined),
      rescue: {
        log: ['sh', '-c', 'echo first words; echo last words'],
        restart: ['sh', '-c', `echo restarted >> ${this.folder}/done; echo systemd says yes`],
        reboot: ['sh', '-c', `echo rebooted >> ${this.folder}/done; exit 4`],
      },
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
