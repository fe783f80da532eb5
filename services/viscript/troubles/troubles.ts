import { pause } from '../../signal/pause.ts';
import { boardTroubles } from './board.ts';
import { descriptorTroubles } from './descriptors.ts';
import { diskTroubles } from './disk.ts';
import { networkTroubles } from './network.ts';

export interface TroublesOptions {
  /** Folder of what lasts. */
  stateDirectory: string;
  /** Whether this is a board, whose network and start are viscript's business too. */
  onBoard: boolean;
}

/** A disk that takes longer than this (milliseconds) to tell how full it is does not work. */
const diskAnswerMs = 2000;

/** What is wrong with the machine that viscript runs on, looked at when it is asked for. */
export class Troubles {
  readonly #options: TroublesOptions;
  #lookingAtDisk: Promise<string[]> | undefined;

  constructor(options: TroublesOptions) {
    this.#options = options;
  }

  /** One line for each thing that is wrong; none when all is well. Never rejects, and answers though a disk hangs. */
  async find(): Promise<string[]> {
    const { onBoard } = this.#options;
    const found = await Promise.all([
      onBoard ? boardTroubles() : [],
      this.#disk(),
      onBoard ? networkTroubles() : [],
      descriptorTroubles(),
    ]);
    return found.flat();
  }

  /** A look that hangs holds a thread of few: the next one waits for it, and starts none of its own. */
  async #disk(): Promise<string[]> {
    const { stateDirectory } = this.#options;
    this.#lookingAtDisk ??= diskTroubles(stateDirectory).finally(() => {
      this.#lookingAtDisk = undefined;
    });
    const over = new AbortController();
    const late = pause(diskAnswerMs, over.signal).then(() => [`${stateDirectory}: its disk does not answer`]);
    try {
      return await Promise.race([this.#lookingAtDisk, late]);
    } finally {
      over.abort();
    }
  }
}
