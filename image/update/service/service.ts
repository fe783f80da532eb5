import { access, constants, rm, stat } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { Peer, RpcError } from '../../../services/signal/jsonrpc.ts';
import { channelOfSocket } from '../../../services/signal/lines.ts';
import { pause } from '../../../services/signal/pause.ts';
import { nothing } from '../../../services/signal/shape.ts';
import {
  type Installed,
  type InstallParams,
  type Progress,
  updateMethods,
  updateShapes,
} from '../../../services/viscript/update/protocol.ts';
import { UpdateError } from '../error.ts';
import { download } from './download.ts';
import { Rauc } from './rauc.ts';
import { isOlder } from './version.ts';

export interface UpdateServiceOptions {
  /** Where downloads are kept until they are installed. */
  folder: string;
  /** Version of the system that runs. */
  version: string;
  /** Certificates of whom this board takes updates from. */
  keyring: string;
  /** Whether the system that runs has yet to prove good: the other slot is what it goes back to then. */
  isOnTrial: () => boolean;
  /** How long an update waits for that to be over, milliseconds. */
  trialWaitMs?: number;
  log: (text: string) => void;
}

/** A trial may take five minutes, and ends in a new start of the board when it fails. */
const TRIAL_WAIT_MS = 600_000;
const TRIAL_LOOK_MS = 500;
/** Longest message: the source of a bundle, and what is round it. */
const MAX_MESSAGE = 16 * 1024;
/** The answer to a request that cannot be fulfilled: the message says why. */
const REFUSED = -32_060;

/** Fetches bundles and has them installed, one at a time. */
export class UpdateService {
  readonly #o: UpdateServiceOptions;
  #progress: Progress | undefined;

  constructor(options: UpdateServiceOptions) {
    this.#o = options;
  }

  /** Serves one connection; resolves when that has ended and nothing that it has begun is under way. */
  async serve(socket: Socket): Promise<void> {
    const peer = new Peer(channelOfSocket(socket, { maxBytes: MAX_MESSAGE }), {
      maxBytes: MAX_MESSAGE,
      maxPending: 4,
      closeOnInvalidParams: true,
    });
    const gone = new AbortController();
    let working: Promise<unknown> = Promise.resolve();
    const work = <T>(begin: () => Promise<T>): Promise<T> => {
      const answer = this.#alone(begin);
      // The peer answers with a failure; here only its end counts.
      working = answer.catch(() => undefined);
      return answer;
    };
    peer.handle(updateMethods.install, updateShapes.install, (params) =>
      work(() =>
        this.#install(params, (progress) => peer.notify(updateMethods.progress, progress), gone.signal),
      ),
    );
    peer.handle(updateMethods.rollback, nothing, () => work(() => this.#rollback()));
    peer.handle(updateMethods.state, nothing, () => this.#progress ?? {});
    await peer.closed;
    gone.abort(new UpdateError('nobody waits for the download any more; what has come is kept'));
    await working;
  }

  async #alone<T>(work: () => Promise<T>): Promise<T> {
    if (this.#progress !== undefined) {
      const { percent, step } = this.#progress;
      throw refusal(`an update is under way: ${step}, ${Math.round(percent)} %; wait for its end`);
    }
    this.#progress = { percent: 0, step: 'beginning' };
    try {
      return await work();
    } catch (error) {
      this.#o.log(error instanceof Error ? error.message : String(error));
      throw error instanceof UpdateError ? refusal(error.message, error) : error;
    } finally {
      this.#progress = undefined;
    }
  }

  async #install(
    { source, allowDowngrade }: InstallParams,
    tell: (progress: Progress) => void,
    signal: AbortSignal,
  ): Promise<Installed> {
    const onProgress = (progress: Progress): void => {
      const before = this.#progress;
      this.#progress = progress;
      if (before?.step !== progress.step || Math.floor(before.percent) !== Math.floor(progress.percent))
        tell(progress);
    };
    await this.#requireReady(onProgress, signal);
    const isAddress = /^[a-z]+:\/\//i.test(source);
    const file = isAddress ? await this.#fetch(source, onProgress, signal) : await localFile(source);
    using rauc = await Rauc.connect();
    const { version } = await this.#requireSuitable(rauc, file, allowDowngrade);
    const slot = (await rauc.runningSlot()) === 'A' ? 'B' : 'A';
    this.#o.log(`installing version ${version} into slot ${slot}`);
    await rauc.install(file, onProgress);
    if (isAddress) await rm(file);
    this.#o.log(`version ${version} is in slot ${slot}, which starts next`);
    return { slot, version };
  }

  async #requireReady(onProgress: (progress: Progress) => void, signal: AbortSignal): Promise<void> {
    const { keyring, isOnTrial, trialWaitMs = TRIAL_WAIT_MS } = this.#o;
    const until = performance.now() + trialWaitMs;
    while (isOnTrial()) {
      if (performance.now() > until)
        throw new UpdateError(
          "the version that runs has not proved good, and the other slot is what it would go back to; 'status' says why",
        );
      onProgress({ percent: 0, step: 'waiting until the version that runs has proved good' });
      await pause(TRIAL_LOOK_MS, signal);
      signal.throwIfAborted();
    }
    await access(keyring).catch((cause: unknown) => {
      throw new UpdateError(
        'this board knows nobody whose updates it takes: name them in update_keys of rack.yaml or board.yaml',
        { cause },
      );
    });
  }

  async #fetch(url: string, onProgress: (progress: Progress) => void, signal: AbortSignal): Promise<string> {
    const { folder, log } = this.#o;
    log(`fetching ${withoutSecrets(url)}`);
    return download({
      ...{ url, folder, signal },
      onProgress: (bytes, of) =>
        onProgress({
          percent: of ? (bytes / of) * 100 : 0,
          step: `downloading (${Math.floor(bytes / 1e6)} MB)`,
        }),
    });
  }

  /** What is refused here is never handed to RAUC, which looks at board and signature once more by itself. */
  async #requireSuitable(rauc: Rauc, file: string, allowDowngrade: boolean): Promise<{ version: string }> {
    const { compatible, version } = await rauc.info(file);
    const ours = await rauc.compatible();
    if (compatible !== ours)
      throw new UpdateError(
        `the bundle is for ${compatible}, and this board is ${ours}; nothing was changed`,
      );
    const older = isOlder(version, this.#o.version);
    if (older === undefined && !allowDowngrade)
      throw new UpdateError(
        `the bundle's version '${version}' is none that can be compared; --allow-downgrade installs it`,
      );
    if (older === true && !allowDowngrade)
      throw new UpdateError(
        `the bundle has version ${version}, older than ${this.#o.version}, which runs; --allow-downgrade installs it`,
      );
    return { version };
  }

  async #rollback(): Promise<{ slot: string }> {
    using rauc = await Rauc.connect();
    await rauc.activateOther();
    const slot = (await rauc.runningSlot()) === 'A' ? 'B' : 'A';
    this.#o.log(`the next start is of slot ${slot}`);
    return { slot };
  }
}

/** @throws {UpdateError} when it is none that can be read */
async function localFile(path: string): Promise<string> {
  if (!path.startsWith('/'))
    throw new UpdateError(
      `${path}: give the whole path of a file on this board, or an address with http(s)://`,
    );
  try {
    await access(path, constants.R_OK);
    if ((await stat(path)).isFile()) return path;
  } catch (cause) {
    const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    throw new UpdateError(`${path} cannot be read (${reason}): copy the bundle to /data/update`, { cause });
  }
  throw new UpdateError(`${path} is no file`);
}

/** An address may carry a password, which has no business in a log. */
function withoutSecrets(url: string): string {
  return url.replace(/\/\/[^/@]*@/, '//').replace(/\?.*$/s, '?…');
}

function refusal(message: string, cause?: unknown): RpcError {
  return new RpcError(REFUSED, message, cause === undefined ? {} : { cause });
}
