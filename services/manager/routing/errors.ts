import type { PublicKey } from '../../net/keys.ts';

/** A node is named that is not here. */
export class UnknownNode extends Error {
  override readonly name = 'UnknownNode';
  constructor(key: PublicKey) {
    super(`there is no node ${key}: add it before its links and circuits`);
  }
}

/** What an end reports of a link cannot be. */
export class InvalidReport extends Error {
  override readonly name = 'InvalidReport';
}

/** A circuit that cannot be. */
export class InvalidCircuit extends Error {
  override readonly name = 'InvalidCircuit';
}
