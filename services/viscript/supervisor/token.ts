import { randomBytes, timingSafeEqual } from 'node:crypto';

/**
 * What a process registers with. INVARIANT: each token is good for one registration, but for the last used one, which
 * is good again while nobody is connected: the answer with its successor may have been lost with the connection.
 */
export class LaunchToken {
  #used = '';
  /** The one to register with next; kept for a supervisor that takes over. */
  current: string;

  constructor(current = newToken()) {
    this.current = current;
  }

  /** @returns the next token, or undefined to refuse */
  exchange(given: string, connected: boolean): string | undefined {
    const repeated = !connected && equal(this.#used, given);
    if (!repeated && !equal(this.current, given)) return undefined;
    this.#used = given;
    this.current = newToken();
    return this.current;
  }
}

function newToken(): string {
  return randomBytes(32).toString('hex');
}

function equal(expected: string, given: string): boolean {
  const [a, b] = [Buffer.from(expected), Buffer.from(given)];
  return a.length === b.length && timingSafeEqual(a, b);
}
