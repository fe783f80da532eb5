import { EventEmitter } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { Peer } from '../../signal/jsonrpc.ts';
import { channelOfSocket } from '../../signal/lines.ts';
import { listenOnUnixSocket } from '../../signal/unixsocket.ts';
import type { Machine } from '../commands/command.ts';
import { complete } from '../commands/complete.ts';
import { runCommand } from '../commands/table.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';
import { InputQueue } from './input-queue.ts';
import { answerTimeoutMs, type Hello, type RunParams, shapes } from './protocol.ts';

export interface ControlServerOptions {
  path: string;
  /** Who may connect, by the socket's mode. */
  socketMode: number;
  supervisor: Supervisor;
  machine: Machine;
}

/** Commands that one front end runs at the same time. */
const maxRuns = 32;
/** Front ends at the same time, far more than people need; one more is turned away, and there are descriptors left. */
const maxFrontEnds = 256;

/** Serves every front end: runs commands, streams their output, completes words. Emits `quit` when one asks for it. */
export class ControlServer extends EventEmitter<{ quit: [] }> {
  readonly #options: ControlServerOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(options: ControlServerOptions) {
    super();
    this.#options = options;
    this.#server = createServer((socket) => this.#serve(socket));
    this.#server.maxConnections = maxFrontEnds;
  }

  /** @throws when somebody else listens on the path. */
  async listen(): Promise<void> {
    const { path, socketMode } = this.#options;
    await listenOnUnixSocket(this.#server, path, socketMode);
  }

  /** Ends every connection once what was written to it is out. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroySoon();
    await closed;
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    const peer = new Peer(channelOfSocket(socket), { timeoutMs: answerTimeoutMs });
    const runs = new Map<number, Run>();
    peer.handle('control.hello', shapes.nothing, () => this.#hello());
    peer.handle('command.complete', shapes.complete, ({ words, word }) =>
      complete(words, word, this.#options.supervisor),
    );
    peer.handle('command.run', shapes.run, (params) => this.#run(params, peer, runs));
    peer.handle('command.input', shapes.input, ({ run, data }) => {
      runs.get(run)?.input.push(data);
    });
    peer.handle('command.typed', shapes.runOnly, ({ run }) => {
      runs.get(run)?.input.end();
    });
    peer.handle('command.cancel', shapes.runOnly, ({ run }) => {
      runs.get(run)?.abort.abort();
    });
    peer.handle('control.finish', shapes.nothing, () => this.#finish(peer, runs));
    void peer.closed.then(() => {
      for (const { abort } of runs.values()) abort.abort();
    });
  }

  /** The front end says nothing more: what waits for input is cancelled, and the last answer ends the connection. */
  async #finish(peer: Peer, runs: Map<number, Run>): Promise<void> {
    for (const { input, abort } of runs.values()) {
      if (input.read) abort.abort();
      input.end();
    }
    await Promise.all([...runs.values()].map(({ over }) => over));
    await peer.drained();
    // The answer goes out when this turn is over.
    setImmediate(() => peer.close('the front end has finished'));
  }

  async #run(params: RunParams, peer: Peer, runs: Map<number, Run>): Promise<{ status: number }> {
    const { run, argv, json, columns, color } = params;
    if (runs.has(run) || runs.size >= maxRuns) {
      throw new Error(runs.has(run) ? `run ${run} is in use` : `more than ${maxRuns} commands at once`);
    }
    const over = Promise.withResolvers<void>();
    const started: Run = {
      abort: new AbortController(),
      over: over.promise,
      input: new InputQueue(() => peer.notify('command.reads', { run })),
    };
    runs.set(run, started);
    try {
      const status = await runCommand(argv, {
        supervisor: this.#options.supervisor,
        machine: this.#options.machine,
        json,
        color,
        columns,
        signal: started.abort.signal,
        input: started.input,
        write: (stream, text) => peer.notify('command.output', { run, stream, text }),
        bytes: (file, data) => peer.notify('command.bytes', { run, file, data: data.toString('base64') }),
        drained: () => peer.drained(),
        // The answer is to go out before the connection ends.
        quit: () => setImmediate(() => this.emit('quit')),
      });
      return { status };
    } finally {
      runs.delete(run);
      started.input.end();
      over.resolve();
    }
  }

  async #hello(): Promise<Hello> {
    const { machine, supervisor } = this.#options;
    const { version, host, slot, slotReason } = machine;
    return {
      ...{ version, host, slot, slotReason, uptime: machine.uptime() },
      ...{ apps: supervisor.launches.length, troubles: await machine.troubles() },
      place: (await machine.place?.()) ?? [],
    };
  }
}

interface Run {
  abort: AbortController;
  input: InputQueue;
  over: Promise<void>;
}
