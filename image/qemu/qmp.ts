import type { Duplex } from 'node:stream';

/** A reply is far smaller; more than this without a line end is no QMP. */
const MAX_LINE = 4 * 1024 * 1024;
/** A saved snapshot of a large guest on a busy disk takes seconds; nothing takes minutes. */
const DEFAULT_DEADLINE_MS = 120_000;

/** QEMU refused a command, or the connection to it ended. */
export class QmpError extends Error {
  override readonly name = 'QmpError';
}

interface Pending {
  command: string;
  resolve(value: unknown): void;
  reject(error: Error): void;
  timer: NodeJS.Timeout;
}

/**
 * A client of the QEMU Machine Protocol (docs/interop/qmp-spec in QEMU's sources): one JSON object a line,
 * answers matched to commands by id. Events are not used here and are passed over.
 */
export class Qmp {
  readonly #socket: Duplex;
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;
  #received = '';
  #ended: QmpError | undefined;

  private constructor(socket: Duplex) {
    this.#socket = socket;
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => this.#onText(text));
    socket.on('error', (error) => this.#end(new QmpError(`QMP: ${error.message}`, { cause: error })));
    socket.on('close', () => this.#end(new QmpError('QMP: QEMU closed the connection')));
  }

  /** Leaves capability negotiation; resolves once QEMU takes commands, its devices made. */
  static async connect(socket: Duplex): Promise<Qmp> {
    const qmp = new Qmp(socket);
    await qmp.execute('qmp_capabilities');
    return qmp;
  }

  /** @throws QmpError when QEMU refuses, goes away, or does not answer within `deadlineMs`. */
  execute(command: string, args: object = {}, deadlineMs = DEFAULT_DEADLINE_MS): Promise<unknown> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        reject(new QmpError(`QMP: ${command} was not answered within ${deadlineMs} ms`));
      }, deadlineMs);
      this.#pending.set(id, { command, resolve, reject, timer });
      this.#socket.write(`${JSON.stringify({ execute: command, arguments: args, id })}\n`);
    });
  }

  /**
   * Runs a command of the human monitor, for the few things QMP itself lacks, and returns what it printed.
   * Such commands report their failure as text only: the caller judges it.
   */
  async monitor(line: string): Promise<string> {
    const text = await this.execute('human-monitor-command', { 'command-line': line });
    if (typeof text !== 'string') throw new QmpError(`QMP: ${line} answered with no text`);
    return text.trim();
  }

  close(): void {
    this.#end(new QmpError('QMP: closed'));
    this.#socket.destroy();
  }

  #onText(text: string): void {
    this.#received += text;
    for (let end = this.#received.indexOf('\n'); end >= 0; end = this.#received.indexOf('\n')) {
      const line = this.#received.slice(0, end);
      this.#received = this.#received.slice(end + 1);
      if (line.trim() !== '') this.#onLine(line);
    }
    if (this.#received.length > MAX_LINE) this.#fail('a line without end');
  }

  #onLine(line: string): void {
    let message: { id?: unknown; return?: unknown; error?: { desc?: unknown } };
    try {
      message = JSON.parse(line);
    } catch (error) {
      this.#fail('a line that is not JSON', error);
      return;
    }
    // The greeting and events carry no id.
    if (typeof message.id !== 'number') return;
    const pending = this.#pending.get(message.id);
    if (pending === undefined) return;
    this.#pending.delete(message.id);
    clearTimeout(pending.timer);
    if (message.error === undefined) pending.resolve(message.return);
    else pending.reject(new QmpError(`QMP: ${pending.command}: ${String(message.error.desc)}`));
  }

  #fail(what: string, cause?: unknown): void {
    this.#end(new QmpError(`QMP: QEMU sent ${what}`, { cause }));
    this.#socket.destroy();
  }

  #end(error: QmpError): void {
    this.#ended ??= error;
    for (const pending of this.#pending.values()) {
      clearTimeout(pending.timer);
      pending.reject(this.#ended);
    }
    this.#pending.clear();
  }
}
