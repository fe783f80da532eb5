/** Bytes for each byte; undefined: it stays as it is. */
type Map256 = ReadonlyMap<number, readonly number[]>;

const CR = 0x0d;
const LF = 0x0a;

/** Names as tio and stty have them. "Input" is what comes from the board, "output" what goes to it. */
export const MAPPINGS = {
  /** CR from the board becomes LF. */
  ICRNL: { side: 'input', byte: CR, becomes: [LF] },
  /** CR from the board is left out. */
  IGNCR: { side: 'input', byte: CR, becomes: [] },
  /** LF from the board becomes CR. */
  INLCR: { side: 'input', byte: LF, becomes: [CR] },
  /** LF from the board becomes CR LF. */
  INLCRNL: { side: 'input', byte: LF, becomes: [CR, LF] },
  /** CR to the board becomes LF. */
  OCRNL: { side: 'output', byte: CR, becomes: [LF] },
  /** DEL to the board becomes BS. */
  ODELBS: { side: 'output', byte: 0x7f, becomes: [0x08] },
  /** LF to the board becomes CR LF. */
  ONLCRNL: { side: 'output', byte: LF, becomes: [CR, LF] },
} as const satisfies Record<string, { side: 'input' | 'output'; byte: number; becomes: readonly number[] }>;

export type MappingName = keyof typeof MAPPINGS;

export function isMappingName(word: string): word is MappingName {
  return Object.hasOwn(MAPPINGS, word);
}

/** Maps one way. Where two want the same byte, the last one has it. */
export function mapper(names: readonly MappingName[], side: 'input' | 'output'): (bytes: Buffer) => Buffer {
  const map: Map256 = new Map(
    names
      .map((name) => MAPPINGS[name])
      .filter((mapping) => mapping.side === side)
      .map(({ byte, becomes }) => [byte, becomes]),
  );
  if (map.size === 0) return (bytes) => bytes;
  return (bytes) => Buffer.from(Array.from(bytes, (byte) => map.get(byte) ?? [byte]).flat());
}
