import { pause } from '../../../services/signal/pause.ts';
import { Bus, DBusError, variantValue } from '../../../services/viscript/launcher/dbus.ts';
import type { Progress } from '../../../services/viscript/update/protocol.ts';
import { UpdateError } from '../error.ts';

/** How often RAUC is asked how far it is. */
const POLL_MS = 500;
const NAME = 'de.pengutronix.rauc';
const INSTALLER = 'de.pengutronix.rauc.Installer';

/** What a bundle says of itself, its signature checked. */
export interface BundleInfo {
  compatible: string;
  version: string;
}

/** RAUC of this board, over D-Bus: its manual, chapter "D-Bus API". */
export class Rauc implements Disposable {
  readonly #bus: Bus;

  private constructor(bus: Bus) {
    this.#bus = bus;
  }

  /** @throws {BusClosed} */
  static async connect(): Promise<Rauc> {
    return new Rauc(await Bus.connect());
  }

  /** @throws {UpdateError} when it is no bundle, or not signed by somebody this board trusts */
  async info(file: string): Promise<BundleInfo> {
    try {
      const [compatible, version] = await this.#bus.call(method('Info'), 's', [file]);
      return { compatible: String(compatible), version: String(version) };
    } catch (error) {
      throw explained(error, 'cannot be used');
    }
  }

  /** What bundles for this board are marked with. */
  async compatible(): Promise<string> {
    return String(await this.#property('Compatible'));
  }

  /** Name of the slot that runs. */
  async runningSlot(): Promise<string> {
    return String(await this.#property('BootSlot'));
  }

  /** Writes a bundle into the other slot and has it started next. @throws {UpdateError} when it does not come to its end */
  async install(file: string, onProgress: (progress: Progress) => void): Promise<void> {
    try {
      await this.#bus.call(method('InstallBundle'), 'sa{sv}', [file, []]);
    } catch (error) {
      throw explained(error, 'was not installed');
    }
    // Whoever asked may go: nothing stops an installation half way.
    const never = new AbortController().signal;
    for (;;) {
      const [percent, step] = progressIn(await this.#property('Progress'));
      onProgress({ percent, step });
      if ((await this.#property('Operation')) === 'idle') break;
      await pause(POLL_MS, never);
    }
    const failure = String(await this.#property('LastError'));
    if (failure !== '') throw new UpdateError(sentenceOf(failure, 'was not installed'));
    // It may have been idle before it was asked for its last words.
    onProgress({ percent: 100, step: 'Installing done.' });
  }

  /** Has the next start take the other slot. */
  async activateOther(): Promise<void> {
    try {
      await this.#bus.call(method('Mark'), 'ss', ['active', 'other']);
    } catch (error) {
      throw explained(error, 'cannot be gone back from');
    }
  }

  [Symbol.dispose](): void {
    this.#bus.close();
  }

  async #property(name: string): Promise<unknown> {
    const get = { destination: NAME, path: '/', interface: 'org.freedesktop.DBus.Properties', member: 'Get' };
    const [value] = await this.#bus.call(get, 'ss', [INSTALLER, name]);
    return variantValue(value);
  }
}

function method(member: string) {
  return { destination: NAME, path: '/', interface: INSTALLER, member };
}

function progressIn(value: unknown): [percent: number, step: string] {
  const [percent, step] = Array.isArray(value) ? value : [];
  return [typeof percent === 'number' ? percent : 0, typeof step === 'string' ? step : ''];
}

function explained(error: unknown, what: string): unknown {
  if (!(error instanceof DBusError)) return error;
  return new UpdateError(sentenceOf(error.message, what), { cause: error });
}

/** RAUC's words, after what they mean for whoever asked. */
function sentenceOf(message: string, what: string): string {
  const reasons: readonly [RegExp, string][] = [
    [
      /certificate|signature verification|Verify error/i,
      'it is not signed by anybody whose key this board has',
    ],
    [/Compatible mismatch/i, 'it is for another board'],
    [/size|truncat|too small|Invalid (bundle|signature|cms)/i, 'it is not whole, or no bundle'],
    [/checksum|verity|Input\/output error/i, 'it is damaged'],
  ];
  const reason = reasons.find(([pattern]) => pattern.test(message))?.[1];
  return `the bundle ${what}: ${reason === undefined ? '' : `${reason}; `}${message.replace(/\s+/g, ' ').trim()}`;
}
